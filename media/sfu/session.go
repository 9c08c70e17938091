package sfu

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"lectern/media"
)

// handshakeTimeout ends a session that has not been answered in this time, or then not connected.
const handshakeTimeout = 15 * time.Second

// Session is one peer's connection: a publisher's or an attendee's.
type Session struct {
	id, owner string
	person    string // of a publisher, whose seat it takes
	publishes bool
	server    *Server
	room      *Room
	pc        *webrtc.PeerConnection
	attendee  *attendee // nil for a publisher
	role      role

	connected chan struct{} // closed when media can flow
	closing   chan struct{} // closed when the session is to end
	done      chan struct{} // closed when it has
	connect   sync.Once
	end       sync.Once

	mu    sync.Mutex
	etag  string
	offer *offer // the client's newest description
}

// Person is what PublishOptions or ListenOptions named.
func (s *Session) Person() string { return s.person }

// count adds the session to those of its room, or takes it away. server.mu is held.
func (s *Session) count(n int) {
	r := s.room
	if !s.publishes {
		r.attendees += n
		return
	}
	r.publishers += n
	if r.knocking[s.person] += n; r.knocking[s.person] == 0 {
		delete(r.knocking, s.person)
	}
}

// full reports whether the room takes no more like this one. server.mu is held.
func (s *Session) full() bool {
	r := s.room
	if !s.publishes {
		return r.attendees >= maxAttendees
	}
	return r.publishers >= maxPublishers+maxConnecting || r.knocking[s.person] > maxConnecting
}

// role is what a session does once it is connected.
type role interface {
	// run returns when the session is closing.
	run()
	// stop is called after the connection has been closed, and waits for what run or the connection started.
	stop()
}

func newSession(room *Room, owner string, publishes bool) *Session {
	return &Session{
		id: token(), etag: `"` + token()[:16] + `"`, owner: owner, publishes: publishes, server: room.server, room: room,
		connected: make(chan struct{}), closing: make(chan struct{}), done: make(chan struct{}),
	}
}

// token returns 128 random bits in hexadecimal digits.
func token() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// ID names the session; who knows it may change and end it. 128 random bits.
func (s *Session) ID() string { return s.id }

// Owner is what PublishOptions or SubscribeOptions named.
func (s *Session) Owner() string { return s.owner }

// Room returns the name of the session's room.
func (s *Session) Room() string { return s.room.name }

// Publishes tells a publisher's session from an attendee's.
func (s *Session) Publishes() bool { return s.publishes }

// ETag names the present ICE session, as RFC 9725 section 4.3 wants it, with the quotes. A restart changes it.
func (s *Session) ETag() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.etag
}

// Done is closed when the session has ended, by whichever side.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the session. It returns at once; Done tells when it is over.
func (s *Session) Close() { s.end.Do(func() { close(s.closing) }) }

// SetLayer chooses what an attendee gets: a layer, or the nearest that is sent, media.SoundOnly or media.Auto. It does
// nothing for a publisher.
func (s *Session) SetLayer(l media.Layer) {
	if s.attendee == nil {
		return
	}
	for _, d := range s.attendee.tracks() {
		if d.kind == media.Video {
			d.setLayer(l)
		}
	}
}

// Layer returns what an attendee has chosen, what he gets, which is SoundOnly before the first picture, and whether his
// line is why it is not more.
func (s *Session) Layer() (wanted, shown media.Layer, limited bool) {
	wanted, shown = media.Auto, media.SoundOnly
	if s.attendee == nil {
		return wanted, shown, false
	}
	for _, d := range s.attendee.tracks() {
		if d.kind == media.Video {
			chosen, l, less := d.layer()
			wanted, limited = chosen, limited || less
			if shown == media.SoundOnly {
				shown = l
			}
		}
	}
	return wanted, shown, limited
}

// Trickle takes further candidates of the client (RFC 9725 section 4.3.2). They are checked and not
// needed: an ICE-lite server learns the client's address from its checks. The fragment's credentials must
// be those of the present ICE session, else the error wraps ErrOffer.
func (s *Session) Trickle(sdpfrag string) error {
	f, err := parseFragment(sdpfrag)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.ufrag != s.offer.ufrag() {
		return fmt.Errorf("%w: the fragment belongs to another ICE session", ErrOffer)
	}
	return nil
}

// Restart begins a new ICE session with the credentials in the client's fragment and returns our own
// (RFC 9725 section 4.3.3): the way back after a change of network. Media and keys go on as they were. The
// errors wrap ErrOffer or ErrClosed.
func (s *Session) Restart(ctx context.Context, sdpfrag string) (string, error) {
	f, err := parseFragment(sdpfrag)
	if err != nil {
		return "", err
	}
	free, err := s.server.turn(ctx)
	if err != nil {
		return "", err
	}
	defer free()
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closing:
		return "", ErrClosed
	default:
	}
	text, err := s.offer.withCredentials(f.ufrag, f.password)
	if err != nil {
		return "", fmt.Errorf("restart ICE: %w", err)
	}
	renewed, err := parseOffer(text)
	if err != nil {
		return "", err
	}
	if err := s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: text}); err != nil {
		return "", fmt.Errorf("%w: restart ICE: %w", ErrOffer, err)
	}
	answer, err := s.answer(ctx)
	if err != nil {
		return "", fmt.Errorf("restart ICE: %w", err)
	}
	s.offer, s.etag = renewed, `"`+token()[:16]+`"`
	return answerFragment(answer)
}

// answer completes the exchange after the remote description was set.
func (s *Session) answer(ctx context.Context) (string, error) {
	gathered := webrtc.GatheringCompletePromise(s.pc)
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	select {
	case <-gathered:
		return s.pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-s.closing:
		return "", ErrClosed
	}
}

// watch follows the connection's state from its callback.
func (s *Session) watch(state webrtc.PeerConnectionState) {
	switch state {
	case webrtc.PeerConnectionStateConnected:
		s.connect.Do(func() { close(s.connected) })
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		s.Close()
	}
}

// supervise is the session's goroutine: it sees it through from the answer to the end.
func (s *Session) supervise(r role) {
	defer s.finish(r)
	timeout := time.NewTimer(s.server.handshake)
	defer timeout.Stop()
	select {
	case <-s.connected:
		r.run()
	case <-timeout.C:
		s.server.log.Info("peer did not connect: is the UDP port open?", "room", s.room.name, "session", s.short())
	case <-s.closing:
	}
}

func (s *Session) finish(r role) {
	s.Close()
	if err := s.pc.GracefulClose(); err != nil {
		s.server.log.Debug("close peer", "session", s.short(), "err", err)
	}
	r.stop()
	s.server.dismiss(s)
	close(s.done)
}

// short is a part of the ID that is enough for logs and not enough to act on the session.
func (s *Session) short() string { return s.id[:8] }
