package egress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"unsafe"

	"github.com/pion/sdp/v3"
)

// browserOffer is what Chromium offers to receive, shortened.
const browserOffer = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 105 39\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:4ZcD\r\n" +
	"a=ice-pwd:2/1muCWoOi3uLifh0NuRHlTk\r\na=fingerprint:sha-256 " +
	"75:74:5A:A6:A4:E5:52:F4:A7:67:4C:01:C7:EE:91:3F:21:3D:A2:E3:53:7B:6F:30:86:F2:30:FF:A6:22:D2:04\r\n" +
	"a=setup:actpass\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n" +
	"a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\n" +
	"a=rtcp-fb:102 goog-remb\r\na=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\na=rtcp-fb:102 ccm fir\r\n" +
	"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f\r\na=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n" +
	"a=rtpmap:104 H264/90000\r\na=rtcp-fb:104 nack\r\na=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n" +
	"a=rtpmap:105 rtx/90000\r\na=fmtp:105 apt=104\r\na=rtpmap:39 AV1/90000\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n" +
	"a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n" +
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\n"

func TestAnswer(t *testing.T) {
	o, err := parseOffer(browserOffer)
	must(t, err)
	for _, test := range []struct{ mime, fmtp, number, rtx string }{
		{mimeH264, "profile-level-id=42e01f", "104", "105"},
		{mimeH264, "profile-level-id=640c1f;packetization-mode=1", "104", "105"},
		{mimeH264, "profile-level-id=64001f;packetization-mode=1", "102", "103"},
		{mimeH264, "", "104", "105"},
		{mimeVP8, "", "96", "97"},
	} {
		plans, err := answerPlan(o, tracks, test.mime, test.fmtp)
		must(t, err)
		var d sdp.SessionDescription
		must(t, d.UnmarshalString(writeAnswer(plans, transport{ufrag: "abcd", password: "secret", fingerprint: "sha-256 00"})))
		if got := strings.Join(d.MediaDescriptions[0].MediaName.Formats, " "); got != test.number+" "+test.rtx {
			t.Errorf("%s %s: formats %s", test.mime, test.fmtp, got)
		}
		if d.MediaDescriptions[2].MediaName.Port.Value != 0 {
			t.Error("the data channel was not refused")
		}
		if group, _ := d.Attribute("group"); group != "BUNDLE 0 1" {
			t.Errorf("group %q", group)
		}
		for _, a := range d.MediaDescriptions[0].Attributes {
			if a.Key == "rtcp-fb" && strings.Contains(a.Value, "transport-cc") {
				t.Error("asks for transport-wide feedback")
			}
		}
	}
}

// TestLeanPlansKeepNothingOfTheOffer holds that an attendee does not keep the text of his offer, of which all its strings
// are parts.
func TestLeanPlansKeepNothingOfTheOffer(t *testing.T) {
	text := strings.Clone(browserOffer)
	within := func(s string) bool {
		at, from := uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(unsafe.Pointer(unsafe.StringData(text)))
		return len(s) > 0 && at >= from && at < from+uintptr(len(text))
	}
	o, err := parseOffer(text)
	must(t, err)
	plans, err := answerPlan(o, tracks, mimeH264, "")
	must(t, err)
	answer := writeFragment(plans, transport{})
	kept := lean(plans)
	for i, p := range kept {
		if len(p.section.codecs)+len(p.codec.feedback) > 0 {
			t.Errorf("plan %d keeps %d codecs", i, len(p.section.codecs))
		}
		for _, s := range []string{p.section.mid, p.section.media, p.section.proto, p.section.format, p.codec.mime, p.codec.clock, p.codec.fmtp, o.fingerprint.algorithm} {
			if within(s) {
				t.Errorf("plan %d keeps %q of the offer", i, s)
			}
		}
	}
	if again := writeFragment(kept, transport{}); again != answer {
		t.Errorf("the fragment of lean plans is %q, was %q", again, answer)
	}
}

func TestAnswerShowsTheScreenSecond(t *testing.T) {
	second := strings.ReplaceAll(browserOffer[strings.Index(browserOffer, "m=video"):strings.Index(browserOffer, "m=audio")], "a=mid:0", "a=mid:7")
	o, err := parseOffer(browserOffer + second)
	must(t, err)
	plans, err := answerPlan(o, tracks, mimeH264, "")
	must(t, err)
	var names []string
	for _, p := range plans {
		names = append(names, p.track)
	}
	if got := strings.Join(names, ","); got != "camera,microphone,,screen" {
		t.Errorf("tracks %s", got)
	}
}

func FuzzOffer(f *testing.F) {
	f.Add(browserOffer)
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOffer(text)
		if err != nil {
			if !errors.Is(err, ErrOffer) {
				t.Errorf("%v is no ErrOffer", err)
			}
			return
		}
		plans, err := answerPlan(o, tracks, mimeH264, "")
		if err != nil {
			return
		}
		var d sdp.SessionDescription
		if err := d.UnmarshalString(writeAnswer(plans, transport{ufrag: "abcd", password: "secret", fingerprint: "sha-256 00"})); err != nil {
			t.Fatalf("our own answer: %v", err)
		}
		if len(d.MediaDescriptions) != len(o.sections) {
			t.Errorf("%d sections for %d", len(d.MediaDescriptions), len(o.sections))
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:abcdefgh\r\na=ice-pwd:0123456789012345678901\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := parseFragment(text); err != nil && !errors.Is(err, ErrOffer) {
			t.Errorf("%v is no ErrOffer", err)
		}
	})
}

// FuzzFrame holds that frames come out as they went in, and that no length makes the reader go beyond its buffer.
func FuzzFrame(f *testing.F) {
	f.Add([]byte{0, 3, 1, 2, 3, 0, 0, 0, 1, 9})
	f.Add([]byte{0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := bytes.NewReader(stream)
		buffer := make([]byte, readMTU)
		var again []byte
		for {
			n, err := readFrame(in, buffer)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrShortBuffer) {
					t.Fatal(err)
				}
				break
			}
			again = append(binary.BigEndian.AppendUint16(again, uint16(n)), buffer[:n]...)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Errorf("%x read from %x", again, stream)
		}
	})
}

func TestRankOfHosts(t *testing.T) {
	hosts, err := localHosts("")
	must(t, err)
	for i := 1; i < len(hosts); i++ {
		if rankHost(hosts[i-1]) > rankHost(hosts[i]) {
			t.Errorf("%s before %s", hosts[i-1], hosts[i])
		}
	}
	if _, err := localHosts("not a host"); err == nil {
		t.Error("took a name that is none")
	}
}
