// Package objecttest is the contract of object.Store, which every implementation passes, and a real S3 server to
// pass it with.
package objecttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lectern/storage/object"
)

// Put stores content under its own size and sum.
func Put(t *testing.T, s object.Store, key string, content []byte) {
	t.Helper()
	if err := s.Put(t.Context(), key, bytes.NewReader(content), int64(len(content)), sha256.Sum256(content)); err != nil {
		t.Fatal(err)
	}
}

// Get reads a part of an object.
func Get(t *testing.T, s object.Store, key string, from, n int64) []byte {
	t.Helper()
	r, err := s.Get(t.Context(), key, from, n)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

// Run holds stores to the contract; open returns an empty one.
func Run(t *testing.T, open func(*testing.T) object.Store) {
	for name, test := range map[string]func(*testing.T, object.Store){
		"round trip": roundTrip, "ranges": ranges, "absent": absent, "mismatch": mismatch, "replace": replace,
		"list": list, "keys": keys, "contexts": contexts, "together": together,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func roundTrip(t *testing.T, s object.Store) {
	for _, size := range []int{0, 1, 100_000, 3 << 20} {
		key := fmt.Sprintf("a/b-%d/_file.m4s", size)
		content := bytes.Repeat([]byte("lectern "), size/8+1)[:size]
		before := time.Now().Add(-time.Minute)
		Put(t, s, key, content)
		if got := Get(t, s, key, 0, -1); !bytes.Equal(got, content) {
			t.Errorf("%d bytes come back as %d others", size, len(got))
		}
		info, err := s.Stat(t.Context(), key)
		if err != nil || info.Key != key || info.Size != int64(size) || info.Modified.Before(before) {
			t.Errorf("stat: %+v, %v", info, err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, object.ErrNotFound) {
			t.Errorf("after the deletion: %v", err)
		}
	}
}

func ranges(t *testing.T, s object.Store) {
	Put(t, s, "digits", []byte("0123456789"))
	for _, row := range []struct {
		from, n int64
		want    string
	}{{0, -1, "0123456789"}, {0, 3, "012"}, {3, 4, "3456"}, {8, 10, "89"}, {9, -1, "9"}, {4, 0, ""}} {
		if got := string(Get(t, s, "digits", row.from, row.n)); got != row.want {
			t.Errorf("%d bytes from %d: %q, want %q", row.n, row.from, got, row.want)
		}
	}
	for _, from := range []int64{10, 1000, -1} {
		if _, err := s.Get(t.Context(), "digits", from, -1); !errors.Is(err, object.ErrRange) {
			t.Errorf("from %d: %v", from, err)
		}
	}
}

func absent(t *testing.T, s object.Store) {
	Put(t, s, "folder/file", []byte("x"))
	for _, key := range []string{"nothing", "folder", "folder/other", "folder/file/below"} {
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, object.ErrNotFound) {
			t.Errorf("stat %s: %v", key, err)
		}
		if r, err := s.Get(t.Context(), key, 0, -1); !errors.Is(err, object.ErrNotFound) {
			t.Errorf("get %s: %v %v", key, r, err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	if got := Get(t, s, "folder/file", 0, -1); string(got) != "x" {
		t.Errorf("the file beside is %q", got)
	}
}

func mismatch(t *testing.T, s object.Store) {
	good := []byte("what was announced")
	for name, body := range map[string]string{
		"another byte": "what was announceD", "too short": "what was", "too long": "what was announced, and more", "empty": "",
	} {
		err := s.Put(t.Context(), "file", strings.NewReader(body), int64(len(good)), sha256.Sum256(good))
		if !errors.Is(err, object.ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Stat(t.Context(), "file"); !errors.Is(err, object.ErrNotFound) {
			t.Errorf("%s: stored all the same: %v", name, err)
		}
	}
	// What is there stays there when its successor is damaged.
	Put(t, s, "kept", good)
	if err := s.Put(t.Context(), "kept", strings.NewReader("what was announceD"), int64(len(good)), sha256.Sum256(good)); !errors.Is(err, object.ErrMismatch) {
		t.Errorf("damaged successor: %v", err)
	}
	if got := Get(t, s, "kept", 0, -1); !bytes.Equal(got, good) {
		t.Errorf("what was there is now %q", got)
	}
}

func replace(t *testing.T, s object.Store) {
	Put(t, s, "file", []byte("first"))
	Put(t, s, "file", []byte("the second"))
	if got := string(Get(t, s, "file", 0, -1)); got != "the second" {
		t.Errorf("got %q", got)
	}
}

func list(t *testing.T, s object.Store) {
	all := []string{"a", "a-b", "a/1", "a/2/x", "a/2/y", "a/2-z", "ab/1", "b", "c/d/e/f"}
	for _, key := range all {
		Put(t, s, key+".m4s", []byte(key))
	}
	for i := range all {
		all[i] += ".m4s"
	}
	slices.Sort(all)
	with := func(prefix, after string) (want []string) {
		for _, key := range all {
			if strings.HasPrefix(key, prefix) && key > after {
				want = append(want, key)
			}
		}
		return want
	}
	for _, prefix := range []string{"", "a", "a/", "a/2", "a/2/", "ab/", "c/d", "nothing/"} {
		for _, limit := range []int{1, 2, 1000} {
			for _, after := range []string{"", "a/2/x.m4s", "a/2/w", "zz"} {
				want := with(prefix, after)
				if len(want) > limit {
					want = want[:limit]
				}
				page, err := s.List(t.Context(), prefix, after, limit)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, info := range page {
					got = append(got, info.Key)
					if info.Size != int64(len(info.Key)-len(".m4s")) {
						t.Errorf("%s has the size %d", info.Key, info.Size)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%d of %q after %q: %v, want %v", limit, prefix, after, got, want)
				}
			}
		}
	}
	// Page by page, deleting, as a retention does.
	for {
		page, err := s.List(t.Context(), "a/", "", 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, info := range page {
			if err := s.Delete(t.Context(), info.Key); err != nil {
				t.Fatal(err)
			}
		}
	}
	left, err := s.List(t.Context(), "", "", 1000)
	if err != nil || len(left) != 5 {
		t.Errorf("left are %v, %v", left, err)
	}
	if n, err := object.DeleteAll(t.Context(), s, "c/"); n != 1 || err != nil {
		t.Errorf("%d deleted below c/, %v", n, err)
	}
	if left, err = s.List(t.Context(), "", "", 1000); err != nil || len(left) != 4 {
		t.Errorf("left are then %v, %v", left, err)
	}
	for _, limit := range []int{0, -1, 1001} {
		if _, err := s.List(t.Context(), "", "", limit); err == nil {
			t.Errorf("a page of %d was given", limit)
		}
	}
}

func keys(t *testing.T, s object.Store) {
	for _, key := range []string{"", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.hidden", ".incoming/x", "a b", "a\\b", "a\x00b", "ä", "a?b", strings.Repeat("k", 513)} {
		if err := s.Put(t.Context(), key, strings.NewReader("x"), 1, sha256.Sum256([]byte("x"))); !errors.Is(err, object.ErrKey) {
			t.Errorf("put %q: %v", key, err)
		}
		if _, err := s.Get(t.Context(), key, 0, -1); !errors.Is(err, object.ErrKey) {
			t.Errorf("get %q: %v", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, object.ErrKey) {
			t.Errorf("stat %q: %v", key, err)
		}
		if err := s.Delete(t.Context(), key); !errors.Is(err, object.ErrKey) {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	if _, err := s.List(t.Context(), "../", "", 10); err == nil {
		t.Error("listed above the store")
	}
}

func contexts(t *testing.T, s object.Store) {
	Put(t, s, "file", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func() error{
		"put":  func() error { return s.Put(ctx, "other", strings.NewReader("x"), 1, sha256.Sum256([]byte("x"))) },
		"get":  func() error { _, err := s.Get(ctx, "file", 0, -1); return err },
		"stat": func() error { _, err := s.Stat(ctx, "file"); return err },
		"list": func() error { _, err := s.List(ctx, "", "", 10); return err },
		"del":  func() error { return s.Delete(ctx, "file") },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	left, err := s.List(t.Context(), "", "", 10)
	if err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
	// A body that never ends is given up on when time is up.
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	body, feed := io.Pipe()
	defer feed.Close()
	go func() { <-ctx.Done(); feed.CloseWithError(ctx.Err()) }()
	if err := s.Put(ctx, "endless", body, 1<<30, [sha256.Size]byte{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a body that never ends: %v", err)
	}
	if _, err := s.Stat(t.Context(), "endless"); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("and of it is stored: %v", err)
	}
}

// together has one folder filled and emptied by many at once.
func together(t *testing.T, s object.Store) {
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 10 {
				key := fmt.Sprintf("one/folder/%d-%d", worker, i)
				if err := s.Put(t.Context(), key, strings.NewReader(key), int64(len(key)), sha256.Sum256([]byte(key))); err != nil {
					t.Error(err)
					return
				}
				if i%2 == 0 {
					if err := s.Delete(t.Context(), key); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	left, err := s.List(t.Context(), "one/", "", 1000)
	if err != nil || len(left) != 8*5 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
