package fmp4

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func samples(n int) (out []Sample) {
	for i := range n {
		out = append(out, Sample{Data: bytes.Repeat([]byte{byte(i)}, 10+i), Duration: uint32(3000 + i), Sync: i == 0})
	}
	return out
}

// TestScanCutOff cuts a file of three fragments at every byte: what Scan returns is exactly the whole ones.
func TestScanCutOff(t *testing.T) {
	var file []byte
	var ends []int
	for i := range 3 {
		file = AppendFragment(file, uint32(i+1), uint64(i)*90000, samples(5))
		ends = append(ends, len(file))
	}
	for n := range len(file) + 1 {
		got, err := Scan(bytes.NewReader(file[:n]), int64(n))
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		want := 0
		for _, end := range ends {
			if end <= n {
				want++
			}
		}
		if len(got) != want {
			t.Fatalf("cut at %d: %d fragments, want %d", n, len(got), want)
		}
		for i, f := range got {
			if f.Base != uint64(i)*90000 || f.Duration != 15010 || f.Samples != 5 {
				t.Fatalf("fragment %d: %+v", i, f)
			}
		}
	}
}

// FuzzScan reads anything without a panic, and never beyond the end.
func FuzzScan(f *testing.F) {
	f.Add(AppendFragment(nil, 1, 0, samples(3)))
	f.Add([]byte("\x00\x00\x00\x08moof\x00\x00\x00\x08mdat"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Scan(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, x := range got {
			sum += x.Size
		}
		if sum > int64(len(b)) {
			t.Fatalf("%d bytes in %d", sum, len(b))
		}
	})
}

// TestInitIsUnderstood asks ffprobe about both kinds of track.
func TestInitIsUnderstood(t *testing.T) {
	// Parameter sets of x264: constrained baseline, 640 by 360.
	sps := []byte("\x67\x42\xc0\x1f\xdc\x0a\x02\xff\x97\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x00\x40\xf1\x83\x38")
	video, err := Video{Width: 640, Height: 360, SPS: sps, PPS: []byte("\x68\xce\x0f\x2c\x80")}.Init()
	if err != nil {
		t.Fatal(err)
	}
	audio := Audio{Config: []byte{0x11, 0x90}}.Init()
	silence := AppendFragment(audio, 1, 48000, []Sample{{Data: []byte{0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c}, Duration: 1024, Sync: true}})
	for want, data := range map[string][]byte{"h264,640,360": video, "aac,48000,2": silence} {
		path := filepath.Join(t.TempDir(), "track.mp4")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("ffprobe", "-v", "fatal", "-show_entries", "stream=codec_name,width,height,sample_rate,channels", "-of", "csv=p=0", path).Output()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("ffprobe says %q (%v), want %s", out, err, want)
		}
	}
}

func TestInitRefusesParameterSets(t *testing.T) {
	for _, v := range []Video{{}, {SPS: make([]byte, 3), PPS: []byte{1}}, {SPS: make([]byte, 1<<16), PPS: []byte{1}}, {SPS: make([]byte, 9)}} {
		if _, err := v.Init(); err == nil {
			t.Errorf("%d and %d bytes were taken", len(v.SPS), len(v.PPS))
		}
	}
}
