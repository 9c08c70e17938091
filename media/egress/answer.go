package egress

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"lectern/media"
)

const (
	mimeH264 = "video/H264"
	mimeVP8  = "video/VP8"
	mimeOpus = "audio/opus"
)

// feedbackTaken is what we understand from a client, of what it offers. Transport-wide feedback is left out: it
// is 10 to 20 packets a second from every attendee, which REMB and receiver reports make unnecessary.
var feedbackTaken = []string{"goog-remb", "nack", "nack pli", "ccm fir"}

// profiles are the H.264 profiles by rank (RFC 6184 section 8.1): constrained baseline, baseline, main, high.
var profiles = [...]string{"42e0", "4200", "4d00", "6400", "640c"}

// rtxBit tells the stream of retransmissions from its stream by their SSRC.
const rtxBit = 1 << 31

// plan is what an answer promises for one section: which track goes out and how.
type plan struct {
	section section
	track   string // of the room; empty when the section is refused
	codec   codec
	ssrc    uint32
	rtxSSRC uint32 // 0 without retransmission stream
}

// answerPlan decides what each section of an offer gets. The names are the room's tracks of each kind, first
// section first; video is the MIME type of the picture. Errors wrap ErrOffer or ErrCodec.
func answerPlan(o *offer, names map[media.Kind][]string, video, fmtp string) ([]plan, error) {
	var plans []plan
	used := map[media.Kind]int{}
	for _, s := range o.sections {
		p := plan{section: s}
		if n := used[s.kind]; s.kind != 0 && s.takes && n < len(names[s.kind]) {
			used[s.kind]++
			mime := mimeOpus
			if s.kind == media.Video {
				mime = video
			}
			c, ok := chooseCodec(s.codecs, mime, fmtp)
			if !ok {
				return nil, fmt.Errorf("%w: the lecture is sent as %s, which the offer lacks", ErrCodec, mime)
			}
			p.track, p.codec, p.ssrc = names[s.kind][n], c, rand.Uint32()|1
			if c.rtx != 0 {
				p.rtxSSRC = p.ssrc ^ rtxBit
			}
		}
		plans = append(plans, p)
	}
	if used[media.Audio]+used[media.Video] == 0 {
		return nil, fmt.Errorf("%w: it receives neither sound nor picture", ErrOffer)
	}
	return plans, nil
}

// lean returns the plans with what is needed once the answer is written. The strings of an offer are parts of its text, of
// which an attendee would else keep all for as long as he is here.
func lean(plans []plan) []plan {
	kept := make([]plan, len(plans))
	for i, p := range plans {
		p.section.codecs, p.codec.feedback = nil, nil
		for _, s := range []*string{&p.section.mid, &p.section.media, &p.section.proto, &p.section.format, &p.codec.mime, &p.codec.clock, &p.codec.fmtp} {
			*s = strings.Clone(*s)
		}
		kept[i] = p
	}
	return kept
}

// chooseCodec returns the best form of mime: for H.264 the packetization mode 1 with the profile of what is
// sent, else the one that most can decode.
func chooseCodec(codecs []codec, mime, fmtp string) (codec, bool) {
	best, rank := -1, 0
	for i, c := range codecs {
		if !strings.EqualFold(c.mime, mime) {
			continue
		}
		r := 1
		if mime == mimeH264 {
			r = rankH264(c.fmtp, fmtp)
		}
		if r > 0 && (best < 0 || r < rank) {
			best, rank = i, r
		}
	}
	if best < 0 {
		return codec{}, false
	}
	return codecs[best], true
}

// rankH264 is lower for a better form and 0 for one that cannot be sent.
func rankH264(offered, sent string) int {
	offered = strings.ToLower(offered)
	if !strings.Contains(offered, "packetization-mode=1") {
		return 0
	}
	if p := profileOf(sent); p != "" && profileOf(offered) == p {
		return 1
	}
	if i := slices.Index(profiles[:], profileOf(offered)); i >= 0 {
		return 2 + i
	}
	return 20
}

// profileOf returns the profile and its constraints, the first four digits.
func profileOf(fmtp string) string {
	_, after, ok := strings.Cut(strings.ToLower(fmtp), "profile-level-id=")
	if !ok || len(after) < 4 {
		return ""
	}
	return after[:4]
}

// transport is our side of the connection, as SDP names it.
type transport struct {
	ufrag, password string
	fingerprint     string
	addrs           []netip.AddrPort // of the UDP sockets, best first
	tcp             []netip.AddrPort
}

// writeAnswer writes our session description.
func writeAnswer(plans []plan, t transport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- %d 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n", rand.Uint64()>>2)
	fmt.Fprintf(&b, "a=group:BUNDLE%s\r\na=msid-semantic: WMS lectern\r\n", bundled(plans))
	for _, p := range plans {
		if p.track == "" {
			fmt.Fprintf(&b, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n", p.section.media, p.section.proto, p.section.format, p.section.mid)
			continue
		}
		writeMedia(&b, p)
		writeTransport(&b, t)
	}
	return b.String()
}

func bundled(plans []plan) string {
	var b strings.Builder
	for _, p := range plans {
		if p.track != "" {
			b.WriteString(" " + p.section.mid)
		}
	}
	return b.String()
}

func writeMedia(b *strings.Builder, p plan) {
	c := p.codec
	fmt.Fprintf(b, "m=%s 9 %s %d", p.section.media, p.section.proto, c.number)
	if p.rtxSSRC != 0 {
		fmt.Fprintf(b, " %d", c.rtx)
	}
	fmt.Fprintf(b, "\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=sendonly\r\na=rtcp-mux\r\na=msid:lectern %s\r\n", p.section.mid, p.track)
	_, name, _ := strings.Cut(c.mime, "/")
	fmt.Fprintf(b, "a=rtpmap:%d %s/%s\r\n", c.number, name, c.clock)
	if c.fmtp != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", c.number, c.fmtp)
	}
	for _, f := range feedbackTaken {
		if slices.Contains(c.feedback, f) {
			fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", c.number, f)
		}
	}
	if p.rtxSSRC != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/%s\r\na=fmtp:%d apt=%d\r\na=ssrc-group:FID %d %d\r\n", c.rtx, c.clock, c.rtx, c.number, p.ssrc, p.rtxSSRC)
	}
	for _, ssrc := range []uint32{p.ssrc, p.rtxSSRC} {
		if ssrc != 0 {
			fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\na=ssrc:%d msid:lectern %s\r\n", ssrc, cname, ssrc, p.track)
		}
	}
}

func writeTransport(b *strings.Builder, t transport) {
	fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:passive\r\n", t.ufrag, t.password, t.fingerprint)
	for _, line := range t.candidates() {
		b.WriteString("a=candidate:" + line + "\r\n")
	}
	b.WriteString("a=end-of-candidates\r\n")
}

// candidates returns our host candidates (RFC 8839 section 5.1), UDP before TCP (RFC 6544), with the
// priorities of RFC 8445 section 5.1.2.
func (t transport) candidates() (lines []string) {
	for i, a := range t.addrs {
		lines = append(lines, fmt.Sprintf("%d 1 udp %d %s %d typ host", i+1, 126<<24|uint32(65535-i)<<8|255, a.Addr(), a.Port()))
	}
	for i, a := range t.tcp {
		// Type preference 90 for TCP hosts, direction preference 4 for passive (RFC 6544 section 4.2).
		lines = append(lines, fmt.Sprintf("%d 1 tcp %d %s %d typ host tcptype passive", 100+i, 90<<24|uint32(4<<13|(8191-i))<<8|255, a.Addr(), a.Port()))
	}
	return lines
}

// writeFragment writes our side of an ICE restart (RFC 9725 section 4.3.3).
func writeFragment(plans []plan, t transport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "a=ice-lite\r\na=group:BUNDLE%s\r\n", bundled(plans))
	for _, p := range plans {
		if p.track == "" {
			continue
		}
		fmt.Fprintf(&b, "m=%s 9 %s %d\r\na=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", p.section.media, p.section.proto, p.codec.number, p.section.mid, t.ufrag, t.password)
		for _, line := range t.candidates() {
			b.WriteString("a=candidate:" + line + "\r\n")
		}
		b.WriteString("a=end-of-candidates\r\n")
		break
	}
	return b.String()
}
