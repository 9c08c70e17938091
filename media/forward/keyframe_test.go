package forward

import (
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Parameter sets that x264 wrote. The sizes are those that ffprobe prints.
const (
	spsBaseline = "6742c01fd9005005bb0110000003001000000303c0f1832480"     // 1280x720
	spsQuarter  = "6742c00dd901419f9f0110000003001000000303c0f142a480"     // 320x180, cropped
	spsHigh     = "67640028acd940780227e5c044000003000400000300f03c60c658" // 1920x1080, cropped
	sps444      = "67f4001f919b281b07bc5f8088000003000800000301e078c18cb0" // 854x480, 4:4:4, cropped
	spsFields   = "67f4001e919b2816849b011000000300100000030321f1429960"   // 720x576, interlaced
)

func TestKeyframe(t *testing.T) {
	const h264, vp8 = "video/H264", "video/VP8"
	tests := []struct {
		name, mime, payload string
		want                bool
	}{
		{"empty", h264, "", false},
		{"single IDR", h264, "65 88", true},
		{"single SPS", h264, "67 42c01f", true},
		{"single PPS", h264, "68 ce", false},
		{"single slice", h264, "41 9a", false},
		{"SEI", h264, "06 05", false},
		{"MIME type in another case", "video/h264", "65 88", true},
		{"STAP-A with SPS and PPS", h264, "78 0004 6742c01f 0002 68ce", true},
		{"STAP-A with IDR last", h264, "78 0002 0605 0002 6588", true},
		{"STAP-A of slices", h264, "78 0002 419a 0002 419b", false},
		{"STAP-A cut short", h264, "78 00ff 67", false},
		{"STAP-A with an empty unit", h264, "78 0000 6588", false},
		{"STAP-A without units", h264, "78", false},
		{"FU-A start of IDR", h264, "7c 85 88", true},
		{"FU-A middle of IDR", h264, "7c 05 88", false},
		{"FU-A end of IDR", h264, "7c 45 88", false},
		{"FU-A start of slice", h264, "7c 81 9a", false},
		{"FU-A cut short", h264, "7c", false},
		{"VP8 key, no extension", vp8, "10 00 00", true},
		{"VP8 delta, no extension", vp8, "10 01 00", false},
		{"VP8 key, second packet", vp8, "00 00 00", false},
		{"VP8 key, second partition", vp8, "11 00 00", false},
		{"VP8 key, 7-bit picture", vp8, "90 80 05 00", true},
		{"VP8 key, 15-bit picture, TL0, T", vp8, "90 e0 8123 07 20 00", true},
		{"VP8 delta, the same", vp8, "90 e0 8123 07 20 01", false},
		{"VP8 descriptor only", vp8, "90 80 05", false},
		{"VP8 cut in the descriptor", vp8, "90 e0 81", false},
		{"VP8 empty", vp8, "", false},
		{"audio", "audio/opus", "65 88", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Keyframe(tt.mime, unhex(t, tt.payload)); got != tt.want {
				t.Errorf("Keyframe(%s, %s) = %v, want %v", tt.mime, tt.payload, got, tt.want)
			}
		})
	}
}

func TestSize(t *testing.T) {
	tests := []struct {
		name, mime, payload string
		width, height       int
		ok                  bool
	}{
		{"constrained baseline", "video/H264", spsBaseline, 1280, 720, true},
		{"cropped to 180 lines", "video/H264", spsQuarter, 320, 180, true},
		{"4:4:4, cropped in both directions", "video/H264", sps444, 854, 480, true},
		{"fields", "video/H264", spsFields, 720, 576, true},
		{"high, cropped to 1080 lines", "video/H264", spsHigh, 1920, 1080, true},
		{"in a STAP-A", "video/H264", "78 001c " + spsHigh + "0002 68ce", 1920, 1080, true},
		{"IDR says nothing", "video/H264", "65 88", 0, 0, false},
		{"cut short", "video/H264", "67 42c01f 8c", 0, 0, false},
		{"VP8 keyframe", "video/VP8", "10 100000 9d012a 0005 d002", 1280, 720, true},
		{"VP8 with scaling bits", "video/VP8", "10 100000 9d012a 0045 d082", 1280, 720, true},
		{"VP8 without start code", "video/VP8", "10 100000 000000 0005 d002", 0, 0, false},
		{"VP8 delta", "video/VP8", "10 010000 9d012a 0005 d002", 0, 0, false},
		{"audio", "audio/opus", "00", 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, h, ok := Size(tt.mime, unhex(t, tt.payload))
			if w != tt.width || h != tt.height || ok != tt.ok {
				t.Errorf("Size = %dx%d %v, want %dx%d %v", w, h, ok, tt.width, tt.height, tt.ok)
			}
		})
	}
}

func TestVP8Rewriter(t *testing.T) {
	const (
		key   = "90 e0 %s 20 00"
		delta = "90 e0 %s 20 01"
	)
	packet := func(format, numbers string) string { return strings.Replace(format, "%s", numbers, 1) }
	steps := []struct {
		name, in string
		switched bool
		want     string
	}{
		{"first layer as it is", packet(key, "8100 10"), true, packet(key, "8100 10")},
		{"and on", packet(delta, "8101 11"), false, packet(delta, "8101 11")},
		{"other layer continues", packet(key, "ffff fe"), true, packet(key, "8102 12")},
		{"over its wrap", packet(delta, "8000 ff"), false, packet(delta, "8103 13")},
		{"TL0 over its wrap", packet(delta, "8001 00"), false, packet(delta, "8104 14")},
		{"no numbers: untouched", "10 01", false, "10 01"},
		{"malformed: untouched", "90 e0", false, "90 e0"},
		{"third layer", packet(key, "8000 00"), true, packet(key, "8105 15")},
	}
	var w VP8Rewriter
	for _, s := range steps {
		in := unhex(t, s.in)
		got := hex.EncodeToString(w.Rewrite(in, s.switched))
		if want := strings.ReplaceAll(s.want, " ", ""); got != want {
			t.Errorf("%s: %s, want %s", s.name, got, want)
		}
		if hex.EncodeToString(in) != strings.ReplaceAll(s.in, " ", "") {
			t.Errorf("%s: the shared payload was changed", s.name)
		}
	}
}

func TestVP8RewriterShortPictureID(t *testing.T) {
	var w VP8Rewriter
	w.Rewrite(unhex(t, "90 80 7f 00"), true)
	for _, s := range []struct{ in, want string }{{"90803300", "90800000"}, {"90803401", "90800101"}} {
		if got := hex.EncodeToString(w.Rewrite(unhex(t, s.in), s.in == "90803300")); got != s.want {
			t.Errorf("Rewrite(%s) = %s, want %s", s.in, got, s.want)
		}
	}
}

// FuzzPayload feeds anything to all parsers: none may panic, and a size is never absurd.
func FuzzPayload(f *testing.F) {
	for _, s := range []string{spsBaseline, spsHigh, "78 0004 6742c01f 0002 68ce", "7c 85 88", "90 e0 8123 07 20 00", "10 100000 9d012a 0005 d002", "67 640028 ff ff ff ff"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var w VP8Rewriter
		w.Rewrite(p, true)
		if got := w.Rewrite(p, true); len(got) != len(p) {
			t.Fatalf("rewritten to %d bytes from %d", len(got), len(p))
		}
		for _, mime := range []string{"video/H264", "video/VP8"} {
			Keyframe(mime, p)
			if width, height, ok := Size(mime, p); ok && (width < 0 || height < 0 || width > maxPixels || height > maxPixels) {
				t.Fatalf("size %dx%d", width, height)
			}
		}
	})
}
