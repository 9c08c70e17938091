package egress

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// tables find the attendee of a packet: connectivity checks by the user name, all else by where it comes from.
type tables struct {
	mu      sync.RWMutex
	byUfrag map[string]*attendee
	byPath  map[pathKey]*attendee
}

// demux sorts incoming packets (RFC 7983). One goroutine uses it.
type demux struct {
	server  *Server
	message stun.Message
	clear   []byte // for decrypted RTCP
}

func newDemux(s *Server) *demux {
	return &demux{server: s, clear: make([]byte, 0, readMTU)}
}

// take handles a packet of an attendee; false means that it belongs to somebody else. With a tcp stream the
// socket is nil.
func (d *demux) take(b []byte, sock *socket, tcp *tcpStream, from netip.AddrPort) bool {
	if len(b) == 0 {
		return true
	}
	if b[0] < 4 {
		return d.check(b, sock, tcp, from)
	}
	key := pathKey{addr: from, tcp: tcp != nil}
	if tcp != nil {
		key.port = tcp.port
	} else {
		key.port = sock.port
	}
	t := &d.server.tables
	t.mu.RLock()
	a := t.byPath[key]
	t.mu.RUnlock()
	switch {
	case a == nil:
		return false
	case b[0] >= 20 && b[0] < 64:
		d.server.handshake(a, b)
	case b[0] >= 128 && b[0] < 192:
		a.control(b, d)
	}
	return true
}

var errNoCheck = errors.New("not a connectivity check")

// check is what we need of a connectivity check (RFC 8445 section 7.2.2).
type check struct {
	ufrag     string // ours
	nominates bool   // USE-CANDIDATE
	controls  bool   // the client believes to be controlled, like us
}

// parseCheck reads a binding request without trusting it; the message keeps a copy of the packet.
func parseCheck(m *stun.Message, b []byte) (check, error) {
	m.Reset()
	m.Raw = append(m.Raw[:0], b...)
	if err := m.Decode(); err != nil {
		return check{}, err
	}
	if m.Type != stun.BindingRequest {
		return check{}, errNoCheck
	}
	name, err := m.Get(stun.AttrUsername)
	if err != nil {
		return check{}, err
	}
	ours, _, ok := strings.Cut(string(name), ":")
	if !ok {
		return check{}, errNoCheck
	}
	return check{ufrag: ours, nominates: m.Contains(stun.AttrUseCandidate), controls: m.Contains(stun.AttrICEControlled)}, nil
}

// authentic reports whether the message carries the password's integrity and its fingerprint.
func authentic(m *stun.Message, password string) bool {
	return stun.Fingerprint.Check(m) == nil && stun.NewShortTermIntegrity(password).Check(m) == nil
}

// check answers a connectivity check of one of our attendees, and moves him when he says so.
func (d *demux) check(b []byte, sock *socket, tcp *tcpStream, from netip.AddrPort) bool {
	c, err := parseCheck(&d.message, b)
	if err != nil {
		return false
	}
	t := &d.server.tables
	t.mu.RLock()
	a := t.byUfrag[c.ufrag]
	t.mu.RUnlock()
	if a == nil {
		return false
	}
	password, ok := a.passwordOf(c.ufrag)
	if !ok || !authentic(&d.message, password) {
		return true
	}
	reply := []stun.Setter{
		&d.message, stun.BindingSuccess, &stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
		stun.NewShortTermIntegrity(password), stun.Fingerprint,
	}
	if c.controls {
		// A lite server is always the controlled one (RFC 8445 section 7.3.1.1).
		reply[1], reply[2] = stun.NewType(stun.MethodBinding, stun.ClassErrorResponse), stun.CodeRoleConflict
	}
	answer, err := stun.Build(reply...)
	if err != nil {
		return true
	}
	p := a.path.Load()
	if p == nil || p.addr != from || p.tcp != tcp || p.socket != sock {
		if tcp != nil {
			p = &path{port: tcp.port, addr: from, tcp: tcp}
		} else {
			p = newPath(sock, from)
		}
	}
	if p.write(answer.Raw) == nil && !c.controls {
		d.server.checked(a, c, p)
	}
	return true
}

// abandoned is how long a path must have been without a check before one from elsewhere is followed that does not
// nominate: a NAT that gave the attendee another address does not tell him.
const abandoned = 3 * time.Second

// checked notes that the attendee is there, and takes the path when it is the first one, nominated, or the only
// one that is still in use.
func (s *Server) checked(a *attendee, c check, p *path) {
	now := s.now()
	a.heard.Store(now)
	a.live(now)
	a.confirm(s, c.ufrag)
	old := a.path.Load()
	if old == p {
		a.heardHere.Store(now)
		return
	}
	if old != nil && !c.nominates && now-a.heardHere.Load() < int64(abandoned) {
		return
	}
	a.heardHere.Store(now)
	t := &s.tables
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.ended.Load() {
		return
	}
	a.path.Store(p)
	if old != nil {
		s.meters.moves.Inc()
		if t.byPath[old.key()] == a {
			delete(t.byPath, old.key())
		}
		if old.tcp != nil && old.tcp != p.tcp {
			old.tcp.close()
		}
	}
	t.byPath[p.key()] = a
}
