package broadcast

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"lectern/media/hls"
	"lectern/storage/object"
)

// TestRemoveTakesTheCopyToo: nothing of what is removed is left in the store, from which it would be served. While the
// store cannot be reached nothing is removed, so that whoever asked tries again.
func TestRemoveTakesTheCopyToo(t *testing.T) {
	store, err := object.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	keys := []string{hls.StorePrefix + "b-1/recording.index", hls.StorePrefix + "b-1/speaker/x.m4s", hls.StorePrefix + "b-10/x.m4s"}
	for _, key := range keys {
		if err := store.Put(t.Context(), key, bytes.NewReader([]byte("x")), 1, sha256.Sum256([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	gone := errors.New("the store is gone")
	dir, fails := t.TempDir(), true
	d, err := New(Config{Dir: dir, Store: store, RemoveCopy: func(ctx context.Context, prefix string) error {
		if fails {
			return gone
		}
		_, err := object.DeleteAll(ctx, store, prefix)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "b-1")
	if err := os.Mkdir(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Remove("b-1"); !errors.Is(err, gone) {
		t.Errorf("without the store: %v", err)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("removed here, but not there: %v", err)
	}
	fails = false
	if _, err := d.Remove("b-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
	left, err := store.List(t.Context(), "", "", 10)
	if err != nil || len(left) != 1 || left[0].Key != keys[2] {
		t.Errorf("left in the store: %+v, %v", left, err)
	}
	if _, err := d.Origin("b-1"); !errors.Is(err, ErrNoRecording) {
		t.Errorf("what was removed is served: %v", err)
	}
}
