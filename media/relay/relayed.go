package relay

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// relayBuffer holds what waits for a client whose line is slow for a moment, in bytes.
const relayBuffer = 512 << 10

var (
	errNoTCP    = errors.New("relays carry UDP only")
	errNoPort   = errors.New("no port can be asked for")
	errNoFamily = errors.New("no media socket of this address family")
	errQuota    = errors.New("too many relays")
)

// allocator opens relays for pion.
type allocator struct{ s *Server }

// Validate implements turn.RelayAddressGenerator.
func (a *allocator) Validate() error { return nil }

// AllocatePacketConn opens the socket of a relay. It is on the loopback interface, where nobody else can reach it, and
// the kernel lets it talk to all addresses of this machine; clients are told the address of the media socket.
func (a *allocator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.RequestedPort != 0 || c.UserID == "" { // EVEN-PORT and RESERVATION-TOKEN: of use to nobody since RTP is multiplexed
		return nil, nil, errNoPort
	}
	v4 := c.Network == "udp4"
	shown, ok := a.s.peers.showing(v4)
	if !ok {
		return nil, nil, errNoFamily
	}
	if !a.s.quota.take(c.UserID) {
		a.s.meters.refused.WithLabelValues("quota").Inc()
		return nil, nil, errQuota
	}
	loopback := net.IPv6loopback
	if v4 {
		loopback = net.IPv4(127, 0, 0, 1)
	}
	conn, err := net.ListenUDP(c.Network, &net.UDPAddr{IP: loopback})
	if err != nil {
		a.s.quota.give(c.UserID)
		return nil, nil, err
	}
	_ = conn.SetReadBuffer(relayBuffer)
	a.s.running.Add(1)
	r := &relayed{UDPConn: conn, s: a.s, owner: c.UserID, up: a.s.quota.line(), down: a.s.quota.line(), known: map[netip.AddrPort]netip.AddrPort{}}
	port := conn.LocalAddr().(*net.UDPAddr).Port
	return r, &net.UDPAddr{IP: shown.AsSlice(), Port: port}, nil
}

// AllocateListener implements turn.RelayAddressGenerator: there is no TCP behind the relay (RFC 6062).
func (a *allocator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

// AllocateConn implements turn.RelayAddressGenerator.
func (a *allocator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// relayed is the socket of one relay: it talks to our media sockets only, within its rate.
type relayed struct {
	*net.UDPConn
	s        *Server
	owner    string
	up, down *rate.Limiter
	end      sync.Once

	mu    sync.Mutex
	known map[netip.AddrPort]netip.AddrPort // by which address the client knows a target; no more than there are peers
}

// WriteTo carries a packet of the client. What may not pass is counted as dropped and not an error, like on a network.
func (r *relayed) WriteTo(b []byte, to net.Addr) (int, error) {
	target, ok := r.s.peers.target(to)
	if !ok {
		r.s.meters.dropped.WithLabelValues("peer").Inc()
		return len(b), nil
	}
	if !fits(r.up, r.s.quota.up, len(b)) {
		r.s.meters.dropped.WithLabelValues("rate").Inc()
		return len(b), nil
	}
	r.mu.Lock()
	r.known[target] = plain(to.(*net.UDPAddr).AddrPort())
	r.mu.Unlock()
	r.s.meters.up.Add(float64(len(b)))
	if _, err := r.WriteToUDPAddrPort(b, target); err != nil {
		r.s.meters.dropped.WithLabelValues("socket").Inc()
	}
	return len(b), nil
}

// ReadFrom gives the next packet of a media socket that the client has written to, under the address the client uses.
func (r *relayed) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.ReadFromUDPAddrPort(b)
		if err != nil {
			return 0, nil, err
		}
		r.mu.Lock()
		known, ok := r.known[plain(from)]
		r.mu.Unlock()
		if !ok {
			r.s.meters.dropped.WithLabelValues("peer").Inc()
			continue
		}
		if !fits(r.down, r.s.quota.down, n) {
			r.s.meters.dropped.WithLabelValues("rate").Inc()
			continue
		}
		r.s.meters.down.Add(float64(n))
		return n, net.UDPAddrFromAddrPort(known), nil
	}
}

// Close gives the relay back.
func (r *relayed) Close() error {
	err := r.UDPConn.Close()
	r.end.Do(func() {
		r.s.quota.give(r.owner)
		r.s.running.Done()
	})
	return err
}
