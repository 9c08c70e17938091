package h264

// repeatPPS is the number of the picture parameter set with which repeated pictures are coded: one that senders,
// which begin at 0, do not use. See Params.Repeat.
const repeatPPS = 31

// repeatSet returns a picture parameter set (7.3.2.2) that says as little as one can: CAVLC, one reference, no
// weights. It needs nothing of the sender's own set, so that one way of coding a repeated picture fits every sender.
func (s *SPS) repeatSet() []byte {
	w := &bitWriter{}
	w.ue(repeatPPS)
	w.ue(s.id)
	w.u(2, 0) // entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
	w.ue(0)   // num_slice_groups_minus1
	w.ue(0)   // num_ref_idx_l0_default_active_minus1
	w.ue(0)   // num_ref_idx_l1_default_active_minus1
	w.u(3, 0) // weighted_pred_flag, weighted_bipred_idc
	w.ue(0)   // pic_init_qp_minus26
	w.ue(0)   // pic_init_qs_minus26
	w.ue(0)   // chroma_qp_index_offset
	w.u(3, 4) // deblocking_filter_control_present_flag, constrained_intra_pred_flag, redundant_pic_cnt_present_flag
	return w.nal(0x68)
}

// repeatable says whether pictures of the stream can be repeated: frames in one plane whose order is written in
// the slice header or is that of decoding, and which may refer to others.
func (s *SPS) repeatable() bool { return s.frameOnly && !s.planes && s.orderType != 1 && s.maxRefs > 0 }

// Repeater writes pictures that show the one before again, for sources that send too few: a P slice in which
// every macroblock is skipped (H.264 section 7.3.4), some 20 bytes. What follows such a picture until the next IDR is
// renumbered, in the fields frame_num and pic_order_cnt_lsb, which keep their length. It sees the pictures of one
// stream in decoding order. The zero value is ready.
type Repeater struct {
	params   *Params
	last     []byte // first slice of the last picture, as it was written
	lastRef  []byte // and of the last to which others refer
	repeated bool   // since the last IDR
	shift    uint   // by how much frame numbers have grown
	lsb      uint   // pic_order_cnt_lsb of the last picture, once one was repeated
	reorders bool   // the stream has B slices, whose order is not that of decoding
}

// Can says whether pictures with these parameter sets can be repeated.
func (r *Repeater) Can(p *Params) bool { return p.Repeat != nil && !r.reorders }

// Pass takes note of a picture and returns it as it has to be written.
func (r *Repeater) Pass(p *Params, nals [][]byte, key bool) [][]byte {
	if key {
		r.repeated, r.shift = false, 0
	}
	r.params = p
	if r.repeated && r.Can(p) {
		r.lsb = (r.lsb + 2) % (1 << p.orderBits)
		renumbered := make([][]byte, len(nals))
		for i, nal := range nals {
			renumbered[i] = r.renumber(nal)
		}
		nals = renumbered
	}
	r.last = nals[0]
	if isReference(nals[0]) {
		r.lastRef = nals[0]
	}
	return nals
}

// renumber moves one slice behind the repeated pictures.
func (r *Repeater) renumber(nal []byte) []byte {
	h, raw, ok := r.params.header(nal)
	if !ok {
		return nal
	}
	r.reorders = r.reorders || h.bidirectional
	setBits(raw, h.frameNumAt, r.params.frameNumBits, (h.frameNum+r.shift)%(1<<r.params.frameNumBits))
	if r.params.orderType == 0 {
		setBits(raw, h.lsbAt, r.params.orderBits, r.lsb)
	}
	return escape(raw)
}

// Again returns a picture that shows the last one again, of which there must be one. Where decoders keep one
// reference, it takes that place, being the same; elsewhere nothing refers to it.
func (r *Repeater) Again() []byte {
	p := r.params
	last, _, _ := p.header(r.last)
	ref, _, _ := p.header(r.lastRef)
	r.reorders = r.reorders || last.bidirectional
	if !r.repeated {
		r.repeated, r.lsb = true, last.lsb
	}
	r.lsb = (r.lsb + 2) % (1 << p.orderBits)
	becomesRef := p.maxRefs == 1
	w := &bitWriter{}
	w.ue(0) // first_mb_in_slice
	w.ue(5) // slice_type: P, as all slices of the picture
	w.ue(repeatPPS)
	w.u(p.frameNumBits, (ref.frameNum+1)%(1<<p.frameNumBits))
	if p.orderType == 0 {
		w.u(p.orderBits, r.lsb)
	}
	w.u(2, 0) // num_ref_idx_active_override_flag, ref_pic_list_modification_flag_l0
	header := byte(nalSlice)
	if becomesRef {
		w.u(1, 0) // adaptive_ref_pic_marking_mode_flag
		header |= 0x60
		r.shift++
	}
	w.ue(0) // slice_qp_delta
	w.ue(1) // disable_deblocking_filter_idc
	w.ue(p.macroblocks)
	nal := w.nal(header)
	if r.last = nal; becomesRef {
		r.lastRef = nal
	}
	return nal
}

// sliceHeader is what has to be changed of a slice header (7.3.3), and where it stands, in bits.
type sliceHeader struct {
	frameNum, lsb     uint
	frameNumAt, lsbAt int
	bidirectional     bool
}

// header reads the header of a slice, and returns the slice without emulation prevention.
func (s *SPS) header(nal []byte) (h sliceHeader, raw []byte, ok bool) {
	raw = unescape(nal)
	r := &bits{b: raw, at: 8, plain: true}
	r.ue() // first_mb_in_slice
	h.bidirectional = r.ue()%5 == 1
	r.ue() // pic_parameter_set_id
	h.frameNumAt = r.at
	h.frameNum = r.u(s.frameNumBits)
	if nalType(nal) == nalIDR {
		r.ue() // idr_pic_id
	}
	if s.orderType == 0 {
		h.lsbAt = r.at
		h.lsb = r.u(s.orderBits)
	}
	return h, raw, !r.short
}

// setBits writes the low n bits of v at a bit position.
func setBits(b []byte, at, n int, v uint) {
	for i := range n {
		mask := byte(1) << (7 - (at+i)&7)
		if v>>(n-1-i)&1 == 1 {
			b[(at+i)>>3] |= mask
		} else {
			b[(at+i)>>3] &^= mask
		}
	}
}

// unescape removes emulation prevention bytes (7.3.1). The result is a copy.
func unescape(nal []byte) []byte {
	out, zeros := make([]byte, 0, len(nal)), 0
	for _, c := range nal {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if out = append(out, c); c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

// escape inserts them again.
func escape(raw []byte) []byte {
	out, zeros := make([]byte, 0, len(raw)+4), 0
	for _, c := range raw {
		if zeros >= 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		if out = append(out, c); c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

// bitWriter writes the codes of a NAL unit.
type bitWriter struct {
	b []byte
	n int // bits
}

func (w *bitWriter) u(n int, v uint) {
	for i := n - 1; i >= 0; i-- {
		if w.n&7 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n>>3] |= byte(v>>i&1) << (7 - w.n&7)
		w.n++
	}
}

func (w *bitWriter) ue(v uint) {
	n := 0
	for (v+1)>>(n+1) > 0 {
		n++
	}
	w.u(n, 0)
	w.u(n+1, v+1)
}

// nal ends the unit and puts its header in front.
func (w *bitWriter) nal(header byte) []byte {
	w.u(1, 1) // rbsp_stop_one_bit; the rest of its byte is zero
	return escape(append([]byte{header}, w.b...))
}
