package h264

import (
	"errors"
	"fmt"
)

// ErrSPS says that a sequence parameter set could not be read.
var ErrSPS = errors.New("h264: unreadable sequence parameter set")

// SPS is what a sequence parameter set says (H.264 section 7.3.2.1.1).
type SPS struct {
	Width, Height int    // pixels, after cropping
	frameNumBits  int    // length of frame_num in slice headers
	planes        bool   // separate_colour_plane_flag: slice headers hold two bits more
	id            uint   // seq_parameter_set_id
	orderType     uint   // pic_order_cnt_type
	orderBits     int    // length of pic_order_cnt_lsb in slice headers; 0 when they have none
	maxRefs       uint   // max_num_ref_frames
	frameOnly     bool   // frame_mbs_only_flag: no fields
	macroblocks   uint   // of a picture
	Codec         string // RFC 6381 form, such as "avc1.42e01f"
}

// ParseSPS reads a sequence parameter set NAL unit. It returns ErrSPS when it is cut short or describes
// a picture outside of 16 to 8192 pixels.
func ParseSPS(nal []byte) (SPS, error) {
	if len(nal) < 4 || nalType(nal) != nalSPS {
		return SPS{}, ErrSPS
	}
	s := SPS{Codec: fmt.Sprintf("avc1.%02x%02x%02x", nal[1], nal[2], nal[3])}
	r := newBits(nal, 4)
	s.id = r.ue()
	chroma := uint(1)
	if highProfile(nal[1]) {
		if chroma = r.ue(); chroma == 3 {
			s.planes = r.u(1) == 1
		}
		r.ue()
		r.ue()
		r.u(1)
		if r.u(1) == 1 {
			skipScaling(r, chroma)
		}
	}
	s.frameNumBits = int(r.ue()) + 4
	s.orderType = r.ue()
	switch s.orderType {
	case 0:
		s.orderBits = int(r.ue()) + 4
	case 1:
		r.u(1)
		r.se()
		r.se()
		for n := r.ue(); n > 0 && !r.short; n-- {
			r.se()
		}
	}
	s.maxRefs = r.ue()
	r.u(1) // gaps_in_frame_num_value_allowed_flag
	s.size(r, chroma)
	if r.short || s.frameNumBits > 16 || s.orderBits > 16 || s.id > 31 || s.Width < 16 || s.Width > 8192 || s.Height < 16 || s.Height > 8192 {
		return SPS{}, ErrSPS
	}
	return s, nil
}

func highProfile(p byte) bool {
	switch p {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128:
		return true
	}
	return false
}

// skipScaling passes over the scaling matrices (7.3.2.1.1.1).
func skipScaling(r *bits, chroma uint) {
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if r.u(1) == 0 {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := 8, 8
		for range size {
			if next != 0 {
				next = (last + r.se() + 256) % 256
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// size reads the picture size in macroblocks and the cropping, in units of the chroma sampling.
func (s *SPS) size(r *bits, chroma uint) {
	w, h := int(r.ue())+1, int(r.ue())+1
	frameOnly := int(r.u(1))
	if frameOnly == 0 {
		r.u(1)
	}
	r.u(1) // direct_8x8_inference_flag
	h *= 2 - frameOnly
	s.Width, s.Height = w*16, h*16
	s.macroblocks, s.frameOnly = uint(w*h), frameOnly == 1
	if r.u(1) == 0 {
		return
	}
	cropX, cropY := 1, 2-frameOnly
	if chroma == 1 || chroma == 2 {
		cropX = 2
	}
	if chroma == 1 {
		cropY *= 2
	}
	left, right, top, bottom := int(r.ue()), int(r.ue()), int(r.ue()), int(r.ue())
	s.Width -= (left + right) * cropX
	s.Height -= (top + bottom) * cropY
}

// frameNum reads frame_num of a slice (7.3.3). The second result is false when it cannot.
func (s *SPS) frameNum(slice []byte) (uint, bool) {
	r := newBits(slice, 1)
	r.ue() // first_mb_in_slice
	r.ue() // slice_type
	r.ue() // pic_parameter_set_id
	if s.planes {
		r.u(2)
	}
	n := r.u(s.frameNumBits)
	return n, !r.short
}
