package certificate

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// glyphWidth is the width of every character of the blank font, in thousandths of its size.
const glyphWidth = 500

// blankFont makes a TrueType font in which each of the characters is an empty glyph. It carries the invisible text:
// a real font would be larger by a thousand times, and none has all scripts. It is under 2 kB.
func blankFont(used []rune) []byte {
	used = slices.Compact(slices.Sorted(slices.Values(used)))
	used = slices.DeleteFunc(used, func(r rune) bool { return r < 1 || r >= 0xffff })
	tables := []struct {
		tag  string
		body []byte
	}{
		{"OS/2", be(
			uint16(3), int16(glyphWidth), uint16(400), uint16(5), uint16(0), [10]int16{}, int16(0), [10]byte{}, [4]uint32{}, []byte("LECT"),
			uint16(64), uint16(0x20), uint16(0xffff), int16(800), int16(-200), int16(0), uint16(800), uint16(200), [2]uint32{}, int16(500), int16(700), [3]uint16{},
		)},
		{"cmap", cmap(used)},
		{"glyf", make([]byte, 4)},
		{"head", be(
			uint32(0x10000), uint32(0x10000), uint32(0), uint32(0x5f0f3cf5), uint16(0), uint16(1000), int64(0), int64(0),
			int16(0), int16(-200), int16(glyphWidth), int16(800), uint16(0), uint16(8), int16(2), int16(0), int16(0),
		)},
		{"hhea", be(uint32(0x10000), int16(800), int16(-200), int16(0), uint16(glyphWidth), [11]int16{}, uint16(2))},
		{"hmtx", be(uint16(glyphWidth), int16(0), uint16(glyphWidth), int16(0))},
		{"loca", be([3]uint16{})},
		{"maxp", be(uint32(0x10000), uint16(2), [13]uint16{})},
		{"name", be(uint16(0), uint16(0), uint16(6))},
		{"post", be(uint32(0x30000), uint32(0), int16(-100), int16(50), [5]uint32{})},
	}
	var head, body bytes.Buffer
	head.Write(be(uint32(0x10000), uint16(len(tables)), uint16(128), uint16(3), uint16(16*len(tables)-128)))
	offset := 12 + 16*len(tables)
	for _, t := range tables {
		head.WriteString(t.tag)
		head.Write(be(sumOf(t.body), uint32(offset+body.Len()), uint32(len(t.body))))
		body.Write(t.body)
		body.Write(make([]byte, (4-body.Len()%4)%4))
	}
	return append(head.Bytes(), body.Bytes()...)
}

// cmap maps each character to glyph 1 (format 4: a segment for each).
func cmap(used []rune) []byte {
	segments := len(used) + 1
	var ends, starts, deltas []uint16
	for _, r := range used {
		ends, starts, deltas = append(ends, uint16(r)), append(starts, uint16(r)), append(deltas, uint16(1-int(r)))
	}
	ends, starts, deltas = append(ends, 0xffff), append(starts, 0xffff), append(deltas, 1)
	search, selector := 1, 0
	for search*2 <= segments {
		search, selector = search*2, selector+1
	}
	return be(
		uint16(0), uint16(1), uint16(3), uint16(1), uint32(12),
		uint16(4), uint16(16+8*segments), uint16(0), uint16(2*segments), uint16(2*search), uint16(selector), uint16(2*segments-2*search),
		ends, uint16(0), starts, deltas, make([]uint16, segments),
	)
}

// be writes values one after the other, the most significant byte first.
func be(values ...any) []byte {
	var b []byte
	for _, v := range values {
		b, _ = binary.Append(b, binary.BigEndian, v) // all of a fixed size
	}
	return b
}

func sumOf(table []byte) (sum uint32) {
	padded := append(bytes.Clone(table), make([]byte, (4-len(table)%4)%4)...)
	for i := 0; i < len(padded); i += 4 {
		sum += binary.BigEndian.Uint32(padded[i:])
	}
	return sum
}
