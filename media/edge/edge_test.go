package edge

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lectern/media/access"
)

// segments answers with a segment that is good for a year.
func segments(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=31536000, immutable")
	w.Header().Set("Content-Type", "video/mp4")
	w.Header().Set("Etag", `"tag"`)
	w.Header().Set("Set-Cookie", "lectern=of the origin")
	w.Header().Set("X-Request-Id", "of the origin")
	_, _ = io.WriteString(w, "0123456789")
}

// TestWhoGetsIn: cookies of this lecture, not expired, of a viewer who is not out (trust S-17).
func TestWhoGetsIn(t *testing.T) {
	h := newHouse(t, 0, segments)
	good, other := h.grant("a", "sone"), h.grant("b", "sone")
	for _, row := range []struct {
		name, path string
		grant      access.Grant
		want       int
	}{
		{"good", "/hls/a/1.m4s", good, 200},
		{"no cookies", "/hls/a/1.m4s", access.Grant{}, 403},
		{"of lecture A on B", "/hls/b/1.m4s", good, 403},
		{"of lecture B on A", "/hls/a/1.m4s", other, 403},
		{"a way out of the lecture", "/hls/a/../b/1.m4s", good, 404},
		{"an encoded way out", "/hls/a/..%2fb/1.m4s", good, 404},
		{"an encoded slash", "/hls/a%2fb/1.m4s", good, 403},
		{"no lecture", "/api/courses", good, 404},
		{"the origin's own route", "/edge/viewers", good, 404},
		{"nothing", "/", good, 404},
	} {
		if got := h.get(row.path, row.grant); got.StatusCode != row.want {
			t.Errorf("%s: %s, want %d", row.name, got.Status, row.want)
		} else if got.StatusCode == 403 && got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: a refusal may be kept: %v", row.name, got.Header)
		}
	}
	h.clock.pass(access.Life - time.Second)
	if got := h.get("/hls/a/1.m4s", good); got.StatusCode != 200 {
		t.Errorf("a second before the end: %s", got.Status)
	}
	h.clock.pass(time.Second)
	if got := h.get("/hls/a/1.m4s", good); got.StatusCode != 403 {
		t.Errorf("expired: %s", got.Status)
	}
	if n := h.source.times("/hls/a/1.m4s"); n != 1 {
		t.Errorf("the origin was asked %d times for a segment that never changes", n)
	}
	for name, value := range map[string]string{"policy": good.Policy, "signature": good.Signature, "viewer": good.Viewer, "secret": secret} {
		if strings.Contains(h.log.String(), value) {
			t.Errorf("the log holds the %s", name)
		}
	}
}

// TestRevoked: who is out at the origin is out here after the next question, and in again when that was a mistake.
func TestRevoked(t *testing.T) {
	h := newHouse(t, 0, segments)
	one, two := h.grant("a", "sone"), h.grant("a", "stwo")
	status := func(g access.Grant) int { return h.get("/hls/a/1.m4s", g).StatusCode }
	if status(one) != 200 || status(two) != 200 {
		t.Fatal("both should get in")
	}
	ask := func(out bool) {
		t.Helper()
		h.source.mu.Lock()
		h.source.out[viewer{"sone", "a"}] = out
		h.source.mu.Unlock()
		if err := h.edge.ask(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ask(true)
	refused := h.get("/hls/a/1.m4s", one)
	if refused.StatusCode != 403 || status(two) != 200 {
		t.Errorf("turned away: %s; the other: %d", refused.Status, status(two))
	}
	if got := refused.Header.Get("Access-Control-Allow-Origin"); got != "https://lectures.example.org" {
		t.Errorf("our pages cannot read the status: %q", got)
	}
	if status(h.grant("a", "sone")) != 403 {
		t.Error("in again with a newer grant")
	}
	ask(false)
	if got := status(one); got != 200 {
		t.Errorf("in again: %d", got)
	}
	h.clock.pass(rememberViewer + time.Second)
	if here := h.edge.viewers.here(); len(here) != 0 || h.edge.viewers.count() != 0 {
		t.Errorf("%d viewers are remembered for good", len(here))
	}
}

// TestOneQuestionForAll: a hundred viewers who wait for the next part are one request to the origin.
func TestOneQuestionForAll(t *testing.T) {
	release := make(chan struct{})
	h := newHouse(t, 0, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.Header().Set("Cache-Control", "max-age=18")
		_, _ = io.WriteString(w, "#EXTM3U")
	})
	const n = 100
	path := "/hls/a/live-low.m3u8?_HLS_msn=7&_HLS_part=2"
	var all sync.WaitGroup
	for i := range n {
		g := h.grant("a", fmt.Sprintf("s%d", i))
		all.Go(func() {
			// Each adds something of its own, in another order: that changes nothing of what is asked for.
			r, err := h.do(t.Context(), http.MethodGet, fmt.Sprintf("/hls/a/live-low.m3u8?x=%d&_HLS_part=2&_HLS_msn=7", i), g)
			if err != nil || r.StatusCode != 200 || r.body != "#EXTM3U" {
				t.Errorf("viewer %d: %v %v", i, r.Response, err)
			}
		})
	}
	until(t, "all of them to wait", func() bool {
		h.edge.cache.mu.Lock()
		defer h.edge.cache.mu.Unlock()
		sum := 0
		for _, f := range h.edge.cache.under {
			sum += f.waiting
		}
		return sum == n
	})
	close(release)
	all.Wait()
	if got := h.source.times(path); got != 1 {
		t.Errorf("the origin was asked %d times", got)
	}
	if r := h.get(path, h.grant("a", "slate")); r.StatusCode != 200 || h.source.times(path) != 1 {
		t.Errorf("afterwards: %s, asked %d times", r.Status, h.source.times(path))
	}
	until(t, "nobody to be counted as waiting", func() bool {
		h.edge.viewers.mu.Lock()
		defer h.edge.viewers.mu.Unlock()
		return len(h.edge.viewers.waiting) == 0
	})
}

// TestLastOneLeaves: when nobody waits any longer, neither do we.
func TestLastOneLeaves(t *testing.T) {
	left := make(chan struct{})
	h := newHouse(t, 0, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(left)
	})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	path := "/hls/a/live-low.m3u8?_HLS_msn=7"
	g := h.grant("a", "sone")
	go func() {
		_, err := h.do(ctx, http.MethodGet, path, g)
		done <- err
	}()
	until(t, "the question to the origin", func() bool { return h.source.times(path) == 1 })
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	select {
	case <-left:
	case <-time.After(time.Minute):
		t.Fatal("the origin is still asked")
	}
}

// TestFourMayWait: a fifth waiting request of one viewer is refused, not those of others.
func TestFourMayWait(t *testing.T) {
	v := newViewers(time.Now)
	var leave func()
	for range maxWaiting {
		l, may := v.wait("sone", true)
		if !may {
			t.Fatal("turned away too early")
		}
		leave = l
	}
	if _, may := v.wait("sone", true); may {
		t.Error("a fifth may wait")
	}
	for _, other := range []waiter{{"stwo", true}, {"sone", false}, {"ttoken", true}} {
		if _, may := v.wait(other.id, other.blocks); !may {
			t.Errorf("%+v may not", other)
		}
	}
	leave()
	if _, may := v.wait("sone", true); !may {
		t.Error("a place that was left is not free")
	}
}

// TestHTTP holds what caches between must do right: ranges, HEAD, conditions, ages, and no header of others.
func TestHTTP(t *testing.T) {
	h := newHouse(t, 0, segments)
	g := h.grant("a", "sone")
	part := h.get("/hls/a/1.m4s", g, "Range", "bytes=2-4", "X-Mine", "secret")
	if part.StatusCode != http.StatusPartialContent || part.body != "234" || part.Header.Get("Content-Range") != "bytes 2-4/10" {
		t.Errorf("range: %s %q %v", part.Status, part.body, part.Header)
	}
	if got := h.source.header; got.Get("Range") != "" || got.Get("Cookie") != "" || got.Get("X-Mine") != "" {
		t.Errorf("the origin got the viewer's headers: %v", got)
	}
	for _, name := range []string{"Set-Cookie", "X-Request-Id"} {
		if part.Header.Get(name) != "" {
			t.Errorf("the viewer got the origin's %s", name)
		}
	}
	for name, want := range map[string]string{
		"Cross-Origin-Resource-Policy": "same-site", "X-Content-Type-Options": "nosniff", "Content-Type": "video/mp4",
		"Cache-Control": "max-age=31536000, immutable", "Access-Control-Allow-Origin": "https://lectures.example.org",
	} {
		if got := part.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if csp := part.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("it can be framed: %q", csp)
	}
	h.clock.pass(90 * time.Second)
	head, err := h.do(t.Context(), http.MethodHead, "/hls/a/1.m4s", g)
	if err != nil || head.StatusCode != 200 || head.body != "" || head.ContentLength != 10 || head.Header.Get("Age") != "90" {
		t.Errorf("HEAD: %v %v", head, err)
	}
	if same := h.get("/hls/a/1.m4s", g, "If-None-Match", `"tag"`); same.StatusCode != http.StatusNotModified || same.body != "" {
		t.Errorf("the viewer has it: %s", same.Status)
	}
	if bad := h.get("/hls/a/1.m4s", g, "Range", "bytes=20-"); bad.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond its end: %s", bad.Status)
	}
	if put, err := h.do(t.Context(), http.MethodPut, "/hls/a/1.m4s", g); err != nil || put.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %v %v", put, err)
	}
	if n := h.source.times("/hls/a/1.m4s"); n != 1 {
		t.Errorf("the origin was asked %d times", n)
	}
}

// TestFreshness: each answer is given out for as long as the origin says.
func TestFreshness(t *testing.T) {
	var mu sync.Mutex
	status, control := 200, ""
	h := newHouse(t, 0, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("Cache-Control", control)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "answer")
	})
	for i, row := range []struct {
		status  int
		control string
		pass    time.Duration
		asked   int
	}{
		{200, "max-age=1", 900 * time.Millisecond, 1},
		{200, "max-age=1", time.Second, 2},
		{404, "max-age=1", 500 * time.Millisecond, 1},
		{404, "max-age=1", time.Second, 2},
		{200, "no-store", 0, 2},
		{200, "", 0, 2},
		{200, "private, max-age=60", 0, 2},
		{503, "max-age=60", 0, 2},
		{200, "max-age=31536000, immutable", time.Hour, 1},
	} {
		mu.Lock()
		status, control = row.status, row.control
		mu.Unlock()
		path := fmt.Sprintf("/hls/a/%d.m3u8", i)
		for range 2 {
			if got := h.get(path, h.grant("a", "sone")); got.StatusCode != row.status || got.body != "answer" {
				t.Errorf("%+v: %s", row, got.Status)
			}
			h.clock.pass(row.pass)
		}
		if got := h.source.times(path); got != row.asked {
			t.Errorf("%d %q, %v later: asked %d times, want %d", row.status, row.control, row.pass, got, row.asked)
		}
	}
}

// TestEncodings: playlists are kept compressed and plain, each for those who take it.
func TestEncodings(t *testing.T) {
	h := newHouse(t, 0, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept-Encoding")
		if r.Header.Get("Accept-Encoding") == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "#EXTM3U")
			_ = z.Close()
			return
		}
		_, _ = io.WriteString(w, "#EXTM3U")
	})
	g := h.grant("a", "sone")
	for range 2 {
		plain, zipped := h.get("/hls/a/x.m3u8", g), h.get("/hls/a/x.m3u8", g, "Accept-Encoding", "br, gzip;q=0.5")
		if plain.body != "#EXTM3U" || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("plain: %q %v", plain.body, plain.Header)
		}
		z, err := gzip.NewReader(strings.NewReader(zipped.body))
		if err != nil || zipped.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("zipped: %v %v", err, zipped.Header)
		}
		if b, _ := io.ReadAll(z); string(b) != "#EXTM3U" {
			t.Errorf("zipped: %q", b)
		}
	}
	if n := h.source.times("/hls/a/x.m3u8"); n != 2 {
		t.Errorf("the origin was asked %d times", n)
	}
}

// TestMemory is bounded, and what was asked for last stays.
func TestMemory(t *testing.T) {
	h := newHouse(t, 100<<10, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write(make([]byte, 20<<10))
	})
	g := h.grant("a", "sone")
	for i := range 20 {
		h.get(fmt.Sprintf("/hls/a/%d.m4s", i), g)
		h.get("/hls/a/0.m4s", g) // everybody's
	}
	h.edge.cache.mu.Lock()
	if size := h.edge.cache.size; size > 100<<10 || size < 60<<10 {
		t.Errorf("%d bytes are kept", size)
	}
	if len(h.edge.cache.kept) != h.edge.cache.order.Len() {
		t.Errorf("%d by key, %d in order", len(h.edge.cache.kept), h.edge.cache.order.Len())
	}
	h.edge.cache.mu.Unlock()
	for _, path := range []string{"/hls/a/0.m4s", "/hls/a/19.m4s"} {
		if h.get(path, g); h.source.times(path) != 1 {
			t.Errorf("%s was fetched %d times", path, h.source.times(path))
		}
	}
	if h.get("/hls/a/1.m4s", g); h.source.times("/hls/a/1.m4s") != 2 {
		t.Error("what nobody asked for again was kept")
	}
}

// TestOriginGone: nobody waits for nothing, and nobody is turned away for it.
func TestOriginGone(t *testing.T) {
	h := newHouse(t, 0, segments)
	g := h.grant("a", "sone")
	h.get("/hls/a/1.m4s", g)
	h.edge.origin.Host = "127.0.0.1:1"
	if got := h.get("/hls/a/2.m4s", g); got.StatusCode != http.StatusBadGateway || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("what is not here: %s", got.Status)
	}
	if err := h.edge.ask(t.Context()); err == nil {
		t.Error("somebody answered")
	}
	if got := h.get("/hls/a/1.m4s", g); got.StatusCode != 200 {
		t.Errorf("what is here: %s", got.Status)
	}
}

// TestGrantIsPassedOn: the origin makes cookies of it, which are for this host.
func TestGrantIsPassedOn(t *testing.T) {
	h := newHouse(t, 0, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || string(b) != `{"policy":"p"}` {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Add("Set-Cookie", "one=1; Path=/hls/a/")
		w.Header().Add("Set-Cookie", "two=2; Path=/hls/a/")
		w.WriteHeader(http.StatusNoContent)
	})
	res, err := http.Post(h.url+"/hls/a/access", "text/plain", strings.NewReader(`{"policy":"p"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent || len(res.Cookies()) != 2 || res.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
}
