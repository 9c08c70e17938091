package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/media/hls"
	"lectern/media/vod"
	"lectern/storage/object"
)

// finishStore checks what can be checked of the store without asking it. It never repeats the URL, which holds a
// secret.
func (c *config) finishStore() error {
	if d, err := time.ParseDuration(c.StoreKeep); err != nil || d < 0 {
		return fmt.Errorf("LECTERN_STORE_KEEP %q: want a time such as 720h, or 0", c.StoreKeep)
	}
	if !strings.Contains(c.Store, "://") {
		return nil // a folder, or nothing
	}
	u, err := url.Parse(c.Store)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") == "" {
		return errors.New("LECTERN_STORE: want a folder, or a URL such as https://KEY:SECRET@s3.example.org/bucket?region=eu-central-1")
	}
	return nil
}

// recordings is the folder that holds one folder for each recording.
func (c *config) recordings() string { return filepath.Join(c.Data, "media") }

// newStore opens the second place of recordings; nil without one. It need not answer now.
func newStore(c config) (object.Store, error) {
	if c.Store == "" {
		return nil, nil
	}
	store, err := object.Open(c.Store)
	if err != nil {
		return nil, fmt.Errorf("LECTERN_STORE: %w", err)
	}
	return store, nil
}

// newMirror copies the folder of recordings to the store; nil without one.
func newMirror(c config, store object.Store, log *slog.Logger, metrics prometheus.Registerer) (*hls.Mirror, error) {
	if store == nil {
		return nil, nil
	}
	keep, err := time.ParseDuration(c.StoreKeep)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.recordings(), 0o750); err != nil {
		return nil, fmt.Errorf("folder of recordings: %w", err)
	}
	return hls.NewMirror(hls.MirrorConfig{Dir: c.recordings(), To: store, Keep: keep, Thin: vod.Thin, Log: log, Metrics: metrics}), nil
}

// removeCopy deletes in the store; nil without one.
func removeCopy(store object.Store) func(context.Context, string) error {
	if store == nil {
		return nil
	}
	return func(ctx context.Context, prefix string) error {
		_, err := object.DeleteAll(ctx, store, prefix)
		return err
	}
}
