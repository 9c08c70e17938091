package link

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// start runs a link until the test ends.
func start(t *testing.T, c Config) *Link {
	t.Helper()
	l, err := New(c)
	if os.Geteuid() != 0 {
		if err == nil || !strings.Contains(err.Error(), "root") {
			t.Fatalf("without root it says %v", err)
		}
		t.SkipNow() // The rest is for root, and an ordinary user has just been told.
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		l.Close()
	})
	return l
}

// listen opens a UDP socket on a host.
func listen(t *testing.T, h *Host) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := h.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: h.Addr.AsSlice(), Port: 9})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// What waits here while the machine is busy elsewhere must not be lost: the link's own losses are what counts.
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	}), err); err != nil {
		t.Fatal(err)
	}
	return conn
}

// echo answers every datagram until its socket is closed.
func echo(conn *net.UDPConn) {
	buffer := make([]byte, maxPacket)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		_, _ = conn.WriteToUDPAddrPort(buffer[:n], from)
	}
}

type trips struct {
	n, overtaken int
	least, mean  time.Duration
}

// ping sends n datagrams of 100 bytes, one every two milliseconds, and waits for answers until all have come, or none
// for a while after the last was sent.
func ping(t *testing.T, l *Link, n int) (r trips) {
	t.Helper()
	far, near := listen(t, l.Far()), listen(t, l.Near())
	defer func() { _ = errors.Join(far.Close(), near.Close()) }()
	go echo(far)
	to := netip.AddrPortFrom(l.Far().Addr, 9)
	begin := time.Now()
	var sent atomic.Bool
	go func() {
		defer sent.Store(true)
		for i := range n {
			packet := make([]byte, 100)
			binary.BigEndian.PutUint64(packet, uint64(i))
			binary.BigEndian.PutUint64(packet[8:], uint64(time.Since(begin)))
			_, _ = near.WriteToUDPAddrPort(packet, to)
			<-time.After(2 * time.Millisecond)
		}
	}()
	var last uint64
	var sum time.Duration
	packet := make([]byte, maxPacket)
	for r.n < n {
		all := sent.Load()
		_ = near.SetReadDeadline(time.Now().Add(time.Second))
		if _, _, err := near.ReadFromUDPAddrPort(packet); err != nil {
			if all {
				break
			}
			continue
		}
		trip := time.Since(begin) - time.Duration(binary.BigEndian.Uint64(packet[8:]))
		if r.n++; r.least == 0 || trip < r.least {
			r.least = trip
		}
		sum += trip
		if i := binary.BigEndian.Uint64(packet); i < last {
			r.overtaken++
		} else {
			last = i
		}
	}
	if r.n > 0 {
		r.mean = sum / time.Duration(r.n)
	}
	return r
}

func TestPingThroughABadLink(t *testing.T) {
	bad := Conditions{Loss: 0.05, Delay: 50 * time.Millisecond, Jitter: 20 * time.Millisecond}
	got := ping(t, start(t, Config{ToFar: bad, ToNear: bad, Seed: 1}), 1_000)
	t.Logf("%+v", got)
	// 0.95² of 1,000 return, four standard deviations either way.
	if got.n < 902-38 || got.n > 902+38 {
		t.Errorf("%d of 1,000 came back, want about 902", got.n)
	}
	if got.least < 60*time.Millisecond || got.mean < 95*time.Millisecond || got.overtaken < 300 {
		t.Errorf("%+v: want 60 ms at least, 100 ms on average, and many overtaken", got)
	}
}

func TestPingThroughAPerfectLink(t *testing.T) {
	if got := ping(t, start(t, Config{}), 200); got.n != 200 || got.overtaken != 0 {
		t.Errorf("%+v", got)
	}
}

func TestOneDirectionOnly(t *testing.T) {
	l := start(t, Config{ToNear: Conditions{Loss: 1}})
	if got := ping(t, l, 50); got.n != 0 {
		t.Errorf("%d came back", got.n)
	}
	toFar, toNear := l.Counts()
	if toFar.Delivered < 50 || toFar.Lost != 0 || toNear.Delivered != 0 || toNear.Lost < 50 {
		t.Errorf("to far %+v, to near %+v", toFar, toNear)
	}
}

func TestCableAndFirewall(t *testing.T) {
	l := start(t, Config{})
	l.Pull(true)
	if got := ping(t, l, 20); got.n != 0 {
		t.Errorf("%d passed a pulled cable", got.n)
	}
	l.Pull(false)
	if got := ping(t, l, 20); got.n != 20 {
		t.Errorf("%d passed", got.n)
	}
}

// TestHostsAreAlone looks at what a command on a host sees of the machine: nothing.
func TestHostsAreAlone(t *testing.T) {
	l := start(t, Config{})
	for _, h := range []*Host{l.Near(), l.Far()} {
		command := exec.Command("cat", "/proc/thread-self/net/dev", "/proc/thread-self/net/fib_trie")
		var out strings.Builder
		command.Stdout = &out
		if err := h.Start(command); err != nil {
			t.Fatal(err)
		}
		if err := command.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), ": "); n != 2 || !strings.Contains(out.String(), h.Addr.String()) {
			t.Errorf("%d interfaces:\n%s", n, out.String())
		}
	}
}

// TestCommandsDieWithTheLink holds that nothing is left.
func TestCommandsDieWithTheLink(t *testing.T) {
	start(t, Config{}) // tells an ordinary user
	l, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("sleep", "3600")
	if err := l.Far().Start(command); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := command.Wait(); err == nil || command.ProcessState.Exited() {
		t.Errorf("the command ended with %v, want killed", err)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	if _, err := New(Config{ToNear: Conditions{Loss: 2}}); err == nil {
		t.Error("New took a loss of 2")
	}
	l := start(t, Config{})
	if err := l.Set(Conditions{}, Conditions{Delay: -1}); err == nil {
		t.Error("Set took a negative delay")
	}
	if err := l.Set(Conditions{Loss: 1}, Conditions{}); err != nil {
		t.Error(err)
	}
	if got := ping(t, l, 10); got.n != 0 {
		t.Errorf("%d passed", got.n)
	}
}

// TestHostGetsAnotherAddress holds that packets reach the new address.
func TestHostGetsAnotherAddress(t *testing.T) {
	l := start(t, Config{})
	address := netip.MustParseAddr("10.99.0.77")
	if err := l.Far().Renumber(address); err != nil {
		t.Fatal(err)
	}
	l.Far().Addr = address
	if got := ping(t, l, 5); got.n != 5 {
		t.Errorf("%d passed to the new address", got.n)
	}
	if err := l.Far().Renumber(netip.MustParseAddr("192.0.2.1")); err == nil {
		t.Error("took an address of another network")
	}
}
