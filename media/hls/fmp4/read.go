package fmp4

import (
	"encoding/binary"
	"math"
)

// Timed is a sample with its place in time, in ticks of its track.
type Timed struct {
	Sample
	At uint64
}

// Read returns the samples of the fragments of one track, in decoding order, as others write them too (ISO/IEC 14496-12, 8.8).
// Offsets must count from the moof; composition offsets are not read. Boxes that are no fragments are passed over. The samples
// share b.
func Read(b []byte) ([]Timed, error) {
	var out []Timed
	for len(b) > 0 {
		n, name, body, err := cutBox(b)
		if err != nil {
			return nil, err
		}
		if name == "moof" {
			if out, err = readMoof(out, b, body); err != nil {
				return nil, err
			}
		}
		b = b[n:]
	}
	return out, nil
}

// Section returns what stands before the first fragment: the initialisation section of a file.
func Section(b []byte) ([]byte, error) {
	for rest := b; len(rest) > 0; {
		n, name, _, err := cutBox(rest)
		if err != nil {
			return nil, err
		}
		if name == "moof" || name == "styp" || name == "sidx" {
			return b[:len(b)-len(rest)], nil
		}
		rest = rest[n:]
	}
	return b, nil
}

// cutBox returns the first box of b: its size, its name and what is in it.
func cutBox(b []byte) (n int, name string, body []byte, err error) {
	if len(b) < 8 {
		return 0, "", nil, ErrDamaged
	}
	size, head := uint64(binary.BigEndian.Uint32(b)), 8
	if size == 1 && len(b) >= 16 {
		size, head = binary.BigEndian.Uint64(b[8:]), 16
	}
	if size < uint64(head) || size > uint64(len(b)) {
		return 0, "", nil, ErrDamaged
	}
	return int(size), string(b[4:8]), b[head:size], nil
}

// defaults are what a tfhd says of samples that do not say themselves.
type defaults struct {
	duration, size, flags uint32
}

// readMoof adds the samples of the moof that begins at, whose body is given.
func readMoof(out []Timed, at, body []byte) ([]Timed, error) {
	for len(body) > 0 {
		n, name, traf, err := cutBox(body)
		if err != nil {
			return nil, err
		}
		if name == "traf" {
			if out, err = readTraf(out, at, traf); err != nil {
				return nil, err
			}
		}
		body = body[n:]
	}
	return out, nil
}

func readTraf(out []Timed, at, traf []byte) ([]Timed, error) {
	var d defaults
	var base uint64
	for len(traf) > 0 {
		n, name, b, err := cutBox(traf)
		if err != nil {
			return nil, err
		}
		f := fields{b: b}
		switch name {
		case "tfhd":
			flags := f.u32()
			f.u32() // track
			f.skip(flags, 0x1, 8)
			f.skip(flags, 0x2, 4)
			d = defaults{f.u32If(flags, 0x8), f.u32If(flags, 0x10), f.u32If(flags, 0x20)}
		case "tfdt":
			if base = uint64(f.u32()) >> 24; base == 1 {
				base = uint64(f.u32())<<32 | uint64(f.u32())
			} else {
				base = uint64(f.u32())
			}
		case "trun":
			if out, base, err = readTrun(out, at, &f, d, base); err != nil {
				return nil, err
			}
		}
		if f.short {
			return nil, ErrDamaged
		}
		traf = traf[n:]
	}
	return out, nil
}

// maxRun bounds what is believed of a run: more samples than two hours have at 60 a second.
const maxRun = 1 << 19

// readTrun adds the samples of a run, and returns where it ends in time.
func readTrun(out []Timed, at []byte, f *fields, d defaults, base uint64) ([]Timed, uint64, error) {
	flags := f.u32()
	count := f.u32()
	offset := uint64(f.u32If(flags, 0x1))
	if count > maxRun {
		return nil, 0, ErrDamaged
	}
	first := d.flags
	if flags&0x4 != 0 {
		first = f.u32()
	}
	for i := range count {
		s := Timed{At: base}
		size, how := d.size, d.flags
		s.Duration = d.duration
		if flags&0x100 != 0 {
			s.Duration = f.u32()
		}
		if flags&0x200 != 0 {
			size = f.u32()
		}
		if flags&0x400 != 0 {
			how = f.u32()
		} else if i == 0 {
			how = first
		}
		f.skip(flags, 0x800, 4)
		if f.short || offset+uint64(size) > uint64(len(at)) || base > math.MaxInt64 {
			return nil, 0, ErrDamaged
		}
		s.Data, s.Sync = at[offset:offset+uint64(size)], how&0x10000 == 0 // sample_is_non_sync_sample
		offset += uint64(size)
		base += uint64(s.Duration)
		out = append(out, s)
	}
	return out, base, nil
}

// fields reads a box from its start. Reading past the end gives zeros and sets short.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) u32() uint32 {
	if len(f.b) < 4 {
		f.short, f.b = true, nil
		return 0
	}
	v := binary.BigEndian.Uint32(f.b)
	f.b = f.b[4:]
	return v
}

// u32If reads a field that is there only with a flag.
func (f *fields) u32If(flags, flag uint32) uint32 {
	if flags&flag == 0 {
		return 0
	}
	return f.u32()
}

func (f *fields) skip(flags, flag uint32, n int) {
	for ; flags&flag != 0 && n > 0; n -= 4 {
		f.u32()
	}
}
