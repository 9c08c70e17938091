//go:build !linux

package egress

import (
	"net/netip"
	"syscall"
)

// Other systems send packet by packet.

type sockname struct{}

func newSockname(netip.AddrPort) sockname { return sockname{} }

type gsoState struct{}

func (*socket) prepare() error { return nil }

// reusePort is nil where sockets that share an address do not share its packets.
var reusePort func(network, address string, c syscall.RawConn) error

type wire struct{}

func newWire() wire { return wire{} }

func (o *outbox) send(s *socket, runs []run) { o.sendPlain(s, runs) }
