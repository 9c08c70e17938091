package sfu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/webrtc/v4"
)

const transportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// The codecs of a lecture. The recording holds H.264 as it comes; VP8 is for browsers that have no H.264.
const (
	mimeH264 = webrtc.MimeTypeH264
	mimeVP8  = webrtc.MimeTypeVP8
	mimeOpus = webrtc.MimeTypeOpus
)

// profiles are the H.264 profile-level-ids taken, best first: constrained baseline, which every browser
// encodes and decodes, baseline, main, high (RFC 6184 section 8.1).
var profiles = [...]string{"42e01f", "42001f", "4d001f", "64001f", "640c1f"}

// registerCodecs fills m. From a publisher retransmissions come as a stream of their own (RFC 4588); to an
// attendee they go out on the stream itself, so that one copy of a packet serves all.
func registerCodecs(m *webrtc.MediaEngine, fromPublisher bool) error {
	feedback := []webrtc.RTCPFeedback{{Type: "goog-remb"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	audioFeedback := []webrtc.RTCPFeedback{}
	if fromPublisher {
		feedback[0] = webrtc.RTCPFeedback{Type: "transport-cc"}
		audioFeedback = append(audioFeedback, feedback[0])
	}
	number := webrtc.PayloadType(96)
	video := func(mime, fmtp string) error {
		c := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000, SDPFmtpLine: fmtp, RTCPFeedback: feedback}
		if err := m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: c, PayloadType: number}, webrtc.RTPCodecTypeVideo); err != nil {
			return err
		}
		if fromPublisher {
			rtx := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", number)}
			if err := m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: rtx, PayloadType: number + 1}, webrtc.RTPCodecTypeVideo); err != nil {
				return err
			}
		}
		number += 2
		return nil
	}
	for _, profile := range profiles {
		if err := video(mimeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="+profile); err != nil {
			return err
		}
	}
	if err := video(mimeVP8, ""); err != nil {
		return err
	}
	opus := webrtc.RTPCodecCapability{MimeType: mimeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1", RTCPFeedback: audioFeedback}
	return m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 127}, webrtc.RTPCodecTypeAudio)
}

// choose returns the one codec to answer with of those negotiated, and its retransmission codec: of the
// given MIME type if it is not empty, else H.264 before all others. An empty result means none fits.
func choose(codecs []webrtc.RTPCodecParameters, mime string) []webrtc.RTPCodecParameters {
	best, rank := -1, 0
	for i, c := range codecs {
		if r := rankCodec(c); r > 0 && (mime == "" || strings.EqualFold(c.MimeType, mime)) && (best < 0 || r < rank) {
			best, rank = i, r
		}
	}
	if best < 0 {
		return nil
	}
	chosen := []webrtc.RTPCodecParameters{codecs[best]}
	apt := fmt.Sprintf("apt=%d", codecs[best].PayloadType)
	if i := slices.IndexFunc(codecs, func(c webrtc.RTPCodecParameters) bool {
		return strings.EqualFold(c.MimeType, webrtc.MimeTypeRTX) && c.SDPFmtpLine == apt
	}); i >= 0 {
		chosen = append(chosen, codecs[i])
	}
	return chosen
}

// rankCodec is lower for a better codec and 0 for one that is not taken.
func rankCodec(c webrtc.RTPCodecParameters) int {
	switch {
	case strings.EqualFold(c.MimeType, mimeOpus):
		return 1
	case strings.EqualFold(c.MimeType, mimeVP8):
		return 100
	case !strings.EqualFold(c.MimeType, mimeH264):
		return 0
	}
	fmtp := strings.ToLower(c.SDPFmtpLine)
	if !strings.Contains(fmtp, "packetization-mode=1") {
		return 50
	}
	for i, p := range profiles {
		if strings.Contains(fmtp, "profile-level-id="+p[:4]) {
			return 1 + i
		}
	}
	return 20
}

// sameCodec compares MIME types, whose case does not matter.
func sameCodec(a, b string) bool { return strings.EqualFold(a, b) }
