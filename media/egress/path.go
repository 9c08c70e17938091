package egress

import (
	"net/netip"
)

// path is where an attendee's packets go. It never changes; an attendee who moves gets another.
type path struct {
	port   *port
	socket *socket
	addr   netip.AddrPort
	name   sockname   // addr as the kernel takes it
	tcp    *tcpStream // instead of the socket, for networks without UDP
}

// key tells the paths apart by which packets come in.
func (p *path) key() pathKey { return pathKey{p.port, p.addr, p.tcp != nil} }

type pathKey struct {
	port *port
	addr netip.AddrPort
	tcp  bool
}

func newPath(s *socket, addr netip.AddrPort) *path {
	return &path{port: s.port, socket: s, addr: addr, name: newSockname(addr)}
}

// write sends one packet of the handshake; media goes by an outbox.
func (p *path) write(b []byte) error {
	if p.tcp != nil {
		p.tcp.send(b)
		return nil
	}
	_, err := p.socket.conn.WriteToUDPAddrPort(b, p.addr)
	return err
}
