package loadtest

import (
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	stream "lectern/media/hls/verify"
)

// studio is a low-latency stream of its own: segments of four parts, of which one is there whenever it is told so. It
// notes what it was asked for.
type studio struct {
	mu    sync.Mutex
	grown *sync.Cond
	parts int // in all
	asked []string
	start time.Time
}

func newStudio() *studio {
	s := &studio{parts: 6, start: time.Now().Add(-3 * time.Second)}
	s.grown = sync.NewCond(&s.mu)
	return s
}

func (s *studio) grow() {
	s.mu.Lock()
	s.parts++
	s.mu.Unlock()
	s.grown.Broadcast()
}

// ServeHTTP answers at once with what is there, and to a question for a part when it is.
func (s *studio) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.RequestURI()+" "+r.Header.Get("Accept-Encoding")+" "+r.Header.Get("Cookie")+r.Header.Get("Authorization"))
	if strings.HasSuffix(r.URL.Path, ".m4s") {
		_, _ = fmt.Fprint(w, "part")
		return
	}
	if q := r.URL.Query(); q.Get("_HLS_msn") != "" {
		msn, _ := strconv.Atoi(q.Get("_HLS_msn"))
		part, _ := strconv.Atoi(q.Get("_HLS_part"))
		for s.parts <= 4*msn+part {
			s.grown.Wait()
		}
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, s.parts))
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = fmt.Fprint(z, s.playlist())
	_ = z.Close()
}

func (s *studio) playlist() string {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI=\"init.mp4\"\n")
	for n := range s.parts {
		if n%4 == 0 {
			fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", s.start.Add(time.Duration(n)*time.Second/2).UTC().Format("2006-01-02T15:04:05.000Z"))
		}
		fmt.Fprintf(&b, "#EXT-X-PART:DURATION=0.5,URI=\"%d.%d.m4s\",INDEPENDENT=YES\n", n/4, n%4)
		if n%4 == 3 {
			fmt.Fprintf(&b, "#EXTINF:2,\n%d.m4s\n", n/4)
		}
	}
	return b.String()
}

// TestViewer: it waits for each part, gets each once and in order, and shows who it is.
func TestViewer(t *testing.T) {
	s := newStudio()
	server := httptest.NewServer(s)
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	a := &audience{cookie: "a=b", parsed: map[string]*stream.Playlist{}}
	a.count()
	done := make(chan struct{})
	go func() { defer close(done); a.watch(ctx, server.URL+"/live.m3u8") }()
	parts := func() (all []string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, q := range s.asked {
			if uri, _, _ := strings.Cut(q, " "); strings.HasSuffix(uri, ".m4s") {
				all = append(all, uri)
			}
		}
		return all
	}
	for want := 2; want < 8; want++ { // it begins with the parts of the open segment
		until(t, "the next part", func() bool { return len(parts()) >= want })
		s.grow()
	}
	leave()
	s.grow() // lets the last question go
	<-done
	got := strings.Join(parts()[:7], " ")
	if got != "/1.0.m4s /1.1.m4s /1.2.m4s /1.3.m4s /2.0.m4s /2.1.m4s /2.2.m4s" {
		t.Errorf("got the parts %s", got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.asked[0]; first != "/live.m3u8 gzip a=b" {
		t.Errorf("first asked for %q", first)
	}
	blocking := 0
	for _, q := range s.asked {
		if strings.Contains(q, "_HLS_msn=") && strings.Contains(q, "_HLS_part=") && strings.Contains(q, "_HLS_skip=YES") {
			blocking++
		}
	}
	if blocking < 5 {
		t.Errorf("%d of %d questions waited for a part", blocking, len(s.asked))
	}
	if a.got.errors != 0 {
		t.Errorf("errors: %s", a.got.first)
	}
}

// TestWire: answers of all kinds follow one another on one connection, and an error opens another.
func TestWire(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunked":
			for range 3 {
				_, _ = fmt.Fprint(w, strings.Repeat("x", 1000))
				w.(http.Flusher).Flush()
			}
		case "/broken":
			panic(http.ErrAbortHandler)
		case "/none":
			http.NotFound(w, r)
		default:
			_, _ = fmt.Fprint(w, r.RemoteAddr+r.Header.Get("Authorization"))
		}
	}))
	defer server.Close()
	w := newWire(must(url.Parse(server.URL))(t), "secret", "")
	defer w.close()
	var first, again, after strings.Builder
	ask := func(path string, to *strings.Builder) (status int, n int64) {
		t.Helper()
		if to == nil {
			to = &strings.Builder{}
		}
		res, n, err := w.get(t.Context(), path, false, to)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, n
	}
	ask("/", &first)
	if _, n := ask("/chunked", nil); n != 3000 {
		t.Errorf("%d bytes of 3000 in chunks", n)
	}
	if status, _ := ask("/none", nil); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	ask("/", &again)
	if first.String() != again.String() || !strings.HasSuffix(first.String(), "Bearer secret") {
		t.Errorf("not one connection: %q, %q", &first, &again)
	}
	if _, _, err := w.get(t.Context(), "/broken", false, nil); err == nil {
		t.Error("a broken answer is none")
	}
	ask("/", &after)
	if first.String() == after.String() {
		t.Error("the broken connection is used again")
	}
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
