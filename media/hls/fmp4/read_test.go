package fmp4

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestReadWhatWeWrite goes there and back.
func TestReadWhatWeWrite(t *testing.T) {
	want := samples(5)
	file := AppendFragment(nil, 1, 90_000, want[:2])
	file = AppendFragment(file, 2, 90_000+uint64(want[0].Duration)+uint64(want[1].Duration), want[2:])
	got, err := Read(file)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	at := uint64(90_000)
	for i, s := range got {
		if s.At != at || s.Duration != want[i].Duration || s.Sync != want[i].Sync || !bytes.Equal(s.Data, want[i].Data) {
			t.Errorf("sample %d at %d: %+v", i, s.At, s)
		}
		at += uint64(s.Duration)
	}
}

// TestReadWhatFFmpegWrites counts the pictures of a fragmented file, whose fragments begin with keyframes.
func TestReadWhatFFmpegWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=2", "-c:v", "libx264", "-bf", "0", "-g", "10",
		"-pix_fmt", "yuv420p", "-video_track_timescale", "90000", "-movflags", "+empty_moov+default_base_moof+frag_keyframe", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(file)
	if err != nil || len(got) != 20 {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	for i, s := range got {
		if s.At != uint64(i)*9000 || s.Sync != (i%10 == 0) {
			t.Errorf("sample %d: at %d, sync %t", i, s.At, s.Sync)
		}
	}
	section, err := Section(file)
	if err != nil || !bytes.Contains(section, []byte("avcC")) || bytes.Contains(section, []byte("moof")) {
		t.Errorf("section of %d bytes, %v", len(section), err)
	}
}

// FuzzRead takes anything without a panic.
func FuzzRead(f *testing.F) {
	f.Add(AppendFragment(nil, 1, 0, samples(3)))
	f.Add([]byte("\x00\x00\x00\x08moof"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Read(b)
		if err != nil && got != nil {
			t.Error("samples with an error")
		}
		if _, err := Section(b); err != nil {
			return
		}
	})
}
