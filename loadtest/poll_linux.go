package loadtest

import (
	"fmt"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	pollBatch  = 64 // packets a read
	pollPacket = 1536
)

// system is an epoll instance and the buffers of recvmmsg.
type system struct {
	epoll   int
	done    chan struct{}
	once    sync.Once
	ended   sync.WaitGroup
	byFD    map[int32]*receiver
	headers []mmsghdr
	vectors []unix.Iovec
	buffers []byte
	scratch []byte
}

type mmsghdr struct {
	header unix.Msghdr
	got    uint32
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	p := &poller{system: system{
		epoll: fd, done: make(chan struct{}), byFD: map[int32]*receiver{},
		headers: make([]mmsghdr, pollBatch), vectors: make([]unix.Iovec, pollBatch), buffers: make([]byte, pollBatch*pollPacket),
		scratch: make([]byte, 0, pollPacket),
	}}
	for i := range p.system.headers {
		v := &p.system.vectors[i]
		v.Base = &p.system.buffers[i*pollPacket]
		v.SetLen(pollPacket)
		p.system.headers[i].header.Iov = v
		p.system.headers[i].header.SetIovlen(1)
	}
	p.system.ended.Go(p.run)
	return p, nil
}

// add takes a connected receiver over.
func (p *poller) add(r *receiver) error {
	raw, err := r.conn.SyscallConn()
	if err != nil {
		return err
	}
	if err := raw.Control(func(fd uintptr) { r.fd = int(fd) }); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.receivers = append(p.receivers, r)
	p.system.byFD[int32(r.fd)] = r
	return unix.EpollCtl(p.system.epoll, unix.EPOLL_CTL_ADD, r.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(r.fd)})
}

func (p *poller) stop() {
	p.system.once.Do(func() {
		close(p.system.done)
		p.system.ended.Wait()
		_ = unix.Close(p.system.epoll)
	})
}

func (p *poller) run() {
	events := make([]unix.EpollEvent, 256)
	next := 0
	for {
		select {
		case <-p.system.done:
			return
		default:
		}
		n, err := unix.EpollWait(p.system.epoll, events, 20)
		if err != nil && err != unix.EINTR {
			return
		}
		p.mu.Lock()
		for _, e := range events[:max(0, n)] {
			if r := p.system.byFD[e.Fd]; r != nil {
				p.read(r)
			}
		}
		// A few receivers at a time, so that their reports are spread.
		now := time.Now()
		for range min(len(p.receivers), 1+len(p.receivers)/20) {
			p.receivers[next%len(p.receivers)].upkeep(now)
			next++
		}
		p.mu.Unlock()
	}
}

// read takes what a socket has.
func (p *poller) read(r *receiver) {
	n, _, e := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(r.fd), uintptr(unsafe.Pointer(&p.system.headers[0])), pollBatch, unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return
	}
	for i := range int(n) {
		b := p.system.buffers[i*pollPacket : i*pollPacket+int(p.system.headers[i].got)]
		switch {
		case isMedia(b):
			r.take(b, p.system.scratch, p.counting, &p.delays)
		case isCheck(b):
			r.answer(b)
		}
	}
	for i := range r.streams {
		if len(r.streams[i].missing) > 0 {
			r.upkeep(r.reported) // asks for what is missing, no more
			break
		}
	}
}
