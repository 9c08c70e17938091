package relay

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var secret = []byte("a secret that only tests have")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that other goroutines bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(limit) {
			buffer := make([]byte, 1<<16)
			t.Fatalf("%s: not within 20 s\n%s", what, buffer[:runtime.Stack(buffer, true)])
		}
	}
}

// echo is a media socket that sends everything back and counts what it got.
type echo struct {
	conn *net.UDPConn
	got  atomic.Int64
}

func newEcho(t testing.TB) *echo {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	e := &echo{conn: conn}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			e.got.Add(int64(n))
			_, _ = conn.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-ended })
	return e
}

func (e *echo) addr() netip.AddrPort { return e.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// clock is a time that tests set.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) forward(d time.Duration) { c.at.Add(int64(d)) }

// station is a relay on a port of its own.
type station struct {
	*Server
	splitter *Splitter
	media    *echo
	clock    *clock
	stop     func()
}

// open runs a relay behind a splitter until the test ends.
func open(t testing.TB, secure *tls.Config, change ...func(*Config)) *station {
	t.Helper()
	st := &station{media: newEcho(t), clock: &clock{}}
	st.clock.at.Store(time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC).UnixNano())
	c := Config{Secret: secret, Peers: []netip.AddrPort{st.media.addr()}, Clock: st.clock.now, Metrics: prometheus.NewRegistry()}
	for _, f := range change {
		f(&c)
	}
	var err error
	st.Server, err = New(c)
	must(t, err)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	st.splitter = Split(l, SplitConfig{TLS: secure, TURN: st.Serve})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{st.Run, st.splitter.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	st.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(st.stop)
	return st
}

// client connects with credentials and opens nothing yet.
func (st *station) client(t testing.TB, c Credentials) *turn.Client {
	t.Helper()
	conn, err := net.Dial("tcp4", st.splitter.Addr().String())
	must(t, err)
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: st.splitter.Addr().String(), TURNServerAddr: st.splitter.Addr().String(),
		Conn: turn.NewSTUNConn(conn), Username: c.Username, Password: c.Password, Realm: realm,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: t.Output(), DefaultLogLevel: logging.LogLevelError},
	})
	must(t, err)
	must(t, client.Listen())
	t.Cleanup(client.Close)
	return client
}

// says sends a packet through a relay and waits until it comes back from where it was sent.
func says(t testing.TB, through net.PacketConn, to net.Addr, words string) {
	t.Helper()
	b := make([]byte, 2048)
	_, err := through.WriteTo([]byte(words), to)
	must(t, err)
	must(t, through.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, from, err := through.ReadFrom(b)
	must(t, err)
	if string(b[:n]) != words || from.String() != to.String() {
		t.Errorf("got %q from %s; want %q from %s", b[:n], from, words, to)
	}
}

func (st *station) refused(t testing.TB, reason string) float64 {
	return value(t, st.meters.refused.WithLabelValues(reason))
}

func TestRelaysToOurSocket(t *testing.T) {
	st := open(t, nil)
	through, err := st.client(t, st.Credentials("dr-rao")).Allocate()
	must(t, err)
	says(t, through, st.media.conn.LocalAddr(), "a check that is longer than eight bytes")
	must(t, through.Close())
	eventually(t, "relay given back", func() bool { return st.quota.count() == 0 })
}

func TestReachesNothingElse(t *testing.T) {
	st := open(t, nil)
	client := st.client(t, st.Credentials("dr-rao"))
	through, err := client.Allocate()
	must(t, err)
	for _, host := range []string{
		"169.254.169.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.2", "0.0.0.0", "255.255.255.255",
		"224.0.0.1", "192.0.0.1", "198.18.0.1", "240.0.0.1", "8.8.8.8",
		"::1", "::", "fd00:ec2::254", "fe80::1", "ff02::1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:db8::1",
	} {
		if err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(host), Port: st.media.conn.LocalAddr().(*net.UDPAddr).Port}); err == nil {
			t.Errorf("%s: permission given", host)
		}
	}
	if st.refused(t, "peer") == 0 {
		t.Error("refusals are not counted")
	}
	// Permissions have no port, so another port of our address is refused with the packet.
	other := newEcho(t)
	_, err = through.WriteTo([]byte("a packet for somebody else"), other.conn.LocalAddr())
	must(t, err)
	says(t, through, st.media.conn.LocalAddr(), "a packet for us after that")
	if n := other.got.Load(); n != 0 {
		t.Errorf("another port got %d bytes", n)
	}
	if value(t, st.meters.dropped.WithLabelValues("peer")) == 0 {
		t.Error("drops are not counted")
	}
}

func TestAdvertisedAddressLeadsToOurSocket(t *testing.T) {
	public := netip.MustParseAddr("203.0.113.7")
	st := open(t, nil, func(c *Config) { c.Advertised = []netip.Addr{public} })
	through, err := st.client(t, st.Credentials("dr-rao")).Allocate()
	must(t, err)
	if host := through.LocalAddr().(*net.UDPAddr).IP.String(); host != public.String() {
		t.Errorf("the relay is said to be on %s, want %s", host, public)
	}
	says(t, through, net.UDPAddrFromAddrPort(netip.AddrPortFrom(public, st.media.addr().Port())), "a check of the public address")
}

func TestNobodyReachesTheRelayedSocket(t *testing.T) {
	st := open(t, nil)
	through, err := st.client(t, st.Credentials("dr-rao")).Allocate()
	must(t, err)
	says(t, through, st.media.conn.LocalAddr(), "the first of two checks")
	stranger := newEcho(t)
	_, err = stranger.conn.WriteTo([]byte("a packet of a stranger"), through.LocalAddr())
	must(t, err)
	eventually(t, "stranger's packet dropped", func() bool { return value(t, st.meters.dropped.WithLabelValues("peer")) == 1 })
	says(t, through, st.media.conn.LocalAddr(), "the second of two checks")
}

func TestCredentials(t *testing.T) {
	st := open(t, nil)
	good := st.Credentials("dr-rao")
	forged, err := New(Config{Secret: []byte("another secret altogether"), Peers: []netip.AddrPort{st.media.addr()}, Clock: st.clock.now})
	must(t, err)
	expiry, _, _ := strings.Cut(good.Username, ":")
	for name, c := range map[string]Credentials{
		"wrong password":   {Username: good.Username, Password: "wrong"},
		"another's":        {Username: expiry + ":dr-who", Password: good.Password},
		"longer life":      {Username: "9" + good.Username, Password: good.Password},
		"no expiry":        {Username: "dr-rao", Password: good.Password},
		"no owner":         {Username: expiry + ":", Password: st.password(expiry + ":")},
		"another server's": forged.Credentials("dr-rao"),
	} {
		before := st.refused(t, "credentials")
		if _, err := st.client(t, c).Allocate(); err == nil {
			t.Errorf("%s: relay opened", name)
		}
		if st.refused(t, "credentials") == before {
			t.Errorf("%s: not counted", name)
		}
	}
	if !good.Expires.Equal(st.clock.now().Add(300 * time.Second)) {
		t.Errorf("they expire at %v", good.Expires)
	}
	_, err = st.client(t, good).Allocate()
	must(t, err)
	st.clock.forward(Life)
	if _, err := st.client(t, good).Allocate(); err == nil {
		t.Error("expired credentials opened a relay")
	}
}

func TestRelayOutlastsItsCredentials(t *testing.T) {
	st := open(t, nil)
	client := st.client(t, st.Credentials("dr-rao"))
	through, err := client.Allocate()
	must(t, err)
	st.clock.forward(90 * time.Minute)
	says(t, through, st.media.conn.LocalAddr(), "a check that needs a new permission")
	st.clock.forward(keepFor)
	if err := client.CreatePermission(st.media.conn.LocalAddr()); err == nil {
		t.Error("credentials are good for ever")
	}
}

func TestGuessingEndsTheConnection(t *testing.T) {
	st := open(t, nil)
	client := st.client(t, Credentials{Username: st.Credentials("dr-rao").Username, Password: "wrong"})
	for range maxFailures {
		_, _ = client.Allocate()
	}
	eventually(t, "connection ended", func() bool { return value(t, st.meters.connections) == 0 })
}

func TestQuota(t *testing.T) {
	st := open(t, nil, func(c *Config) { c.MaxRelays = 5 })
	var first net.PacketConn
	for i := range maxPerOwner {
		through, err := st.client(t, st.Credentials("dr-rao")).Allocate()
		must(t, err)
		if i == 0 {
			first = through
		}
		st.clock.forward(time.Second) // other credentials, the same owner
	}
	if _, err := st.client(t, st.Credentials("dr-rao")).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("relay %d of one person: %v", maxPerOwner+1, err)
	}
	_, err := st.client(t, st.Credentials("dr-bello")).Allocate()
	must(t, err)
	if _, err := st.client(t, st.Credentials("dr-chen")).Allocate(); err == nil {
		t.Error("more relays than MaxRelays")
	}
	must(t, first.Close())
	eventually(t, "relay given back", func() bool { return st.quota.count() == 4 })
	_, err = st.client(t, st.Credentials("dr-rao")).Allocate()
	must(t, err)
}

func TestRateIsBounded(t *testing.T) {
	st := open(t, nil, func(c *Config) { c.Bitrate = 8 }) // one byte a second, after the burst
	through, err := st.client(t, st.Credentials("dr-rao")).Allocate()
	must(t, err)
	packet := make([]byte, 1200)
	for range 2 * maxBurst / len(packet) {
		_, err := through.WriteTo(packet, st.media.conn.LocalAddr())
		must(t, err)
	}
	eventually(t, "packets dropped", func() bool { return value(t, st.meters.dropped.WithLabelValues("rate")) > 0 })
	if n := value(t, st.meters.up); n > maxBurst {
		t.Errorf("%v bytes carried, more than %d", n, maxBurst)
	}
}

func TestServerEnds(t *testing.T) {
	st := open(t, nil)
	_, err := st.client(t, st.Credentials("dr-rao")).Allocate()
	must(t, err)
	idle, err := net.Dial("tcp4", st.splitter.Addr().String()) // has not said what it speaks
	must(t, err)
	defer idle.Close()
	st.stop()
	if n := st.quota.count(); n != 0 {
		t.Errorf("%d relays left", n)
	}
	late, other := net.Pipe()
	defer other.Close()
	st.Serve(late)
	if _, err := late.Write([]byte{0}); err == nil {
		t.Error("a connection was taken over after the end")
	}
}

func TestNewRefuses(t *testing.T) {
	peer := netip.MustParseAddrPort("127.0.0.1:5000")
	for name, c := range map[string]Config{
		"short secret": {Secret: []byte("short"), Peers: []netip.AddrPort{peer}},
		"no peer":      {Secret: secret},
		"no port":      {Secret: secret, Peers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestUnspecifiedPeerStandsForTheMachine(t *testing.T) {
	p, err := newPeers([]netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:5000")}, nil)
	must(t, err)
	if !p.reaches(net.IPv4(127, 0, 0, 1)) || p.reaches(net.IPv6loopback) || p.reaches(net.IPv4zero) {
		t.Errorf("targets: %v", p.targets)
	}
}

// value reads a counter or gauge.
func value(t testing.TB, c prometheus.Metric) float64 {
	t.Helper()
	var m dto.Metric
	must(t, c.Write(&m))
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}
