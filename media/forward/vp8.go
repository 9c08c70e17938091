package forward

// vp8Descriptor is the VP8 payload descriptor (RFC 7741 section 4.2). Positions are byte offsets in the
// payload, 0 when the field is absent.
type vp8Descriptor struct {
	start   bool // first packet of the frame
	size    int  // bytes of the descriptor
	picture int  // where the picture ID stands
	long    bool // the picture ID has 15 bits, else 7
	tl0     int  // where TL0PICIDX stands
}

func parseVP8(p []byte) (d vp8Descriptor, ok bool) {
	if len(p) < 1 {
		return d, false
	}
	d.start = p[0]&0x10 != 0 && p[0]&0x07 == 0
	d.size = 1
	if p[0]&0x80 == 0 {
		return d, true
	}
	if len(p) < 2 {
		return d, false
	}
	d.size = 2
	flags := p[1]
	if flags&0x80 != 0 { // I
		if len(p) <= d.size {
			return d, false
		}
		d.picture, d.long = d.size, p[d.size]&0x80 != 0
		d.size++
		if d.long {
			d.size++
		}
	}
	if flags&0x40 != 0 { // L
		d.tl0 = d.size
		d.size++
	}
	if flags&0x30 != 0 { // T or K
		d.size++
	}
	return d, d.size <= len(p)
}

// sizeVP8 reads the size from a VP8 keyframe (RFC 6386 section 9.1).
func sizeVP8(p []byte) (width, height int, ok bool) {
	if !keyframeVP8(p) {
		return 0, 0, false
	}
	d, _ := parseVP8(p)
	f := p[d.size:]
	if len(f) < 10 || f[3] != 0x9d || f[4] != 0x01 || f[5] != 0x2a {
		return 0, 0, false
	}
	return int(f[6]) | int(f[7]&0x3f)<<8, int(f[8]) | int(f[9]&0x3f)<<8, true
}

// VP8Rewriter keeps picture IDs and TL0PICIDX continuous across a switch: each layer counts its own, and a
// decoder takes a jump for loss. The zero value is ready.
type VP8Rewriter struct {
	started     bool
	picture     uint16 // added to the picture ID, modulo 2^15
	tl0         uint8  // added to TL0PICIDX
	lastPicture uint16
	lastTL0     uint8
}

// Rewrite returns the payload with its numbers continued; switched says that it is the first packet of
// another layer. The payload given is shared and stays as it is. A malformed payload is returned unchanged.
func (w *VP8Rewriter) Rewrite(payload []byte, switched bool) []byte {
	d, ok := parseVP8(payload)
	if !ok || d.picture == 0 && d.tl0 == 0 {
		return payload
	}
	if switched && w.started {
		w.picture = w.lastPicture + 1 - d.readPicture(payload)
		if d.tl0 != 0 {
			w.tl0 = w.lastTL0 + 1 - payload[d.tl0]
		}
	}
	w.started = true
	if w.picture == 0 && w.tl0 == 0 {
		w.remember(d, payload)
		return payload
	}
	out := append([]byte(nil), payload...)
	if d.picture != 0 {
		d.writePicture(out, d.readPicture(payload)+w.picture)
	}
	if d.tl0 != 0 {
		out[d.tl0] += w.tl0
	}
	w.remember(d, out)
	return out
}

func (w *VP8Rewriter) remember(d vp8Descriptor, p []byte) {
	w.lastPicture = d.readPicture(p)
	if d.tl0 != 0 {
		w.lastTL0 = p[d.tl0]
	}
}

func (d vp8Descriptor) readPicture(p []byte) uint16 {
	switch {
	case d.picture == 0:
		return 0
	case d.long:
		return uint16(p[d.picture]&0x7f)<<8 | uint16(p[d.picture+1])
	}
	return uint16(p[d.picture])
}

func (d vp8Descriptor) writePicture(p []byte, v uint16) {
	if d.long {
		p[d.picture], p[d.picture+1] = 0x80|byte(v>>8), byte(v)
		return
	}
	p[d.picture] = byte(v) & 0x7f
}
