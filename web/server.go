// Package web is everything that is reached by HTTP: the routes with who may call them, sessions, pages that
// work without JavaScript, the JSON API and the files of the browser applications. A handler asks the
// database first, which commits, and then tells the sockets.
package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/lms"
	"lectern/lms/certificate"
	"lectern/media/broadcast"
	"lectern/media/egress"
	"lectern/media/relay"
	"lectern/media/sfu"
	"lectern/media/vod"
	"lectern/signaling"
	"lectern/storage/postgres"
)

// Config is what the server needs. URL, DB, Hub, SFU, Desk and Log must be given.
type Config struct {
	URL            string         // public URL without a path; https makes cookies Secure and adds HSTS
	Mailbox        bool           // show outgoing mail at /mailbox: for demos on one's own machine only
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For is believed

	DB  *postgres.DB
	Hub *signaling.Hub
	SFU *sfu.Server
	// Egress carries the lecture to those who watch; nil leaves that to PeerConnections of SFU.
	Egress *egress.Server
	Desk   *broadcast.Desk

	FFmpeg   string // path of ffmpeg; "ffmpeg" when empty
	NoLadder bool   // recordings are not encoded anew after the lecture

	Materials Materials // slides and handouts

	Transcribe bool // speech recognition is set up: ended lectures are queued for it

	Relay    *relay.Server // nil for none
	RelayURL string        // the turn: or turns: URL of Relay, for browsers

	CDN *CDN // nil when viewers fetch media from us

	Clock   func() time.Time // nil for time.Now
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil for none
}

// Server answers HTTP. It keeps no state but limits, caches and what it has yet to tell: everything else is in
// the database.
type Server struct {
	url     *url.URL
	mailbox bool
	proxies []netip.Prefix

	db     *postgres.DB
	hub    *signaling.Hub
	sfu    *sfu.Server
	egress *egress.Server // nil: attendees are PeerConnections of sfu
	desk   *broadcast.Desk

	relay    *relay.Server // nil when there is none
	relayURL string

	cdn *cdn // nil when viewers fetch media from us

	now     func() time.Time
	log     *slog.Logger
	metrics *metrics

	changedMu sync.Mutex
	changed   map[lms.CourseID]bool // rooms whose publisher came or went; at most one entry per course
	panels    map[lms.CourseID]bool // rooms whose panel has changed
	changedC  chan struct{}         // of 1: wakes Run

	resumed chan struct{} // closed when Run has taken up what was on air when the program stopped

	tidyC chan struct{} // of 1: has rehearsals looked at

	casting sync.Mutex // what the desk does and what is committed of it belong together: one air or end at a time
	fonts   *certificate.Fonts

	works      *vod.Works
	airings    airings
	recordings recordings
	captions   captionShelf

	materials  Materials
	uploads    chan struct{} // of uploadsAtOnce: one place for each upload under way
	converting chan struct{} // of 1: wakes ConvertMaterials
	holder     string        // names this process in queues

	transcribes bool
	waiting     waiting

	csrf      *http.CrossOriginProtection
	limits    *limiter
	door      *door
	begun     *begun
	grants    *grants
	choices   *choices
	selects   *selects
	headers   http.Header
	static    *staticFiles
	dist      map[string]asset
	apps      map[appKey]asset
	pages     pages
	languages *languages
	mux       *http.ServeMux
}

// New prepares a server from its configuration. It starts nothing: Run does.
func New(c Config) (*Server, error) {
	public, err := url.Parse(c.URL)
	if err != nil || public.Host == "" || (public.Scheme != "http" && public.Scheme != "https") {
		return nil, fmt.Errorf("public URL %q: want http(s)://host", c.URL)
	}
	if c.DB == nil || c.Hub == nil || c.SFU == nil || c.Desk == nil || c.Log == nil {
		return nil, errors.New("web.Config lacks DB, Hub, SFU, Desk or Log")
	}
	s := &Server{
		url: public, mailbox: c.Mailbox, proxies: c.TrustedProxies,
		db: c.DB, hub: c.Hub, sfu: c.SFU, egress: c.Egress, desk: c.Desk, relay: c.Relay, relayURL: c.RelayURL,
		now: c.Clock, log: c.Log, changed: map[lms.CourseID]bool{}, panels: map[lms.CourseID]bool{}, changedC: make(chan struct{}, 1),
		resumed: make(chan struct{}), tidyC: make(chan struct{}, 1), transcribes: c.Transcribe,
		materials: c.Materials, uploads: make(chan struct{}, uploadsAtOnce), converting: make(chan struct{}, 1), holder: rand.Text(),
		csrf: http.NewCrossOriginProtection(),
	}
	if s.cdn, err = newCDN(c.CDN); err != nil {
		return nil, err
	}
	s.headers = securityHeaders(public, s.cdn)
	if s.now == nil {
		s.now = time.Now
	}
	s.works = vod.NewWorks(vod.WorksConfig{
		Queue: &taskQueue{db: c.DB, holder: rand.Text()}, Desk: c.Desk, FFmpeg: c.FFmpeg, NoLadder: c.NoLadder, Log: c.Log, Metrics: c.Metrics,
	})
	s.limits, s.grants = newLimiter(s.now), newGrants(s.now)
	s.door, s.begun = newDoor(s.now), newBegun(s.now)
	if err := s.csrf.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	if s.metrics, err = newMetrics(c.Metrics); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if s.fonts, err = certificate.NewFonts(certificate.FontDirs...); err != nil {
		return nil, err
	}
	if s.static, err = newStaticFiles(); err != nil {
		return nil, err
	}
	if s.dist, err = loadDist(); err != nil {
		return nil, err
	}
	if s.languages, err = newLanguages(wordFiles); err != nil {
		return nil, err
	}
	if s.choices, err = newChoices(s.languages); err != nil {
		return nil, err
	}
	s.selects = newSelects(s.choices)
	s.apps = speakApps(s.dist, s.languages)
	if s.pages, err = newPages(s.static, s.languages); err != nil {
		return nil, err
	}
	s.mux = http.NewServeMux()
	for _, rt := range s.routes() {
		s.mux.Handle(rt.method+" "+rt.path, s.serve(rt))
	}
	return s, nil
}

// Works works on recordings after the lecture while its Run runs.
func (s *Server) Works() *vod.Works { return s.works }

// Handler returns the public site. It has no timeouts of its own: the http.Server in cmd has.
func (s *Server) Handler() http.Handler { return s.outermost(http.HandlerFunc(s.dispatch)) }

// dispatch serves a route, or says in our own words and with our own headers what the mux says plainly: that
// there is no such path, or not with this method.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodTrace || r.Method == http.MethodConnect {
		s.fail(w, r, errMethod)
		return
	}
	fallback, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	var answer statusOnly
	fallback.ServeHTTP(&answer, r)
	if answer.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", answer.header.Get("Allow"))
		s.fail(w, r, errMethod)
		return
	}
	s.fail(w, r, errNoPage)
}

// statusOnly is a ResponseWriter that keeps the status and the headers.
type statusOnly struct {
	header http.Header
	status int
}

func (a *statusOnly) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}
func (a *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (a *statusOnly) WriteHeader(status int)      { a.status = status }
