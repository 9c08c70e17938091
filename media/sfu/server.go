// Package sfu forwards the sound and pictures of presenters and panellists to those who attend: rooms with up to twenty
// publishers and many attendees, all on one UDP port. Publishers come by WHIP (RFC 9725), attendees by its counterpart
// WHEP; the HTTP part of both is somebody else's. The recorder listens as a media.Sink.
//
// A publisher sends up to four tracks: "camera", the first picture of its offer, "microphone", its first sound, and
// "screen" and "screen-sound", the second ones. Our studio offers the section of the screen from the
// start and sends in it while a screen is shared; the track is there from its first packet until
// Session.Unshare or the browser's leave (RTCP BYE), so nothing is negotiated anew.
//
// What sinks get is the programme: of the publishers who are on air, "camera" of who is speaking, "screen" while one
// is shared, and the sounds of up to three at a time, "microphone", "microphone-2" and "microphone-3", which the
// receiver mixes. A track whose source changes is added anew. What is off air nobody gets but those backstage.
//
// An attendee's first three sections that receive sound get the sounds, the first that receives pictures the camera,
// the second the screen. While no screen is shared nothing is sent in that section. An attendee with one section of
// pictures is shown the stage in it: the screen while it is shared, else the camera.
package sfu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxAttendees is how many sessions of attendees one room takes.
	maxAttendees = 5000
	// maxPublishers is how many publish in one room, and maxConnecting how many sessions more of a person or of a room may
	// be connecting.
	maxPublishers = 20
	maxConnecting = 4
	// answersPerCore bounds the offers that are answered at the same time; more wait.
	answersPerCore = 4
)

// Config says how a Server is to be.
type Config struct {
	// UDPAddr is the host:port of the one UDP socket. Without a host all interfaces are used and the port
	// must be given; with one, port 0 takes any.
	UDPAddr string
	// Ports, if given, are used instead of UDPAddr: one for each address of a port that another transport reads and
	// shares. ListenersTCP are the same for ICE-TCP, which is off without.
	Ports        []net.PacketConn
	ListenersTCP []net.Listener
	// AdvertiseIPs are further addresses to offer to clients, such as the public one behind a NAT.
	AdvertiseIPs []string
	// Log may be nil.
	Log *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// OnPublish, if set, is told when media begins or ceases to arrive in a room: within two seconds when
	// the publisher's network fails, at once when it leaves. It is told the same again when a screen begins or
	// ceases to be shared. Calls for one room come one after another, from
	// the goroutine that watches the publisher: they must return soon.
	OnPublish func(room string, on bool)
	// OnPanel, if set, is told when something of Room.Participants has changed that is not loudness. It is called as
	// OnPublish is.
	OnPanel func(room string)

	tcp ice.TCPMux // of ListenersTCP; nil without
}

// Server holds the rooms and sessions of one UDP port.
type Server struct {
	cfg        Config
	log        *slog.Logger
	mux        ice.UDPMux
	publishers *webrtc.API
	attendees  *webrtc.API
	meters     *meters
	answering  chan struct{} // a place for each offer being answered
	handshake  time.Duration // what a session has to connect in
	hidden     time.Duration // hiddenAfter, but for tests
	probes     probes

	mu       sync.Mutex
	closed   bool
	rooms    map[string]*Room
	sessions map[string]*Session
	running  sync.WaitGroup // one for each session
}

// New opens the socket and starts nothing else. Run must be called to close it again.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	mux, err := openMux(cfg)
	if err != nil {
		return nil, err
	}
	cfg.tcp = shareTCP(cfg.ListenersTCP)
	s := &Server{
		cfg: cfg, log: cfg.Log, mux: mux,
		answering: make(chan struct{}, answersPerCore*runtime.GOMAXPROCS(0)), handshake: handshakeTimeout, hidden: hiddenAfter,
		rooms: map[string]*Room{}, sessions: map[string]*Session{},
	}
	if s.publishers, err = publisherAPI(cfg, mux); err == nil {
		s.attendees, err = attendeeAPI(cfg, mux)
	}
	if err == nil {
		s.meters, err = newMeters(cfg.Metrics, s)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare WebRTC: %w", err), mux.Close())
	}
	return s, nil
}

// Run serves until ctx ends, then closes all sessions and the socket, and returns nil.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.closed = true
	for _, session := range s.sessions {
		session.Close()
	}
	s.mu.Unlock()
	s.probes.close()
	s.running.Wait()
	if err := s.closePorts(); err != nil {
		return fmt.Errorf("close media socket: %w", err)
	}
	return nil
}

// Addr returns the addresses that media arrives at.
func (s *Server) Addr() []string {
	var all []string
	for _, a := range s.mux.GetListenAddresses() {
		all = append(all, a.String())
	}
	return all
}

// Room returns the room of that name, which need not have anybody in it.
func (s *Server) Room(name string) *Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rooms[name]
	if !ok {
		r = newRoom(s, name)
		s.rooms[name] = r
	}
	return r
}

// Session returns a session that has not ended.
func (s *Server) Session(id string) (*Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.sessions[id]
	return session, ok
}

// admit adds a session unless the room or the server takes no more. Whoever is admitted must be dismissed.
func (s *Server) admit(session *Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if session.full() {
		return fmt.Errorf("room has %d attendees and %d publishers: %w", session.room.attendees, session.room.publishers, ErrFull)
	}
	session.count(1)
	s.sessions[session.id] = session
	s.running.Add(1)
	return nil
}

func (s *Server) dismiss(session *Session) {
	s.mu.Lock()
	delete(s.sessions, session.id)
	session.count(-1)
	s.mu.Unlock()
	s.running.Done()
}

// turn waits for a place among those who answer an offer and returns what gives it back.
func (s *Server) turn(ctx context.Context) (func(), error) {
	select {
	case s.answering <- struct{}{}:
		return func() { <-s.answering }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
