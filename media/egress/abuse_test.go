package egress

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"lectern/media/forward"
)

// tapped is a client's socket that keeps what the client sends.
type tapped struct {
	net.PacketConn
	deaf bool // to alerts: the server does not get them
	mu   sync.Mutex
	sent [][]byte
}

func (c *tapped) WriteTo(b []byte, to net.Addr) (int, error) {
	c.mu.Lock()
	c.sent = append(c.sent, append([]byte(nil), b...))
	c.mu.Unlock()
	if c.deaf && b[0] == contentAlert {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}

func (c *tapped) copies() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([][]byte(nil), c.sent...)
}

// TestAbuseHarmsNobody sends 50,000 packets that are malformed, forged, padded, empty or repeated, from strangers and from
// an attendee's own address, and malformed reports that he himself has sealed, while another one watches (trust S-13).
func TestAbuseHarmsNobody(t *testing.T) {
	s := serve(t)
	st := all3(t)
	conn := &tapped{PacketConn: listen(t, "udp4", "127.0.0.1:0")}
	target := newScreen(t, s, st, peerOptions{conn: conn})
	watcher := newScreen(t, s, st, peerOptions{})
	eventually(t, "pictures for both", func() bool { return len(target.pictures()) > 50 && len(watcher.pictures()) > 50 })
	eventually(t, "reports of the target", func() bool {
		for _, b := range conn.copies() {
			if b[0]>>6 == 2 && b[1] >= 192 {
				return true
			}
		}
		return false
	})
	from := target.session.a.path.Load()
	stranger := listen(t, "udp4", "127.0.0.1:0")
	server := net.UDPAddrFromAddrPort(s.Addrs()[0])
	random := rand.New(rand.NewPCG(1, 2))
	originals := conn.copies()
	for n := range 50_000 {
		b := malformed(random, originals, n)
		switch n % 3 {
		case 0:
			_, _ = conn.PacketConn.WriteTo(b, server)
		case 1:
			_, _ = stranger.WriteTo(b, server)
		default: // not lost in a full socket
			d := newDemux(s)
			d.take(b, s.ports[0].shards[0], nil, from.addr)
		}
		if n%100 == 0 {
			_ = target.pc.WriteRTCP([]rtcp.Packet{nonsense(random)})
		}
	}
	for _, v := range []*screen{target, watcher} {
		n := len(v.pictures())
		eventually(t, "pictures after the flood", func() bool { return len(v.pictures()) > n+200 })
		checkWhole(t, v.pictures())
	}
	if got := target.session.a.path.Load(); got.addr != from.addr {
		t.Errorf("the target was moved to %s", got.addr)
	}
}

// nonsense is a report with a proper header and anything in it.
func nonsense(random *rand.Rand) *rtcp.RawPacket {
	b := make(rtcp.RawPacket, 4*(1+random.IntN(20)))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	b[0] = 0x80 | b[0]&0x3f // with padding or without, any count
	b[1] = byte(200 + random.IntN(8))
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1+random.IntN(3)))
	return &b
}

// malformed makes a packet: noise of each protocol, a repeated original, or one with a bit changed.
func malformed(random *rand.Rand, originals [][]byte, n int) []byte {
	original := originals[random.IntN(len(originals))]
	b := append([]byte(nil), original...)
	switch n % 5 {
	case 0:
		if b[0] < 4 {
			b[len(b)-1] ^= 1 // as it was, from another address, it would be a stolen check
		}
	case 1:
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		if b[0] < 4 && string(b) == string(original) {
			b = nil
		}
	case 2:
		b = b[:random.IntN(len(b))] // also of length 0
	case 3:
		b = append(b, make([]byte, 1+random.IntN(1200))...) // padded
		b[0] |= 0x20
	default:
		b = make([]byte, random.IntN(200))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if len(b) > 1 {
			b[0] = []byte{0, 1, 20, 22, 63, 128, 144, 191, 255}[random.IntN(9)]
			b[1] = byte(190 + random.IntN(40))
		}
	}
	return b
}

// TestReplayWindow holds that each report counts once, in whatever order they come, and that those too old to tell do not
// count (RFC 3711 section 3.3.2).
func TestReplayWindow(t *testing.T) {
	s, r := testRoom(t)
	v, _ := testViewer(t, r)
	a, d, w := v.a, newDemux(s), s.workers[0]
	key, salt := bytes.Repeat([]byte{3}, 16), bytes.Repeat([]byte{4}, 12)
	seal, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm)
	must(t, err)
	a.open, err = srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTCPReplayProtection(replayWindow))
	must(t, err)
	a.worker, a.viewer = w, v
	var sealed [][]byte
	for range 200 {
		clear, err := (&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 7}).Marshal()
		must(t, err)
		b, err := seal.EncryptRTCP(nil, clear, nil)
		must(t, err)
		sealed = append(sealed, b)
	}
	taken := func(numbers ...int) (n int) {
		w.inbox = nil
		for _, i := range numbers {
			a.control(sealed[i], d)
		}
		return len(w.inbox)
	}
	for _, tt := range []struct {
		name    string
		numbers []int
		want    int
	}{
		{"in order", []int{0, 1, 2}, 3},
		{"again", []int{0, 1, 2, 2}, 0},
		{"ahead", []int{100}, 1},
		{"late, within the window", []int{100 - replayWindow + 1, 99, 50}, 3},
		{"late, again", []int{99, 50, 100}, 0},
		{"older than the window", []int{100 - replayWindow, 3}, 0},
		{"far ahead", []int{199, 100, 101, 198}, 2},
	} {
		if n := taken(tt.numbers...); n != tt.want {
			t.Errorf("%s: %d taken, want %d", tt.name, n, tt.want)
		}
	}
}

func TestRepeatedReportIsRefused(t *testing.T) {
	s := serve(t)
	conn := &tapped{PacketConn: listen(t, "udp4", "127.0.0.1:0")}
	v := newScreen(t, s, all3(t), peerOptions{conn: conn})
	var report []byte
	eventually(t, "a report", func() bool {
		for _, b := range conn.copies() {
			if b[0]>>6 == 2 && b[1] >= 192 {
				report = b
				return true
			}
		}
		return false
	})
	eventually(t, "its arrival", func() bool {
		v.session.a.mu.Lock()
		defer v.session.a.mu.Unlock()
		return v.session.a.open != nil && v.session.a.flight == nil
	})
	v.session.a.mu.Lock()
	defer v.session.a.mu.Unlock()
	if _, err := v.session.a.open.DecryptRTCP(nil, report, nil); err == nil {
		t.Error("a report was taken twice")
	}
}

// forged builds a check with the given name and password.
func forged(t testing.TB, name, password string, extra ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(name)},
		append(extra, stun.NewShortTermIntegrity(password), stun.Fingerprint)...)...)
	must(t, err)
	return m.Raw
}

// TestChecks holds who may move an attendee, and what is answered.
func TestChecks(t *testing.T) {
	s := serve(t)
	_, session, err := s.Subscribe(t.Context(), "lecture", all3(t), offerScreen(t, peerOptions{}).offer(t), SubscribeOptions{})
	must(t, err)
	a, d := session.a, newDemux(s)
	client := listen(t, "udp4", "127.0.0.1:0")
	from := client.LocalAddr().(*net.UDPAddr).AddrPort()
	here := s.ports[0].shards[0]
	name := a.present.ufrag + ":client"
	nominates := stun.RawAttribute{Type: stun.AttrUseCandidate}

	if d.take(forged(t, "somebody:client", a.present.password), here, nil, from) {
		t.Error("took a check of somebody else's session")
	}
	if !d.take(forged(t, name, "wrong password", nominates), here, nil, from) || a.path.Load() != nil {
		t.Error("a forged check was followed or handed on")
	}
	d.take(forged(t, name, a.present.password, stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}), here, nil, from)
	if class := readReply(t, client); class != stun.ClassErrorResponse || a.path.Load() != nil {
		t.Errorf("a client that takes itself for the controlled one was answered with %v", class)
	}
	d.take(forged(t, name, a.present.password), here, nil, from)
	if class := readReply(t, client); class != stun.ClassSuccessResponse || a.path.Load() == nil || a.path.Load().addr != from {
		t.Errorf("the first check was answered with %v", class)
	}
	other := netip.AddrPortFrom(from.Addr(), from.Port()^1)
	d.take(forged(t, name, a.present.password), here, nil, other)
	if a.path.Load().addr != from {
		t.Error("a check that does not nominate moved the attendee")
	}
	d.take(forged(t, name, a.present.password, nominates), here, nil, other)
	if a.path.Load().addr != other {
		t.Error("a check that nominates did not move the attendee")
	}
	old := a.present
	fresh := newCredentials()
	a.renew(fresh)
	d.take(forged(t, old.ufrag+":client", old.password, nominates), here, nil, from)
	if a.path.Load().addr != from {
		t.Error("the former session ended before the new one began")
	}
	d.take(forged(t, fresh.ufrag+":client", fresh.password, nominates), here, nil, other)
	if d.take(forged(t, old.ufrag+":client", old.password, nominates), here, nil, from) || a.path.Load().addr != other {
		t.Error("the former session goes on after the new one began")
	}
}

func readReply(t *testing.T, client net.PacketConn) stun.MessageClass {
	t.Helper()
	b := make([]byte, 1500)
	n, _, err := client.ReadFrom(b)
	must(t, err)
	m := &stun.Message{Raw: b[:n]}
	must(t, m.Decode())
	return m.Type.Class
}

func TestParseFeedback(t *testing.T) {
	clear, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{{SSRC: 1, FractionLost: 64}}},
		&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 1}}},
		&rtcp.PictureLossIndication{MediaSSRC: 1},
		&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 2}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 300_000},
	})
	must(t, err)
	f, err := parseFeedback(clear)
	must(t, err)
	if len(f.missing) != 2 || f.missing[1] != (missing{1, 0}) || len(f.lost) != 2 || len(f.received) != 1 ||
		f.received[0].FractionLost != 64 || f.estimate < 290_000 || f.estimate > 300_000 || !f.urgent() {
		t.Errorf("%+v", f)
	}
	many := &rtcp.TransportLayerNack{MediaSSRC: 1}
	for i := range 200 {
		many.Nacks = append(many.Nacks, rtcp.NackPair{PacketID: uint16(i * 17), LostPackets: 0xffff})
	}
	clear, err = many.Marshal()
	must(t, err)
	if f, err = parseFeedback(clear); err != nil || len(f.missing) != maxMissing {
		t.Errorf("%d packets asked for: %v", len(f.missing), err)
	}
}

// FuzzCheck holds that no packet is taken for a check without the password.
func FuzzCheck(f *testing.F) {
	f.Add(forged(f, "ufrag:client", "password", stun.RawAttribute{Type: stun.AttrUseCandidate}))
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m stun.Message
		if _, err := parseCheck(&m, b); err == nil && authentic(&m, "another password") {
			t.Error("authentic without the password")
		}
	})
}

func FuzzFeedback(f *testing.F) {
	for _, p := range []rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{{SSRC: 1, FractionLost: 64}}},
		&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 0xffff}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 300_000, SSRCs: []uint32{1}},
	} {
		b, err := p.Marshal()
		must(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseFeedback(b)
		if err != nil {
			return
		}
		if len(r.missing) > maxMissing || r.estimate < 0 {
			t.Errorf("%d missing, estimate %g", len(r.missing), r.estimate)
		}
		var l forward.Losses
		for i, p := range r.received {
			if share, _ := l.Report(p.TotalLost, p.LastSequenceNumber, time.Unix(int64(i), 0)); share < 0 || share > 1 || i >= maxReceived {
				t.Errorf("report %d: loss of %g", i, share)
			}
		}
	})
}

// FuzzDemux throws packets at a server with an attendee.
func FuzzDemux(f *testing.F) {
	s, err := New(Config{UDPAddr: "127.0.0.1:0"})
	must(f, err)
	start(f, s)
	f.Add(forged(f, "ufrag:client", "password"))
	f.Add([]byte{0x80, 200, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0})
	f.Add(binary.BigEndian.AppendUint64([]byte{22, 254, 253}, 1))
	d := newDemux(s)
	f.Fuzz(func(_ *testing.T, b []byte) {
		d.take(b, s.ports[0].shards[0], nil, netip.MustParseAddrPort("127.0.0.1:9"))
	})
}
