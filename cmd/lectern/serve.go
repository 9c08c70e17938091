package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"lectern/media/broadcast"
	"lectern/media/egress"
	"lectern/media/hls"
	"lectern/media/relay"
	"lectern/media/sfu"
	"lectern/signaling"
	"lectern/storage/postgres"
	"lectern/storage/postgres/private"
	"lectern/storage/redis"
	"lectern/web"
)

// How long the listeners wait: for a request's head, for the next request on a connection, and at the end for
// requests under way. Bodies and answers have their own limits in web, because a long poll is not slow.
const (
	headTimeout  = 5 * time.Second
	idleTimeout  = 2 * time.Minute
	drainTimeout = 10 * time.Second
	maxHeader    = 16 << 10
)

// gcPercent keeps the memory of thousands of sockets near what they need, for 2 % more CPU; GOGC overrides it.
const gcPercent = 50

// serve runs everything until ctx ends.
func serve(ctx context.Context, args []string, t terminal) error {
	c, err := configure("serve", args, t, func(fs *flag.FlagSet, c *config) {
		fs.BoolVar(&c.Demo, "demo", false, "on a new data folder create the demo programme and print its links")
	})
	if err != nil {
		return err
	}
	if was := debug.SetGCPercent(gcPercent); was != 100 { // GOGC says otherwise
		debug.SetGCPercent(was)
	}
	log := logger(c, t.err)
	if c.Edge != "" {
		return serveEdge(ctx, c, t, log)
	}
	state, err := openState(ctx, c, log)
	if err != nil {
		return err
	}
	defer state.close()
	n, err := newNode(ctx, c, state.db, log)
	if err != nil {
		return err
	}
	stages := append([]stage{
		{"database", state.run},
		{"jobs and reports", state.db.Run},
	}, n.stages()...)
	stages = append(stages, stage{"greeting", func(ctx context.Context) error {
		if err := greet(ctx, c, state, t.out); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}})
	err = runStages(ctx, stages)
	log.Info("stopped")
	return err
}

// state is the database, ours or the operator's.
type state struct {
	db      *postgres.DB
	private *private.Server // nil with DATABASE_URL
	fresh   bool            // nothing was there before this start
}

// openState starts the private PostgreSQL unless DATABASE_URL names another, and brings the schema up to date.
func openState(ctx context.Context, c config, log *slog.Logger) (s *state, err error) {
	s = &state{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := os.MkdirAll(c.Data, 0o711); err != nil {
		return s, fmt.Errorf("data folder: %w", err)
	}
	url := c.Database
	if url == "" {
		if s.private, err = private.Start(ctx, private.Config{Dir: c.Data, Log: log}); err != nil {
			return s, err
		}
		url = s.private.URL()
	}
	if s.db, err = openDatabase(ctx, c, url, log); err != nil {
		return s, err
	}
	if err := s.db.Migrate(ctx); err != nil {
		return s, err
	}
	empty, err := s.db.Empty(ctx)
	s.fresh = empty
	return s, err
}

// run watches the private server: should it end, so do we, and a supervisor starts both again.
func (s *state) run(ctx context.Context) error {
	if s.private == nil {
		<-ctx.Done()
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case <-s.private.Done():
		return fmt.Errorf("the private PostgreSQL ended: %w", s.private.Err())
	}
}

// close gives the connections back and stops the private server, in that order.
func (s *state) close() {
	if s.db != nil {
		s.db.Close()
	}
	if s.private != nil {
		_ = s.private.Stop() // it has logged what went wrong; the next start repairs
	}
}

// node is the part of the program that talks to the outside.
type node struct {
	egress *egress.Server // nil when attendees are PeerConnections
	sfu    *sfu.Server
	mirror *hls.Mirror // nil without a store
	desk   *broadcast.Desk

	transcriber *transcriber // nil without speech recognition

	relay *relay.Server // nil when it is off
	redis *redis.Broker // nil when this process is alone
	hub   *signaling.Hub
	site  *web.Server
	front server
	admin server
}

func newNode(ctx context.Context, c config, db *postgres.DB, log *slog.Logger) (*node, error) {
	n := &node{}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	proxies, err := prefixes(c.Proxies)
	if err != nil {
		return nil, err
	}
	secure, err := tlsConfig(c, time.Now())
	if err != nil {
		return nil, err
	}
	// The site exists before the first room does.
	present := func(room string, on bool) { n.site.PresenterChanged(room, on) }
	panel := func(room string) { n.site.PanelChanged(room) }
	rtc, err := newMedia(c, log, registry, present, panel)
	if err != nil {
		return nil, err
	}
	n.egress, n.sfu = rtc.egress, rtc.sfu
	if n.relay, err = newRelay(c, n.sfu.Addr(), log, registry); err != nil {
		return nil, err
	}
	store, err := newStore(c)
	if err != nil {
		return nil, err
	}
	if n.mirror, err = newMirror(c, store, log, registry); err != nil {
		return nil, err
	}
	if n.desk, err = broadcast.New(broadcast.Config{
		Dir: c.recordings(), Rooms: n.sfu, FFmpeg: c.FFmpeg, Log: log, Metrics: registry,
		Mirror: n.mirror, Store: store, RemoveCopy: removeCopy(store),
		Marks: web.Marks(db),
	}); err != nil {
		return nil, err
	}
	media, err := newCDN(c)
	if err != nil {
		return nil, err
	}
	if n.transcriber, err = newTranscriber(c, db, n.desk, log); err != nil {
		return nil, err
	}
	materials, err := newMaterials(ctx, c, store, log)
	if err != nil {
		return nil, err
	}
	var broker signaling.Broker // nil: this process is alone
	if c.Redis != "" {
		if n.redis, err = redis.New(c.Redis, log); err != nil {
			return nil, err
		}
		broker = n.redis
	}
	n.hub = signaling.New(signaling.Config{
		Reports: web.Reporter{DB: db}, Origins: []string{c.URL}, Log: log, Metrics: registry, Broker: broker,
	})
	if n.site, err = web.New(web.Config{
		URL: c.URL, Mailbox: c.Mailbox == "on", TrustedProxies: proxies,
		DB: db, Hub: n.hub, SFU: n.sfu, Egress: n.egress, Desk: n.desk, FFmpeg: c.FFmpeg, Materials: materials, Transcribe: n.transcriber != nil, NoLadder: c.Polish == "off", Relay: n.relay, RelayURL: c.TURN, CDN: media, Log: log, Metrics: registry,
	}); err != nil {
		return nil, err
	}
	db.DrawWith(n.site)
	if n.front, err = listen(c.Addr, n.site.Handler(), secure, n.beside(rtc), log); err != nil {
		return nil, err
	}
	n.admin, err = listen(c.AdminAddr, n.site.AdminHandler(registry), nil, relay.SplitConfig{}, log)
	if err != nil {
		return nil, errors.Join(err, n.front.listener.Close())
	}
	return n, nil
}

// beside says what is on the port of the pages besides HTTP.
func (n *node) beside(rtc transports) relay.SplitConfig {
	c := relay.SplitConfig{ICE: rtc.takeTCP}
	if n.relay != nil {
		c.TURN = n.relay.Serve
	}
	return c
}

// stages lists what runs, in the order in which one stands on the other.
func (n *node) stages() []stage {
	var stages []stage
	if n.egress != nil {
		stages = append(stages, stage{"attendees", n.egress.Run})
	}
	if n.mirror != nil {
		stages = append(stages, stage{"uploads", n.mirror.Run})
	}
	if n.redis != nil {
		stages = append(stages, stage{"redis", n.redis.Run})
	}
	stages = append(stages, []stage{
		{"media", n.sfu.Run},
		{"recordings", n.desk.Run},
		{"sockets", n.hub.Run},
		{"site", n.site.Run},
		{"work on recordings", n.site.Works().Run},
		{"work on materials", n.site.ConvertMaterials},
	}...)
	if n.relay != nil {
		stages = append(stages, stage{"relay", n.relay.Run})
	}
	if n.transcriber != nil {
		stages = append(stages, stage{"speech recognition", n.transcriber.run})
	}
	return append(stages, stage{"admin listener", n.admin.run}, stage{"listener", n.front.run})
}

// server is an address that is listened on already, so that a start fails before it greets.
type server struct {
	http     *http.Server
	listener net.Listener
	splitter *relay.Splitter // the same listener, when media is on the port too
}

// listen opens addr for HTTP, and for what is beside it.
func listen(addr string, h http.Handler, secure *tls.Config, beside relay.SplitConfig, log *slog.Logger) (server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return server{}, fmt.Errorf("%w: is another program, or another Lectern, using the address?", err)
	}
	s := server{listener: l, http: &http.Server{
		Handler: h, TLSConfig: secure, ErrorLog: complaints(log),
		ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}}
	if beside.TURN != nil || beside.ICE != nil {
		beside.TLS = secure
		s.splitter = relay.Split(l, beside)
		s.listener = s.splitter
	}
	return s, nil
}

// run serves until ctx ends, then lets requests under way finish. Sockets are hijacked connections: the hub,
// which stops next, closes them.
func (s server) run(ctx context.Context) error {
	done, split := make(chan error, 1), make(chan error, 1)
	go func() {
		if s.http.TLSConfig != nil && s.splitter == nil {
			done <- s.http.ServeTLS(s.listener, "", "")
		} else {
			done <- s.http.Serve(s.listener) // the splitter has done the TLS
		}
	}()
	go func() {
		if s.splitter != nil {
			split <- s.splitter.Run(ctx)
		}
		close(split)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := s.http.Shutdown(end); errors.Is(err, context.DeadlineExceeded) {
		_ = s.http.Close() // whoever is still reading after ten seconds has been given up on
	}
	<-done
	return <-split
}
