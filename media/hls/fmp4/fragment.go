package fmp4

import (
	"encoding/binary"
	"errors"
	"io"
)

// Errors of this package.
var (
	// ErrParameterSets says that SPS or PPS cannot be written into an initialisation section.
	ErrParameterSets = errors.New("fmp4: unusable H.264 parameter sets")
	// ErrDamaged says that bytes which should be fragments of ours are not.
	ErrDamaged = errors.New("fmp4: damaged fragment")
)

// Sample is one access unit. Data holds NAL units with four-byte lengths, or one raw AAC frame;
// Duration is in ticks of the track's timescale; Sync says that decoding may start here.
type Sample struct {
	Data     []byte
	Duration uint32
	Sync     bool
}

// Flags of a sample (ISO/IEC 14496-12, 8.8.3.1).
const (
	flagsSync    = 0x02000000 // depends on no other
	flagsNonSync = 0x01010000 // depends on others, is not a sync sample
)

// AppendFragment appends one moof and its mdat to dst: the samples in order, the first at decode time
// base (ticks). Sequence numbers rise within a track; gaps are allowed.
func AppendFragment(dst []byte, sequence uint32, base uint64, samples []Sample) []byte {
	w := &writer{b: dst}
	start, offsetAt := len(dst), 0
	w.box("moof", func() {
		w.full("mfhd", 0, 0, func() { w.u32(sequence) })
		w.box("traf", func() {
			w.full("tfhd", 0, 0x020000, func() { w.u32(1) }) // offsets count from the moof
			w.full("tfdt", 1, 0, func() { w.u64(base) })
			w.full("trun", 0, 0x000701, func() { // offset; duration, size and flags of each
				w.u32(uint32(len(samples)))
				offsetAt = len(w.b)
				w.u32(0)
				for i := range samples {
					w.u32(samples[i].Duration)
					w.u32(uint32(len(samples[i].Data)))
					if samples[i].Sync {
						w.u32(flagsSync)
					} else {
						w.u32(flagsNonSync)
					}
				}
			})
		})
	})
	binary.BigEndian.PutUint32(w.b[offsetAt:], uint32(len(w.b)-start+8))
	w.box("mdat", func() {
		for i := range samples {
			w.bytes(samples[i].Data)
		}
	})
	return w.b
}

// Fragment is what a moof says about its pair.
type Fragment struct {
	Size     int64  // bytes of moof and mdat together
	Base     uint64 // decode time of the first sample, ticks
	Duration uint64 // sum of the samples, ticks
	Samples  int
}

// maxMoof bounds what Scan believes of a moof's size: one of ours holds half a second of samples.
const maxMoof = 1 << 20

// Scan reads the whole pairs at the start of r, which is size bytes long, and stops at the first that
// is cut off: that is what a crash leaves. Bytes that are no fragment at all end it the same way.
func Scan(r io.ReaderAt, size int64) ([]Fragment, error) {
	var out []Fragment
	for at := int64(0); ; {
		moof, err := boxSize(r, at, size, "moof")
		if err != nil || moof > maxMoof {
			return out, notEOF(err)
		}
		mdat, err := boxSize(r, at+moof, size, "mdat")
		if err != nil {
			return out, notEOF(err)
		}
		b := make([]byte, moof)
		if _, err := r.ReadAt(b, at); err != nil {
			return out, err
		}
		f, err := parseMoof(b)
		if err != nil {
			return out, nil
		}
		f.Size = moof + mdat
		out = append(out, f)
		at += f.Size
	}
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, ErrDamaged) {
		return nil
	}
	return err
}

// boxSize returns the size of the named box at an offset: io.EOF when it does not fit before end,
// ErrDamaged when another box stands there.
func boxSize(r io.ReaderAt, at, end int64, name string) (int64, error) {
	if at+8 > end {
		return 0, io.EOF
	}
	var h [8]byte
	if _, err := r.ReadAt(h[:], at); err != nil {
		return 0, err
	}
	n := int64(binary.BigEndian.Uint32(h[:4]))
	if string(h[4:]) != name || n < 8 {
		return 0, ErrDamaged
	}
	if at+n > end {
		return 0, io.EOF
	}
	return n, nil
}

// parseMoof reads base time and durations of a moof written by AppendFragment, whose boxes stand at
// fixed places: moof 8, mfhd 16, traf 8, tfhd 16, tfdt 20, then trun.
func parseMoof(b []byte) (Fragment, error) {
	const tfdt, trun, rows = 8 + 16 + 8 + 16, 8 + 16 + 8 + 16 + 20, 8 + 16 + 8 + 16 + 20 + 20
	if len(b) < rows || string(b[tfdt+4:tfdt+8]) != "tfdt" || string(b[trun+4:trun+8]) != "trun" {
		return Fragment{}, ErrDamaged
	}
	n := int(binary.BigEndian.Uint32(b[trun+12:]))
	f := Fragment{Base: binary.BigEndian.Uint64(b[tfdt+12:]), Samples: n}
	if n > (len(b)-rows)/12 {
		return Fragment{}, ErrDamaged
	}
	for i := range n {
		f.Duration += uint64(binary.BigEndian.Uint32(b[rows+12*i:]))
	}
	return f, nil
}
