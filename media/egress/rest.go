package egress

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/transport/v4/deadline"
)

// restQueue is how many packets of others may wait to be read; more are dropped and counted. It holds a
// second of a presenter with three layers.
const restQueue = 1024

// Rest is a net.PacketConn that gets what comes in on an address and is not an attendee's: presenters, whose
// peers may so share the port. It also has the methods by which pion avoids net.Addr.
type Rest struct {
	port  *port
	in    chan stray
	done  chan struct{}
	close sync.Once
	until *deadline.Deadline
	lost  func()
}

type stray struct {
	buffer *[readMTU]byte
	n      int
	from   netip.AddrPort
}

var strays = sync.Pool{New: func() any { return new([readMTU]byte) }}

func newRest(p *port) *Rest {
	return &Rest{port: p, in: make(chan stray, restQueue), done: make(chan struct{}), until: deadline.New(), lost: func() {}}
}

func (r *Rest) push(b []byte, from netip.AddrPort) {
	s := stray{strays.Get().(*[readMTU]byte), 0, from}
	s.n = copy(s.buffer[:], b)
	select {
	case r.in <- s:
	default:
		strays.Put(s.buffer)
		r.lost()
	}
}

// ReadFromAddrPort waits for a packet.
func (r *Rest) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case s := <-r.in:
		n := copy(b, s.buffer[:s.n])
		strays.Put(s.buffer)
		return n, s.from, nil
	case <-r.done:
		return 0, netip.AddrPort{}, net.ErrClosed
	case <-r.until.Done():
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

// ReadFrom implements net.PacketConn.
func (r *Rest) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := r.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteToAddrPort sends from the shared port.
func (r *Rest) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return r.port.shards[0].conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// WriteTo implements net.PacketConn.
func (r *Rest) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.OpError{Op: "write", Net: "udp", Addr: to, Err: net.InvalidAddrError("not a UDP address")}
	}
	return r.WriteToAddrPort(b, u.AddrPort())
}

// Close ends reading. The sockets stay open: they are the Server's.
func (r *Rest) Close() error {
	r.close.Do(func() { close(r.done) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (r *Rest) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(r.port.addr) }

// SetDeadline implements net.PacketConn.
func (r *Rest) SetDeadline(t time.Time) error { return r.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (r *Rest) SetReadDeadline(t time.Time) error {
	r.until.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn. Writing to a UDP socket does not wait.
func (r *Rest) SetWriteDeadline(time.Time) error { return nil }

// RestListener is a net.Listener for the TCP connections that are not an attendee's, with what they sent first.
type RestListener struct {
	port  *port
	in    chan net.Conn
	done  chan struct{}
	close sync.Once
}

func newRestListener(p *port) *RestListener {
	return &RestListener{port: p, in: make(chan net.Conn, 16), done: make(chan struct{})}
}

// offer hands a connection on; false means that nobody takes it.
func (l *RestListener) offer(c net.Conn) bool {
	select {
	case l.in <- c:
		return true
	default:
		return false
	}
}

// Accept implements net.Listener.
func (l *RestListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.in:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends accepting.
func (l *RestListener) Close() error {
	l.close.Do(func() {
		close(l.done)
		for {
			select {
			case c := <-l.in:
				_ = c.Close()
			default:
				return
			}
		}
	})
	return nil
}

// Addr implements net.Listener.
func (l *RestListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.port.addr) }
