package forward

// maxPixels is the widest and highest picture believed; level 6.2 of H.264 allows 16,384.
const maxPixels = 16384

// sizeSPS reads the cropped picture size from an H.264 sequence parameter set, NAL header included
// (ITU-T H.264 section 7.3.2.1.1 and, for the cropping, equations 7-19 to 7-22).
func sizeSPS(nal []byte) (width, height int, ok bool) {
	if len(nal) < 4 {
		return 0, 0, false
	}
	b := &bits{data: unescape(nal[1:])}
	profile := b.read(8)
	b.read(16) // constraint flags, level
	b.golomb() // seq_parameter_set_id
	chroma, separate := uint32(1), uint32(0)
	if highProfile(profile) {
		chroma, separate = b.chromaFormat()
	}
	b.golomb() // log2_max_frame_num_minus4
	b.pictureOrder()
	b.golomb() // max_num_ref_frames
	b.read(1)  // gaps_in_frame_num_value_allowed_flag
	w := int(b.golomb()+1) * 16
	mapUnits := int(b.golomb() + 1)
	framesOnly := b.read(1)
	if framesOnly == 0 {
		b.read(1) // mb_adaptive_frame_field_flag
	}
	h := mapUnits * 16 * int(2-framesOnly)
	b.read(1) // direct_8x8_inference_flag
	if b.read(1) == 1 {
		unitX, unitY := 1, int(2-framesOnly)
		if separate == 0 && (chroma == 1 || chroma == 2) {
			unitX = 2
		}
		if separate == 0 && chroma == 1 {
			unitY *= 2
		}
		w -= unitX * int(b.golomb()+b.golomb())
		h -= unitY * int(b.golomb()+b.golomb())
	}
	if b.short || w <= 0 || h <= 0 || w > maxPixels || h > maxPixels {
		return 0, 0, false
	}
	return w, h, true
}

// highProfile says whether a profile_idc carries the chroma format.
func highProfile(profile uint32) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

// chromaFormat reads chroma_format_idc up to and including the scaling lists.
func (b *bits) chromaFormat() (format, separate uint32) {
	format = b.golomb()
	if format == 3 {
		separate = b.read(1)
	}
	b.golomb() // bit_depth_luma_minus8
	b.golomb() // bit_depth_chroma_minus8
	b.read(1)  // qpprime_y_zero_transform_bypass_flag
	if b.read(1) == 0 {
		return format, separate
	}
	lists := 8
	if format == 3 {
		lists = 12
	}
	for i := range lists {
		if b.read(1) == 1 {
			b.scalingList(i)
		}
	}
	return format, separate
}

// scalingList skips list number i: the first six have 16 entries, the others 64.
func (b *bits) scalingList(i int) {
	entries := 64
	if i < 6 {
		entries = 16
	}
	last, next := int32(8), int32(8)
	for range entries {
		if next != 0 {
			next = (last + b.signedGolomb() + 256) % 256
		}
		if next != 0 {
			last = next
		}
	}
}

// pictureOrder skips what belongs to pic_order_cnt_type.
func (b *bits) pictureOrder() {
	switch b.golomb() {
	case 0:
		b.golomb() // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		b.read(1) // delta_pic_order_always_zero_flag
		b.golomb()
		b.golomb()
		for n := b.golomb(); n > 0 && !b.short; n-- {
			b.golomb()
		}
	}
}

// unescape removes the emulation prevention bytes (section 7.4.1).
func unescape(nal []byte) []byte {
	out := make([]byte, 0, len(nal))
	zeros := 0
	for _, c := range nal {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// bits reads bits from the most significant one on. Past the end it reads zeros and sets short.
type bits struct {
	data  []byte
	at    int // in bits
	short bool
}

func (b *bits) read(n int) (v uint32) {
	for range n {
		v <<= 1
		if b.at >= len(b.data)*8 {
			b.short = true
			continue
		}
		v |= uint32(b.data[b.at/8]>>(7-b.at%8)) & 1
		b.at++
	}
	return v
}

// golomb reads ue(v) of section 9.1. A code of more than 16 leading zeros is nothing that any field here
// may hold, and ends the reading.
func (b *bits) golomb() uint32 {
	zeros := 0
	for b.read(1) == 0 {
		if zeros++; zeros > 16 || b.short {
			b.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + b.read(zeros)
}

// signedGolomb reads se(v).
func (b *bits) signedGolomb() int32 {
	v := b.golomb()
	if v%2 == 1 {
		return int32(v+1) / 2
	}
	return -int32(v / 2)
}
