package egress

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/sdp/v3"

	"lectern/media"
)

const (
	// maxSDP bounds offers and fragments, in bytes. Chrome's offer to receive has about 5 kB.
	maxSDP = 64 << 10
	// maxSections bounds the media of an offer.
	maxSections = 8
	// maxCodecs bounds the formats of a section.
	maxCodecs = 128
)

// offer is what a client says that it wants to receive.
type offer struct {
	ufrag       string
	password    string
	fingerprint hash
	sections    []section
}

// hash is the fingerprint of the client's certificate (RFC 8122 section 5).
type hash struct {
	algorithm string // lower case
	sum       []byte
}

// section is one media section of an offer.
type section struct {
	mid    string
	media  string     // "audio", "video", or what we refuse
	kind   media.Kind // 0 for what we do not send
	proto  string
	format string // the first one, to refuse the section with
	takes  bool
	codecs []codec // in the client's order of preference
}

// codec is a payload type that the client can receive.
type codec struct {
	number   uint8
	mime     string // "video/H264", as the registry spells it or the client does
	clock    string // what follows the name in rtpmap
	fmtp     string
	rtx      uint8 // payload type of its retransmissions, 0 for none
	nack     bool
	feedback []string
}

// parseOffer reads an offer. Its errors wrap ErrOffer.
func parseOffer(text string) (*offer, error) {
	if len(text) > maxSDP {
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrOffer, maxSDP)
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOffer, err)
	}
	if n := len(d.MediaDescriptions); n == 0 || n > maxSections {
		return nil, fmt.Errorf("%w: it has %d media sections, between 1 and %d are possible", ErrOffer, n, maxSections)
	}
	o := &offer{ufrag: attribute(&d, "ice-ufrag"), password: attribute(&d, "ice-pwd")}
	if err := checkCredentials(o.ufrag, o.password); err != nil {
		return nil, err
	}
	var err error
	if o.fingerprint, err = parseFingerprint(fingerprints(&d)); err != nil {
		return nil, err
	}
	if setup := attribute(&d, "setup"); setup == "passive" {
		return nil, fmt.Errorf("%w: a=setup:passive, but the server waits for the client's DTLS hello: offer actpass", ErrOffer)
	}
	mids := map[string]bool{}
	for _, m := range d.MediaDescriptions {
		s, err := parseSection(m)
		if err != nil {
			return nil, err
		}
		if s.mid == "" || len(s.mid) > 32 || mids[s.mid] {
			return nil, fmt.Errorf("%w: each media section needs an a=mid of its own", ErrOffer)
		}
		mids[s.mid] = true
		o.sections = append(o.sections, s)
	}
	return o, nil
}

// attribute returns a value of the session or else of the first section that has it.
func attribute(d *sdp.SessionDescription, key string) string {
	if v, ok := d.Attribute(key); ok {
		return v
	}
	for _, m := range d.MediaDescriptions {
		if v, ok := m.Attribute(key); ok {
			return v
		}
	}
	return ""
}

// fingerprints returns all that the offer names; there may be several, each with another algorithm.
func fingerprints(d *sdp.SessionDescription) (all []string) {
	add := func(attributes []sdp.Attribute) {
		for _, a := range attributes {
			if a.Key == "fingerprint" {
				all = append(all, a.Value)
			}
		}
	}
	add(d.Attributes)
	for _, m := range d.MediaDescriptions {
		add(m.Attributes)
	}
	return all
}

// checkCredentials holds to RFC 8839 section 5.4: 4 to 256 and 22 to 256 characters.
func checkCredentials(ufrag, password string) error {
	if len(ufrag) < 4 || len(ufrag) > 256 || len(password) < 22 || len(password) > 256 {
		return fmt.Errorf("%w: it has no ICE credentials (a=ice-ufrag, a=ice-pwd)", ErrOffer)
	}
	return nil
}

// parseFingerprint takes the first one whose algorithm is still trusted.
func parseFingerprint(values []string) (hash, error) {
	for _, v := range values {
		name, sum, _ := strings.Cut(v, " ")
		name = strings.ToLower(name)
		if name != "sha-256" && name != "sha-384" && name != "sha-512" {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(sum), ":", ""))
		if h, unknown := fingerprint.HashFromString(name); err != nil || unknown != nil || len(b) != h.Size() {
			return hash{}, fmt.Errorf("%w: a=fingerprint is malformed", ErrOffer)
		}
		return hash{strings.Clone(name), b}, nil
	}
	return hash{}, fmt.Errorf("%w: it has no a=fingerprint of SHA-256 or better", ErrOffer)
}

func parseSection(m *sdp.MediaDescription) (section, error) {
	s := section{media: m.MediaName.Media, proto: strings.Join(m.MediaName.Protos, "/")}
	s.mid, _ = m.Attribute("mid")
	if len(m.MediaName.Formats) == 0 || len(m.MediaName.Formats) > maxCodecs {
		return s, fmt.Errorf("%w: a media section has %d formats", ErrOffer, len(m.MediaName.Formats))
	}
	s.format = m.MediaName.Formats[0]
	switch {
	case !strings.HasSuffix(s.proto, "TLS/RTP/SAVPF"):
	case s.media == "audio":
		s.kind = media.Audio
	case s.media == "video":
		s.kind = media.Video
	}
	_, sendOnly := m.Attribute("sendonly")
	_, inactive := m.Attribute("inactive")
	s.takes = !sendOnly && !inactive && m.MediaName.Port.Value != 0
	if s.kind != 0 {
		s.codecs = parseCodecs(m)
	}
	return s, nil
}

// parseCodecs returns the codecs in the order of the formats, each with its retransmission.
func parseCodecs(m *sdp.MediaDescription) []codec {
	all := map[string]*codec{}
	lines := func(key string, read func(c *codec, value string)) {
		for _, a := range m.Attributes {
			number, value, ok := strings.Cut(a.Value, " ")
			if a.Key == key && ok && all[number] != nil {
				read(all[number], strings.TrimSpace(value))
			}
		}
	}
	for _, number := range m.MediaName.Formats {
		if n, err := strconv.ParseUint(number, 10, 7); err == nil {
			all[number] = &codec{number: uint8(n)}
		}
	}
	lines("rtpmap", func(c *codec, v string) {
		name, clock, _ := strings.Cut(v, "/")
		c.mime, c.clock = m.MediaName.Media+"/"+name, clock
	})
	lines("fmtp", func(c *codec, v string) { c.fmtp = v })
	lines("rtcp-fb", func(c *codec, v string) { c.feedback = append(c.feedback, v) })
	for _, a := range m.Attributes {
		if v, ok := strings.CutPrefix(a.Value, "* "); ok && a.Key == "rtcp-fb" {
			for _, c := range all {
				c.feedback = append(c.feedback, v)
			}
		}
	}
	var codecs []codec
	for _, number := range m.MediaName.Formats {
		c := all[number]
		if c == nil || c.mime == "" || isRTX(c) || slices.ContainsFunc(codecs, func(o codec) bool { return o.number == c.number }) {
			continue
		}
		c.nack = slices.Contains(c.feedback, "nack")
		for _, r := range all {
			if isRTX(r) && r.fmtp == "apt="+number {
				c.rtx = r.number
			}
		}
		codecs = append(codecs, *c)
	}
	return codecs
}

func isRTX(c *codec) bool {
	return strings.EqualFold(c.mime, "video/rtx") || strings.EqualFold(c.mime, "audio/rtx")
}

// parseFragment reads the credentials of a trickle-ice-sdpfrag body (RFC 8840 section 9). Candidates are not
// kept: an ICE-lite server answers checks and sends none.
func parseFragment(text string) (ufrag, password string, err error) {
	if len(text) > maxSDP {
		return "", "", fmt.Errorf("%w: the fragment is larger than %d bytes", ErrOffer, maxSDP)
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "a=ice-ufrag":
			ufrag = value
		case "a=ice-pwd":
			password = value
		}
	}
	return ufrag, password, checkCredentials(ufrag, password)
}
