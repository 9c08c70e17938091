package relay

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// ALPN is the protocol by which a client asks for TURN in the TLS handshake (RFC 7443).
	ALPN = "stun.turn"
	// sniPrefix is what a host name begins with that is for TURN alone.
	sniPrefix = "turn."
	// decideWithin is how long a connection has to show what it speaks, the TLS handshake included.
	decideWithin = 5 * time.Second
	// maxUndecided is how many connections may be at it; more are closed.
	maxUndecided = 8192
)

// Splitter lets several protocols live on one TCP port: HTTP, for which it is the listener; TURN, which goes to a
// Server; and ICE-TCP (RFC 6544), if somebody takes it. With TLS the client's ALPN or server name tells, else the first
// bytes: STUN begins with a byte below 4 (RFC 7983), which neither an HTTP request nor a TLS handshake does. ICE-TCP is never
// inside TLS: browsers send it as it is, also to a port that else speaks TLS, and what it carries is sealed.
type Splitter struct {
	inner net.Listener
	tls   *tls.Config
	turn  func(net.Conn) // nil: not taken
	ice   func(net.Conn) // the same

	http      chan net.Conn // unbuffered: who has decided waits for Accept
	undecided chan struct{}
	within    time.Duration
	done      chan struct{}
	close     sync.Once
	err       error
}

// SplitConfig says what is on the port.
type SplitConfig struct {
	// TLS is nil without it.
	TLS *tls.Config
	// TURN, if set, takes over a connection that speaks it, without its TLS. It must return soon.
	TURN func(net.Conn)
	// ICE, if set, takes over a connection whose first frame is a STUN message behind its length (RFC 4571). It must
	// return soon.
	ICE func(net.Conn)
}

// Split returns the listener for HTTP of a port. It starts nothing: Run does.
func Split(inner net.Listener, c SplitConfig) *Splitter {
	s := &Splitter{
		inner: inner, turn: c.TURN, ice: c.ICE,
		http: make(chan net.Conn), undecided: make(chan struct{}, maxUndecided), within: decideWithin, done: make(chan struct{}),
	}
	if c.TLS != nil {
		s.tls = c.TLS.Clone()
		if c.TURN != nil {
			s.tls.NextProtos = append(slices.Clone(s.tls.NextProtos), ALPN)
		}
	}
	return s
}

// Run accepts connections until Close is called or ctx ends, and waits for those that have not shown what they speak.
func (s *Splitter) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	var deciding sync.WaitGroup
	defer deciding.Wait()
	defer func() { _ = s.Close() }()
	defer cancel()
	for {
		c, err := s.inner.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // no descriptors left, most likely: some will come back
			select {
			case <-time.After(10 * time.Millisecond):
			case <-s.done:
			}
			continue
		}
		select {
		case s.undecided <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		deciding.Go(func() {
			defer func() { <-s.undecided }()
			cut := context.AfterFunc(ctx, func() { _ = c.Close() })
			if decided := s.decide(ctx, c); decided != nil && cut() {
				decided()
			} else {
				_ = c.Close()
			}
		})
	}
}

// decide finds out who is to have a connection and returns what gives it, or nil for nobody.
func (s *Splitter) decide(ctx context.Context, c net.Conn) func() {
	_ = c.SetDeadline(time.Now().Add(s.within))
	if s.tls == nil {
		return s.guess(c, s.give, s.turn, s.ice)
	}
	head := make([]byte, 1, iceHead)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil
	}
	begun := &peeked{Conn: c, head: head}
	if head[0] < 4 {
		return s.guess(begun, nil, nil, s.ice)
	}
	secured := tls.Server(begun, s.tls)
	if secured.HandshakeContext(ctx) != nil {
		return nil
	}
	state := secured.ConnectionState()
	switch {
	case state.NegotiatedProtocol == ALPN, s.turn != nil && strings.HasPrefix(state.ServerName, sniPrefix) && state.NegotiatedProtocol == "":
		_ = c.SetDeadline(time.Time{})
		return func() { s.turn(secured) }
	case state.NegotiatedProtocol != "":
		_ = c.SetDeadline(time.Time{})
		return func() { s.give(secured) } // as it is: net/http looks for the *tls.Conn
	}
	return s.guess(secured, s.give, s.turn, nil)
}

// guess finds out by the first bytes which of those who may have a connection is to, or nil for nobody.
func (s *Splitter) guess(c net.Conn, http, turn, ice func(net.Conn)) func() {
	head := make([]byte, 1, iceHead)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil
	}
	to := http
	if head[0] < 4 {
		head = head[:iceHead]
		if _, err := io.ReadFull(c, head[1:]); err != nil {
			return nil
		}
		to = turn
		if ice != nil && framed(head) {
			to = ice
		}
	}
	if to == nil {
		return nil
	}
	_ = c.SetDeadline(time.Time{})
	return func() { to(&peeked{Conn: c, head: head}) }
}

// iceHead is how many bytes tell ICE-TCP from TURN.
const iceHead = 10

// framed reports whether a stream begins with a length and then a STUN message, not with the message itself.
func framed(head []byte) bool {
	return len(head) >= iceHead && binary.BigEndian.Uint32(head[6:]) == magic && binary.BigEndian.Uint32(head[4:]) != magic
}

// give hands a connection to HTTP.
func (s *Splitter) give(c net.Conn) {
	select {
	case s.http <- c:
	case <-s.done:
		_ = c.Close()
	}
}

// Accept implements net.Listener for HTTP.
func (s *Splitter) Accept() (net.Conn, error) {
	select {
	case c := <-s.http:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close ends the port. Connections that were given away live on.
func (s *Splitter) Close() error {
	s.close.Do(func() {
		close(s.done)
		s.err = s.inner.Close()
	})
	return s.err
}

// Addr implements net.Listener.
func (s *Splitter) Addr() net.Addr { return s.inner.Addr() }

// peeked is a connection of which the first bytes were read already.
type peeked struct {
	net.Conn
	head []byte
}

// Read gives the first bytes before it reads on.
func (p *peeked) Read(b []byte) (int, error) {
	if len(p.head) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.head)
	p.head = p.head[n:]
	return n, nil
}

// ReadFrom keeps the kernel's way from a file to a socket open for net/http.
func (p *peeked) ReadFrom(r io.Reader) (int64, error) {
	if direct, ok := p.Conn.(io.ReaderFrom); ok {
		return direct.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{p.Conn}, r)
}
