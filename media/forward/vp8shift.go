package forward

// VP8Shift is what a VP8Rewriter adds to the numbers in a payload descriptor: to the picture ID modulo 2^15
// (or 2^7 where it is short), to TL0PICIDX modulo 2^8.
type VP8Shift struct {
	Picture uint16
	TL0     uint8
}

// Next takes the payload of the next packet into account and returns what its numbers are to be shifted by. It
// is Rewrite for those who copy the payload anyway and keep the shift to send it again.
func (w *VP8Rewriter) Next(payload []byte, switched bool) VP8Shift {
	d, ok := parseVP8(payload)
	if !ok || d.picture == 0 && d.tl0 == 0 {
		return VP8Shift{}
	}
	if switched && w.started {
		w.picture = w.lastPicture + 1 - d.readPicture(payload)
		if d.tl0 != 0 {
			w.tl0 = w.lastTL0 + 1 - payload[d.tl0]
		}
	}
	w.started = true
	if d.picture != 0 {
		w.lastPicture = d.wrap(d.readPicture(payload) + w.picture)
	}
	if d.tl0 != 0 {
		w.lastTL0 = payload[d.tl0] + w.tl0
	}
	return VP8Shift{w.picture, w.tl0}
}

// Apply shifts the numbers in payload, in place.
func (s VP8Shift) Apply(payload []byte) {
	if s == (VP8Shift{}) {
		return
	}
	d, ok := parseVP8(payload)
	if !ok {
		return
	}
	if d.picture != 0 {
		d.writePicture(payload, d.readPicture(payload)+s.Picture)
	}
	if d.tl0 != 0 {
		payload[d.tl0] += s.TL0
	}
}

// wrap cuts a picture ID to the bits it is sent with.
func (d vp8Descriptor) wrap(v uint16) uint16 {
	if d.long {
		return v & 0x7fff
	}
	return v & 0x7f
}
