package hls

import (
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// ntpAt is a sender's clock that read base when the timeline began.
func ntpAt(base uint64, t time.Duration) uint64 {
	return base + uint64(t/time.Second)<<32 + uint64(t%time.Second)<<32/1e9
}

// TestClockAligns gives two layers one sender, different delays, and timestamps that wrap around: after the
// reports both map one instant to one place, and neither ever runs backwards.
func TestClockAligns(t *testing.T) {
	for _, base := range []uint64{1 << 40, math.MaxUint64 - 5<<32} { // the second wraps the NTP era
		var sender senderClock
		a := clock{rate: 90000, sender: &sender}
		b := clock{rate: 90000, sender: &sender}
		delays := [2]time.Duration{5 * time.Millisecond, 45 * time.Millisecond}
		starts := [2]uint32{math.MaxUint32 - 90000, 123}
		random := rand.New(rand.NewPCG(1, 2))
		last := [2]time.Duration{-1, -1}
		for i := range 300 {
			captured := time.Duration(i) * time.Second / 30
			var at [2]time.Duration
			for l, c := range []*clock{&a, &b} {
				ts := starts[l] + uint32(i*3000)
				at[l] = c.at(ts, captured+delays[l])
				if at[l] <= last[l] {
					t.Fatalf("layer %d went from %v to %v", l, last[l], at[l])
				}
				last[l] = at[l]
				if i%30 == 7+l {
					jitter := time.Duration(random.IntN(41)-20) * time.Microsecond
					c.report(ntpAt(base, captured+jitter), ts, captured+delays[l])
				}
			}
			if d := (at[0] - at[1]).Abs(); i > 30 && d > time.Millisecond {
				t.Fatalf("picture %d: the layers are %v apart", i, d)
			}
			if d := (at[0] - captured - delays[0]).Abs(); d > time.Millisecond {
				t.Fatalf("picture %d: the layer whose report came first moved by %v", i, d)
			}
		}
		if !a.settled() || !b.settled() {
			t.Error("not settled")
		}
	}
}

// TestClockStartsAnew meets a sender whose clock jumps.
func TestClockStartsAnew(t *testing.T) {
	var sender senderClock
	c := clock{rate: 48000, sender: &sender}
	c.at(0, 0)
	c.report(1<<40, 0, 0)
	if got := c.at(48000, time.Second); got != time.Second {
		t.Errorf("one second is at %v", got)
	}
	if got := c.at(48000*3600, 2*time.Second); got != 2*time.Second || sender.known || c.settled() {
		t.Errorf("after the jump: %v, sender known %v", got, sender.known)
	}
	if got := c.at(48000*3601, 3*time.Second); got != 3*time.Second {
		t.Errorf("a second later: %v", got)
	}
}

func TestOpusSamples(t *testing.T) {
	for packet, want := range map[string]int64{
		"":         0,
		"\xf8":     960,  // CELT 20 ms
		"\xe0":     120,  // CELT 2.5 ms
		"\x08":     960,  // SILK 20 ms
		"\x18":     2880, // SILK 60 ms
		"\x60":     480,  // hybrid 10 ms
		"\xf9":     1920, // two frames
		"\xfb\x03": 2880, // three
		"\xfb":     0,
		"\x1b\x03": 0, // 180 ms
	} {
		if got := opusSamples([]byte(packet)); got != want {
			t.Errorf("%x: %d samples, want %d", packet, got, want)
		}
	}
	if opusSamples(opusSilence) != opusFrame {
		t.Error("silence has another length")
	}
}

// TestOggIsUnderstood lets ffprobe read packets of all sizes at which lacing differs.
func TestOggIsUnderstood(t *testing.T) {
	var o oggStream
	file := o.head()
	sizes := []int{3, 254, 255, 256, 510, 511, 1275}
	for _, n := range sizes {
		packet := make([]byte, n)
		packet[0] = 0xf8
		file = o.appendPacket(file, packet, opusFrame)
	}
	cmd := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=size", "-of", "csv=p=0", "-f", "ogg", "pipe:0")
	cmd.Stdin = strings.NewReader(string(file))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := strings.Fields(string(out)), "3 254 255 256 510 511 1275"; strings.Join(got, " ") != want {
		t.Errorf("sizes %v, want %s", got, want)
	}
}

// TestEncoderMissing names the program that is not there.
func TestEncoderMissing(t *testing.T) {
	if _, err := startEncoder("/nonexistent/ffmpeg", 0, 1); err == nil || !strings.Contains(err.Error(), "install ffmpeg") {
		t.Errorf("error %v", err)
	}
}
