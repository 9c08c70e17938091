package object_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lectern/storage/object"
	"lectern/storage/object/objecttest"
)

func TestDir(t *testing.T) {
	objecttest.Run(t, func(t *testing.T) object.Store {
		d, err := object.OpenDir(filepath.Join(t.TempDir(), "store"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	})
}

// TestS3 runs the contract against a real server; each part of it in a prefix of its own.
func TestS3(t *testing.T) {
	gateway := objecttest.StartGateway(t)
	objecttest.Run(t, func(t *testing.T) object.Store {
		name := strings.NewReplacer("/", "-", "#", "").Replace(t.Name())
		s, err := object.OpenS3(strings.Replace(gateway.URL(), "/below", "/"+name, 1))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// TestS3Gone: a server that is not there is noticed at once, and nothing secret stands in the error.
func TestS3Gone(t *testing.T) {
	gateway := objecttest.StartGateway(t)
	s, err := object.OpenS3(gateway.URL())
	if err != nil {
		t.Fatal(err)
	}
	objecttest.Put(t, s, "file", []byte("x"))
	gateway.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = s.Stat(ctx, "file")
	if err == nil || errors.Is(err, object.ErrNotFound) || ctx.Err() != nil || strings.Contains(err.Error(), gateway.Secret()) {
		t.Errorf("without a server: %v", err)
	}
	gateway.Start()
	if got := objecttest.Get(t, s, "file", 0, -1); string(got) != "x" {
		t.Errorf("after its return: %q", got)
	}
}

func TestOpenS3RefusesNonsense(t *testing.T) {
	for _, url := range []string{"https://K:geheim@host", "s3://K:geheim@bucket/x", "https://K:geheim@host/bucket/../x", "https://K:ge%heim@host/bucket"} {
		if _, err := object.OpenS3(url); err == nil || strings.Contains(err.Error(), "heim") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestDirLeavesNothingBehind: what a crash interrupted is not listed, and goes in time; links lead nowhere.
func TestDirLeavesNothingBehind(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "outside"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(folder, "store")
	for _, dir := range []string{store, filepath.Join(store, ".incoming")} {
		if err := os.Mkdir(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(store, "link")); err != nil {
		t.Fatal(err)
	}
	young, old := filepath.Join(store, ".incoming", "young"), filepath.Join(store, ".incoming", "old")
	for _, name := range []string{young, old} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	d, err := object.OpenDir(store)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := os.Stat(old); err == nil {
		t.Error("the old half is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("the young half, which somebody may be writing, is gone")
	}
	if list, err := d.List(t.Context(), "", "", 10); err != nil || len(list) != 0 {
		t.Errorf("listed are %v, %v", list, err)
	}
	if r, err := d.Get(t.Context(), "link", 0, -1); err == nil {
		t.Errorf("the link was followed: %v", r)
	}
}
