package egress

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v4/deadline"
)

// pipeQueue is how many packets of a handshake may wait. A flight has at most five; what is lost is sent again.
const pipeQueue = 8

// pipe is the net.PacketConn of one handshake: it reads what the demultiplexer finds for the attendee and
// writes to where he is now.
type pipe struct {
	a     *attendee
	in    chan []byte
	done  chan struct{}
	once  sync.Once
	mute  atomic.Bool
	until *deadline.Deadline

	mu     sync.Mutex
	flight [][]byte // what was written since a packet was last read
	read   bool     // a packet was read since something was written
}

func newPipe(a *attendee) *pipe {
	return &pipe{a: a, in: make(chan []byte, pipeQueue), done: make(chan struct{}), until: deadline.New()}
}

func (p *pipe) push(b []byte) {
	select {
	case p.in <- append([]byte(nil), b...):
	default:
	}
}

// ReadFrom implements net.PacketConn.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case packet := <-p.in:
		p.mu.Lock()
		p.read = true
		p.mu.Unlock()
		return copy(b, packet), p.remote(), nil
	case <-p.done:
		return 0, nil, net.ErrClosed
	case <-p.until.Done():
		return 0, nil, os.ErrDeadlineExceeded
	}
}

// WriteTo implements net.PacketConn.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	if p.mute.Load() {
		return len(b), nil
	}
	p.mu.Lock()
	if p.read {
		p.read, p.flight = false, nil
	}
	p.flight = append(p.flight, append([]byte(nil), b...))
	p.mu.Unlock()
	if to := p.a.path.Load(); to != nil {
		return len(b), to.write(b)
	}
	return len(b), nil
}

// last returns our last flight. A client that has not got it repeats his own, and gets it again from here: so the
// connection and its goroutines need not outlive the handshake.
func (p *pipe) last() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flight
}

func (p *pipe) remote() net.Addr {
	if to := p.a.path.Load(); to != nil {
		return net.UDPAddrFromAddrPort(to.addr)
	}
	return &net.UDPAddr{}
}

// Close implements net.PacketConn.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (p *pipe) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline implements net.PacketConn.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.until.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn. Writing does not wait.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
