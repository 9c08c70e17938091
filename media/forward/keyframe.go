package forward

import "strings"

// H.264 NAL unit types (ITU-T H.264 table 7-1) and RTP aggregation types (RFC 6184 table 1).
const (
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28

	nalTypeMask = 0x1f
	fuStart     = 0x80
)

// Keyframe reports whether an RTP payload of the given MIME type starts a picture that can be decoded
// without any other. For H.264 that is one that carries a sequence parameter set or the start of an IDR
// slice; a keyframe in several packets may be reported more than once. Codecs other than H.264 and VP8
// have no keyframes here.
func Keyframe(mime string, payload []byte) bool {
	switch {
	case strings.EqualFold(mime, "video/H264"):
		return keyframeH264(payload)
	case strings.EqualFold(mime, "video/VP8"):
		return keyframeVP8(payload)
	}
	return false
}

func keyframeH264(payload []byte) bool {
	found := false
	eachNAL(payload, func(kind byte, _ []byte) bool {
		found = kind == nalIDR || kind == nalSPS
		return !found
	})
	return found
}

func keyframeVP8(payload []byte) bool {
	d, ok := parseVP8(payload)
	return ok && d.start && d.size < len(payload) && payload[d.size]&1 == 0
}

// eachNAL calls visit with the type and the bytes, header included, of each NAL unit that starts in an
// H.264 payload, until visit returns false. Of a fragmented unit only the first fragment counts; its bytes
// are then without the NAL header.
func eachNAL(payload []byte, visit func(kind byte, nal []byte) bool) {
	if len(payload) == 0 {
		return
	}
	switch kind := payload[0] & nalTypeMask; kind {
	case nalSTAPA:
		rest := payload[1:]
		for len(rest) > 2 {
			n := int(rest[0])<<8 | int(rest[1])
			rest = rest[2:]
			if n == 0 || n > len(rest) || !visit(rest[0]&nalTypeMask, rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	case nalFUA:
		if len(payload) > 1 && payload[1]&fuStart != 0 {
			visit(payload[1]&nalTypeMask, payload[2:])
		}
	default:
		visit(kind, payload)
	}
}

// Size returns the width and height in pixels of the picture that a keyframe packet starts, when the
// packet says so: for H.264 it holds the sequence parameter set, for VP8 the first bytes of the frame.
func Size(mime string, payload []byte) (width, height int, ok bool) {
	switch {
	case strings.EqualFold(mime, "video/H264"):
		eachNAL(payload, func(kind byte, nal []byte) bool {
			if kind == nalSPS && payload[0]&nalTypeMask != nalFUA {
				width, height, ok = sizeSPS(nal)
			}
			return !ok
		})
	case strings.EqualFold(mime, "video/VP8"):
		width, height, ok = sizeVP8(payload)
	}
	return width, height, ok
}
