package sfu

import (
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"lectern/media"
)

// chrome returns an offer that Chromium made, without candidates.
func chrome(t testing.TB, what string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/chrome-" + what + ".sdp")
	must(t, err)
	return string(b)
}

func TestParseOfferOfChrome(t *testing.T) {
	o, err := parseOffer(chrome(t, "publish"))
	must(t, err)
	if len(o.sections) != 2 {
		t.Fatalf("%d sections, want 2", len(o.sections))
	}
	video, audio := o.sections[0], o.sections[1]
	if video.kind != media.Video || !video.sends || video.takes || !video.has(mimeH264) || !video.has("video/vp8") || video.has("video/rtx2") {
		t.Errorf("video section %+v", video)
	}
	if audio.kind != media.Audio || !audio.has(mimeOpus) || audio.mid != "1" {
		t.Errorf("audio section %+v", audio)
	}
	want := map[string]media.Layer{"q": media.Low, "h": media.Mid, "f": media.High}
	if !maps.Equal(video.layers, want) {
		t.Errorf("layers %v, want %v", video.layers, want)
	}
	o, err = parseOffer(chrome(t, "subscribe"))
	must(t, err)
	if s := o.sections[0]; s.sends || !s.takes || s.layers != nil {
		t.Errorf("section of a subscriber %+v", s)
	}
}

func TestLayersOf(t *testing.T) {
	tests := []struct {
		name, simulcast string
		want            map[string]media.Layer
	}{
		{"ours", "send q;h;f", map[string]media.Layer{"q": media.Low, "h": media.Mid, "f": media.High}},
		{"ours, the other way round", "send f;h;q", map[string]media.Layer{"q": media.Low, "h": media.Mid, "f": media.High}},
		{"two of ours", "send h;f", map[string]media.Layer{"h": media.Mid, "f": media.High}},
		{"numbers: the first is the best", "send 0;1;2", map[string]media.Layer{"0": media.High, "1": media.Mid, "2": media.Low}},
		{"paused", "send ~a;~b", map[string]media.Layer{"a": media.High, "b": media.Mid}},
		{"alternatives", "send a,c;b", map[string]media.Layer{"a": media.High, "b": media.Mid}},
		{"both directions", "recv x;y send q;h;f", map[string]media.Layer{"q": media.Low, "h": media.Mid, "f": media.High}},
		{"a fourth has no place", "send 0;1;2;3", map[string]media.Layer{"0": media.High, "1": media.Mid, "2": media.Low}},
		{"one unknown", "send x", map[string]media.Layer{"x": media.High}},
		{"cut short", "send", map[string]media.Layer{}},
	}
	for _, tt := range tests {
		m := &sdp.MediaDescription{Attributes: []sdp.Attribute{{Key: "simulcast", Value: tt.simulcast}}}
		if got := layersOf(m); !maps.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestOffersThatCannotBeUsed(t *testing.T) {
	s := serve(t)
	audio := "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\n"
	head := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	for name, offer := range map[string]string{
		"empty":             "",
		"not SDP":           "hello",
		"too large":         head + strings.Repeat(audio, 1000),
		"no media":          head,
		"too many sections": head + strings.Repeat(audio, 9),
		"no credentials":    head + audio,
		"nothing to send":   strings.ReplaceAll(chrome(t, "publish"), "a=sendonly", "a=inactive"),
	} {
		_, _, err := s.Publish(t.Context(), "course", offer, PublishOptions{})
		if !errors.Is(err, ErrOffer) {
			t.Errorf("%s: error %v, want ErrOffer", name, err)
		}
	}
	if n := s.count(true); n != 0 {
		t.Errorf("%d sessions are left behind", n)
	}
}

func TestChoose(t *testing.T) {
	h264 := func(pt webrtc.PayloadType, fmtp string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{PayloadType: pt, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mimeH264, SDPFmtpLine: fmtp}}
	}
	of := func(pt webrtc.PayloadType, mime, fmtp string) webrtc.RTPCodecParameters {
		c := h264(pt, fmtp)
		c.MimeType = mime
		return c
	}
	vp8, opus := of(96, mimeVP8, ""), of(111, mimeOpus, "minptime=10")
	base := h264(108, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
	high := h264(114, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f")
	single := h264(110, "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f")
	rtx := of(109, webrtc.MimeTypeRTX, "apt=108")
	tests := []struct {
		name string
		from []webrtc.RTPCodecParameters
		mime string
		want []webrtc.PayloadType
	}{
		{"H.264 before VP8", []webrtc.RTPCodecParameters{vp8, base}, "", []webrtc.PayloadType{108}},
		{"with its retransmission", []webrtc.RTPCodecParameters{vp8, of(97, webrtc.MimeTypeRTX, "apt=96"), rtx, base}, "", []webrtc.PayloadType{108, 109}},
		{"constrained baseline before high", []webrtc.RTPCodecParameters{high, single, base}, "", []webrtc.PayloadType{108}},
		{"high before single NAL units", []webrtc.RTPCodecParameters{single, high}, "", []webrtc.PayloadType{114}},
		{"VP8 for want of better", []webrtc.RTPCodecParameters{vp8}, "", []webrtc.PayloadType{96}},
		{"VP8 when the lecture is VP8", []webrtc.RTPCodecParameters{base, vp8}, mimeVP8, []webrtc.PayloadType{96}},
		{"opus", []webrtc.RTPCodecParameters{opus}, "", []webrtc.PayloadType{111}},
		{"nothing of ours", []webrtc.RTPCodecParameters{of(98, "video/VP9", "")}, "", nil},
		{"not what is wanted", []webrtc.RTPCodecParameters{vp8}, mimeH264, nil},
	}
	for _, tt := range tests {
		var got []webrtc.PayloadType
		for _, c := range choose(tt.from, tt.mime) {
			got = append(got, c.PayloadType)
		}
		if len(got) != len(tt.want) || len(got) > 0 && got[0] != tt.want[0] || len(got) > 1 && got[1] != tt.want[1] {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestAnswerToChrome checks what a real browser gets: one codec, its layers, our transport.
func TestAnswerToChrome(t *testing.T) {
	s := serve(t)
	answer, session, err := s.Publish(t.Context(), "course", chrome(t, "publish"), PublishOptions{})
	must(t, err)
	for _, want := range []string{
		"a=ice-lite", "a=setup:passive", "H264/90000", "profile-level-id=42e01f", "a=simulcast:recv q;h;f", "rtx/90000", "opus/48000/2",
		"transport-cc", "127.0.0.1", "typ host", "a=end-of-candidates", "rtp-stream-id",
	} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer lacks %q", want)
		}
	}
	if n := strings.Count(answer, "a=rtpmap:"); n != 3 {
		t.Errorf("%d codecs answered, want H264, its RTX and Opus:\n%s", n, answer)
	}
	session.Close()
	<-session.Done()
	if _, ok := s.Session(session.ID()); ok {
		t.Error("an ended session is still found")
	}
}

func TestParseFragment(t *testing.T) {
	const good = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:ETEn\r\na=ice-pwd:OtSK0WpNtpUjkY4+86js7Z/l\r\n" +
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
	f, err := parseFragment(good)
	if err != nil || f.ufrag != "ETEn" || f.password != "OtSK0WpNtpUjkY4+86js7Z/l" {
		t.Errorf("fragment %+v, error %v", f, err)
	}
	for name, bad := range map[string]string{
		"empty":          "",
		"no password":    "a=ice-ufrag:ETEn\r\n",
		"short password": "a=ice-ufrag:ETEn\r\na=ice-pwd:short\r\n",
		"short ufrag":    "a=ice-ufrag:E\r\na=ice-pwd:OtSK0WpNtpUjkY4+86js7Z/l\r\n",
		"too large":      good + strings.Repeat("a=candidate:\r\n", 10000),
	} {
		if _, err := parseFragment(bad); !errors.Is(err, ErrOffer) {
			t.Errorf("%s: error %v, want ErrOffer", name, err)
		}
	}
}

func FuzzOffer(f *testing.F) {
	f.Add(chrome(f, "publish"))
	f.Add(chrome(f, "subscribe"))
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP 96\r\na=simulcast:send\r\na=rtpmap:96 H264/90000\r\n")
	f.Fuzz(func(_ *testing.T, text string) {
		o, err := parseOffer(text)
		if err != nil {
			return
		}
		name(o)
		_, _ = o.withCredentials("ufrag", "password")
		_, _ = parseFragment(text)
	})
}
