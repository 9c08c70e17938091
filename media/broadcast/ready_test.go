package broadcast

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestReady(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	d, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Ready(); err == nil {
		t.Error("ready before it runs")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	<-d.running
	if err := d.Ready(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := d.Ready(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without its folder: %v", err)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if err := d.Ready(); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
