package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"lectern/lms"
	"lectern/lms/notify"
	"lectern/media/broadcast"
	"lectern/media/relay"
	"lectern/media/sfu"
	"lectern/signaling"
	"lectern/storage/postgres"
	"lectern/storage/postgres/pgtest"
)

// site is the whole server on a real database, a real UDP port and a real listener.
type site struct {
	t   *testing.T
	url string

	database string // its connection string
	db       *postgres.DB
	web      *Server
	log      *bytes.Buffer // what was logged; read it after stop, or by logged
	logs     *lockedWriter
	stop     func()

	sent chan lms.Email // who was sent a mail, after it stands in the mailbox
}

// newSite starts a site of its own, which ends with the test.
func newSite(t *testing.T) *site {
	t.Helper()
	return startSite(t, pgtest.New(t), t.TempDir())
}

// startSite starts a site on a database and a folder of recordings, where another may have been before, with what a
// test changes in its configuration.
func startSite(t *testing.T, database, folder string, change ...func(*Config)) *site {
	t.Helper()
	s := &site{t: t, database: database, log: &bytes.Buffer{}, sent: make(chan lms.Email, 64)}
	s.logs = &lockedWriter{w: s.log}
	log := slog.New(slog.NewJSONHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	listener := httptest.NewUnstartedServer(nil)
	s.url = "http://" + listener.Listener.Addr().String()

	s.db = must(postgres.Open(t.Context(), postgres.Config{URL: database, Pepper: pgtest.Pepper, Log: log}))(t)
	t.Cleanup(s.db.Close)
	s.db.Notify(&outbox{notify.New(notify.NewMailbox(s.db), s.url), s.sent})
	forwarder := must(sfu.New(sfu.Config{
		UDPAddr: "127.0.0.1:0", Log: log, OnPublish: func(room string, on bool) { s.web.PresenterChanged(room, on) },
		OnPanel: func(room string) { s.web.PanelChanged(room) },
	}))(t)
	turn := must(relay.New(relay.Config{Secret: []byte("a secret that only tests have"), Peers: []netip.AddrPort{netip.MustParseAddrPort(forwarder.Addr()[0])}}))(t)
	splitter := relay.Split(listener.Listener, relay.SplitConfig{TURN: turn.Serve})
	listener.Listener = splitter
	desk := must(broadcast.New(broadcast.Config{Dir: folder, Rooms: forwarder, Log: log}))(t)
	hub := signaling.New(signaling.Config{Reports: Reporter{s.db}, Origins: []string{s.url}, Log: log})
	config := Config{
		URL: s.url, Mailbox: true, DB: s.db, Hub: hub, SFU: forwarder, Desk: desk,
		Relay: turn, RelayURL: "turn:" + strings.TrimPrefix(s.url, "http://") + "?transport=tcp", Log: log,
	}
	for _, c := range change {
		c(&config)
	}
	s.web = must(New(config))(t)
	listener.Config.Handler = s.web.Handler()
	listener.Start()

	ctx, cancel := context.WithCancel(context.Background())
	var running errgroup.Group
	for _, run := range []func(context.Context) error{s.db.Run, forwarder.Run, config.Desk.Run, hub.Run, s.web.Run, turn.Run, splitter.Run} {
		running.Go(func() error { return run(ctx) })
	}
	s.stop = sync.OnceFunc(func() {
		listener.Close()
		cancel()
		if err := running.Wait(); err != nil {
			t.Errorf("site: %v", err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// must makes a value of a constructor's two results, and ends the test when it failed.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// outbox delivers into the mailbox of the database and says so.
type outbox struct {
	*notify.Sender
	sent chan lms.Email
}

func (o *outbox) Deliver(ctx context.Context, n lms.Notice) error {
	err := o.Sender.Deliver(ctx, n)
	if err == nil {
		o.sent <- n.To
	}
	return err
}

// logged is what was logged so far.
func (s *site) logged() string {
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	return s.log.String()
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// demo makes a programme with people in every role; each call makes another.
func (s *site) demo() postgres.Demo {
	s.t.Helper()
	return must(s.db.Demo(s.t.Context(), postgres.DemoSpec{}))(s.t)
}

// browser keeps cookies and says where it comes from, as browsers do.
type browser struct {
	*site
	*http.Client
}

// browser opens a fresh one, which follows no redirects by itself.
func (s *site) browser() *browser {
	jar := must(cookiejar.New(nil))(s.t)
	return &browser{s, &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// joined is a browser in which a personal link was used.
func (s *site) joined(token string) *browser {
	s.t.Helper()
	b := s.browser()
	if r := b.post("/join/"+token, nil); r.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("join: %s: %s", r.Status, r.text)
	}
	return b
}

// reply is an answer with its body read.
type reply struct {
	*http.Response
	text string
}

// json decodes the body.
func (r reply) json(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.text), into); err != nil {
		t.Fatalf("%s: %v in %s", r.Status, err, r.text)
	}
}

// send sends a request with these headers, which override those of a browser.
func (b *browser) send(method, path string, body io.Reader, header http.Header) reply {
	b.t.Helper()
	request := must(http.NewRequestWithContext(b.t.Context(), method, b.url+path, body))(b.t)
	if method != http.MethodGet {
		request.Header.Set("Origin", b.url)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response := must(b.Do(request))(b.t)
	defer response.Body.Close()
	return reply{response, string(must(io.ReadAll(response.Body))(b.t))}
}

func (b *browser) get(path string) reply { b.t.Helper(); return b.send("GET", path, nil, nil) }

// post sends a form.
func (b *browser) post(path string, form url.Values) reply {
	b.t.Helper()
	return b.send("POST", path, strings.NewReader(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// call sends JSON, or nothing when value is nil.
func (b *browser) call(method, path string, value any) reply {
	b.t.Helper()
	var body io.Reader
	header := http.Header{"Content-Type": {"application/json"}}
	if value != nil {
		body = bytes.NewReader(must(json.Marshal(value))(b.t))
	}
	return b.send(method, path, body, header)
}

// want ends the test unless the answer has the status.
func (r reply) want(t *testing.T, status int) reply {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d: %s", r.Request.Method, r.Request.URL.Path, r.Status, status, r.text)
	}
	return r
}

var sixDigits = regexp.MustCompile(`\b\d{3} \d{3}\b`)

// otp reads the one-time code from the newest mail to an address, as somebody does on the mailbox page.
func (s *site) otp(to lms.Email) string {
	s.t.Helper()
	for got := range s.sent {
		if got == to {
			break
		}
	}
	for _, m := range must(s.db.Mailbox(s.t.Context(), 20))(s.t) {
		if m.To == to {
			return strings.ReplaceAll(sixDigits.FindString(m.Text), " ", "")
		}
	}
	s.t.Fatalf("no mail")
	return ""
}

// signIn takes a browser through both steps, with an access code when there is one.
func (s *site) signIn(email lms.Email, code string) *browser {
	s.t.Helper()
	b := s.browser()
	b.post("/sign-in", url.Values{"email": {string(email)}, "code": {code}}).want(s.t, http.StatusSeeOther)
	b.post("/sign-in/code", url.Values{"otp": {s.otp(email)}}).want(s.t, http.StatusSeeOther)
	return b
}

func coursePath(d postgres.Demo, format string) string { return fmt.Sprintf(format, d.Course) }
