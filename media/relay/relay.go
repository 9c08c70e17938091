// Package relay carries media of people whose network lets nothing through but a TCP connection to the web site:
// TURN (RFC 8656) on the port of the pages. It relays to our own media sockets and to nothing else.
package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// realm stands in credentials and nowhere else; a client repeats what the server says.
	realm = "lectern"
	// maxPerOwner is how many relays one person may have at a time (trust S-15). A browser opens one for each
	// network interface and PeerConnection.
	maxPerOwner = 4
	// maxWaiting is how many connections may wait to be taken over. More are closed.
	maxWaiting = 128
)

// Config says how a Server is to be. Secret and Peers must be given.
type Config struct {
	// Secret signs the credentials; at least 16 bytes. Servers with one secret accept each other's.
	Secret []byte
	// Peers are the media sockets of this machine, which alone can be reached. An unspecified address stands
	// for all addresses of the machine.
	Peers []netip.AddrPort
	// Advertised are further addresses by which clients know those sockets, such as the public one behind a
	// NAT. What is sent there goes to the peer of the same family directly.
	Advertised []netip.Addr
	// MaxRelays bounds the relays of all people together; 0 is 1,000.
	MaxRelays int
	// Bitrate and TotalBitrate bound what one relay and all together carry, in bit/s for each direction. What is
	// more is dropped, as a line would do. 0 is 6 Mbit/s, more than the three layers of a presenter, and 1 Gbit/s.
	Bitrate, TotalBitrate int
	// Clock may be nil for time.Now.
	Clock func() time.Time
	// Log and Metrics may be nil.
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Server is a TURN server without a port of its own: connections are handed to it by Serve.
type Server struct {
	secret  []byte
	peers   peers
	quota   *quota
	clock   func() time.Time
	log     *slog.Logger
	meters  *meters
	waiting chan net.Conn

	mu      sync.Mutex
	closed  bool
	clients map[string]*client // by remote address
	running sync.WaitGroup     // one for each client and relay
}

// New prepares a server. It starts nothing: Run does.
func New(c Config) (*Server, error) {
	if len(c.Secret) < 16 {
		return nil, errors.New("relay: the secret has less than 16 bytes")
	}
	table, err := newPeers(c.Peers, c.Advertised)
	if err != nil {
		return nil, err
	}
	s := &Server{
		secret: c.Secret, peers: table, clock: c.Clock, log: c.Log,
		waiting: make(chan net.Conn, maxWaiting), clients: map[string]*client{},
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.quota = newQuota(or(c.MaxRelays, 1_000), or(c.Bitrate, 6_000_000), or(c.TotalBitrate, 1_000_000_000))
	if s.meters, err = newMeters(c.Metrics, s.quota); err != nil {
		return nil, fmt.Errorf("relay: register metrics: %w", err)
	}
	return s, nil
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Run serves until ctx ends, then closes all connections and returns when the last relay is gone.
func (s *Server) Run(ctx context.Context) error {
	in := &inlet{s: s, done: make(chan struct{})}
	pion, err := turn.NewServer(turn.ServerConfig{
		Realm: realm, AuthHandler: s.authenticate, QuotaHandler: s.mayHaveOne,
		ListenerConfigs: []turn.ListenerConfig{{Listener: in, RelayAddressGenerator: &allocator{s}, PermissionHandler: s.mayReach}},
		EventHandler: turn.EventHandler{
			OnAuth: func(from, _ net.Addr, _, _, _, _ string, ok bool) {
				if !ok {
					s.failed(from)
				}
			},
			OnAllocationCreated: func(from, _ net.Addr, _, _, _ string, _ net.Addr, _ int) {
				s.find(from, func(c *client) { c.relays.Store(true) })
			},
			OnChannelCreated: func(from, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) { s.find(from, (*client).openChannel) },
			OnChannelDeleted: func(from, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) {
				s.find(from, func(c *client) { c.channels.Add(-1) })
			},
		},
		// RFC 6156: who does not ask for a family gets IPv4, whichever one the TCP connection uses.
		StrictAddressFamily: s.peers.has(netip.IPv4Unspecified()),
		InboundMTU:          maxFrame + 1, // it drops what fills the buffer
		// What pion logs holds addresses of persons; what matters of it is counted.
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	<-ctx.Done()
	_ = pion.Close() // closes the inlet, which never fails
	s.close()
	s.running.Wait()
	return nil
}

// Serve takes over a connection that speaks TURN, without TLS or with TLS taken off. It returns at once.
func (s *Server) Serve(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		select {
		case s.waiting <- c:
			return
		default:
		}
	}
	s.meters.refused.WithLabelValues("busy").Inc()
	_ = c.Close()
}

// close ends all connections. Nothing is taken over afterwards.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for {
		select {
		case c := <-s.waiting:
			_ = c.Close()
			continue
		default:
		}
		break
	}
	for _, c := range s.clients {
		c.shut()
	}
}

// inlet is the listener that pion accepts from.
type inlet struct {
	s    *Server
	once sync.Once
	done chan struct{}
}

// Accept implements net.Listener.
func (i *inlet) Accept() (net.Conn, error) {
	for {
		select {
		case raw := <-i.s.waiting:
			if c := i.s.admit(raw); c != nil {
				return c, nil
			}
		case <-i.done:
			return nil, net.ErrClosed
		}
	}
}

// Close implements net.Listener.
func (i *inlet) Close() error {
	i.once.Do(func() { close(i.done) })
	return nil
}

// Addr implements net.Listener.
func (i *inlet) Addr() net.Addr { return &net.TCPAddr{} }
