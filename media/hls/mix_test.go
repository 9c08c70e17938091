package hls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
	"testing"
	"time"

	"lectern/media"
)

// tone is so many packets of a sine, as a browser would send them.
func tone(tb testing.TB, hertz, packets int) [][]byte {
	tb.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000:duration=10", hertz),
		"-c:a", "libopus", "-b:a", "48k", "-application", "audio", "-f", "ogg", "pipe:1").Output()
	if err != nil {
		tb.Fatal(err)
	}
	return oggPackets(out)[2 : 2+packets]
}

// decode returns the samples of AAC frames, both channels as one.
func decode(tb testing.TB, frames [][]byte) []int16 {
	tb.Helper()
	var file bytes.Buffer
	for _, f := range frames {
		n := len(f) + 7
		file.Write([]byte{0xff, 0xf1, 0x4c, 0x80 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc})
		file.Write(f)
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "aac", "-i", "pipe:0", "-ac", "1", "-f", "s16le", "pipe:1")
	cmd.Stdin = &file
	out, err := cmd.Output()
	if err != nil {
		tb.Fatal(err)
	}
	samples := make([]int16, len(out)/2)
	if err := binary.Read(bytes.NewReader(out), binary.LittleEndian, samples); err != nil {
		tb.Fatal(err)
	}
	return samples
}

// strength is how much of a frequency is in samples of 48 kHz, by Goertzel's algorithm: the amplitude of the sine.
func strength(samples []int16, hertz float64) float64 {
	w := 2 * math.Cos(2*math.Pi*hertz/48000)
	var a, b float64
	for _, s := range samples {
		a, b = float64(s)+w*a-b, a
	}
	return 2 * math.Sqrt(a*a+b*b-w*a*b) / float64(len(samples))
}

// TestVoicesAreMixed has one person speak, then a second besides, then the second alone.
func TestVoicesAreMixed(t *testing.T) {
	const low, high = 440, 1000
	first, second := tone(t, low, 250), tone(t, high, 250)
	s := &soundtrack{ffmpeg: "ffmpeg", onError: func(err error) { t.Error(err) }, frames: map[int64][]byte{}}
	now := time.Duration(0)
	settle := func() { // the recorder goes on meanwhile
		for s.child != nil && s.child.closed {
			frame, ok := <-s.output()
			s.received(frame, ok, now)
		}
	}
	speak := func(packets int, voices ...int) {
		for range packets {
			now += 20 * time.Millisecond
			for _, v := range voices {
				n := int(now/(20*time.Millisecond)) - 1
				s.packet(v, &media.Packet{Timestamp: uint32(n * opusFrame), Payload: [][][]byte{first, second}[v][n]}, now)
			}
			s.tick(now)
		}
	}
	s.attach(0, &senderClock{})
	speak(100, 0)
	if n := len(s.child.inputs); n != 1 {
		t.Errorf("one voice has an encoder of %d", n)
	}
	s.attach(1, &senderClock{})
	settle()
	speak(100, 0, 1)
	s.detach(0)
	speak(50, 1)
	s.detachAll()
	settle()

	samples := decode(t, s.take(0, slot(now)))
	for _, c := range []struct {
		name      string
		from, to  float64 // seconds
		low, high bool
	}{{"the first alone", 0.5, 1.8, true, false}, {"both", 2.5, 3.8, true, true}, {"the second alone", 4.3, 4.8, false, true}} {
		part := samples[int(c.from*48000):int(c.to*48000)]
		for hertz, wanted := range map[float64]bool{low: c.low, high: c.high} {
			got := strength(part, hertz)
			if wanted && got < 1500 || !wanted && got > 150 {
				t.Errorf("%s: %v Hz has the amplitude %.0f, wanted %v", c.name, hertz, got, wanted)
			}
		}
	}
}

// BenchmarkMix is what the sound of a panel costs: a second of three voices, ffmpeg included (its time is not counted by
// Go; the metric is the child's).
func BenchmarkMix(b *testing.B) {
	packet := tone(b, 440, 50)
	for _, voices := range []int{1, soundInputs} {
		b.Run(fmt.Sprint(voices), func(b *testing.B) {
			e, err := startEncoder("ffmpeg", 0, voices)
			if err != nil {
				b.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				for range e.frames {
				}
				close(done)
			}()
			for range b.N {
				for _, p := range packet {
					for v := range voices {
						for !e.write(v, p, opusFrame) {
							time.Sleep(time.Millisecond)
						}
					}
				}
			}
			e.closeInput()
			<-done
			<-e.ended
			cpu := e.cmd.ProcessState.UserTime() + e.cmd.ProcessState.SystemTime()
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cores")
		})
	}
}
