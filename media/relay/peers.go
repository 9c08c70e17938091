package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// peers is the list of what can be reached, by the address that clients use for it. All that is not on it cannot:
// no special range needs a rule of its own (trust S-15).
type peers struct {
	targets map[netip.AddrPort]netip.AddrPort // both without IPv4-mapped forms; the target is on this machine
	shown   []netip.Addr                      // one of each family, that relays are said to be on
}

func newPeers(sockets []netip.AddrPort, advertised []netip.Addr) (peers, error) {
	p := peers{targets: map[netip.AddrPort]netip.AddrPort{}}
	local, err := expand(sockets)
	if err != nil {
		return p, err
	}
	if len(local) == 0 {
		return p, errors.New("relay: no media socket to relay to")
	}
	for _, a := range local {
		p.targets[a] = a
	}
	for _, a := range advertised {
		a = a.Unmap()
		for _, l := range local {
			known := netip.AddrPortFrom(a, l.Port())
			if _, ok := p.targets[known]; !ok && l.Addr().Is4() == a.Is4() {
				p.targets[known] = l
			}
		}
		p.show(a)
	}
	for _, a := range local {
		if !a.Addr().IsLoopback() {
			p.show(a.Addr())
		}
	}
	for _, a := range local {
		p.show(a.Addr())
	}
	return p, nil
}

// show remembers the first address of a family.
func (p *peers) show(a netip.Addr) {
	if _, ok := p.showing(a.Is4()); !ok {
		p.shown = append(p.shown, a)
	}
}

func (p *peers) showing(v4 bool) (netip.Addr, bool) {
	for _, a := range p.shown {
		if a.Is4() == v4 {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// has reports whether anything of the family of a can be reached.
func (p *peers) has(a netip.Addr) bool {
	_, ok := p.showing(a.Is4())
	return ok
}

// target says where a packet to addr really goes.
func (p *peers) target(addr net.Addr) (netip.AddrPort, bool) {
	a, ok := addr.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	to, ok := p.targets[plain(a.AddrPort())]
	return to, ok
}

// reaches reports whether there is a socket of ours at ip.
func (p *peers) reaches(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return false
	}
	a = a.Unmap()
	for known := range p.targets {
		if known.Addr() == a {
			return true
		}
	}
	return false
}

// plain removes what one address can be written with in two ways.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// expand puts the machine's addresses in the place of unspecified ones.
func expand(sockets []netip.AddrPort) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for _, s := range sockets {
		if s.Port() == 0 {
			return nil, fmt.Errorf("relay: media socket %s has no port", s)
		}
		if !s.Addr().IsUnspecified() {
			out = append(out, plain(s))
			continue
		}
		all, err := net.InterfaceAddrs()
		if err != nil {
			return nil, fmt.Errorf("relay: addresses of this machine: %w", err)
		}
		for _, each := range all {
			network, ok := each.(*net.IPNet)
			if !ok {
				continue
			}
			a, ok := netip.AddrFromSlice(network.IP)
			// [::] takes IPv4 too; an address that needs a zone is of no use to a client elsewhere.
			if a = a.Unmap(); ok && !a.IsLinkLocalUnicast() && (a.Is4() || s.Addr().Is6()) {
				out = append(out, netip.AddrPortFrom(a, s.Port()))
			}
		}
	}
	return out, nil
}

// mayReach answers pion when a client asks for a permission, which has an address and no port. Ports are held to
// by relayed.
func (s *Server) mayReach(_ net.Addr, ip net.IP) bool {
	ok := s.peers.reaches(ip)
	if !ok {
		s.meters.refused.WithLabelValues("peer").Inc()
	}
	return ok
}
