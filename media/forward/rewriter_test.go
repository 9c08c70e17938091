package forward

import (
	"testing"

	"lectern/media"
)

// ntp is second s, in 32.32 fixed point, of an arbitrary wall clock.
func ntp(s float64) uint64 { return uint64(3_900_000_000)<<32 + uint64(s*(1<<32)) }

func TestClockAt(t *testing.T) {
	tests := []struct {
		name    string
		seconds float64 // from the report
		rate    uint32
		want    uint32
	}{
		{"same instant", 0, 90000, 1000},
		{"a second later", 1, 90000, 91000},
		{"a frame later, rounded", 1.0 / 32, 90000, 1000 + 2813},
		{"half a second earlier", -0.5, 90000, 1<<32 - 44000},
		{"a day later", 86400, 90000, 1000 + 3481032704}, // 86400*90000 modulo 2^32
		{"audio", 0.02, 48000, 1960},
	}
	for _, tt := range tests {
		c := Clock{NTP: ntp(100), Timestamp: 1000, Known: true}
		if got := c.At(ntp(100+tt.seconds), tt.rate); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestClockShift(t *testing.T) {
	low := Clock{NTP: ntp(10), Timestamp: 4_000_000_000, Known: true}
	high := Clock{NTP: ntp(11), Timestamp: 90_500, Known: true}
	shift := low.Shift(high, 90000)
	// At second 10 high's clock shows 500, low's 4,000,000,000.
	if got := 4_000_000_000 + shift; got != 500 {
		t.Errorf("low's second 10 becomes %d, want 500", got)
	}
	if back := high.Shift(low, 90000); back+shift != 0 {
		t.Errorf("there and back is %d, want 0", back+shift)
	}
}

// packet makes a packet of a layer; the arrival is in milliseconds.
func packet(seq uint64, ts uint32, ms int) *media.Packet {
	return &media.Packet{Sequence: seq, Timestamp: ts, Arrival: at(ms)}
}

func expect(t *testing.T, what string, got Stamp, seq uint16, ts uint32) {
	t.Helper()
	if got != (Stamp{seq, ts}) {
		t.Errorf("%s: %+v, want %+v", what, got, Stamp{seq, ts})
	}
}

func TestRewriterContinues(t *testing.T) {
	w := NewRewriter(90000, Stamp{65534, 1<<32 - 3000})
	first := packet(100_000, 5000, 0)
	w.Switch(first, Clock{})
	expect(t, "first", w.Stamp(first), 65534, 1<<32-3000)
	expect(t, "same picture", w.Stamp(packet(100_001, 5000, 1)), 65535, 1<<32-3000)
	expect(t, "over both wraps", w.Stamp(packet(100_002, 8000, 33)), 0, 0)
	expect(t, "a hole stays", w.Stamp(packet(100_005, 11000, 66)), 3, 3000)
}

func TestRewriterSwitchesOnTheSendersClock(t *testing.T) {
	// At second 10 the high layer shows 1,000,000 and the low one 7,000.
	high := Clock{ntp(10), 1_000_000, true}
	low := Clock{ntp(12), 7_000 + 180_000, true}
	w := NewRewriter(90000, Stamp{10, 50_000})
	p := packet(500, 1_000_000, 0)
	w.Switch(p, high)
	w.Stamp(p)
	expect(t, "before", w.Stamp(packet(501, 1_003_000, 33)), 11, 53_000)
	// The low layer's picture of 66.7 ms arrives 40 ms late: that must not show.
	p = packet(9000, 13_000, 107)
	w.Switch(p, low)
	expect(t, "first of low", w.Stamp(p), 12, 56_000)
	expect(t, "second of low", w.Stamp(packet(9001, 16_000, 110)), 13, 59_000)
	// And back, exactly where it would have been without the excursion.
	p = packet(700, 1_012_000, 130)
	w.Switch(p, high)
	expect(t, "high again", w.Stamp(p), 14, 62_000)
	if got := w.Report(Clock{ntp(20), 1_900_000, true}); got.Timestamp != 950_000 || got.NTP != ntp(20) || !got.Known {
		t.Errorf("report %+v, want timestamp 950000", got)
	}
}

func TestRewriterKeepsPicturesApart(t *testing.T) {
	high, low := Clock{ntp(10), 0, true}, Clock{ntp(10), 500_000, true}
	w := NewRewriter(90000, Stamp{0, 0})
	p := packet(1, 0, 0)
	w.Switch(p, high)
	w.Stamp(p)
	w.Stamp(packet(2, 3000, 33))
	w.Stamp(packet(3, 6000, 66))
	// The low layer repeats the last two pictures that were shown, then goes on.
	p = packet(50, 503_000, 70)
	w.Switch(p, low)
	expect(t, "shown before", w.Stamp(p), 3, 6001)
	expect(t, "its second packet", w.Stamp(packet(51, 503_000, 70)), 4, 6001)
	expect(t, "shown, too", w.Stamp(packet(52, 506_000, 71)), 5, 6002)
	expect(t, "new", w.Stamp(packet(53, 509_000, 99)), 6, 9000)
	expect(t, "newer", w.Stamp(packet(54, 512_000, 132)), 7, 12000)
}

func TestRewriterSwitchesByArrival(t *testing.T) {
	report := Clock{ntp(10), 0, true}
	tests := []struct {
		name    string
		restart bool
		clock   Clock // of the layer switched to
		arrival int
		want    uint32
	}{
		{"no report yet", false, Clock{}, 33, 2970},
		{"another sender", true, Clock{ntp(99), 777, true}, 33, 2970},
		{"a report that is two seconds off", false, Clock{ntp(12), 777, true}, 33, 2970},
		{"a report that is half a second off is believed", false, Clock{ntp(9.5), 777, true}, 33, 1<<32 - 45000},
		{"in the same millisecond", false, Clock{}, 0, 1},
		{"after an hour and more", true, Clock{}, 4_000_000, 324_000_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := NewRewriter(90000, Stamp{})
			p := packet(1, 0, 0)
			w.Switch(p, report)
			w.Stamp(p)
			if tt.restart {
				w.Restart()
			}
			p = packet(1, 777, tt.arrival)
			w.Switch(p, tt.clock)
			want := tt.want
			if int32(want) < 0 {
				want = 1 // believed, but kept behind the last picture
			}
			expect(t, tt.name, w.Stamp(p), 1, want)
		})
	}
}

func TestRewriterReportUnknown(t *testing.T) {
	w := NewRewriter(90000, Stamp{})
	if got := w.Report(Clock{}); got.Known {
		t.Errorf("an unknown clock became %+v", got)
	}
}

func TestRewriterReplay(t *testing.T) {
	group := []*media.Packet{
		packet(30, 9000, 0), packet(31, 9000, 1), packet(32, 12000, 33), packet(33, 15000, 66), packet(34, 15000, 67),
	}
	w := NewRewriter(90000, Stamp{100, 1_000_000})
	want := []Stamp{{100, 999_820}, {101, 999_820}, {102, 999_910}, {103, 1_000_000}, {104, 1_000_000}}
	for i, got := range w.Replay(group, Clock{ntp(10), 15_000, true}) {
		expect(t, "replayed", got, want[i].Sequence, want[i].Timestamp)
	}
	expect(t, "same picture goes on", w.Stamp(packet(35, 15000, 68)), 105, 1_000_000)
	expect(t, "the next is in time", w.Stamp(packet(36, 18000, 100)), 106, 1_003_000)
	if got := w.Report(Clock{ntp(11), 105_000, true}); got.Timestamp != 1_090_000 {
		t.Errorf("report says %d, want 1090000", got.Timestamp)
	}
}

func TestRewriterReplayOfOnePacket(t *testing.T) {
	w := NewRewriter(90000, Stamp{7, 70})
	got := w.Replay([]*media.Packet{packet(1, 5, 0)}, Clock{})
	if len(got) != 1 {
		t.Fatalf("%d stamps", len(got))
	}
	expect(t, "only", got[0], 7, 70)
}

// FuzzRewriter switches at any time with any clock: sequences go on without a gap that the input did not
// have, and no picture goes back in time within the layer that follows a switch.
func FuzzRewriter(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 128, 4, 5, 255, 6})
	f.Add([]byte{200, 200, 200, 1, 200})
	f.Fuzz(func(t *testing.T, in []byte) {
		w := NewRewriter(90000, Stamp{65000, 1<<32 - 10000})
		seq, ts, ms := uint64(1000), uint32(0), 0
		var last Stamp
		for i, b := range in {
			ms += int(b % 64)
			seq++
			ts += uint32(b%64) * 90
			p := packet(seq, ts, ms)
			if i == 0 || b >= 128 {
				seq += uint64(b) * 999
				p = packet(seq, ts, ms)
				w.Switch(p, Clock{ntp(float64(ms) / 1000), ts + uint32(b), b%2 == 0})
			}
			s := w.Stamp(p)
			if i > 0 && s.Sequence != last.Sequence+1 {
				t.Fatalf("packet %d: sequence %d after %d", i, s.Sequence, last.Sequence)
			}
			if i > 0 && int32(s.Timestamp-last.Timestamp) < 0 {
				t.Fatalf("packet %d: timestamp %d after %d", i, s.Timestamp, last.Timestamp)
			}
			last = s
		}
	})
}

// BenchmarkForward is the whole cost of one packet for one receiver: choose, stamp, and every 300 packets
// a switch.
func BenchmarkForward(b *testing.B) {
	var s Selector
	s.Want(f)
	s.SetPresent(all)
	w := NewRewriter(90000, Stamp{})
	clock := Clock{ntp(1), 0, true}
	p := &media.Packet{Arrival: t0}
	n := uint64(0)
	for b.Loop() {
		n++
		p.Sequence, p.Timestamp, p.Keyframe = n, uint32(n/10)*3000, n%300 == 1
		p.Layer = media.Layer(n / 300 % 3)
		s.Want(p.Layer)
		forward, switched := s.Next(p.Layer, p.Keyframe)
		if switched {
			w.Switch(p, clock)
		}
		if forward {
			w.Stamp(p)
		}
	}
}

func BenchmarkKeyframe(b *testing.B) {
	payload := append([]byte{0x7c, 0x85}, make([]byte, 1100)...)
	for b.Loop() {
		Keyframe("video/H264", payload)
	}
}

// TestRewriterCatchesUp goes to a layer by the pictures since its last keyframe, two of which show moments that were shown.
func TestRewriterCatchesUp(t *testing.T) {
	clock := func(ts uint32) Clock { return Clock{NTP: ntp(1), Timestamp: ts, Known: true} }
	w := NewRewriter(90000, Stamp{100, 7000})
	w.Switch(packet(10, 3000, 0), clock(0))
	w.Stamp(packet(10, 3000, 0))
	expect(t, "before", w.Stamp(packet(11, 6000, 33)), 101, 10_000)
	// This layer's clock is 500,000 ahead: its pictures are those of 0, 3,000, 6,000 and 9,000.
	group := []*media.Packet{
		packet(50, 500_000, -33), packet(51, 500_000, -33), packet(52, 503_000, 0), packet(53, 506_000, 34), packet(54, 509_000, 66),
	}
	stamps := w.CatchUp(group, clock(500_000))
	for i, want := range []Stamp{{102, 10_001}, {103, 10_001}, {104, 10_002}, {105, 10_003}, {106, 13_000}} {
		expect(t, "caught up", stamps[i], want.Sequence, want.Timestamp)
	}
	expect(t, "after", w.Stamp(packet(55, 512_000, 99)), 107, 16_000)
}
