package vod

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"lectern/media/hls"
	"lectern/media/hls/fmp4"
	"lectern/media/hls/verify"
)

// The recording of these tests: eight segments of a second, each of one colour, in three layers, with silence. The presenter
// came back after the fourth, which is a discontinuity.
const (
	segments = 8
	broken   = 4
)

var colours = []string{"red", "lime", "blue", "white", "yellow", "cyan", "magenta", "gray"}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorded holds the recording, which is made once.
var recorded struct {
	sync.Once
	files fstest.MapFS
}

// record makes the folder of a recording as hls leaves it.
func record(t testing.TB) string {
	t.Helper()
	recorded.Do(func() {
		recorded.files = fstest.MapFS{}
		dir := t.TempDir()
		encode(t, dir)
		entries, err := os.ReadDir(dir)
		must(t, err)
		for _, entry := range entries {
			b, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			must(t, err)
			recorded.files[entry.Name()] = &fstest.MapFile{Data: b, Mode: 0o600}
		}
	})
	dir := filepath.Join(t.TempDir(), "recording")
	must(t, os.CopyFS(dir, recorded.files))
	return dir
}

// encode fills the folder.
func encode(t testing.TB, dir string) {
	t.Helper()
	index := line("run", map[string]any{"timeline_ms": 0, "started_at": "2026-11-22T14:00:00Z"})
	rows := map[string][]string{}
	for _, layer := range []struct {
		name          string
		width, height int
	}{{"low", 160, 90}, {"mid", 320, 180}, {"high", 640, 360}} {
		args := []string{}
		graph := ""
		for i, c := range colours {
			args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("color=%s:s=%dx%d:r=10:d=1", c, layer.width, layer.height))
			graph += fmt.Sprintf("[%d:v]", i)
		}
		args = append(args, "-filter_complex", graph+fmt.Sprintf("concat=n=%d[v]", len(colours)), "-map", "[v]", "-c:v", "libx264", "-profile:v", "baseline",
			"-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10", "-keyint_min", "10", "-sc_threshold", "0", "-video_track_timescale", "90000")
		index += split(t, dir, layer.name, make4(t, args), 10, layer.width, layer.height, rows)
	}
	sound := make4(t, []string{"-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "8.5", "-c:a", "aac"})
	index += split(t, dir, "audio", sound, 0, 0, 0, rows)
	for n := range segments {
		for _, name := range hls.Renditions() {
			index += rows[name][n]
		}
	}
	index += "end {}\n"
	must(t, os.WriteFile(filepath.Join(dir, "recording.index"), []byte(index), 0o600))
}

func line(kind string, row any) string {
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return kind + " " + string(b) + "\n"
}

// make4 has ffmpeg write fragmented MP4.
func make4(t testing.TB, args []string) []byte {
	t.Helper()
	args = append(append([]string{"-v", "error"}, args...), "-movflags", "+empty_moov+default_base_moof+frag_keyframe", "-f", "mp4", "pipe:1")
	cmd := exec.Command("ffmpeg", args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, said.String())
	}
	return out
}

// split stores a rendition in segments of a second, and returns the row of its initialisation section.
func split(t testing.TB, dir, name string, file []byte, each, width, height int, rows map[string][]string) string {
	t.Helper()
	section, err := fmp4.Section(file)
	must(t, err)
	samples, err := fmp4.Read(file)
	must(t, err)
	named := sha256.Sum256(section) // as the recorder names it
	init := hex.EncodeToString(named[:16]) + ".mp4"
	must(t, os.WriteFile(filepath.Join(dir, init), section, 0o600))
	codec := "mp4a.40.2"
	if width > 0 {
		codec, err = codecOf(section)
		must(t, err)
	}
	rest := samples
	for n := range segments {
		take := each
		if take == 0 { // sound: to the grid of its frames
			for take = 0; rest[take].At < uint64(n+1)*fmp4.AudioTimescale; take++ {
			}
		}
		var part []fmp4.Sample
		for _, s := range rest[:take] {
			part = append(part, s.Sample)
		}
		b := fmp4.AppendFragment(nil, uint32(n+1), rest[0].At, part)
		rest = rest[take:]
		sum := sha256.Sum256(b)
		file := fmt.Sprintf("%s-%d.m4s", name, n)
		must(t, os.WriteFile(filepath.Join(dir, file), b, 0o600))
		rows[name] = append(rows[name], line("segment", map[string]any{
			"r": name, "n": n, "t": n * 1000, "d": 1000, "file": file, "init": init, "disc": n == broken, "feed": name,
			"frames": take, "size": len(b), "sha256": hex.EncodeToString(sum[:]),
		}))
	}
	return line("init", map[string]any{"file": init, "codec": codec, "width": width, "height": height})
}

// serve opens a recording behind HTTP.
func serve(t testing.TB, dir string, v View) (*Replay, string) {
	t.Helper()
	r, err := Open(dir)
	must(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.Serve(w, req, v) }))
	t.Cleanup(func() {
		server.Close()
		r.Close()
	})
	return r, server.URL
}

func get(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	must(t, err)
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	must(t, err)
	return resp.StatusCode, b.String()
}

// clean has our own rules find nothing.
func clean(t testing.TB, url string) verify.Summary {
	t.Helper()
	s, err := (verify.Checker{URL: url, Report: func(v verify.Violation) { t.Error(v) }}).Run(t.Context())
	must(t, err)
	return s
}

// TestCut leaves a head, a stretch in the middle and the tail out, in all renditions alike.
func TestCut(t *testing.T) {
	_, url := serve(t, record(t), View{Version: 3, Segments: Shown{{1, 3}, {4, 7}}})
	if s := clean(t, url+"/index.3.m3u8"); s.Playlists != 4 {
		t.Errorf("%d playlists were checked", s.Playlists)
	}
	for _, name := range hls.Renditions() {
		_, list := get(t, url+"/"+name+".3.m3u8")
		var got []string
		for line := range strings.Lines(list) {
			switch line = strings.TrimSpace(line); {
			case strings.HasSuffix(line, ".m4s"):
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(line, name+"-"), ".m4s"))
			case line == "#EXT-X-DISCONTINUITY":
				got = append(got, "|")
			}
		}
		if want := []string{"1", "2", "|", "4", "5", "6"}; !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", name, got, want)
		}
		if !strings.Contains(list, "#EXT-X-ENDLIST") || !strings.Contains(list, "PROGRAM-DATE-TIME:2026-11-22T14:00:01Z") {
			t.Errorf("%s: %s", name, list)
		}
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", url+"/high.3.m3u8").Output()
	if got := strings.TrimSpace(string(out)); err != nil || !strings.HasPrefix(got, "50") {
		t.Errorf("ffprobe counts %q pictures (%v), want 50", got, err)
	}
	for _, path := range []string{"/high.2.m3u8", "/nothing.3.m3u8", "/high.03.m3u8", "/storyboard.3.vtt"} {
		if status, _ := get(t, url+path); status != http.StatusNotFound {
			t.Errorf("%s is %d", path, status)
		}
	}
}

// TestNames goes there and back.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		name, base string
		version    int
		listed     bool
	}{
		{"index.m3u8", "index.m3u8", 0, true},
		{"index.12.m3u8", "index.m3u8", 12, true},
		{"storyboard.1.vtt", "storyboard.vtt", 1, true},
		{"a.0.m3u8", "a.0.m3u8", 0, true},
		{"a.-1.m3u8", "a.-1.m3u8", 0, true},
		{"abc.m4s", "abc.m4s", 0, false},
	} {
		base, version, listed := ParseName(c.name)
		if base != c.base || version != c.version || listed != c.listed {
			t.Errorf("%s is %s of version %d, %t", c.name, base, version, listed)
		}
		if got := Versioned(base, version); got != c.name {
			t.Errorf("%s comes back as %s", c.name, got)
		}
	}
}

func TestPlanRungs(t *testing.T) {
	for _, c := range []struct {
		width, height int
		want          string
	}{
		{1920, 1080, "1080 720 480 240"},
		{1280, 720, "720 480 240"},
		{640, 360, "360 240"},
		{320, 180, "180"},
		{854, 480, "480 240"},
		{3840, 2160, "1080 720 480 240"},
		{720, 1280, "1080 720 480 240"},
		{1600, 900, "900 720 480 240"},
	} {
		var got []string
		for _, r := range planRungs(c.width, c.height) {
			got = append(got, fmt.Sprint(r.Height))
			if r.Width%2 != 0 || r.Kbps <= 0 {
				t.Errorf("%+v", r)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%dx%d: %v, want %s", c.width, c.height, got, c.want)
		}
	}
}

// TestLadder interrupts the work and goes on: what was encoded stays, the recording is served as it was until all is there,
// and then the ladder has the recording's segments to the picture.
func TestLadder(t *testing.T) {
	dir := record(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := MakeLadder(ctx, dir, "ffmpeg", func(done, total int) {
		if total != segments {
			t.Errorf("%d of %d", done, total)
		}
		if done == broken {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted, it says %v", err)
	}
	root, err := os.OpenRoot(filepath.Join(dir, Folder))
	must(t, err)
	defer root.Close()
	half, err := readLadder(root)
	must(t, err)
	if half.done() != broken {
		t.Fatalf("%d segments are done, want %d", half.done(), broken)
	}
	before, url := serve(t, dir, View{Version: 1})
	if before.LadderReady() {
		t.Error("half a ladder is served")
	}
	if _, master := get(t, url+"/index.1.m3u8"); !strings.Contains(master, "high.1.m3u8") {
		t.Errorf("meanwhile the master is %s", master)
	}

	// A crash leaves rows that nothing ends, and files that no row names.
	f, err := os.OpenFile(filepath.Join(dir, Folder, ladderName), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`segment {"r":"p360","n":4,"file":"lost.m4s"}` + "\nsegm")
	must(t, errors.Join(err, f.Close(), os.WriteFile(filepath.Join(dir, Folder, "lost.m4s"), nil, 0o600)))

	must(t, MakeLadder(t.Context(), dir, "ffmpeg", func(int, int) {}))
	l, err := readLadder(root)
	must(t, err)
	for _, r := range half.rungs {
		if !slices.Equal(l.rows[r.Name][:broken], half.rows[r.Name]) {
			t.Errorf("%s was begun anew", r.Name)
		}
	}
	if _, err := root.Stat("lost.m4s"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lost file is kept: %v", err)
	}
	checkLadder(t, dir)
	if status, _ := get(t, url+"/high.1.m3u8"); status != http.StatusOK {
		t.Errorf("who plays the layers gets %d", status)
	}
	must(t, MakeLadder(t.Context(), dir, "ffmpeg", func(int, int) {})) // nothing to do

	name := l.rows["p240"][3].Name
	b, err := root.ReadFile(name)
	must(t, err)
	b[len(b)-1] ^= 1
	must(t, root.WriteFile(name, b, 0o600))
	if err := l.verify(root, func() error { return nil }); !errors.Is(err, errDamaged) {
		t.Errorf("a flipped bit: %v", err)
	}
}

func checkLadder(t *testing.T, dir string) {
	t.Helper()
	r, url := serve(t, dir, View{Version: 1})
	if !r.LadderReady() {
		t.Fatal("the ladder is not served")
	}
	_, master := get(t, url+"/index.1.m3u8")
	for _, want := range []string{"p360.1.m3u8", "p240.1.m3u8", "audio.1.m3u8", "RESOLUTION=640x360", "RESOLUTION=426x240"} {
		if !strings.Contains(master, want) {
			t.Errorf("the master lacks %s: %s", want, master)
		}
	}
	if strings.Contains(master, "high") {
		t.Errorf("the master leads to the layers, too: %s", master)
	}
	clean(t, url+"/index.1.m3u8")
	for _, rung := range []string{"p360", "p240"} {
		recorded, encoded := r.Segments(source), r.ladder.segments(r.Origin, rung)
		for i := range recorded {
			a, err := readFile(r.Origin, recorded[i].Name)
			must(t, err)
			b, err := r.root.ReadFile(encoded[i].Name)
			must(t, err)
			was, errA := fmp4.Read(a)
			is, errB := fmp4.Read(b)
			must(t, errors.Join(errA, errB))
			if len(was) != len(is) || was[0].At != is[0].At || !is[0].Sync {
				t.Fatalf("%s segment %d: %d pictures from %d, recorded were %d from %d", rung, i, len(is), is[0].At, len(was), was[0].At)
			}
			for n := range was {
				if was[n].At != is[n].At || was[n].Duration != is[n].Duration {
					t.Errorf("%s segment %d picture %d is at %d for %d, not at %d for %d", rung, i, n, is[n].At, is[n].Duration, was[n].At, was[n].Duration)
				}
			}
		}
	}
}

// TestRetire deletes the layers and nothing that is still played.
func TestRetire(t *testing.T) {
	dir := record(t)
	if _, err := Retire(t.Context(), dir, "recording", nil); err == nil {
		t.Fatal("layers were deleted without a ladder")
	}
	must(t, MakeLadder(t.Context(), dir, "ffmpeg", func(int, int) {}))
	_, url := serve(t, dir, View{Version: 1})
	bytes, err := Retire(t.Context(), dir, "recording", nil)
	must(t, err)
	left, err := filepath.Glob(filepath.Join(dir, "*.m4s"))
	must(t, err)
	if bytes == 0 || len(left) != segments {
		t.Errorf("%d bytes deleted, %d segments left, want those of the sound", bytes, len(left))
	}
	clean(t, url+"/index.1.m3u8")
}

// TestPictures looks at each thumbnail for the colour of its segment, and at the still of what is shown.
func TestPictures(t *testing.T) {
	dir := record(t)
	p, err := MakePictures(t.Context(), dir, "ffmpeg", Shown{{2, 4}})
	must(t, err)
	if len(p.Thumbs) != segments || p.Width != 160 || p.Height != 90 || p.Poster.Segment != 2 {
		t.Fatalf("%d thumbnails of %dx%d, poster of segment %d", len(p.Thumbs), p.Width, p.Height, p.Poster.Segment)
	}
	want := []color.RGBA{{254, 0, 0, 0}, {0, 255, 0, 0}, {0, 0, 254, 0}, {255, 255, 255, 0}, {255, 255, 0, 0}, {0, 255, 255, 0}, {255, 0, 255, 0}, {128, 128, 128, 0}}
	for i, thumb := range p.Thumbs {
		picture := decode(t, filepath.Join(dir, Folder, thumb.Sprite))
		if got := picture.At(thumb.X+80, thumb.Y+45); far(got, want[i]) || thumb.AtMS != int64(i)*1000 {
			t.Errorf("thumbnail %d at %d is %v, want %s", i, thumb.AtMS, got, colours[i])
		}
	}
	if got := decode(t, filepath.Join(dir, Folder, p.Poster.Name)); far(got.At(320, 180), want[2]) || got.Bounds().Dx() != 640 {
		t.Errorf("the poster is %v, %v", got.Bounds(), got.At(320, 180))
	}

	_, url := serve(t, dir, View{Version: 2, Segments: Shown{{2, 4}}})
	status, board := get(t, url+"/storyboard.2.vtt")
	cues := strings.Split(strings.TrimSpace(board), "\n\n")
	if status != http.StatusOK || len(cues) != 3 || cues[0] != "WEBVTT" {
		t.Fatalf("%d: %s", status, board)
	}
	if !strings.HasPrefix(cues[1], "00:00:02.000 --> 00:00:03.000\n"+p.Thumbs[2].Sprite+"#xywh=320,0,160,90") {
		t.Errorf("cue %q", cues[1])
	}
	if status, _ := get(t, url+"/"+p.Poster.Name); status != http.StatusOK {
		t.Errorf("the poster is %d", status)
	}
	if status, _ := get(t, url+"/"+picturesName); status != http.StatusNotFound {
		t.Errorf("the list of pictures is %d", status)
	}

	again, err := MakePictures(t.Context(), dir, "ffmpeg", Shown{{5, 8}})
	must(t, err)
	if again.Poster.Segment < 5 || again.Thumbs[0].Sprite != p.Thumbs[0].Sprite {
		t.Errorf("after another cut the poster is of segment %d", again.Poster.Segment)
	}
	if _, err := os.Stat(filepath.Join(dir, Folder, p.Poster.Name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the poster of what was cut out is kept: %v", err)
	}
}

func decode(t testing.TB, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	picture, err := jpeg.Decode(f)
	must(t, err)
	return picture
}

// far says whether two colours differ by more than two encodings explain.
func far(a, b color.Color) bool {
	r, g, blue, _ := a.RGBA()
	r2, g2, b2, _ := b.RGBA()
	const limit = 40 << 8
	diff := func(x, y uint32) bool { return max(x, y)-min(x, y) > limit }
	return diff(r, r2) || diff(g, g2) || diff(blue, b2)
}

// TestRemove leaves nothing, and finds nothing the second time.
func TestRemove(t *testing.T) {
	dir := record(t)
	_, err := MakePictures(t.Context(), dir, "ffmpeg", nil)
	must(t, err)
	bytes, err := Remove(dir)
	if _, stat := os.Stat(dir); err != nil || bytes == 0 || !errors.Is(stat, fs.ErrNotExist) {
		t.Errorf("%d bytes, %v, %v", bytes, err, stat)
	}
	if bytes, err := Remove(dir); bytes != 0 || err != nil {
		t.Errorf("again: %d bytes, %v", bytes, err)
	}
}
