package h264

import (
	"bytes"
	"errors"
	"os/exec"
	"testing"

	"github.com/pion/rtp/codecs"

	"lectern/media"
)

// encodeStream makes a short stream with two groups of ten pictures.
func encodeStream(t testing.TB, size string, args ...string) [][]byte {
	t.Helper()
	all := []string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=" + size + ":r=30", "-frames:v", "20", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "keyint=10:scenecut=0:slices=1:sliced-threads=0",
	}
	out, err := exec.Command("ffmpeg", append(append(all, args...), "-f", "h264", "pipe:1")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return SplitAnnexB(out)
}

// packets makes RTP packets of a stream with one slice a picture.
func packets(nals [][]byte, mtu uint16) (out []*media.Packet) {
	payloader := &codecs.H264Payloader{}
	var unit []byte
	picture := uint32(0)
	for _, nal := range nals {
		unit = append(append(unit, 0, 0, 0, 1), nal...)
		if nalType(nal) != nalSlice && nalType(nal) != nalIDR {
			continue
		}
		payloads := payloader.Payload(mtu, unit)
		for i, p := range payloads {
			out = append(out, &media.Packet{
				Sequence: uint64(len(out)), Timestamp: picture * 3000, Marker: i == len(payloads)-1, Payload: p,
			})
		}
		unit, picture = nil, picture+1
	}
	return out
}

func pictures(nals [][]byte) (out [][]byte) {
	for _, n := range nals {
		if nalType(n) == nalSlice || nalType(n) == nalIDR {
			out = append(out, n)
		}
	}
	return out
}

// TestAssembles takes a stream apart and puts it together, for packets of several sizes.
func TestAssembles(t *testing.T) {
	nals := encodeStream(t, "320x180", "-profile:v", "baseline")
	want := pictures(nals)
	for _, mtu := range []uint16{100, 1200, 60000} {
		var a Assembler
		n := 0
		for _, p := range packets(nals, mtu) {
			for _, u := range a.Push(p) {
				if !bytes.Equal(u.NALs[0], want[n]) || u.Timestamp != uint32(n)*3000 || u.Key != (n%10 == 0) || u.Gap {
					t.Errorf("mtu %d: picture %d differs: key %v gap %v", mtu, n, u.Key, u.Gap)
				}
				if u.Params.Width != 320 || u.Params.Height != 180 {
					t.Errorf("picture %d is %d by %d", n, u.Params.Width, u.Params.Height)
				}
				n++
			}
		}
		if n != len(want) {
			t.Errorf("mtu %d: %d pictures of %d", mtu, n, len(want))
		}
	}
}

// TestLossWaitsForKeyframe loses each packet in turn: what comes out is the stream up to the loss, and then
// nothing until the next IDR, which tells of the gap.
func TestLossWaitsForKeyframe(t *testing.T) {
	nals := encodeStream(t, "320x180", "-profile:v", "baseline")
	all := packets(nals, 600)
	for lost := range all {
		var a Assembler
		got := map[uint32]Unit{}
		for i, p := range all {
			if i == lost {
				continue
			}
			for _, u := range a.Push(p) {
				got[u.Timestamp/3000] = u
			}
		}
		broken := all[lost].Timestamp / 3000
		if broken == 10 && nalType(all[lost].Payload) == nalSTAPA {
			continue // it is not known yet that this sender repeats its parameter sets
		}
		for n := range uint32(20) {
			u, there := got[n]
			want := n < broken || broken < 10 && n >= 10
			if there != want {
				t.Fatalf("packet %d of picture %d lost: picture %d there %v, want %v", lost, broken, n, there, want)
			}
			// That the last picture of a group is missing, nothing tells.
			if there && u.Gap != (n == 10 && broken < 10) && broken != 9 {
				t.Fatalf("packet %d of picture %d lost: gap before %d is %v", lost, broken, n, u.Gap)
			}
		}
	}
}

// TestHarmlessHoles leaves out packets between pictures, of which frame numbers prove that they took no
// picture that others refer to: nothing is lost with them.
func TestHarmlessHoles(t *testing.T) {
	var a Assembler
	n, hole := 0, uint64(0)
	for _, p := range packets(encodeStream(t, "320x180", "-profile:v", "baseline"), 600) {
		q := *p
		q.Sequence += hole
		if p.Marker {
			hole++
		}
		for _, u := range a.Push(&q) {
			if n++; u.Gap {
				t.Errorf("a gap before picture %d", n-1)
			}
		}
	}
	if n != 20 {
		t.Errorf("%d pictures of 20", n)
	}
}

// TestMissingMarker ends a picture by the timestamp of the next.
func TestMissingMarker(t *testing.T) {
	var a Assembler
	n := 0
	for _, p := range packets(encodeStream(t, "320x180", "-profile:v", "baseline"), 1200) {
		q := *p
		q.Marker = false
		n += len(a.Push(&q))
	}
	if n != 19 {
		t.Errorf("%d pictures, want all but the last of 20", n)
	}
}

// TestParseSPS reads the sizes and profiles that x264 writes, cropped ones too.
func TestParseSPS(t *testing.T) {
	for _, c := range []struct {
		size, profile string
		width, height int
		codec         string
	}{
		{"320x180", "baseline", 320, 180, "avc1.42c0"},
		{"1280x720", "main", 1280, 720, "avc1.4d40"},
		{"642x362", "high", 642, 362, "avc1.6400"},
		{"1920x1080", "high", 1920, 1080, "avc1.6400"},
	} {
		s, err := ParseSPS(encodeStream(t, c.size, "-preset", "veryfast", "-profile:v", c.profile)[0])
		if err != nil || s.Width != c.width || s.Height != c.height || s.Codec[:len(c.codec)] != c.codec {
			t.Errorf("%s %s: %+v, %v", c.size, c.profile, s, err)
		}
	}
}

// FuzzParseSPS reads anything without a panic.
func FuzzParseSPS(f *testing.F) {
	f.Add([]byte("\x67\x42\xc0\x1f\xdc\x0a\x02\xff\x97\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x00\x40\xf1\x83\x38"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := ParseSPS(b); err != nil && !errors.Is(err, ErrSPS) {
			t.Fatal(err)
		}
	})
}

// FuzzAssembler takes packets of anything without a panic, and gives out nothing without an IDR.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte{24, 0, 1, 0x67}, []byte{28, 0x85, 1}, []byte{0x65, 0x88})
	f.Fuzz(func(t *testing.T, x, y, z []byte) {
		var a Assembler
		for i, b := range [][]byte{x, y, z, y, x} {
			if len(b) == 0 {
				continue
			}
			for _, u := range a.Push(&media.Packet{Sequence: uint64(i), Timestamp: uint32(i / 2), Marker: i%2 == 1, Payload: b}) {
				if u.Params == nil {
					t.Fatal("a picture without parameter sets")
				}
			}
		}
	})
}
