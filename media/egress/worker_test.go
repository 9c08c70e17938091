package egress

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"lectern/media"
	"lectern/media/forward"
)

// packetAt makes a packet of the camera's best layer; the picture decides the timestamp.
func packetAt(seq uint64, picture uint32, size int, marker, key bool, at time.Time) *media.Packet {
	return &media.Packet{
		Track: "camera", Layer: media.High, Sequence: seq, Timestamp: picture * 3000, Marker: marker, Keyframe: key,
		Arrival: at, Payload: append([]byte{0x61}, make([]byte, size-1)...),
	}
}

func testRoom(t testing.TB) (*Server, *Room) {
	t.Helper()
	s, err := New(Config{UDPAddr: "127.0.0.1:0", Workers: 1})
	must(t, err)
	t.Cleanup(func() {
		for _, p := range s.ports {
			p.close()
		}
	})
	r := newRoom(s, "lecture", &stage{mime: mimeH264})
	(&stage{mime: mimeH264}).announce(r)
	return s, r
}

func TestIntakeWaitsForTheEndOfAPicture(t *testing.T) {
	_, r := testRoom(t)
	in := newIntake((*r.feeds.Load())["camera"])
	now := time.Unix(100, 0)
	count := func(at time.Time) (int, bool) {
		n, dropped, held := in.collect(at)
		if dropped != 0 {
			t.Fatalf("%d dropped", dropped)
		}
		return n, held
	}
	r.WritePacket(packetAt(1001, 1, 1000, false, true, now))
	r.WritePacket(packetAt(1002, 1, 1001, false, false, now))
	if n, held := count(now); n != 0 || !held {
		t.Errorf("took %d of half a picture, held %v", n, held)
	}
	r.WritePacket(packetAt(1003, 1, 1001, true, false, now))
	r.WritePacket(packetAt(1005, 2, 900, false, false, now)) // 1004 was lost on the way to us
	if n, held := count(now); n != 3 || !held {
		t.Errorf("took %d of a whole picture, held %v", n, held)
	}
	high := &in.lanes[media.High]
	if high.key != 0 || high.items[0].pad != 1 || high.items[1].pad != 0 {
		t.Errorf("keyframe at %d, padding %d and %d", high.key, high.items[0].pad, high.items[1].pad)
	}
	if n, held := count(now.Add(holdBack)); n != 1 || held {
		t.Errorf("took %d of what had waited long enough, held %v", n, held)
	}
	if n, held := count(now.Add(holdBack)); n != 0 || held {
		t.Errorf("took %d twice", n)
	}
}

func TestIntakeDropsToTheEndOfAPicture(t *testing.T) {
	_, r := testRoom(t)
	in := newIntake((*r.feeds.Load())["camera"])
	now := time.Unix(100, 0)
	r.WritePacket(packetAt(1000, 0, 100, true, true, now))
	in.collect(now)
	const many = 600
	for i := range many {
		r.WritePacket(packetAt(uint64(1001+i), uint32(i/5), 100, i%5 == 4, false, now))
	}
	n, dropped, _ := in.collect(now)
	items := in.lanes[media.High].items
	if n+dropped != many || n > queueVideo/2 || n < queueVideo/2-5 {
		t.Errorf("took %d, dropped %d of %d", n, dropped, many)
	}
	if first := items[0].Sequence; (first-1001)%5 != 0 {
		t.Errorf("goes on with packet %d, in the middle of a picture", first)
	}
}

// socketPair returns a path to a socket and that socket.
func socketPair(t testing.TB, s *Server) (*path, *net.UDPConn) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadBuffer(4 << 20)
	return newPath(s.ports[0].shards[0], c.LocalAddr().(*net.UDPAddr).AddrPort()), c
}

// TestOutboxSendsWhatWasPut compares, byte by byte, with segmentation and without.
func TestOutboxSendsWhatWasPut(t *testing.T) {
	for name, prepare := range map[string]func(*socket){"segments": func(*socket) {}, "plain": plain} {
		t.Run(name, func(t *testing.T) {
			s, _ := testRoom(t)
			prepare(s.ports[0].shards[0])
			o := newOutbox(s.meters)
			paths, conns := [2]*path{}, [2]*net.UDPConn{}
			var want [2][][]byte
			for i := range paths {
				paths[i], conns[i] = socketPair(t, s)
			}
			sizes := []int{1000, 1000, 1000, 600, 1000, 90, 1400, 1400, 1401, 1}
			for n := range 40 * len(sizes) {
				to := n / len(sizes) % 2
				b := bytes.Repeat([]byte{byte(n)}, sizes[n%len(sizes)])
				copy(o.room()[:len(b)], b)
				o.put(paths[to], len(b))
				want[to] = append(want[to], b)
			}
			o.flush()
			buffer := make([]byte, 2000)
			for i, c := range conns {
				for n, b := range want[i] {
					_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
					got, err := c.Read(buffer)
					if err != nil || !bytes.Equal(buffer[:got], b) {
						t.Fatalf("packet %d of socket %d: %d bytes of %d, %v", n, i, got, len(b), err)
					}
				}
			}
		})
	}
}

// TestOutboxSurvivesABadAddress holds that a packet which cannot be sent is skipped, and only that one.
func TestOutboxSurvivesABadAddress(t *testing.T) {
	s, _ := testRoom(t)
	o := newOutbox(s.meters)
	good, conn := socketPair(t, s)
	bad := newPath(s.ports[0].shards[0], netip.MustParseAddrPort("255.255.255.255:9")) // a broadcast, not allowed
	for _, p := range []*path{good, bad, bad, good} {
		copy(o.room()[:100], make([]byte, 100))
		o.put(p, 100)
	}
	o.flush()
	buffer := make([]byte, 200)
	for range 2 {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(buffer); err != nil {
			t.Fatal(err)
		}
	}
}

// bench is a viewer whose keys we know, and what opens his packets.
func testViewer(t testing.TB, r *Room) (*viewer, *srtp.Context) {
	t.Helper()
	key, salt := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 12)
	seal, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm)
	must(t, err)
	open, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm)
	must(t, err)
	video := plan{section: section{kind: media.Video}, track: "camera", codec: codec{number: 102, mime: mimeH264, rtx: 103}, ssrc: 7, rtxSSRC: 7 ^ rtxBit}
	audio := plan{section: section{kind: media.Audio}, track: "microphone", codec: codec{number: 111, mime: mimeOpus}, ssrc: 9}
	a := &attendee{server: r.server, room: r, plans: []plan{audio, video}}
	a.wanted.Store(uint32(media.Auto))
	a.shown.Store(uint32(media.SoundOnly))
	return newViewer(a, seal, time.Now()), open
}

func TestSealedPacketOpens(t *testing.T) {
	_, r := testRoom(t)
	v, open := testViewer(t, r)
	payload := bytes.Repeat([]byte{5}, 900)
	room := make([]byte, 0, boxSlot)
	for i, p := range []rtpPacket{
		{number: 102, marker: true, stamp: forward.Stamp{Sequence: 65535, Timestamp: 77}, ssrc: 7, payload: payload},
		{number: 102, pad: 7, stamp: forward.Stamp{Sequence: 0, Timestamp: 78}, ssrc: 7, payload: payload},
		{number: 103, rtx: true, original: 65535, stamp: forward.Stamp{Sequence: 4, Timestamp: 77}, ssrc: 8, payload: payload},
	} {
		n := v.sealRTP(room, &p)
		clear, err := open.DecryptRTP(nil, room[:n], nil)
		must(t, err)
		var got rtp.Packet
		must(t, got.Unmarshal(clear))
		body := got.Payload
		if p.rtx {
			if body[0] != 0xff || body[1] != 0xff {
				t.Errorf("packet %d repeats %x", i, body[:2])
			}
			body = body[2:]
		}
		if !bytes.Equal(body, payload) || got.SequenceNumber != p.stamp.Sequence || got.Timestamp != p.stamp.Timestamp ||
			got.SSRC != p.ssrc || got.PayloadType != p.number || got.Marker != p.marker || got.PaddingSize != p.pad {
			t.Errorf("packet %d: %+v", i, got.Header)
		}
	}
	if n := v.sealRTP(room, &rtpPacket{payload: make([]byte, 2000)}); n != 0 {
		t.Errorf("sealed a packet larger than any link carries: %d bytes", n)
	}
}

// TestSoundOnlyAndBack starves an attendee's link and then lifts that.
func TestSoundOnlyAndBack(t *testing.T) {
	s, r := testRoom(t)
	w := s.workers[0]
	v, _ := testViewer(t, r)
	told := []media.Layer{media.SoundOnly}
	to, _ := socketPair(t, s)
	v.a.path.Store(to)
	w.now = time.Now()
	w.join(v)
	lane := &(*r.feeds.Load())["camera"].lanes[media.High]
	lane.rate.Store(1_700_000)
	seq := uint64(1000)
	second := func(estimate uint64) {
		w.now = w.now.Add(time.Second)
		seq++
		r.WritePacket(packetAt(seq, uint32(seq), 500, true, true, w.now))
		w.round()
		if estimate > 0 {
			v.hear(w, &feedback{estimate: float64(estimate)})
		}
		w.upkeep()
		if l := media.Layer(v.a.shown.Load()); l != told[len(told)-1] {
			told = append(told, l)
		}
	}
	for range 3 {
		second(3_000_000)
	}
	for range 4 {
		second(60_000)
	}
	if !slices.Equal(told, []media.Layer{media.SoundOnly, media.High, media.SoundOnly}) || !v.a.limited.Load() {
		t.Fatalf("on a narrow link: %v, limited %v", told, v.a.limited.Load())
	}
	sent := v.streams[0].packets
	second(60_000)
	if v.streams[0].packets != sent {
		t.Error("pictures go out while there is sound only")
	}
	for range 13 {
		second(3_000_000)
	}
	if len(told) != 4 || told[3] != media.High || v.a.limited.Load() {
		t.Errorf("after the link got wide: %v, limited %v", told, v.a.limited.Load())
	}
	w.inbox = []event{{kind: chooses, viewer: v, layer: media.SoundOnly}}
	w.listen()
	second(3_000_000)
	if told[len(told)-1] != media.SoundOnly || v.a.limited.Load() {
		t.Errorf("after sound alone was chosen: %v, limited %v", told, v.a.limited.Load())
	}
	for range 10 {
		w.inbox = []event{{kind: chooses, viewer: v, layer: media.Low}}
		w.listen()
		second(60_000)
	}
	if told[len(told)-1] != media.High {
		t.Errorf("a layer by hand, of which only the nearest is sent, was taken away: %v", told)
	}
}

// TestRetransmissionsAreBounded asks for the same packets again and again.
func TestRetransmissionsAreBounded(t *testing.T) {
	s, r := testRoom(t)
	w := s.workers[0]
	v, _ := testViewer(t, r)
	to, _ := socketPair(t, s)
	v.a.path.Store(to)
	w.now = time.Now()
	w.join(v)
	sent := 0
	var first uint16 // as the attendee numbers
	for n := range 1000 {
		w.now = w.now.Add(10 * time.Millisecond)
		r.WritePacket(packetAt(uint64(1000+n), uint32(n), 1000, true, n == 0, w.now))
		w.round()
		if n == 0 {
			first = v.streams[0].rewriter.Stamp(packetAt(1000, 0, 1, true, true, w.now)).Sequence
		}
		for _, m := range []uint16{0, 1, 2} {
			seq := first + uint16(n) - m
			v.hear(w, &feedback{missing: []missing{{7, seq}, {7, seq}, {12345, seq}}})
		}
		sent += 1000
	}
	w.out.flush()
	if most := sent/rtxShare/1000 + rtxBurst/1000 + 5; w.resent > most || w.resent < most/2 {
		t.Errorf("%d packets sent again for %d; want up to %d", w.resent, sent/1000, most)
	}
}

func TestFarJumpIsRenumbered(t *testing.T) {
	s, r := testRoom(t)
	w := s.workers[0]
	v, open := testViewer(t, r)
	to, conn := socketPair(t, s)
	v.a.path.Store(to)
	w.now = time.Now()
	w.join(v)
	for i, seq := range []uint64{1000, 1001, 41_000, 41_001} {
		w.now = w.now.Add(time.Second)
		r.WritePacket(packetAt(seq, uint32(i), 300, true, i == 0, w.now))
		w.round()
	}
	buffer := make([]byte, 2000)
	var first uint16
	for i := range 4 {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := conn.Read(buffer)
		must(t, err)
		var h rtp.Header
		if _, err := open.DecryptRTP(nil, buffer[:n], &h); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = h.SequenceNumber
		}
		if h.SequenceNumber != first+uint16(i) {
			t.Errorf("packet %d has number %d after %d", i, h.SequenceNumber, first)
		}
	}
}
