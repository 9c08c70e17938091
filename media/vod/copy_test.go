package vod

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lectern/media/hls"
	"lectern/storage/object"
	"lectern/storage/object/objecttest"
)

// TestCopy copies what was made of a recording to a folder and to a real S3 server, and takes away what is here, step by step:
// the recorded layers, the segments of the ladder, all of it. The replay goes on the same.
func TestCopy(t *testing.T) {
	dir := record(t)
	_, err := MakePictures(t.Context(), dir, "ffmpeg", nil)
	must(t, err)
	must(t, MakeLadder(t.Context(), dir, "ffmpeg", func(int, int) {}))
	for name, open := range map[string]func(t *testing.T) object.Store{
		"folder": func(t *testing.T) object.Store {
			store, err := object.OpenDir(t.TempDir())
			must(t, err)
			return store
		},
		"S3": func(t *testing.T) object.Store {
			store, err := object.OpenS3(objecttest.StartGateway(t).URL())
			must(t, err)
			return store
		},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			must(t, os.CopyFS(filepath.Join(parent, "recording"), os.DirFS(dir)))
			copyAndTakeAway(t, parent, open(t))
		})
	}
}

// failing is a store that refuses after some files.
type failing struct {
	hls.Uploader
	left int
}

var errRefused = errors.New("refused")

func (f *failing) Put(ctx context.Context, key string, body io.Reader, size int64, sum [sha256.Size]byte) error {
	if f.left--; f.left < 0 {
		return errRefused
	}
	return f.Uploader.Put(ctx, key, body, size, sum)
}

func copyAndTakeAway(t *testing.T, parent string, store object.Store) {
	dir := filepath.Join(parent, "recording")
	none := func(int, int) {}
	later := func(what string) {
		if _, err := Retire(t.Context(), dir, "recording", store); !errors.Is(err, ErrLater) {
			t.Errorf("%s, and the layers are retired: %v", what, err)
		}
	}
	later("nothing is copied")
	mirror(t, parent, store)
	later("the ladder is not copied")
	// The store fails twice in the middle; the third time goes on with what is left.
	for _, after := range []int{3, 5} {
		if err := Copy(t.Context(), dir, "recording", &failing{store, after}, none); !errors.Is(err, errRefused) {
			t.Fatalf("a store that fails: %v", err)
		}
	}
	must(t, Thin(dir)) // takes nothing yet
	must(t, Copy(t.Context(), dir, "recording", store, none))
	must(t, Copy(t.Context(), dir, "recording", &failing{store, 0}, none)) // there is nothing to do any more

	r, url := serveFrom(t, func() (*Replay, error) { return Open(dir) })
	r.ReadThrough(store, "recording")
	look := func(what string) {
		t.Helper()
		t.Log(what)
		clean(t, url+"/index.1.m3u8")
		for _, name := range append(r.pictures.files(), "storyboard.1.vtt") {
			if code, body := get(t, url+"/"+name); code != http.StatusOK || len(body) == 0 {
				t.Errorf("%s is %d", name, code)
			}
		}
	}
	look("all is here")
	layer := r.Segments("high")[0].Name
	bytes, err := Retire(t.Context(), dir, "recording", store)
	must(t, err)
	if code, _ := get(t, url+"/"+layer); bytes == 0 || code != http.StatusNotFound {
		t.Errorf("%d bytes retired, a layer is %d", bytes, code)
	}
	mirror(t, parent, store) // which does not miss the layers
	look("the layers are retired")
	must(t, Thin(dir))
	if left, err := filepath.Glob(filepath.Join(dir, Folder, "*.m4s")); err != nil || len(left) > 0 {
		t.Errorf("%v left of the ladder, %v", left, err)
	}
	look("the ladder is in the store only")
	must(t, os.RemoveAll(dir))
	r, url = serveFrom(t, func() (*Replay, error) { return OpenCopy(t.Context(), store, "recording") })
	if !r.LadderReady() || len(r.pictures.Thumbs) != segments {
		t.Errorf("the copy has no ladder (%v) or %d thumbnails", r.LadderReady(), len(r.pictures.Thumbs))
	}
	look("nothing is here")
}

// mirror copies what was recorded, until all of it is in the store.
func mirror(t *testing.T, parent string, store object.Store) {
	t.Helper()
	m := hls.NewMirror(hls.MirrorConfig{Dir: parent, To: store})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for copied := false; !copied; {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("not copied within a minute")
		}
		var err error
		copied, err = hls.Copied(filepath.Join(parent, "recording"))
		must(t, err)
	}
	cancel()
	must(t, <-ended)
}

func serveFrom(t *testing.T, open func() (*Replay, error)) (*Replay, string) {
	t.Helper()
	r, err := open()
	must(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.Serve(w, req, View{Version: 1}) }))
	t.Cleanup(func() {
		server.Close()
		r.Close()
	})
	return r, server.URL
}
