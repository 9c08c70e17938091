package h264

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// decoded returns a hash of each picture that a decoder makes of a stream, which must not complain.
func decoded(t *testing.T, nals [][]byte) (hashes []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stream.h264")
	var b []byte
	for _, n := range nals {
		b = append(append(b, 0, 0, 0, 1), n...)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ffmpeg", "-v", "warning", "-err_detect", "explode", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%v %s", err, complaints.String())
	}
	for line := range strings.Lines(string(out)) {
		if line[0] != '#' {
			hashes = append(hashes, strings.TrimSpace(line[strings.LastIndex(line, ",")+1:]))
		}
	}
	return hashes
}

// TestRepeat repeats pictures of streams of many kinds, and has a decoder find each of them twice, three times or
// more, and every picture after them as it was.
func TestRepeat(t *testing.T) {
	for _, c := range []struct {
		name     string
		args     []string
		order    uint
		refs     bool // more than one
		repeated func(picture int) int
	}{
		{"one reference, order of decoding", []string{"-profile:v", "baseline"}, 2, false, func(n int) int { return n % 4 }},
		{"one reference, CABAC", []string{"-preset", "veryfast", "-profile:v", "main", "-x264-params", "ref=1:keyint=10:scenecut=0:slices=1:bframes=0"}, 2, false, func(n int) int { return n % 3 }},
		{"written order", []string{"-preset", "veryfast", "-profile:v", "high", "-x264-params", "ref=1:keyint=10:scenecut=0:slices=1:bframes=1:b-bias=-100"}, 0, true, func(n int) int { return n % 3 }},
		{"written order, weights, several references", []string{"-preset", "veryfast", "-profile:v", "high", "-x264-params", "ref=3:keyint=10:scenecut=0:slices=1:bframes=1:b-bias=-100:weightp=2"}, 0, true, func(n int) int { return n % 3 }},
		{"order of decoding, several references", []string{"-preset", "veryfast", "-profile:v", "high", "-x264-params", "ref=3:keyint=10:scenecut=0:slices=1:bframes=0"}, 2, true, func(n int) int { return n % 2 }},
		{"several slices", []string{"-profile:v", "baseline", "-x264-params", "keyint=10:scenecut=0:slices=4:sliced-threads=0"}, 2, false, func(n int) int { return n % 3 }},
		{"many at once", []string{"-profile:v", "baseline"}, 2, false, func(n int) int {
			if n == 13 {
				return 200 // more than frame numbers there are
			}
			return 0
		}},
		{"odd size", []string{"-profile:v", "baseline", "-s", "322x182"}, 2, false, func(n int) int { return 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			nals := encodeStream(t, "320x180", c.args...)
			plain := decoded(t, nals)
			var want []string
			for n, hash := range plain {
				want = append(want, slices.Repeat([]string{hash}, 1+c.repeated(n))...)
			}
			out := repeatPictures(t, nals, c.repeated, c.order, c.refs)
			if got := decoded(t, out); !slices.Equal(got, want) {
				t.Errorf("decoded %d pictures, want %d:\n%v\n%v", len(got), len(want), got, want)
			}
		})
	}
}

// repeatPictures passes a stream through a Repeater.
func repeatPictures(t *testing.T, nals [][]byte, times func(picture int) int, order uint, refs bool) (out [][]byte) {
	t.Helper()
	var r Repeater
	var p *Params
	n := 0
	var picture [][]byte
	end := func() {
		if picture == nil {
			return
		}
		out = append(out, r.Pass(p, picture, nalType(picture[0]) == nalIDR)...)
		if !r.Can(p) {
			t.Fatal("this cannot be repeated")
		}
		for range times(n) {
			out = append(out, r.Again())
		}
		picture = nil
		n++
	}
	for _, nal := range nals {
		switch nalType(nal) {
		case nalSPS:
			end()
			sps, err := ParseSPS(nal)
			if err != nil || sps.orderType != order || (sps.maxRefs > 1) != refs {
				t.Fatalf("not the stream that is wanted: %+v, %v", sps, err)
			}
			p = &Params{SPS: sps, Repeat: sps.repeatSet()}
			out = append(out, nal)
		case nalPPS:
			out = append(out, nal, p.Repeat)
		case nalSlice, nalIDR:
			if nal[1]&0x80 != 0 { // first_mb_in_slice is 0
				end()
			}
			picture = append(picture, nal)
		}
	}
	end()
	return out
}

// TestRepeatRefuses leaves alone what it cannot renumber.
func TestRepeatRefuses(t *testing.T) {
	sps, err := ParseSPS(encodeStream(t, "320x180", "-preset", "veryfast", "-x264-params", "interlaced=1:keyint=10")[0])
	if err != nil {
		t.Fatal(err)
	}
	if sps.repeatable() {
		t.Error("fields cannot be repeated")
	}
	var r Repeater
	nals := encodeStream(t, "320x180", "-preset", "veryfast", "-x264-params", "bframes=2:b-adapt=0:keyint=10:slices=1")
	var p *Params
	for _, nal := range nals {
		switch nalType(nal) {
		case nalSPS:
			sps, _ := ParseSPS(nal)
			p = &Params{SPS: sps, Repeat: sps.repeatSet()}
		case nalSlice, nalIDR:
			r.Pass(p, [][]byte{nal}, nalType(nal) == nalIDR)
			if r.Can(p) {
				r.Again()
			}
		}
	}
	if r.Can(p) {
		t.Error("pictures whose order is not that of decoding cannot be repeated")
	}
}

// FuzzEscape holds that escaping is undone, and that no start code is left.
func FuzzEscape(f *testing.F) {
	f.Add([]byte{0x61, 0, 0, 1, 0, 0, 3, 0, 0, 0, 2, 7})
	f.Fuzz(func(t *testing.T, raw []byte) {
		nal := escape(raw)
		if got := unescape(nal); !bytes.Equal(got, raw) {
			t.Errorf("%x became %x", raw, got)
		}
		for i := range max(len(nal)-2, 0) {
			if nal[i] == 0 && nal[i+1] == 0 && nal[i+2] < 3 {
				t.Errorf("%s holds a start code", fmt.Sprintf("%x", nal))
			}
		}
	})
}
