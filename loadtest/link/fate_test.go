package link

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"
)

var epoch = time.Unix(1_000_000, 0)

// fates sends n packets of 100 bytes, one a millisecond, and lists what became of them.
func fates(c Conditions, seed uint64, n int) (what []fate, delays []time.Duration, copies int) {
	m := newModel(c, seed, 1)
	for i := range n {
		now := epoch.Add(time.Duration(i) * time.Millisecond)
		f, at, times := m.take(make([]byte, 100), now)
		what = append(what, f)
		copies += times
		if f == delivered {
			delays = append(delays, at.Sub(now))
		}
	}
	return what, delays, copies
}

func TestPerfectLinkDeliversAtOnce(t *testing.T) {
	what, delays, copies := fates(Conditions{}, 1, 100)
	if slices.Contains(what, lost) || copies != 100 || slices.Max(delays) != 0 {
		t.Errorf("got %v, %v, %d copies", what, delays, copies)
	}
}

func TestSameSeedSameFate(t *testing.T) {
	c := Conditions{Loss: 0.1, BurstLoss: 0.1, Duplicate: 0.1, Delay: 50 * time.Millisecond, Jitter: 20 * time.Millisecond}
	what, delays, copies := fates(c, 7, 5_000)
	again, delaysAgain, copiesAgain := fates(c, 7, 5_000)
	if !slices.Equal(what, again) || !slices.Equal(delays, delaysAgain) || copies != copiesAgain {
		t.Error("the same seed gave two histories")
	}
	other, _, _ := fates(c, 8, 5_000)
	if slices.Equal(what, other) {
		t.Error("two seeds gave one history")
	}
}

func TestSharesAreMet(t *testing.T) {
	const n = 100_000
	for _, test := range []struct {
		name   string
		c      Conditions
		lost   float64
		copies float64
		length float64 // mean run of losses
	}{
		{"independent", Conditions{Loss: 0.05}, 0.05, 0.95, 1 / 0.95},
		{"bursts", Conditions{BurstLoss: 0.1, BurstLength: 5}, 0.1, 0.9, 5},
		{"usual bursts", Conditions{BurstLoss: 0.2}, 0.2, 0.8, 4},
		{"both", Conditions{Loss: 0.1, BurstLoss: 0.1}, 0.19, 0.81, 0},
		{"duplicates", Conditions{Duplicate: 0.03}, 0, 1.03, 0},
		{"all", Conditions{Loss: 1}, 1, 0, n},
	} {
		t.Run(test.name, func(t *testing.T) {
			what, _, copies := fates(test.c, 1, n)
			gone, runs := 0, 0
			for i, f := range what {
				if f == lost {
					gone++
					if i == 0 || what[i-1] != lost {
						runs++
					}
				}
			}
			near := func(what string, got, want float64) {
				if math.Abs(got-want) > 0.05*want+1e-9 {
					t.Errorf("%s: got %.4f, want %.4f", what, got, want)
				}
			}
			near("lost", float64(gone)/n, test.lost)
			near("copies", float64(copies)/n, test.copies)
			if test.length > 0 {
				near("length of a burst", float64(gone)/float64(runs), test.length)
			}
		})
	}
}

func TestJitterStaysInItsBoundsAndReorders(t *testing.T) {
	_, delays, _ := fates(Conditions{Delay: 50 * time.Millisecond, Jitter: 20 * time.Millisecond}, 1, 20_000)
	low, high, overtaken := slices.Min(delays), slices.Max(delays), 0
	var sum time.Duration
	for i, d := range delays {
		sum += d
		if i > 0 && d+time.Millisecond < delays[i-1] {
			overtaken++
		}
	}
	if low < 30*time.Millisecond || low > 31*time.Millisecond || high > 70*time.Millisecond || high < 69*time.Millisecond {
		t.Errorf("delays from %v to %v, want all of 30 to 70 ms", low, high)
	}
	if mean := sum / time.Duration(len(delays)); (mean - 50*time.Millisecond).Abs() > time.Millisecond {
		t.Errorf("mean delay %v, want 50 ms", mean)
	}
	// Two uniform delays a millisecond apart: the second arrives first with (1 - 1/40)²/2.
	if share := float64(overtaken) / float64(len(delays)); math.Abs(share-0.475) > 0.02 {
		t.Errorf("%.3f of the packets overtook the one before, want 0.475", share)
	}
	_, delays, _ = fates(Conditions{Delay: time.Millisecond, Jitter: 20 * time.Millisecond}, 1, 1_000)
	if slices.Min(delays) < 0 {
		t.Error("a packet arrived before it was sent")
	}
}

func TestBottleneckQueuesThenDropsTheTail(t *testing.T) {
	// 100 bytes at 80 kbit/s take 10 ms each; one arrives every millisecond.
	what, delays, _ := fates(Conditions{Rate: 80_000, Queue: 40 * time.Millisecond}, 1, 200)
	if want := []time.Duration{10, 19, 28, 37, 46}; !slices.EqualFunc(delays[:5], want, func(got, want time.Duration) bool {
		return got == want*time.Millisecond
	}) {
		t.Errorf("the first waited %v, want %v ms", delays[:5], want)
	}
	if what[4] != delivered || what[5] != overflowed {
		t.Errorf("got %v: the queue of 40 ms is full at the sixth packet", what[:8])
	}
	if slices.Max(delays) > 50*time.Millisecond {
		t.Errorf("a packet waited %v, behind a queue of 40 ms and itself", slices.Max(delays))
	}
	// 200 ms of 80 kbit/s and the queue are 25 packets.
	if n := len(delays); n < 23 || n > 25 {
		t.Errorf("%d packets passed", n)
	}
	// Without a queue of its own it is 300 ms.
	if _, delays, _ = fates(Conditions{Rate: 8_000}, 1, 1_000); slices.Max(delays) > 400*time.Millisecond {
		t.Errorf("waited %v", slices.Max(delays))
	}
}

func TestPulledCablePassesNothing(t *testing.T) {
	m := newModel(Conditions{}, 1, 1)
	m.pulled = true
	if f, _, copies := m.take(make([]byte, 100), epoch); f != lost || copies != 0 {
		t.Errorf("got %v", f)
	}
	m.pulled = false
	if f, _, copies := m.take(make([]byte, 100), epoch); f != delivered || copies != 1 {
		t.Errorf("got %v", f)
	}
}

// ipPacket is a packet with only what transport reads.
func ipPacket(version, protocol byte, from, to uint16) []byte {
	packet := make([]byte, 60)
	packet[0] = version<<4 | 5
	at := 20
	if version == 6 {
		at = 40
		packet[6] = protocol
	} else {
		packet[9] = protocol
	}
	binary.BigEndian.PutUint16(packet[at:], from)
	binary.BigEndian.PutUint16(packet[at+2:], to)
	return packet
}

func TestFirewall(t *testing.T) {
	const tcp, udp, icmp = 6, 17, 1
	fragment := ipPacket(4, tcp, 443, 9)
	fragment[7] = 8
	for _, test := range []struct {
		name   string
		rules  []string
		packet []byte
		want   bool
	}{
		{"no rule", nil, ipPacket(4, udp, 1, 2), false},
		{"udp", []string{"udp"}, ipPacket(4, udp, 1, 2), true},
		{"udp, IPv6", []string{"udp"}, ipPacket(6, udp, 1, 2), true},
		{"tcp passes", []string{"udp"}, ipPacket(4, tcp, 1, 2), false},
		{"ping passes", []string{"udp", "tcp"}, ipPacket(4, icmp, 1, 2), false},
		{"port to", []string{"udp", "tcp/443"}, ipPacket(4, tcp, 9, 443), true},
		{"port from", []string{"tcp/443"}, ipPacket(6, tcp, 443, 9), true},
		{"other port", []string{"tcp/443"}, ipPacket(4, tcp, 444, 9), false},
		{"later fragment has no port", []string{"tcp/443"}, fragment, false},
		{"later fragment has a protocol", []string{"tcp"}, fragment, true},
		{"too short", []string{"udp"}, []byte{0x45, 0}, false},
		{"empty", []string{"udp"}, nil, false},
	} {
		if got := (Conditions{Block: test.rules}).blocks(test.packet); got != test.want {
			t.Errorf("%s: blocks %v, want %v", test.name, got, test.want)
		}
	}
	if f, _, _ := newModel(Conditions{Block: []string{"udp"}}, 1, 1).take(ipPacket(4, udp, 1, 2), epoch); f != blocked {
		t.Errorf("got %v", f)
	}
}

func TestConditionsThatCannotBe(t *testing.T) {
	for _, c := range []Conditions{
		{Loss: -0.1},
		{Loss: 1.1},
		{Loss: math.NaN()},
		{BurstLoss: 1},
		{BurstLoss: 0.1, BurstLength: 0.5},
		{Duplicate: 2},
		{Delay: -1},
		{Jitter: -1},
		{Rate: -1},
		{Queue: -1},
		{Block: []string{"icmp"}},
		{Block: []string{"tcp/"}},
		{Block: []string{"tcp/0"}},
		{Block: []string{"udp/65536"}},
	} {
		if c.Validate() == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	good := Conditions{Loss: 1, BurstLoss: 0.5, BurstLength: 1, Block: []string{"udp", "tcp/443"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}
