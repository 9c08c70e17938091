package hls

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lectern/media"
)

// TestRecordsSimulcast plays a whole scene and looks at the result as players do.
func TestRecordsSimulcast(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.play(take{scene: loadScene(t, 640), to: sceneLength, delay: [media.Layers]time.Duration{
		5 * time.Millisecond, 12 * time.Millisecond, 30 * time.Millisecond,
	}})
	recording := s.finish()
	if got := recording.LengthMS; got < 11_950 || got > 12_050 {
		t.Errorf("recorded %d ms of 12 s", got)
	}
	if len(recording.Edits) != 1 {
		t.Errorf("edit list has %d rows: %v", len(recording.Edits), recording.Edits)
	}
	if errs := s.errors(); len(errs) > 0 {
		t.Errorf("errors: %v", errs)
	}
	checkRows(t, s.rows())
	checkPlayable(t, s)
	server := serve(t, s.dir)
	for _, r := range []string{"low", "mid", "high"} {
		out := run(t, "ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries",
			"stream=width,nb_read_frames", "-of", "csv=p=0", server+"/"+r+".m3u8")
		want := map[string]string{"low": "160,360", "mid": "320,360", "high": "640,360"}[r]
		if !strings.Contains(out, want) {
			t.Errorf("%s: width and pictures %q, want %s", r, out, want)
		}
		for _, row := range s.rows()[sound] {
			if row.Discontinuity {
				t.Errorf("segment %d is a discontinuity", row.Number)
			}
		}
	}
	checkLipSync(t, s, 11)
}

// serve opens a finished folder behind HTTP.
func serve(t *testing.T, dir string) string {
	t.Helper()
	o, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(o)
	t.Cleanup(func() {
		server.Close()
		o.Close()
	})
	return server.URL
}

// checkRows holds what must be true of every recording: renditions agree in number, time, length and
// discontinuity, time goes on without overlap, and nothing is longer than the target allows.
func checkRows(t *testing.T, rows [renditions][]segmentRow) {
	t.Helper()
	if len(rows[sound]) == 0 {
		t.Fatal("nothing was recorded")
	}
	for r := range rows {
		if len(rows[r]) != len(rows[sound]) {
			t.Fatalf("%v has %d segments, audio %d", feed(r), len(rows[r]), len(rows[sound]))
		}
		end := int64(0)
		for n, row := range rows[r] {
			other := rows[sound][n]
			if row.Number != n || row.StartMS != other.StartMS || row.DurationMS != other.DurationMS || row.Discontinuity != other.Discontinuity {
				t.Errorf("%v %d does not agree with audio: %+v, %+v", feed(r), n, row, other)
			}
			if row.StartMS < end {
				t.Errorf("%v %d starts at %d ms, before the end of the one before, %d", feed(r), n, row.StartMS, end)
			}
			if row.StartMS > end && n > 0 && !row.Discontinuity {
				t.Errorf("%v %d follows a hole of %d ms without a discontinuity", feed(r), n, row.StartMS-end)
			}
			end = row.StartMS + row.DurationMS
			if row.DurationMS >= 3500 {
				t.Errorf("%v %d lasts %d ms", feed(r), n, row.DurationMS)
			}
		}
	}
}

// stretch is a file made of segments that one initialisation section serves and no discontinuity parts.
type stretch struct {
	path  string
	start float64 // seconds on the timeline
}

// stretches joins the segments of a rendition as a player appends them to its buffers.
func stretches(t *testing.T, s *stage, f feed) []stretch {
	t.Helper()
	return stretchesOf(t, s, f, s.rows()[f])
}

// stretchesOf does so with some segments that follow one another.
func stretchesOf(t *testing.T, s *stage, f feed, rows []segmentRow) (out []stretch) {
	t.Helper()
	dir := t.TempDir()
	var data []byte
	for i, r := range rows {
		if i == 0 || r.Discontinuity || r.Init != rows[i-1].Init {
			out = append(out, stretch{filepath.Join(dir, fmt.Sprintf("%v-%d.mp4", f, i)), float64(r.StartMS) / 1000})
			data = readFile(t, s, r.Init)
		}
		segment := readFile(t, s, r.Name)
		if sum := sha256.Sum256(segment); hex.EncodeToString(sum[:]) != r.SHA256 || int64(len(segment)) != r.Size {
			t.Errorf("%v %d is not what the index says", f, i)
		}
		data = append(data, segment...)
		if err := os.WriteFile(out[len(out)-1].path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func readFile(t *testing.T, s *stage, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkPlayable decodes every rendition: a broken stream makes ffmpeg complain.
func checkPlayable(t *testing.T, s *stage) {
	t.Helper()
	for f := range feed(renditions) {
		for _, part := range stretches(t, s, f) {
			run(t, "ffmpeg", "-v", "warning", "-i", part.path, "-fps_mode", "vfr", "-f", "null", "-")
			begins := run(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-read_intervals", "%+#1", "-of", "csv=p=0", part.path)
			at, err := strconv.ParseFloat(strings.Trim(strings.Split(begins, "\n")[0], " ,"), 64)
			if off := at - part.start; err != nil || off > 0.0167 || off < -0.0167 {
				t.Errorf("%v: a stretch at %.3f s begins at %q", f, part.start, begins)
			}
		}
	}
}

// checkLipSync compares when the picture flashes and when the sound beeps, both once a second.
func checkLipSync(t *testing.T, s *stage, atLeast int) {
	t.Helper()
	flashes, beeps := flashes(t, s), beeps(t, s)
	if len(flashes) < atLeast || len(beeps) < atLeast {
		t.Fatalf("%d flashes and %d beeps, want %d", len(flashes), len(beeps), atLeast)
	}
	worst := 0.0
	for _, b := range beeps[1:] { // the first may be cut into
		nearest := 1e9
		for _, f := range flashes {
			if d := b - f; d*d < nearest*nearest {
				nearest = d
			}
		}
		if nearest < -0.015 || nearest > 0.015 {
			t.Errorf("the beep at %.3f s is off by %.0f ms", b, nearest*1000)
		}
		worst = max(worst, nearest, -nearest)
	}
	t.Logf("sound and picture are at most %.1f ms apart", worst*1000)
}

// flashes returns the times in seconds at which the best picture turns white.
func flashes(t *testing.T, s *stage) []float64 {
	t.Helper()
	return flashesIn(t, stretches(t, s, feed(media.High)))
}

func flashesIn(t *testing.T, parts []stretch) (out []float64) {
	t.Helper()
	white, at := false, 0.0
	for _, part := range parts {
		text := run(t, "ffmpeg", "-v", "error", "-copyts", "-i", part.path, "-fps_mode", "vfr",
			"-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-", "-f", "null", "-")
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if _, after, ok := strings.Cut(line, "pts_time:"); ok {
				at, _ = strconv.ParseFloat(strings.TrimSpace(after), 64)
			}
			if _, after, ok := strings.Cut(line, "YAVG="); ok {
				y, _ := strconv.ParseFloat(after, 64)
				if y > 220 && !white {
					out = append(out, at)
				}
				white = y > 220
			}
		}
	}
	return out
}

// beeps returns the times in seconds at which the sound sets in.
func beeps(t *testing.T, s *stage) []float64 {
	t.Helper()
	return beepsIn(t, stretches(t, s, sound))
}

func beepsIn(t *testing.T, parts []stretch) (out []float64) {
	t.Helper()
	for _, part := range parts {
		samples := pcm(run(t, "ffmpeg", "-v", "error", "-i", part.path, "-f", "s16le", "-ac", "1", "-ar", "48000", "pipe:1"))
		start := float64(slot(time.Duration(part.start*1000)*time.Millisecond)) * aacFrame / 48000
		quiet := 48000
		for i, v := range samples {
			if v < 4000 && v > -4000 {
				quiet++
				continue
			}
			if quiet > 9600 {
				out = append(out, start+float64(i)/48000)
			}
			quiet = 0
		}
	}
	return out
}
