package link

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Host is one end of the link: a network namespace that has a loopback, the link, and nothing else.
type Host struct {
	Addr netip.Addr

	namespace *os.File
	tun       *os.File
	jobs      chan func()
	ended     chan struct{}
}

func newHost(addr netip.Prefix) (*Host, error) {
	h := &Host{Addr: addr.Addr(), jobs: make(chan func()), ended: make(chan struct{})}
	made := make(chan error)
	go h.live(addr, made)
	if err := <-made; err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// live owns a thread inside the namespace. The thread is never unlocked and so ends with the goroutine: nobody
// else may run on it.
func (h *Host) live(addr netip.Prefix, made chan<- error) {
	runtime.LockOSThread()
	defer close(h.ended)
	made <- h.make(addr)
	for job := range h.jobs {
		job()
	}
}

func (h *Host) make(addr netip.Prefix) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace: %w (run as root, with CAP_SYS_ADMIN)", err)
	}
	var err error
	if h.namespace, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	if h.tun, err = openTUN(); err != nil {
		return err
	}
	if err := raise("lo", netip.Prefix{}); err != nil {
		return err
	}
	return raise(device, addr)
}

// Do runs f on a thread inside the namespace: sockets that f itself opens, to literal addresses, and commands
// that it starts are the host's.
func (h *Host) Do(f func() error) error {
	result := make(chan error, 1)
	select {
	case h.jobs <- func() { result <- f() }:
		return <-result
	case <-h.ended:
		return errors.New("the link is closed")
	}
}

// Renumber gives the host another address of the link's network in the place of its own, as when a computer goes from Wi-Fi to
// cable: what is open from the old one is dead.
func (h *Host) Renumber(addr netip.Addr) error {
	if !nearAddr.Masked().Contains(addr) {
		return fmt.Errorf("%v is not of the link's network %v", addr, nearAddr.Masked())
	}
	return h.Do(func() error { return raise(device, netip.PrefixFrom(addr, nearAddr.Bits())) })
}

// Start starts a command on this host. It is killed when the link is closed, and when this process dies.
func (h *Host) Start(command *exec.Cmd) error {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL // of the thread that starts it, which lives as long as the link
	return h.Do(command.Start)
}

// Namespace is the open namespace, for children: /proc/self/fd/N of a process that has it open is what
// nsenter --net= wants.
func (h *Host) Namespace() *os.File { return h.namespace }

func (h *Host) close() {
	close(h.jobs)
	<-h.ended
	for _, f := range []*os.File{h.tun, h.namespace} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// device is the link's name in both namespaces, and deviceQueue the packets that wait in it at most.
const (
	device      = "link0"
	deviceQueue = 10_000
)

// openTUN makes the device in the calling thread's namespace, see tuntap.rst of the kernel. It is gone when the
// file is closed.
func openTUN() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w (the kernel needs the tun module)", err)
	}
	request, err := unix.NewIfreq(device)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, errors.Join(fmt.Errorf("make %s: %w", device, err), unix.Close(fd))
	}
	// Not blocking, so that closing the file ends a read.
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "/dev/net/tun"), nil
}

// raise gives an interface of the calling thread's namespace its address, if any, and sets it up.
func raise(name string, addr netip.Prefix) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(socket) }()
	set := func(request uint, fill func(*unix.Ifreq) error) error {
		r, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		if err := fill(r); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(socket, request, r); err != nil {
			return fmt.Errorf("set up %s: %w", name, err)
		}
		return nil
	}
	if addr.IsValid() {
		ip, mask := addr.Addr().As4(), netmask(addr.Bits())
		if err := set(unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(ip[:]) }); err != nil {
			return err
		}
		if err := set(unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr(mask) }); err != nil {
			return err
		}
	}
	// What the machine has no time to carry waits here: only the link's own conditions lose packets.
	if name == device {
		if err := set(unix.SIOCSIFTXQLEN, func(r *unix.Ifreq) error { r.SetUint32(deviceQueue); return nil }); err != nil {
			return err
		}
	}
	return set(unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error {
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		return nil
	})
}

func netmask(bits int) []byte {
	all := ^uint32(0) << (32 - bits)
	return []byte{byte(all >> 24), byte(all >> 16), byte(all >> 8), byte(all)}
}
