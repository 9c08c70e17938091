package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"lectern/media/document"
	"lectern/storage/object"
	"lectern/web"
)

// newMaterials is where slides and handouts lie: in the second store when there is one, else in the data folder. A machine
// that cannot convert them safely says so, and takes none.
func newMaterials(ctx context.Context, c config, store object.Store, log *slog.Logger) (web.Materials, error) {
	m := web.Materials{Store: store, Folder: filepath.Join(c.Data, "incoming")}
	// What an earlier start was at is worthless now.
	if err := os.RemoveAll(m.Folder); err != nil {
		return m, fmt.Errorf("folder of uploads: %w", err)
	}
	if err := os.MkdirAll(m.Folder, 0o700); err != nil {
		return m, fmt.Errorf("folder of uploads: %w", err)
	}
	if store == nil {
		folder, err := object.OpenDir(filepath.Join(c.Data, "files"))
		if err != nil {
			return m, fmt.Errorf("folder of materials: %w", err)
		}
		m.Store = folder
	}
	if m.Converter, m.Unable = document.Find(ctx, c.FFmpeg); m.Unable != nil {
		log.WarnContext(ctx, "slides and handouts cannot be uploaded", "error", m.Unable)
	}
	return m, nil
}
