// Package h264 turns RTP payloads (RFC 6184) into access units, and reads of the bit stream (ITU-T
// H.264) just enough to know what can be decoded: picture size, profile, and frame numbers.
package h264

import "encoding/binary"

// NAL unit types that matter here (H.264 table 7-1, RFC 6184 table 1).
const (
	nalSlice     = 1
	nalIDR       = 5
	nalSPS       = 7
	nalPPS       = 8
	nalDelimiter = 9
	nalFiller    = 12
	nalSTAPA     = 24
	nalFUA       = 28
)

func nalType(nal []byte) byte { return nal[0] & 0x1f }

// isReference says whether later pictures may depend on this NAL unit (nal_ref_idc).
func isReference(nal []byte) bool { return nal[0]&0x60 != 0 }

// AppendLengthPrefixed appends NAL units with four-byte lengths, the form that MP4 samples have.
func AppendLengthPrefixed(dst []byte, nals [][]byte) []byte {
	for _, n := range nals {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(n)))
		dst = append(dst, n...)
	}
	return dst
}

// SplitAnnexB returns the NAL units of a stream with start codes (H.264 annex B).
func SplitAnnexB(b []byte) [][]byte {
	var out [][]byte
	start := -1
	for i := 0; i+2 < len(b); i++ {
		if b[i] != 0 || b[i+1] != 0 || b[i+2] != 1 {
			continue
		}
		if start >= 0 {
			out = append(out, trimZeros(b[start:i]))
		}
		start = i + 3
		i += 2
	}
	if start >= 0 && start < len(b) {
		out = append(out, trimZeros(b[start:]))
	}
	return out
}

// trimZeros removes what belongs to the next start code: a NAL unit never ends in a zero byte.
func trimZeros(b []byte) []byte {
	for len(b) > 1 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

// bits reads the exponential-Golomb codes of a NAL unit, skipping emulation prevention bytes. Reading
// past the end gives zeros and sets short.
type bits struct {
	b     []byte
	at    int  // bit position
	zeros int  // zero bytes just read
	plain bool // there is no emulation prevention in b
	short bool
}

func newBits(nal []byte, from int) *bits { return &bits{b: nal, at: from * 8} }

func (r *bits) bit() uint {
	i := r.at >> 3
	if i >= len(r.b) {
		r.short = true
		return 0
	}
	if r.at&7 == 0 && !r.plain { // entering a byte
		if r.zeros >= 2 && r.b[i] == 3 {
			r.zeros = 0
			r.at += 8
			return r.bit()
		}
		if r.b[i] == 0 {
			r.zeros++
		} else {
			r.zeros = 0
		}
	}
	v := uint(r.b[i]>>(7-r.at&7)) & 1
	r.at++
	return v
}

func (r *bits) u(n int) (v uint) {
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

func (r *bits) ue() uint {
	n := 0
	for r.bit() == 0 {
		if n++; n > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<n - 1 + r.u(n)
}

func (r *bits) se() int {
	v := r.ue()
	if v&1 == 1 {
		return int(v+1) / 2
	}
	return -int(v / 2)
}
