package fmp4

import "encoding/binary"

// writer appends ISO base media boxes (ISO/IEC 14496-12) to a byte slice. Sizes are filled in when a
// box is left, so that nothing has to be computed twice.
type writer struct{ b []byte }

func (w *writer) u8(v ...byte)   { w.b = append(w.b, v...) }
func (w *writer) u16(v uint16)   { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32)   { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64)   { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) bytes(v []byte) { w.b = append(w.b, v...) }
func (w *writer) text(v string)  { w.b = append(w.b, v...) }
func (w *writer) zeros(n int)    { w.b = append(w.b, make([]byte, n)...) }

// box writes one box around what inside writes.
func (w *writer) box(name string, inside func()) {
	at := len(w.b)
	w.u32(0)
	w.text(name)
	inside()
	binary.BigEndian.PutUint32(w.b[at:], uint32(len(w.b)-at))
}

// full writes a box with version and flags.
func (w *writer) full(name string, version byte, flags uint32, inside func()) {
	w.box(name, func() {
		w.u32(uint32(version)<<24 | flags)
		inside()
	})
}

// matrix writes the transformation that changes nothing.
func (w *writer) matrix() {
	for _, v := range [9]uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000} {
		w.u32(v)
	}
}
