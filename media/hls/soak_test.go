package hls

import (
	"fmt"
	"io"
	"math"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lectern/media"
	"lectern/media/hls/fmp4"
)

const (
	// soundFast is by how much the sound card of the soak's presenter counts seconds too long: 100 ppm is a bad one, and
	// 360 ms in an hour.
	soundFast = 100e-6
	// driftLimit is how far renditions, and sound and picture, may drift apart.
	driftLimit = 0.020
)

// soakLength is how long the lecture of TestSoak is: an hour in `make soak`, by LECTERN_SOAK.
func soakLength(t *testing.T) time.Duration {
	text := os.Getenv("LECTERN_SOAK")
	if text == "" {
		return 6 * sceneLength
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 6*sceneLength {
		t.Fatalf("LECTERN_SOAK=%s: want a time such as 60m, a minute and 12 s at least", text)
	}
	return d.Truncate(sceneLength)
}

// driftingSound beeps once a second for as long as that, as the packets of a sound card whose clock is off.
func driftingSound(t *testing.T, length time.Duration) [][]byte {
	t.Helper()
	beep := fmt.Sprintf("aevalsrc='if(lt(mod(t*%.6f,1),0.033),0.8*sin(2*PI*1000*t),0)':s=48000:d=%d", 1+soundFast, int(length.Seconds())+1)
	file := filepath.Join(t.TempDir(), "sound.ogg")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", beep, "-c:a", "libopus", "-b:a", "32k",
		"-application", "audio", "-compression_level", "0", "-f", "ogg", file).CombinedOutput()
	if err != nil {
		t.Fatalf("make sound: %v: %s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return oggPackets(b)[2:]
}

// drifting lists the packets of one turn of a scene.
func (s *stage) drifting(opus [][]byte, from, to time.Duration) (all []happening) {
	for i := int(float64(from) / float64(20*time.Millisecond) / (1 + soundFast)); i < len(opus); i++ {
		captured := time.Duration(float64(i) * float64(20*time.Millisecond) * (1 + soundFast))
		if captured < from {
			continue
		}
		if captured >= to {
			break
		}
		ts, arrival := 77+uint32(i)*opusFrame, captured+5*time.Millisecond
		p := &media.Packet{
			Track: "microphone", Layer: media.High, Sequence: s.next("microphone", media.High), Timestamp: ts, Marker: true,
			Arrival: s.at(arrival), Payload: opus[i],
		}
		all = append(all, happening{at: arrival, do: func() { s.recorder.WritePacket(p) }})
		if i%50 == 12 {
			r := media.SenderReport{Track: "microphone", Layer: media.High, NTP: s.ntp(captured), Timestamp: ts, Arrival: s.at(arrival)}
			all = append(all, happening{at: arrival, do: func() { s.recorder.WriteSenderReport(r) }})
		}
	}
	return all
}

// footprint is what this process holds.
type footprint struct{ heap, resident, files, goroutines int }

func measureProcess(t *testing.T) (f footprint) {
	t.Helper()
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap, f.goroutines = int(m.HeapAlloc), runtime.NumGoroutine()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("how much memory a process has is read from /proc, which is not here: %v", err)
	}
	f.files = len(open)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		t.Fatal(err)
	}
	f.resident = pages * os.Getpagesize()
	return f
}

// TestSoak records a long lecture on a clock of its own, with the real encoder of sound and a presenter whose sound card is
// off by 100 ppm: renditions, sound and picture stay together, and memory, files and goroutines do not grow.
func TestSoak(t *testing.T) {
	length := soakLength(t)
	sc, opus := loadScene(t, 640), driftingSound(t, length)
	s := newStage(t, t.TempDir())
	server := httptest.NewServer(s.recorder.Origin())
	t.Cleanup(server.Close)
	var usage syscall.Rusage
	turns := int(length / sceneLength)
	var early footprint
	began := time.Now()
	s.addTrack(microphone)
	s.addTrack(camera)
	for n := range turns {
		at := time.Duration(n) * sceneLength
		all := s.pictures(take{scene: sc, to: sceneLength, starts: at, earlier: at}, nil)
		all = append(all, s.drifting(opus, at, at+sceneLength)...)
		slices.SortStableFunc(all, func(a, b happening) int { return int(a.at - b.at) })
		s.send(all)
		for _, name := range append(liveNames, MasterName, "high.m3u8") {
			r, err := server.Client().Get(server.URL + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		if n == turns/6 {
			early = measureProcess(t)
		}
	}
	late := measureProcess(t)
	runtime.KeepAlive(opus) // as it was before
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	recording := s.finish()
	t.Logf("%v of lecture in %v; this process, which makes the packets too, took %v", length, time.Since(began).Round(time.Second),
		time.Duration(usage.Utime.Nano()+usage.Stime.Nano()).Round(time.Second))
	t.Logf("at a sixth of it %+v, at the end %+v; rows of the index: %d", early, late, 4*len(s.rows()[sound]))
	// Of each segment a handful of rows stay in memory: less than a kilobyte for all renditions.
	grown, allowed := late.heap-early.heap, 2<<20+1<<10*len(s.rows()[sound])
	if grown > allowed || late.files > early.files || late.goroutines > early.goroutines {
		t.Errorf("grown by %d bytes, %d files, %d goroutines", grown, late.files-early.files, late.goroutines-early.goroutines)
	}
	if errs := s.errors(); len(errs) > 0 {
		t.Errorf("errors: %v", errs)
	}
	if d := time.Duration(recording.LengthMS)*time.Millisecond - length; d.Abs() > 100*time.Millisecond || len(recording.Edits) != 1 {
		t.Errorf("recorded %d ms in %d pieces", recording.LengthMS, len(recording.Edits))
	}
	checkPlaces(t, s)
	checkDrift(t, s, length)
}

// checkPlaces compares where each segment is by its media's timestamps with where the index has it.
func checkPlaces(t *testing.T, s *stage) {
	t.Helper()
	worst := 0.0
	for r, rows := range s.rows() {
		scale := float64(fmp4.VideoTimescale)
		if feed(r) == sound {
			scale = fmp4.AudioTimescale
		}
		for _, row := range rows {
			f, err := os.Open(filepath.Join(s.dir, row.Name))
			if err != nil {
				t.Fatal(err)
			}
			parts, err := fmp4.Scan(f, row.Size)
			f.Close()
			if err != nil || len(parts) == 0 {
				t.Fatalf("%v %d: %d parts, %v", feed(r), row.Number, len(parts), err)
			}
			off := float64(parts[0].Base)/scale - float64(row.StartMS)/1000
			worst = max(worst, math.Abs(off))
			if math.Abs(off) > driftLimit {
				t.Errorf("%v %d is at %d ms by the index, and %.1f ms off by its media", feed(r), row.Number, row.StartMS, off*1000)
			}
		}
	}
	t.Logf("segments are at most %.1f ms from their place", worst*1000)
}

// checkDrift looks at when pictures of all renditions flash and when the sound beeps, at the beginning, in the middle and at the end.
func checkDrift(t *testing.T, s *stage, length time.Duration) {
	t.Helper()
	const window = 2 * sceneLength
	worst := 0.0
	var lines []string
	for _, from := range []time.Duration{sceneLength, (length / 2).Truncate(time.Second), length - window} {
		var offsets [renditions]float64
		for f := range feed(renditions) {
			var rows []segmentRow
			for _, row := range s.rows()[f] {
				if start := time.Duration(row.StartMS) * time.Millisecond; start >= from && start < from+window {
					rows = append(rows, row)
				}
			}
			find := flashesIn
			if f == sound {
				find = beepsIn
			}
			all := find(t, stretchesOf(t, s, f, rows))
			if len(all) < 15 {
				t.Fatalf("%v has %d signs from %v on", f, len(all), from)
			}
			for _, at := range all[1:] { // the first may be cut into
				off := at - math.Round(at)
				offsets[f] += off / float64(len(all)-1)
			}
		}
		low, high := slices.Min(offsets[:]), slices.Max(offsets[:])
		worst = max(worst, high-low)
		lines = append(lines, fmt.Sprintf("from %v on: %.1f, %.1f, %.1f ms late, sound %.1f ms", from,
			offsets[0]*1000, offsets[1]*1000, offsets[2]*1000, offsets[sound]*1000))
	}
	t.Logf("low, mid and high\n%s\nat most %.1f ms apart", strings.Join(lines, "\n"), worst*1000)
	if worst > driftLimit {
		t.Errorf("renditions, or sound and picture, are %.1f ms apart", worst*1000)
	}
}
