package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"time"
)

const (
	// socketBuffer holds a keyframe for each of some hundred attendees, in bytes.
	socketBuffer = 4 << 20
	// readMTU is the largest packet taken, in bytes; Ethernet carries no larger one.
	readMTU = 1500
	// portTries is how often a free port is looked for that is free on all addresses and for TCP.
	portTries = 20
	// shardsFrom is the number of cores from which an address gets several sockets, whose packets the kernel
	// spreads. With fewer one reader is enough, and the senders do not wait for each other.
	shardsFrom = 4
	shardsMost = 8
)

// port is one local address with its sockets, all on one port number.
type port struct {
	addr   netip.AddrPort
	shards []*socket
	rest   *Rest
	tcp    *net.TCPListener // nil without ICE-TCP
	others *RestListener
}

// socket is one UDP socket.
type socket struct {
	port *port
	conn *net.UDPConn
	fd   uintptr // valid until conn is closed
	gso  gsoState
}

// openPorts opens the sockets of address. Without a host there is one for each address of this machine, so that
// an answer leaves from the address that was asked.
func openPorts(address string, tcp bool) ([]*port, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("media address %q: %w", address, err)
	}
	number, err := net.LookupPort("udp", service)
	if err != nil {
		return nil, fmt.Errorf("media address %q: %w", address, err)
	}
	hosts, err := localHosts(host)
	if err != nil {
		return nil, fmt.Errorf("media address %q: %w", address, err)
	}
	for try := 0; ; try++ {
		ports, err := openAll(hosts, uint16(number), tcp)
		if err == nil {
			return ports, nil
		}
		if number != 0 || try == portTries {
			return nil, fmt.Errorf("media address %q: %w", address, err)
		}
	}
}

// localHosts returns the addresses to listen on, those that lead further first.
func localHosts(host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified()) {
		resolved, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", host)
		if err != nil {
			return nil, err
		}
		return []netip.Addr{resolved[0].Unmap()}, nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var hosts []netip.Addr
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		hosts = append(hosts, p.Addr().Unmap())
	}
	slices.SortStableFunc(hosts, func(a, b netip.Addr) int { return rankHost(a) - rankHost(b) })
	return hosts, nil
}

func rankHost(a netip.Addr) int {
	switch {
	case a.IsLoopback():
		return 2
	case a.IsPrivate():
		return 1
	}
	return 0
}

func openAll(hosts []netip.Addr, number uint16, tcp bool) (ports []*port, err error) {
	defer func() {
		if err != nil {
			for _, p := range ports {
				p.close()
			}
		}
	}()
	for _, h := range hosts {
		p, err := openPort(netip.AddrPortFrom(h, number), tcp)
		if err != nil && h.Is6() && len(hosts) > 1 {
			continue // an address that is being configured or a family that is switched off
		}
		if err != nil {
			return ports, err
		}
		number = p.addr.Port()
		ports = append(ports, p)
	}
	if len(ports) == 0 {
		return nil, errors.New("this machine has no address")
	}
	return ports, nil
}

func openPort(addr netip.AddrPort, tcp bool) (p *port, err error) {
	p = &port{addr: addr}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	shards := 1
	if n := runtime.GOMAXPROCS(0); n >= shardsFrom && reusePort != nil {
		shards = min(n/2, shardsMost)
	}
	for range shards {
		conn, err := listenUDP(p.addr, shards > 1)
		if err != nil {
			return nil, err
		}
		s := &socket{port: p, conn: conn}
		p.shards = append(p.shards, s)
		p.addr = conn.LocalAddr().(*net.UDPAddr).AddrPort()
		p.addr = netip.AddrPortFrom(p.addr.Addr().Unmap(), p.addr.Port())
		_ = conn.SetReadBuffer(socketBuffer)
		_ = conn.SetWriteBuffer(socketBuffer)
		if err := s.prepare(); err != nil {
			return nil, err
		}
	}
	if tcp {
		if p.tcp, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(p.addr)); err != nil {
			return nil, err
		}
	}
	p.rest = newRest(p)
	return p, nil
}

func listenUDP(addr netip.AddrPort, shared bool) (*net.UDPConn, error) {
	network := "udp6"
	if addr.Addr().Is4() {
		network = "udp4"
	}
	var c net.ListenConfig
	if shared {
		c.Control = reusePort
	}
	conn, err := c.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

func (p *port) close() {
	if p == nil {
		return
	}
	for _, s := range p.shards {
		_ = s.conn.Close()
	}
	if p.tcp != nil {
		_ = p.tcp.Close()
	}
	if p.rest != nil {
		_ = p.rest.Close()
	}
	if p.others != nil {
		_ = p.others.Close()
	}
}

// read takes packets until the socket is closed.
func (s *Server) read(sock *socket) {
	buffer := make([]byte, readMTU)
	d := newDemux(s)
	for {
		n, from, err := sock.conn.ReadFromUDPAddrPort(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Millisecond) // no memory, or an ICMP error of some systems: not for long
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if !d.take(buffer[:n], sock, nil, from) {
			sock.port.rest.push(buffer[:n], from)
		}
	}
}
