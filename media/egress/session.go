package egress

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pion/srtp/v3"

	"lectern/media"
)

// Session is one attendee's connection, with the methods of sfu.Session.
type Session struct {
	id, owner string
	a         *attendee
	done      chan struct{}

	mu   sync.Mutex
	etag string
	peer string // the client's user name fragment, which a fragment must repeat
}

// attendee is the connection itself: what readers, the handshake, the worker and the sweeper share.
type attendee struct {
	session     *Session
	server      *Server
	room        *Room
	plans       []plan
	fingerprint hash
	created     int64 // like heard

	path      atomic.Pointer[path] // nil before the first check
	heard     atomic.Int64         // last authentic check, in nanoseconds since the server began
	heardHere atomic.Int64         // the same, on the present path
	alive     atomic.Int64         // last authentic packet of any kind, like heard
	silent    atomic.Bool          // nothing is sent until he is heard again
	wanted    atomic.Uint32        // layer that the attendee has chosen
	shown     atomic.Uint32        // layer that he gets
	limited   atomic.Bool          // which is less than there is, because his line carries no more
	ended     atomic.Bool

	mu       sync.Mutex
	present  credentials
	former   credentials // until the first check with the present ones, after a restart
	over     bool
	pipe     *pipe    // during the handshake
	flight   [][]byte // our last one, until the client has shown that he has the keys
	repeats  int      // how often it may be sent again
	farewell farewell
	open     *srtp.Context // for the client's SRTCP, set when the handshake is done
	worker   *worker
	viewer   *viewer
}

// credentials are our side's of an ICE session.
type credentials struct{ ufrag, password string }

func newCredentials() credentials { return credentials{token(8), token(24)} }

// token returns so many random hexadecimal digits.
func token(digits int) string {
	b := make([]byte, (digits+1)/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)[:digits]
}

func newETag() string { return `"` + token(16) + `"` }

// ID names the session; who knows it may change and end it. 128 random bits.
func (s *Session) ID() string { return s.id }

// Owner is what SubscribeOptions named.
func (s *Session) Owner() string { return s.owner }

// Room returns the name of the session's room.
func (s *Session) Room() string { return s.a.room.name }

// Publishes is false: attendees only receive.
func (s *Session) Publishes() bool { return false }

// ETag names the present ICE session, as RFC 9725 section 4.3 wants it, with the quotes. A restart changes it.
func (s *Session) ETag() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.etag
}

// Done is closed when the session has ended, by whichever side.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the session.
func (s *Session) Close() { s.a.server.end(s.a, "closed") }

// Layer returns what the attendee has chosen, what he gets, which is SoundOnly before the first picture, and whether
// his line is why it is not more.
func (s *Session) Layer() (wanted, shown media.Layer, limited bool) {
	return media.Layer(s.a.wanted.Load()), media.Layer(s.a.shown.Load()), s.a.limited.Load()
}

// SetLayer chooses what the attendee gets: a layer, or the nearest that is sent, media.SoundOnly or media.Auto. The
// picture changes at the next keyframe, which is asked for.
func (s *Session) SetLayer(l media.Layer) {
	a := s.a
	a.wanted.Store(uint32(l))
	a.mu.Lock()
	w, v := a.worker, a.viewer
	a.mu.Unlock()
	if w != nil {
		w.post(event{kind: chooses, viewer: v, layer: l})
	}
}

// Trickle takes further candidates of the client (RFC 9725 section 4.3.2). They are checked and not needed: an
// ICE-lite server learns the client's address from its checks. The errors wrap ErrOffer.
func (s *Session) Trickle(sdpfrag string) error {
	ufrag, _, err := parseFragment(sdpfrag)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ufrag != s.peer {
		return fmt.Errorf("%w: the fragment belongs to another ICE session", ErrOffer)
	}
	return nil
}

// Restart begins a new ICE session with the credentials in the client's fragment and returns our own fragment
// (RFC 9725 section 4.3.3): the way back after a change of network. Media and keys go on as they were, on the
// old path until the first check of the new session. The errors wrap ErrOffer or ErrClosed.
func (s *Session) Restart(_ context.Context, sdpfrag string) (string, error) {
	ufrag, _, err := parseFragment(sdpfrag)
	if err != nil {
		return "", err
	}
	fresh := newCredentials()
	if !s.a.renew(fresh) {
		return "", ErrClosed
	}
	s.mu.Lock()
	s.etag, s.peer = newETag(), strings.Clone(ufrag)
	s.mu.Unlock()
	return writeFragment(s.a.plans, s.a.server.transport(fresh)), nil
}

// passwordOf returns the password that goes with one of our user name fragments.
func (a *attendee) passwordOf(ufrag string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch ufrag {
	case a.present.ufrag:
		return a.present.password, true
	case a.former.ufrag:
		return a.former.password, a.former.ufrag != ""
	}
	return "", false
}

// renew takes new credentials; those before stay good until the new ones are used.
func (a *attendee) renew(fresh credentials) bool {
	t := &a.server.tables
	t.mu.Lock()
	defer t.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return false
	}
	delete(t.byUfrag, a.former.ufrag)
	a.former, a.present = a.present, fresh
	t.byUfrag[fresh.ufrag] = a
	return true
}

// confirm ends the former ICE session when the present one is in use.
func (a *attendee) confirm(s *Server, ufrag string) {
	a.mu.Lock()
	stale := a.former.ufrag
	used := stale != "" && ufrag == a.present.ufrag
	if used {
		a.former = credentials{}
	}
	a.mu.Unlock()
	if used {
		s.tables.mu.Lock()
		delete(s.tables.byUfrag, stale)
		s.tables.mu.Unlock()
	}
}
