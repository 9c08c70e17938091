package sfu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"lectern/media"
)

const (
	// maxSDP bounds offers and fragments. Chrome's largest offer with three layers has about 9 kB.
	maxSDP = 64 << 10
	// maxSections bounds the media of an offer: camera, microphone, screen and its sound, with room to spare.
	maxSections = 8
)

// offer is a session description that a client sent, as far as we read it ourselves.
type offer struct {
	sdp      sdp.SessionDescription
	sections []section
}

// section is one media section of an offer.
type section struct {
	mid    string
	kind   media.Kind // 0 for what is neither sound nor picture
	sends  bool
	takes  bool
	codecs []string // MIME types in order of preference
	layers map[string]media.Layer
}

// parseOffer reads an offer. Its errors wrap ErrOffer.
func parseOffer(text string) (*offer, error) {
	if len(text) > maxSDP {
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrOffer, maxSDP)
	}
	o := &offer{}
	if err := o.sdp.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOffer, err)
	}
	if n := len(o.sdp.MediaDescriptions); n == 0 || n > maxSections {
		return nil, fmt.Errorf("%w: it has %d media sections, between 1 and %d are possible", ErrOffer, n, maxSections)
	}
	for _, m := range o.sdp.MediaDescriptions {
		s := section{codecs: codecsOf(m), layers: layersOf(m)}
		s.mid, _ = m.Attribute("mid")
		switch m.MediaName.Media {
		case "audio":
			s.kind = media.Audio
		case "video":
			s.kind = media.Video
		}
		_, sendOnly := m.Attribute("sendonly")
		_, recvOnly := m.Attribute("recvonly")
		_, inactive := m.Attribute("inactive")
		s.sends, s.takes = !recvOnly && !inactive, !sendOnly && !inactive
		o.sections = append(o.sections, s)
	}
	return o, nil
}

// codecsOf returns the MIME types of a media section, best first, without helpers such as RTX.
func codecsOf(m *sdp.MediaDescription) (types []string) {
	names := map[string]string{}
	for _, a := range m.Attributes {
		if a.Key != "rtpmap" {
			continue
		}
		number, codec, _ := strings.Cut(a.Value, " ")
		name, _, _ := strings.Cut(codec, "/")
		names[number] = m.MediaName.Media + "/" + name
	}
	for _, number := range m.MediaName.Formats {
		if mime, ok := names[number]; ok && !slices.Contains(types, mime) {
			types = append(types, mime)
		}
	}
	return types
}

// layersOf maps the restriction identifiers of a simulcast section to layers. Our studio's names say which
// is which; of others, such as OBS's "0", "1", "2", the first listed is the preferred one (RFC 8853
// section 5.2), so it is the full picture.
func layersOf(m *sdp.MediaDescription) map[string]media.Layer {
	value, ok := m.Attribute("simulcast")
	if !ok {
		return nil
	}
	fields := strings.Fields(value)
	var rids []string
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] != "send" {
			continue
		}
		for stream := range strings.SplitSeq(fields[i+1], ";") {
			rid, _, _ := strings.Cut(stream, ",")
			rids = append(rids, strings.TrimPrefix(rid, "~"))
		}
	}
	layers := map[string]media.Layer{}
	taken := map[media.Layer]bool{}
	for _, rid := range rids {
		layers[rid] = media.LayerOf(rid)
		taken[layers[rid]] = true
	}
	if len(taken) == len(rids) {
		return layers
	}
	clear(layers)
	for i, rid := range rids[:min(len(rids), int(media.Layers))] {
		layers[rid] = media.High - media.Layer(i)
	}
	return layers
}

// first returns the first section of a kind that passes the test.
func (o *offer) first(kind media.Kind, test func(section) bool) (section, bool) {
	for _, s := range o.sections {
		if s.kind == kind && test(s) {
			return s, true
		}
	}
	return section{}, false
}

// has reports whether the section offers a codec.
func (s section) has(mime string) bool {
	return slices.ContainsFunc(s.codecs, func(c string) bool { return strings.EqualFold(c, mime) })
}

// withCredentials returns the offer anew with other ICE credentials in all sections, and without the
// candidates of the old ones: what a browser would offer for an ICE restart.
func (o *offer) withCredentials(ufrag, password string) (string, error) {
	renewed := o.sdp
	renewed.Attributes = replaceCredentials(o.sdp.Attributes, ufrag, password)
	renewed.MediaDescriptions = make([]*sdp.MediaDescription, len(o.sdp.MediaDescriptions))
	for i, m := range o.sdp.MediaDescriptions {
		section := *m
		section.Attributes = replaceCredentials(m.Attributes, ufrag, password)
		renewed.MediaDescriptions[i] = &section
	}
	text, err := renewed.Marshal()
	return string(text), err
}

func replaceCredentials(attributes []sdp.Attribute, ufrag, password string) []sdp.Attribute {
	out := make([]sdp.Attribute, 0, len(attributes))
	for _, a := range attributes {
		switch a.Key {
		case "ice-ufrag":
			a.Value = ufrag
		case "ice-pwd":
			a.Value = password
		case "candidate", "end-of-candidates":
			continue
		}
		out = append(out, a)
	}
	return out
}

// ufrag returns the ICE user name fragment of the offer.
func (o *offer) ufrag() string {
	if v, ok := o.sdp.Attribute("ice-ufrag"); ok {
		return v
	}
	for _, m := range o.sdp.MediaDescriptions {
		if v, ok := m.Attribute("ice-ufrag"); ok {
			return v
		}
	}
	return ""
}
