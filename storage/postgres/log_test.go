package postgres

import (
	"log/slog"
	"strings"
	"testing"
)

// TestLibraryLog: at every level of ours a library is heard from its warnings on, with what it adds to them.
func TestLibraryLog(t *testing.T) {
	var out strings.Builder
	log := library(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))).With("part", "queue").WithGroup("job")
	log.Info("started", "id", 1)
	log.Warn("stuck", "id", 2)
	if got := out.String(); strings.Contains(got, "started") || !strings.Contains(got, `msg=stuck part=queue job.id=2`) {
		t.Errorf("log:\n%s", got)
	}
}
