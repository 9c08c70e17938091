package hls

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

// Playlists to begin with. The first leads to the live edge at low latency while the lecture is on, in a window
// of a minute, and to the whole recording afterwards; the second always has everything from the start.
const (
	MasterName = "index.m3u8"
	DVRName    = "dvr.m3u8"
)

// Origin serves one recording over HTTP: playlists, initialisation sections and segments, and nothing
// else of its folder. It looks at the last element of the path only. Who may see it is decided before.
type Origin struct {
	place   place // nil when nothing of it is here
	catalog *catalog
	library *library // where files are that are not in the folder; nil for none

	mu     sync.Mutex
	cached map[kind]*snapshot
}

// snapshot is a playlist as of one version of it. It never changes.
type snapshot struct {
	version uint64
	*Text
}

func newOrigin(p place, c *catalog) *Origin {
	return &Origin{place: p, catalog: c, cached: map[kind]*snapshot{}}
}

// Open serves a folder in which nobody records any more. It changes nothing there.
func Open(dir string) (*Origin, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	f, err := root.Open(indexName)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("open recording: %w", err)
	}
	defer f.Close()
	c, _, err := readIndex(f)
	if err != nil {
		root.Close()
		return nil, err
	}
	return newOrigin(folder{root: root}, newCatalog(c)), nil
}

// Close gives the folder back; an Origin of a Recorder is not closed.
func (o *Origin) Close() error {
	if o.place == nil {
		return nil
	}
	return o.place.close()
}

// Fleeting says that the lecture is not recorded: only its live edge is served, from memory.
func (o *Origin) Fleeting() bool { return o.catalog.contents.fleeting }

// Recording returns length and edit list.
func (o *Origin) Recording() Recording {
	edits, length := o.catalog.edits()
	return Recording{LengthMS: length, Edits: edits}
}

// Cache-Control of what is served. Playlists grow while the lecture is on; names of segments are never
// used twice.
const (
	cacheLive    = "max-age=1"
	cacheBlocked = "max-age=18" // six target durations: of what was asked for by number
	cacheEnded   = "max-age=3600"
	cacheForever = "max-age=31536000, immutable"
	cacheMissing = "max-age=1" // what is missing may come
	// cacheFleeting is for media of a lecture that is not recorded: until the last viewer has fetched it.
	cacheFleeting = "max-age=60"
)

// ServeHTTP answers GET and HEAD.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	name := path.Base(r.URL.Path)
	if strings.HasSuffix(name, ".m3u8") {
		o.servePlaylist(w, r, name)
		return
	}
	o.serveFile(w, r, name)
}

func missing(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", cacheMissing)
	http.Error(w, "not found", http.StatusNotFound)
}

func (o *Origin) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	f, listed := o.catalog.file(name)
	if !listed {
		o.servePart(w, r, name)
		return
	}
	file, err := o.local(name)
	if errors.Is(err, fs.ErrNotExist) && o.library != nil {
		o.serveCopy(w, r, name, f)
		return
	}
	if err != nil {
		missing(w)
		return
	}
	defer file.Close()
	o.mediaHeader(w.Header(), name, f)
	http.ServeContent(w, r, name, time.Time{}, file)
}

// local opens a file of the folder.
func (o *Origin) local(name string) (io.ReadSeekCloser, error) {
	if o.place == nil {
		return nil, fs.ErrNotExist
	}
	return o.place.open(name)
}

// servePart serves a part from memory, and waits for the one that playlists hint at.
func (o *Origin) servePart(w http.ResponseWriter, r *http.Request, name string) {
	p, err := o.catalog.part(r.Context(), name)
	if err != nil {
		refuse(w, r, err)
		return
	}
	o.mediaHeader(w.Header(), name, p.feed)
	serveBytes(w, r, p.data)
}

// mediaHeader says what a file is, which never changes, and for how long others may keep it.
func (o *Origin) mediaHeader(h http.Header, name string, f feed) {
	kind := "video/mp4"
	if f == sound {
		kind = "audio/mp4"
	}
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cacheForever)
	if o.Fleeting() {
		h.Set("Cache-Control", cacheFleeting)
	}
	h.Set("ETag", `"`+strings.TrimSuffix(name, path.Ext(name))+`"`)
}

// refuse answers a request that gets nothing. A client that has left is not answered.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Context().Err() != nil:
	case errors.Is(err, errGone):
		missing(w)
	case errors.Is(err, errTooFar), errors.Is(err, errDirective):
		w.Header().Set("Cache-Control", cacheMissing)
		http.Error(w, err.Error(), http.StatusBadRequest)
	case errors.Is(err, errCrowded):
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusTooManyRequests)
	default:
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func (o *Origin) servePlaylist(w http.ResponseWriter, r *http.Request, name string) {
	k, known := kinds[name]
	if !known {
		missing(w)
		return
	}
	cache := cacheLive
	if r.URL.RawQuery != "" && k.list {
		d, err := parseDirectives(r.URL.Query())
		if err == nil && d.blocks {
			cache = cacheBlocked
			err = o.catalog.wait(r.Context(), k.feed, d.msn, d.part)
		}
		if err != nil {
			refuse(w, r, err)
			return
		}
	}
	k.delta = k.list && r.URL.RawQuery != "" && wantsDelta(r.URL.Query())
	s := o.playlist(k)
	if s == nil {
		missing(w)
		return
	}
	if _, ended := o.catalog.state(); ended {
		cache = cacheEnded
	}
	s.Serve(w, r, cache)
}
