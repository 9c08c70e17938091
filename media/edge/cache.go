package edge

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// key is what one answer of the origin is kept under: nothing of a URL's query but what changes a playlist.
type key struct {
	path   string
	query  string
	zipped bool // playlists come compressed or not
}

// keyOf reads the key of a request.
func keyOf(r *http.Request) key {
	k := key{path: r.URL.EscapedPath()}
	if !strings.HasSuffix(k.path, ".m3u8") {
		return k
	}
	k.zipped = acceptsGzip(r)
	if r.URL.RawQuery == "" {
		return k
	}
	asked, kept := r.URL.Query(), url.Values{}
	for _, name := range []string{"_HLS_msn", "_HLS_part", "_HLS_skip"} {
		if v := asked.Get(name); v != "" {
			kept.Set(name, v)
		}
	}
	k.query = kept.Encode() // sorted
	return k
}

// acceptsGzip says whether gzip is named and not refused (RFC 9110 section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, weighed := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(coding, "gzip") {
			return !weighed || strings.Trim(strings.TrimPrefix(strings.TrimSpace(weight), "q="), "0.") != ""
		}
	}
	return false
}

// object is an answer of the origin. It never changes.
type object struct {
	status int
	header http.Header
	body   []byte
	came   time.Time     // when it was asked for: what the origin said is no younger
	fresh  time.Duration // how long it may be given out; 0: only to those who waited for it
}

// passed are the headers of the origin that viewers get; all others concern the two of us.
var passed = []string{
	"Content-Type", "Content-Encoding", "Cache-Control", "Etag", "Last-Modified", "Vary", "Retry-After",
	"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Cross-Origin-Resource-Policy",
	"X-Content-Type-Options",
}

// serve answers with it: in ranges, and with 304 to who has it.
func (o *object) serve(w http.ResponseWriter, r *http.Request, now time.Time) {
	h := w.Header()
	for _, name := range passed {
		if v := o.header[name]; v != nil {
			h[name] = v
		}
	}
	h.Set("Age", strconv.Itoa(max(int(now.Sub(o.came).Seconds()), 0)))
	h.Set("Via", "1.1 lectern-edge")
	if o.status == http.StatusOK {
		o.serveBody(w, r)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(o.body)))
	w.WriteHeader(o.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(o.body)
	}
}

// serveBody answers with all of it in one write, or with what is asked for.
func (o *object) serveBody(w http.ResponseWriter, r *http.Request) {
	for _, special := range []string{"Range", "If-None-Match", "If-Match", "If-Range", "If-Modified-Since", "If-Unmodified-Since"} {
		if r.Header[special] != nil {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.body))
			return
		}
	}
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Content-Length", strconv.Itoa(len(o.body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(o.body)
	}
}

// freshness is how long a shared cache may keep an answer (RFC 9111 section 4.2.1).
func freshness(h http.Header) time.Duration {
	life := time.Duration(0)
	for part := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "=")
		switch name {
		case "no-store", "private", "no-cache":
			return 0
		case "max-age":
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				life = time.Duration(n) * time.Second
			}
		}
	}
	return life
}

// cache holds what is fresh, within a bound of memory; what was not asked for the longest goes first. However many want
// the same, the origin is asked once.
type cache struct {
	most  int64
	now   func() time.Time
	fetch func(context.Context, key) (*object, error)

	mu    sync.Mutex
	kept  map[key]*list.Element // of *keptObject
	order list.List             // the last asked for in front
	size  int64
	under map[key]*flight
	asked uint64 // of the origin
}

type keptObject struct {
	key    key
	object *object
}

// flight is a request to the origin under way.
type flight struct {
	done    chan struct{} // closed when object and err are there
	object  *object
	err     error
	waiting int
	cancel  context.CancelFunc
}

func newCache(most int64, now func() time.Time, fetch func(context.Context, key) (*object, error)) *cache {
	return &cache{most: most, now: now, fetch: fetch, kept: map[key]*list.Element{}, under: map[key]*flight{}}
}

// get returns what is kept and fresh, else that one must wait for it.
func (c *cache) get(k key) (o *object, wait bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.kept[k]
	if e == nil {
		return nil, true
	}
	kept := e.Value.(*keptObject)
	if c.now().Sub(kept.object.came) >= kept.object.fresh {
		c.drop(e)
		return nil, true
	}
	c.order.MoveToFront(e)
	return kept.object, false
}

// await asks the origin, or waits with those for whom it is being asked. When the last of them leaves, the request to
// the origin ends.
func (c *cache) await(ctx context.Context, k key) (*object, error) {
	c.mu.Lock()
	f := c.under[k]
	if f == nil {
		if e := c.kept[k]; e != nil && c.now().Sub(e.Value.(*keptObject).object.came) < e.Value.(*keptObject).object.fresh {
			c.mu.Unlock()
			return e.Value.(*keptObject).object, nil // it came in between
		}
		flying, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchWithin)
		f = &flight{done: make(chan struct{}), cancel: cancel}
		c.under[k] = f
		c.asked++
		go c.fly(flying, k, f)
	}
	f.waiting++
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.object, f.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		if c.under[k] == f {
			delete(c.under, k) // who comes now begins anew
		}
	}
	return nil, ctx.Err()
}

// fly fetches and keeps.
func (c *cache) fly(ctx context.Context, k key, f *flight) {
	defer f.cancel()
	f.object, f.err = c.fetch(ctx, k)
	if f.err == nil && f.object == nil {
		f.err = errors.New("no answer")
	}
	c.mu.Lock()
	if c.under[k] == f {
		delete(c.under, k)
	}
	if f.err == nil && f.object.fresh > 0 {
		c.keep(k, f.object)
	}
	c.mu.Unlock()
	close(f.done)
}

// weight is what an object costs: its bytes, and about so much for everything around them.
func (o *object) weight() int64 { return int64(len(o.body)) + 1024 }

func (c *cache) keep(k key, o *object) {
	if e := c.kept[k]; e != nil {
		c.drop(e)
	}
	c.kept[k] = c.order.PushFront(&keptObject{k, o})
	c.size += o.weight()
	for c.size > c.most && c.order.Len() > 0 {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	kept := c.order.Remove(e).(*keptObject)
	delete(c.kept, kept.key)
	c.size -= kept.object.weight()
}
