// Package egress is how a lecture reaches those who attend: a receive-only WebRTC transport made of ICE-lite,
// DTLS and SRTP alone, without a PeerConnection. A few workers send to thousands; after the handshake an
// attendee has no goroutine. It shares its port with the presenters' peers, which get what is not for it.
package egress

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/media"
)

const (
	// maxAttendees is how many sessions the server takes, maxInRoom how many one room.
	maxAttendees = 20000
	maxInRoom    = 10000
)

// screenTrack is the track of a shared screen, as media/sfu names it.
const screenTrack = "screen"

// tracks are the names of what an attendee gets, by kind, as media/sfu names them: the first video section of
// his offer shows the camera, the second the screen; the sounds are those of up to three who speak, which he mixes.
var tracks = map[media.Kind][]string{
	media.Video: {"camera", screenTrack},
	media.Audio: {"microphone", "microphone-2", "microphone-3"},
}

// Config says how a Server is to be.
type Config struct {
	// UDPAddr is the host:port of the UDP sockets. Without a host there is one for each address of the machine.
	// Port 0 takes any that is free on all of them.
	UDPAddr string
	// TCP opens the same port number for ICE-TCP (RFC 6544). With SharedTCP somebody else has that port and hands what
	// speaks ICE-TCP to Server.Take.
	TCP, SharedTCP bool
	// AdvertiseIPs are further addresses to offer to clients, such as the public one behind a NAT.
	AdvertiseIPs []string
	// Log may be nil.
	Log *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Workers is how many goroutines send; 0 means one per core.
	Workers int
}

// Server holds the attendees of all rooms.
type Server struct {
	log       *slog.Logger
	born      time.Time
	advertise []netip.Addr
	ports     []*port
	identity  identity
	meters    *meters
	workers   []*worker
	turns     chan struct{} // a place for each handshake that is being worked on
	strangers chan struct{} // a place for each TCP connection whose first check has not come
	tables    tables
	patience  time.Duration // without a check
	ctx       context.Context
	cancel    context.CancelFunc

	mu       sync.Mutex
	closed   bool
	rooms    map[string]*Room
	sessions map[string]*attendee
	running  sync.WaitGroup // readers, workers, handshakes
}

// SubscribeOptions say who attends.
type SubscribeOptions struct {
	Owner string // the person or token, for Session.Owner
	// VideoCodec is the MIME type of the picture, for a room whose publisher is known but has sent nothing yet.
	// Empty means that there must be a track.
	VideoCodec string
}

// New opens the sockets and starts nothing else. Run must be called to close them again.
func New(cfg Config) (*Server, error) {
	s := &Server{
		log: cfg.Log, born: time.Now(), patience: patience,
		strangers: make(chan struct{}, tcpStrangers),
		turns:     make(chan struct{}, handshakesPerCore*runtime.GOMAXPROCS(0)),
		tables:    tables{byUfrag: map[string]*attendee{}, byPath: map[pathKey]*attendee{}},
		rooms:     map[string]*Room{}, sessions: map[string]*attendee{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, text := range cfg.AdvertiseIPs {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("address to advertise: %w", err)
		}
		s.advertise = append(s.advertise, ip.Unmap())
	}
	var err error
	if s.identity, err = newIdentity(); err != nil {
		return nil, err
	}
	if s.meters, err = newMeters(cfg.Metrics, s); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	n := cfg.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	for i := range n {
		s.workers = append(s.workers, newWorker(s, i))
	}
	if s.ports, err = openPorts(cfg.UDPAddr, cfg.TCP); err != nil {
		return nil, err
	}
	for _, p := range s.ports {
		if cfg.TCP || cfg.SharedTCP {
			p.others = newRestListener(p)
		}
		p.rest.lost = s.meters.dropped.WithLabelValues("rest").Inc
	}
	return s, nil
}

// Run serves until ctx ends, then ends all sessions, closes the sockets and returns nil.
func (s *Server) Run(ctx context.Context) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	for _, w := range s.workers {
		s.running.Go(func() { w.run(working) })
	}
	for _, p := range s.ports {
		for _, sock := range p.shards {
			s.running.Go(func() { s.read(sock) })
		}
		if p.tcp != nil {
			s.running.Go(func() { s.accept(p) })
		}
	}
	s.sweep(ctx)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, a := range s.all() {
		s.end(a, "the server stops")
	}
	s.cancel()
	for _, p := range s.ports {
		p.close()
	}
	stop()
	s.running.Wait()
	s.leaveRooms()
	return nil
}

// Addrs returns the addresses that media leaves from, best first.
func (s *Server) Addrs() []netip.AddrPort {
	var all []netip.AddrPort
	for _, p := range s.ports {
		all = append(all, p.addr)
	}
	return all
}

// Rest returns, for each address, what comes in and is not an attendee's. Somebody must read it.
func (s *Server) Rest() []*Rest {
	var all []*Rest
	for _, p := range s.ports {
		all = append(all, p.rest)
	}
	return all
}

// RestTCP returns the same for TCP connections; nothing without Config.TCP or SharedTCP.
func (s *Server) RestTCP() []net.Listener {
	var all []net.Listener
	for _, p := range s.ports {
		if p.others != nil {
			all = append(all, p.others)
		}
	}
	return all
}

// Subscribe answers a WHEP offer for a room whose packets come from source. The errors wrap ErrNotPublished when
// there is nothing to see, ErrOffer, ErrCodec, ErrFull or ErrClosed. Attendees outlive the publisher: who takes
// over with the same codec is shown in the same session; with another codec the sessions end.
func (s *Server) Subscribe(_ context.Context, room string, source Source, offerSDP string, opts SubscribeOptions) (answer string, session *Session, err error) {
	o, err := parseOffer(offerSDP)
	if err != nil {
		return "", nil, err
	}
	r, leave, err := s.enter(room, source)
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			leave()
		}
	}()
	info, ok := r.video()
	switch {
	case ok:
	case opts.VideoCodec != "":
		info.MimeType = opts.VideoCodec
	case r.published():
		info.MimeType = mimeH264 // sound only, so far
	default:
		return "", nil, ErrNotPublished
	}
	plans, err := answerPlan(o, tracks, info.MimeType, info.Fmtp)
	if err != nil {
		return "", nil, err
	}
	a := &attendee{
		server: s, room: r, plans: lean(plans), fingerprint: o.fingerprint,
		created: s.now(), present: newCredentials(),
	}
	a.wanted.Store(uint32(media.Auto))
	a.shown.Store(uint32(media.SoundOnly))
	a.heard.Store(a.created)
	a.session = &Session{id: token(32), owner: opts.Owner, a: a, done: make(chan struct{}), etag: newETag(), peer: strings.Clone(o.ufrag)}
	if err := s.add(a); err != nil {
		return "", nil, err
	}
	return writeAnswer(plans, s.transport(a.present)), a.session, nil
}

// transport returns our side of the connection for SDP.
func (s *Server) transport(c credentials) transport {
	t := transport{ufrag: c.ufrag, password: c.password, fingerprint: s.identity.fingerprint}
	number := s.ports[0].addr.Port()
	for _, ip := range s.advertise {
		t.addrs = append(t.addrs, netip.AddrPortFrom(ip, number))
	}
	t.addrs = append(t.addrs, s.Addrs()...)
	if s.ports[0].others != nil {
		t.tcp = t.addrs
	}
	return t
}

// Session returns a session that has not ended.
func (s *Server) Session(id string) (*Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.sessions[id]
	if !ok {
		return nil, false
	}
	return a.session, true
}

// Attendees returns how many sessions a room has.
func (s *Server) Attendees(room string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[room]; r != nil {
		return r.attendees
	}
	return 0
}

// now is the time since the server began, in nanoseconds.
func (s *Server) now() int64 { return int64(time.Since(s.born)) }

// closeWithServer closes c when the server stops. The function returned ends that; false means that it is done.
func (s *Server) closeWithServer(c net.Conn) (stop func() bool) {
	return context.AfterFunc(s.ctx, func() { _ = c.Close() })
}
