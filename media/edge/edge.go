// Package edge is a small cache in front of the HLS of a Lectern, for those without a content delivery network: it
// checks signed cookies as CloudFront does, asks the origin once for each file however many viewers wait for it, and
// turns away within seconds who may no longer watch.
package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/media/access"
)

// Config is what an edge needs. Origin, URL, Verifier and Secret are required.
type Config struct {
	Origin   string // URL of the Lectern, without a path
	URL      string // by which viewers reach this edge; the policies of their cookies name it
	Verifier *access.Verifier
	Secret   string // by which the origin knows us
	Memory   int64  // bytes of media that are kept; 256 MiB when 0
	Client   *http.Client
	Clock    func() time.Time
	Log      *slog.Logger
	Metrics  prometheus.Registerer // nil for none
}

// Bounds of an edge.
const (
	defaultMemory = 256 << 20
	maxObject     = 32 << 20         // of one file: a segment of two seconds has one or two
	fetchWithin   = 20 * time.Second // the origin lets a request wait for 6 s
	maxWaiting    = 4                // requests of a viewer that wait for what is not there yet (trust S-17)
	maxFetching   = 16               // and for what is there, but not here
	maxSharing    = 10_000           // the same for a bearer token, which may be that of many
	answerWithin  = 3 * time.Minute  // a segment on a slow line
	mediaPrefix   = "/hls/"
)

// Server is an edge. It is an http.Handler; Run asks who is out.
type Server struct {
	config  Config
	origin  *url.URL
	cache   *cache
	viewers *viewers
	metrics *metrics
}

// New starts nothing.
func New(c Config) (*Server, error) {
	origin, err := url.Parse(c.Origin)
	if err != nil || origin.Host == "" {
		return nil, errors.New("edge: the origin is not a URL")
	}
	if c.Verifier == nil || c.Secret == "" || c.URL == "" {
		return nil, errors.New("edge.Config lacks URL, Verifier or Secret")
	}
	if c.Memory == 0 {
		c.Memory = defaultMemory
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Client == nil {
		c.Client = newClient()
	}
	s := &Server{config: c, origin: origin, viewers: newViewers(c.Clock)}
	s.cache = newCache(c.Memory, c.Clock, s.fetch)
	s.metrics = newMetrics(s, c.Metrics)
	return s, nil
}

// newClient keeps connections to the origin open: one for each request that waits there.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.MaxIdleConns = 256, 256
	t.DisableCompression = true // what the origin compressed is passed on as it is
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ServeHTTP answers GET and HEAD of media, and passes grants on to the origin. There is nothing else here.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin)) // trust S-30
	answer := &answer{ResponseWriter: w}
	s.serve(answer, r)
	s.metrics.answers.WithLabelValues(answer.class()).Inc()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	course, file, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, mediaPrefix), "/")
	if !strings.HasPrefix(r.URL.Path, mediaPrefix) || !ok || course == "" || file == "" || path.Clean(r.URL.Path) != r.URL.Path {
		refuse(w, http.StatusNotFound, "there are only lectures here")
		return
	}
	switch {
	case file == "access" && (r.Method == http.MethodPost || r.Method == http.MethodOptions):
		s.passOn(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.serveMedia(w, r, course)
	default:
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "only GET and HEAD")
	}
}

// serveMedia answers those whose cookies are good for the lecture.
func (s *Server) serveMedia(w http.ResponseWriter, r *http.Request, course string) {
	viewer, err := s.config.Verifier.Request(r, s.config.URL+r.URL.EscapedPath(), s.config.Clock())
	if err != nil {
		s.forbid(w, err.Error())
		return
	}
	if !s.viewers.see(viewer, course) {
		s.forbid(w, "you may not watch this any longer")
		return
	}
	key := keyOf(r)
	found, wait := s.cache.get(key)
	if wait {
		leave, may := s.viewers.wait(viewer, key.query != "")
		if !may {
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "too many requests of yours are waiting")
			return
		}
		found, err = s.cache.await(r.Context(), key)
		leave()
	}
	switch {
	case r.Context().Err() != nil: // the viewer has left
	case err != nil:
		s.config.Log.Warn("the origin does not answer", "err", err)
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusBadGateway, "the origin does not answer")
	default:
		found.serve(w, r, s.config.Clock())
	}
}

// forbid answers as CloudFront does. Our pages may read the status.
func (s *Server) forbid(w http.ResponseWriter, why string) {
	if pages := s.viewers.pages(); pages != "" {
		allow(w.Header(), pages)
	}
	refuse(w, http.StatusForbidden, why)
}

// refuse answers with words and is never kept by anybody.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, why, status)
}

// protect sets what stands on every answer: media can be embedded by pages of our site only.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-site")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

func allow(h http.Header, pages string) {
	h.Set("Access-Control-Allow-Origin", pages)
	h.Set("Access-Control-Allow-Credentials", "true")
}

// answer remembers the status.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// class is the first digit of the status.
func (a *answer) class() string {
	if a.status == 0 {
		return "2xx"
	}
	return string(rune('0'+a.status/100)) + "xx"
}

// Run asks the origin every few seconds who is out, until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		if err := s.ask(ctx); err != nil && ctx.Err() == nil {
			s.metrics.unasked.Inc()
			s.config.Log.Warn("the origin was not asked who is out", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
