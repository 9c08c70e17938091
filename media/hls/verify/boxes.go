package verify

import (
	"encoding/binary"
	"errors"
	"time"
)

var errBoxes = errors.New("not fMP4")

// walk calls f with each box of b (ISO/IEC 14496-12 section 4.2).
func walk(b []byte, f func(name string, body []byte) error) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return errBoxes
		}
		n := uint64(binary.BigEndian.Uint32(b))
		head := uint64(8)
		if n == 1 && len(b) >= 16 {
			n, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if n < head || n > uint64(len(b)) {
			return errBoxes
		}
		if err := f(string(b[4:8]), b[head:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// track is what an initialisation section says: one track, as HLS wants it.
type track struct {
	scale    uint32 // ticks a second
	duration uint32 // of a sample that does not say
}

func readInit(b []byte) (t track, err error) {
	var inside func(name string, body []byte) error
	inside = func(name string, body []byte) error {
		switch name {
		case "moov", "trak", "mdia", "mvex":
			return walk(body, inside)
		case "mdhd":
			at := 12
			if len(body) > 0 && body[0] == 1 {
				at = 20
			}
			if len(body) < at+4 {
				return errBoxes
			}
			t.scale = binary.BigEndian.Uint32(body[at:])
		case "trex":
			if len(body) < 16 {
				return errBoxes
			}
			t.duration = binary.BigEndian.Uint32(body[12:])
		}
		return nil
	}
	if err = walk(b, inside); err == nil && t.scale == 0 {
		err = errBoxes
	}
	return t, err
}

// span is what a file of media covers of its track's time.
type span struct{ start, end time.Duration }

// readMedia returns what the fragments of b cover, which must follow each other.
func readMedia(b []byte, t track) (s span, err error) {
	start, end, fragments := uint64(0), uint64(0), 0
	err = walk(b, func(name string, body []byte) error {
		if name != "moof" {
			return nil
		}
		base, length, err := readFragment(body, t)
		if err != nil {
			return err
		}
		if fragments == 0 {
			start = base
		}
		end = base + length
		fragments++
		return nil
	})
	if err == nil && fragments == 0 {
		err = errBoxes
	}
	place := func(ticks uint64) time.Duration {
		return time.Duration(float64(ticks) / float64(max(t.scale, 1)) * float64(time.Second))
	}
	return span{place(start), place(end)}, err
}

// readFragment reads decode time and length of a moof (ISO/IEC 14496-12 sections 8.8.7, 8.8.8 and 8.8.12).
func readFragment(moof []byte, t track) (base, length uint64, err error) {
	duration := t.duration
	err = walk(moof, func(name string, traf []byte) error {
		if name != "traf" {
			return nil
		}
		return walk(traf, func(name string, b []byte) error {
			if len(b) < 8 {
				return errBoxes
			}
			flags := binary.BigEndian.Uint32(b) & 0xffffff
			switch name {
			case "tfhd":
				at := 8 // of the fields that may follow, in order
				for _, field := range []struct {
					flag uint32
					size int
				}{{0x1, 8}, {0x2, 4}} {
					if flags&field.flag != 0 {
						at += field.size
					}
				}
				if flags&0x8 != 0 {
					if len(b) < at+4 {
						return errBoxes
					}
					duration = binary.BigEndian.Uint32(b[at:])
				}
			case "tfdt":
				base = uint64(binary.BigEndian.Uint32(b[4:]))
				if b[0] == 1 {
					if len(b) < 12 {
						return errBoxes
					}
					base = binary.BigEndian.Uint64(b[4:])
				}
			case "trun":
				n, err := runLength(b, flags, duration)
				length += n
				return err
			}
			return nil
		})
	})
	return base, length, err
}

// runLength is the sum of the durations of a trun.
func runLength(b []byte, flags, duration uint32) (sum uint64, err error) {
	n, at, row := int(binary.BigEndian.Uint32(b[4:])), 8, 0
	for _, flag := range []uint32{0x1, 0x4} { // fields before the rows
		if flags&flag != 0 {
			at += 4
		}
	}
	for _, flag := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&flag != 0 {
			row += 4
		}
	}
	if flags&0x100 == 0 {
		return uint64(n) * uint64(duration), nil
	}
	if n > (len(b)-at)/row {
		return 0, errBoxes
	}
	for i := range n {
		sum += uint64(binary.BigEndian.Uint32(b[at+i*row:]))
	}
	return sum, nil
}
