package relay

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxClients is how many connections are held at a time, with and without a relay.
	maxClients = 4096
	// settleWithin is how long a connection may last without a relay.
	settleWithin = 15 * time.Second
	// idle ends a connection that brings nothing: a media session checks every few seconds. A browser opens
	// relays that it then does not use; this gives them back.
	idle = 2 * time.Minute
	// stuck ends a connection whose other side takes nothing.
	stuck = 10 * time.Second
	// maxFailures is how many requests of one connection may lack valid credentials.
	maxFailures = 8
	// maxChannels is how many channels one connection may bind: one for each address of ours, and some for luck.
	maxChannels = 64
)

// client is one connection. pion reads whole frames from it and writes to it.
type client struct {
	net.Conn
	s        *Server
	key      string
	in       *bufio.Reader
	until    time.Time // without a relay
	relays   atomic.Bool
	failures atomic.Int32
	channels atomic.Int32
	end      sync.Once
}

// admit makes a client of a connection, or closes it and returns nil when there are too many.
func (s *Server) admit(raw net.Conn) *client {
	c := &client{Conn: raw, s: s, key: raw.RemoteAddr().String(), in: bufio.NewReaderSize(raw, 4096), until: time.Now().Add(settleWithin)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.clients) >= maxClients || s.clients[c.key] != nil {
		s.meters.refused.WithLabelValues("busy").Inc()
		_ = raw.Close()
		return nil
	}
	s.clients[c.key] = c
	s.running.Add(1)
	s.meters.connections.Inc()
	return c
}

// find calls do with the client of a remote address, if it is still there.
func (s *Server) find(addr net.Addr, do func(*client)) {
	s.mu.Lock()
	c := s.clients[addr.String()]
	s.mu.Unlock()
	if c != nil {
		do(c)
	}
}

// failed counts a request without valid credentials, and ends the connection of who only guesses.
func (s *Server) failed(addr net.Addr) {
	s.meters.refused.WithLabelValues("credentials").Inc()
	s.find(addr, func(c *client) {
		if c.failures.Add(1) >= maxFailures {
			c.shut()
		}
	})
}

func (c *client) openChannel() {
	if c.channels.Add(1) > maxChannels {
		c.s.meters.refused.WithLabelValues("channels").Inc()
		c.shut()
	}
}

// Read gives one whole frame, so that pion's own cutting, which can be made to spin by a length that
// overflows, has nothing to decide.
func (c *client) Read(b []byte) (int, error) {
	deadline := c.until
	if c.relays.Load() {
		deadline = time.Now().Add(idle)
	}
	if err := c.Conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := readFrame(c.in, b)
	if errors.Is(err, errFrame) {
		c.s.meters.refused.WithLabelValues("malformed").Inc()
	}
	return n, err
}

// Write gives up on a client that takes nothing: its queue is the kernel's, and what does not fit there is late.
func (c *client) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(stuck)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		c.shut() // a frame may have gone half, after which nothing can be understood
	}
	return n, err
}

// shut ends the connection; pion notices and calls Close.
func (c *client) shut() { _ = c.Conn.Close() }

// Close is called by pion once the relay of the connection has been given back.
func (c *client) Close() error {
	c.end.Do(func() {
		c.s.mu.Lock()
		delete(c.s.clients, c.key)
		c.s.mu.Unlock()
		c.s.meters.connections.Dec()
		c.s.running.Done()
	})
	return c.Conn.Close()
}
