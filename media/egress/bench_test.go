package egress

import (
	"testing"
	"time"

	"lectern/media"
	"lectern/media/forward"
)

// perPicture is how many packets a picture of a 1.7 Mbit/s lecture has.
const perPicture = 6

func BenchmarkRingPushAndGet(b *testing.B) {
	ring := forward.NewRing(forward.RingVideo)
	p := make([]*media.Packet, 4096)
	for i := range p {
		p[i] = packetAt(uint64(i)+1, uint32(i/perPicture), 1180, i%perPicture == 5, i == 0, time.Now())
	}
	n := uint64(0)
	for b.Loop() {
		q := p[n%4096]
		q.Sequence = n + 1
		ring.Push(q)
		n++
		if ring.Get(n) == nil {
			b.Fatal("lost")
		}
	}
}

func BenchmarkRewrite(b *testing.B) {
	w := forward.NewRewriter(90000, forward.Stamp{})
	var h forward.History
	p := packetAt(1, 0, 1180, false, true, time.Now())
	w.Switch(p, forward.Clock{})
	for b.Loop() {
		p.Sequence++
		h.Sent(p, w.Stamp(p), forward.VP8Shift{})
	}
}

func BenchmarkSeal(b *testing.B) {
	_, r := testRoom(b)
	v, _ := testViewer(b, r)
	room := make([]byte, 0, boxSlot)
	p := rtpPacket{number: 102, ssrc: 7, payload: make([]byte, 1180)}
	b.SetBytes(1180)
	for b.Loop() {
		p.stamp.Sequence++
		if v.sealRTP(room, &p) == 0 {
			b.Fatal("not sealed")
		}
	}
}

// readingPath leads to an attendee who reads: a full socket is a path of its own in the kernel.
func readingPath(b *testing.B, s *Server) *path {
	to, conn := socketPair(b, s)
	go func() {
		for buffer := make([]byte, 2000); ; {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
		}
	}()
	return to
}

// BenchmarkFlush sends to a hundred attendees; the time is for each packet.
func BenchmarkFlush(b *testing.B) {
	for name, prepare := range map[string]func(*socket){"segments": func(*socket) {}, "plain": plain} {
		b.Run(name, func(b *testing.B) {
			s, _ := testRoom(b)
			prepare(s.ports[0].shards[0])
			o := newOutbox(s.meters)
			var paths []*path
			for range 100 {
				paths = append(paths, readingPath(b, s))
			}
			n := 0
			for b.Loop() {
				_ = o.room()
				o.put(paths[n/perPicture%100], 1208)
				n++
			}
			o.flush()
		})
	}
}

// BenchmarkRound is all that a worker does for one packet of one of a hundred attendees.
func BenchmarkRound(b *testing.B) {
	s, r := testRoom(b)
	w := s.workers[0]
	w.now = time.Now()
	for range 100 {
		v, _ := testViewer(b, r)
		v.a.path.Store(readingPath(b, s))
		w.join(v)
	}
	seq := uint64(1000)
	b.ReportAllocs()
	for n := 0; n < b.N; {
		w.now = time.Now()
		for i := range perPicture {
			r.WritePacket(packetAt(seq, uint32(seq/perPicture), 1180, i == perPicture-1, seq == 1000, w.now))
			seq++
		}
		w.round()
		n += w.packets
		w.account()
	}
}
