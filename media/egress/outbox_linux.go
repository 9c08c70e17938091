package egress

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockname is an address as sendmmsg takes it, IPv4 or IPv6.
type sockname struct {
	raw  unix.RawSockaddrInet6 // the larger one; an IPv4 address stands in its first bytes
	size uint32
}

func newSockname(a netip.AddrPort) (n sockname) {
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], a.Port())
	if ip := a.Addr(); ip.Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&n.raw))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: binary.NativeEndian.Uint16(port[:]), Addr: ip.As4()}
		n.size = unix.SizeofSockaddrInet4
	} else {
		n.raw = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: binary.NativeEndian.Uint16(port[:]), Addr: ip.As16()}
		n.size = unix.SizeofSockaddrInet6
	}
	return n
}

// gsoState says whether a socket's kernel and device split runs into packets.
type gsoState struct{ off atomic.Bool }

// prepare gets the descriptor, and asks the kernel once whether it knows UDP_SEGMENT (Linux 4.18).
func (s *socket) prepare() error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) {
		s.fd = fd
		if _, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT); err != nil {
			s.gso.off.Store(true)
		}
	})
}

// reusePort lets several sockets share an address.
var reusePort = func(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err != nil {
		return err
	}
	return failed
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	sent   uint32
}

// wire holds the arguments of sendmmsg, one for each run, or for each packet where runs are not taken.
type wire struct {
	messages []mmsghdr
	vectors  []unix.Iovec
	controls []byte
}

// segmentSpace is the room for the control message with the size of segments.
var segmentSpace = unix.CmsgSpace(2)

func newWire() wire {
	return wire{
		messages: make([]mmsghdr, boxPackets), vectors: make([]unix.Iovec, boxPackets),
		controls: make([]byte, boxPackets*segmentSpace),
	}
}

// send sends the runs by sendmmsg.
func (o *outbox) send(s *socket, runs []run) {
	if !s.gso.off.Load() {
		o.transmit(s, runs, true)
		return
	}
	o.transmit(s, o.split(runs), false)
}

// split returns the packets of runs, each as a run of its own.
func (o *outbox) split(runs []run) []run {
	var single []run
	for _, r := range runs {
		at := r.start
		o.each(r, func(packet []byte) {
			single = append(single, run{path: r.path, start: at, bytes: len(packet), size: len(packet), packets: 1})
			at += len(packet)
		})
	}
	return single
}

// transmit sends each run as one message.
func (o *outbox) transmit(s *socket, runs []run, segments bool) {
	for len(runs) > 0 {
		n := min(len(runs), boxPackets)
		o.fill(runs[:n])
		o.push(s, runs[:n], segments)
		runs = runs[n:]
	}
}

func (o *outbox) fill(runs []run) {
	w := &o.wire
	for i := range runs {
		r := &runs[i]
		w.vectors[i].Base = &o.slab[r.start]
		w.vectors[i].SetLen(r.bytes)
		h := &w.messages[i].header
		*h = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&r.path.name.raw)), Namelen: r.path.name.size, Iov: &w.vectors[i]}
		h.SetIovlen(1)
		if r.packets > 1 {
			c := w.controls[i*segmentSpace : (i+1)*segmentSpace]
			m := (*unix.Cmsghdr)(unsafe.Pointer(&c[0]))
			m.Level, m.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
			m.SetLen(unix.CmsgLen(2))
			binary.NativeEndian.PutUint16(c[unix.CmsgLen(0):], uint16(r.size))
			h.Control = &c[0]
			h.SetControllen(len(c))
		}
	}
}

// push hands the messages to the kernel. Of a message that it refuses the next ones are none the worse: it is
// sent in single packets when it was a run, and counted as dropped otherwise.
func (o *outbox) push(s *socket, runs []run, segments bool) {
	for i := 0; i < len(runs); {
		n, _, e := syscall.Syscall6(unix.SYS_SENDMMSG, s.fd, uintptr(unsafe.Pointer(&o.wire.messages[i])), uintptr(len(runs)-i), 0, 0, 0)
		o.meters.calls.Inc()
		switch {
		case e == 0:
			i += int(n)
		case e == unix.EINTR:
		case e == unix.EAGAIN || e == unix.ENOBUFS:
			if !waitWritable(s.fd) {
				for _, r := range runs[i:] {
					o.meters.dropped.WithLabelValues("send").Add(float64(r.packets))
				}
				return
			}
		case segments && runs[i].packets > 1:
			// The device cannot (EIO: no checksum offload) or the kernel does not: plain for good. A packet too
			// large for this one route (EMSGSIZE) says nothing about the others.
			if e != unix.EMSGSIZE {
				s.gso.off.Store(true)
				o.meters.plain.Inc()
			}
			o.sendPlain(s, runs[i:i+1])
			i++
		default:
			o.meters.dropped.WithLabelValues("send").Add(float64(runs[i].packets))
			i++
		}
	}
}

// waitWritable waits until the send buffer has room; false when it takes too long.
func waitWritable(fd uintptr) bool {
	limit := time.Now().Add(writable)
	for {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(p, int(writable/time.Millisecond))
		if n > 0 {
			return true
		}
		if err != unix.EINTR || time.Now().After(limit) {
			return false
		}
	}
}
