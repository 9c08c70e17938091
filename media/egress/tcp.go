package egress

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// tcpFirst is how long a new connection may take for its first check.
	tcpFirst = 10 * time.Second
	// tcpIdle ends a connection that brings nothing; attendees check every few seconds.
	tcpIdle = 30 * time.Second
	// tcpStuck ends a connection whose other side takes nothing.
	tcpStuck = 10 * time.Second
	// tcpQueue is how many bytes may wait for one connection, about a second of a lecture. When it is full,
	// packets are dropped to the end of the picture, and the worker counts them.
	tcpQueue = 256 << 10
	// tcpStrangers is how many connections may be open at once whose first check has not come.
	tcpStrangers = 256
)

// tcpStream carries one attendee's packets over TCP, each behind its length in two bytes (RFC 4571, RFC 6544).
type tcpStream struct {
	port *port
	conn net.Conn
	wake chan struct{} // one place: there is something to write
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	queue   []byte
	pending []byte // what the writer has, to be used again
}

func newTCPStream(p *port, c net.Conn) *tcpStream {
	return &tcpStream{port: p, conn: c, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// send queues a packet; false means that it was dropped.
func (t *tcpStream) send(packet []byte) bool {
	t.mu.Lock()
	if len(t.queue)+len(packet)+2 > tcpQueue || len(packet) > 0xffff {
		t.mu.Unlock()
		return false
	}
	t.queue = binary.BigEndian.AppendUint16(t.queue, uint16(len(packet)))
	t.queue = append(t.queue, packet...)
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
	return true
}

// write sends what is queued until the stream is closed.
func (t *tcpStream) write() {
	defer t.close()
	for {
		select {
		case <-t.wake:
		case <-t.done:
			return
		}
		t.mu.Lock()
		t.queue, t.pending = t.pending[:0], t.queue
		t.mu.Unlock()
		_ = t.conn.SetWriteDeadline(time.Now().Add(tcpStuck))
		if _, err := t.conn.Write(t.pending); err != nil {
			return
		}
	}
}

func (t *tcpStream) close() {
	t.once.Do(func() {
		close(t.done)
		_ = t.conn.Close()
	})
}

// readFrame reads one packet of RFC 4571 into b. A packet that does not fit is an error: nobody sends one.
func readFrame(r io.Reader, b []byte) (int, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(head[:]))
	if n > len(b) {
		return 0, io.ErrShortBuffer
	}
	return io.ReadFull(r, b[:n])
}

// accept takes connections until the listener is closed.
func (s *Server) accept(p *port) {
	for {
		c, err := p.tcp.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(10 * time.Millisecond) // no descriptors left
		default:
			s.Take(c)
		}
	}
}

// Take takes over a TCP connection that may be an attendee's. It returns at once.
func (s *Server) Take(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.portOf(c.LocalAddr())
	if s.closed || p == nil || p.others == nil {
		_ = c.Close()
		return
	}
	select {
	case s.strangers <- struct{}{}:
		s.running.Go(func() { s.meet(p, c, sync.OnceFunc(func() { <-s.strangers })) })
	default:
		_ = c.Close()
	}
}

// portOf returns the port with the local address of a connection, else the first one: behind a load balancer none has it.
func (s *Server) portOf(local net.Addr) *port {
	if a, ok := local.(*net.TCPAddr); ok {
		ip := a.AddrPort().Addr().Unmap()
		for _, p := range s.ports {
			if p.addr.Addr() == ip {
				return p
			}
		}
	}
	return s.ports[0]
}

// meet reads the first packet of a connection, which says whose it is. known is called when it is no stranger.
func (s *Server) meet(p *port, c net.Conn, known func()) {
	defer known()
	stop := s.closeWithServer(c)
	defer stop()
	_ = c.SetReadDeadline(time.Now().Add(tcpFirst))
	buffer := make([]byte, readMTU)
	n, err := readFrame(c, buffer)
	if err != nil {
		_ = c.Close()
		return
	}
	remote, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		_ = c.Close()
		return
	}
	from := netip.AddrPortFrom(remote.AddrPort().Addr().Unmap(), remote.AddrPort().Port())
	t := newTCPStream(p, c)
	d := newDemux(s)
	if !d.take(buffer[:n], nil, t, from) {
		first := binary.BigEndian.AppendUint16(nil, uint16(n))
		_ = c.SetReadDeadline(time.Time{})
		if !stop() || !p.others.offer(&replayConn{Conn: c, first: append(first, buffer[:n]...)}) {
			_ = c.Close()
		}
		return
	}
	known()
	var writer sync.WaitGroup
	writer.Go(t.write)
	in := bufio.NewReaderSize(c, 4096)
	for {
		_ = c.SetReadDeadline(time.Now().Add(tcpIdle))
		n, err := readFrame(in, buffer)
		if err != nil {
			break
		}
		d.take(buffer[:n], nil, t, from)
	}
	t.close()
	writer.Wait()
}

// replayConn is a connection of which the first bytes were read already.
type replayConn struct {
	net.Conn
	first []byte
}

// Read gives the first bytes back before it reads on.
func (c *replayConn) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}
