// Package fmp4 writes and reads back the fragmented MP4 (CMAF, ISO/IEC 23000-19) that the packager
// needs: one track a file, an initialisation section, then pairs of moof and mdat.
package fmp4

import "math"

// Timescales of the two kinds of track, in ticks per second.
const (
	VideoTimescale = 90000
	AudioTimescale = 48000
)

// Video is a picture track coded in H.264. SPS and PPS are NAL units without start code, Repeat is a second
// PPS or nil; Width and Height are in pixels, after cropping.
type Video struct {
	Width, Height    int
	SPS, PPS, Repeat []byte
}

// Audio is a sound track coded in AAC-LC, 48 kHz, two channels. Config is the AudioSpecificConfig
// (ISO/IEC 14496-3, 1.6.2.1).
type Audio struct{ Config []byte }

// Init returns the initialisation section of a picture track. It fails on parameter sets that are too
// short or too long to be written down.
func (v Video) Init() ([]byte, error) {
	if len(v.SPS) < 4 || len(v.SPS) > math.MaxUint16 || len(v.PPS) == 0 || len(v.PPS) > math.MaxUint16 {
		return nil, ErrParameterSets
	}
	t := track{
		timescale: VideoTimescale, handler: "vide", width: v.Width, height: v.Height,
		header: func(w *writer) { w.full("vmhd", 0, 1, func() { w.zeros(8) }) },
		entry:  v.entry,
	}
	return t.init(), nil
}

// Init returns the initialisation section of a sound track.
func (a Audio) Init() []byte {
	t := track{
		timescale: AudioTimescale, handler: "soun", volume: 0x100,
		header: func(w *writer) { w.full("smhd", 0, 0, func() { w.zeros(4) }) },
		entry:  a.entry,
	}
	return t.init()
}

// track is what differs between the two kinds in the moov box.
type track struct {
	timescale     uint32
	handler       string
	volume        uint16
	width, height int
	header, entry func(*writer)
}

func (t track) init() []byte {
	w := &writer{}
	w.box("ftyp", func() {
		w.text("iso6")
		w.u32(0)
		w.text("iso6cmfcmp41")
	})
	w.box("moov", func() {
		w.full("mvhd", 0, 0, func() {
			w.zeros(8)
			w.u32(1000) // timescale of the movie, which has no duration of its own
			w.u32(0)
			w.u32(0x10000) // rate 1
			w.u16(0x100)   // volume 1
			w.zeros(10)
			w.matrix()
			w.zeros(24)
			w.u32(2) // next track
		})
		w.box("trak", func() {
			t.trackHeader(w)
			w.box("mdia", func() { t.media(w) })
		})
		w.box("mvex", func() {
			w.full("trex", 0, 0, func() {
				w.u32(1)
				w.u32(1)
				w.zeros(12)
			})
		})
	})
	return w.b
}

func (t track) trackHeader(w *writer) {
	w.full("tkhd", 0, 3, func() { // enabled, in the movie
		w.zeros(8)
		w.u32(1) // track
		w.zeros(8)
		w.zeros(8)
		w.zeros(4) // layer, alternate group
		w.u16(t.volume)
		w.u16(0)
		w.matrix()
		w.u32(uint32(t.width) << 16)
		w.u32(uint32(t.height) << 16)
	})
}

func (t track) media(w *writer) {
	w.full("mdhd", 0, 0, func() {
		w.zeros(8)
		w.u32(t.timescale)
		w.u32(0)
		w.u16(0x55c4) // language "und"
		w.u16(0)
	})
	w.full("hdlr", 0, 0, func() {
		w.u32(0)
		w.text(t.handler)
		w.zeros(12)
		w.u8(0)
	})
	w.box("minf", func() {
		t.header(w)
		w.box("dinf", func() {
			w.full("dref", 0, 0, func() {
				w.u32(1)
				w.full("url ", 0, 1, func() {}) // in this file
			})
		})
		w.box("stbl", func() {
			w.full("stsd", 0, 0, func() {
				w.u32(1)
				t.entry(w)
			})
			w.full("stts", 0, 0, func() { w.u32(0) })
			w.full("stsc", 0, 0, func() { w.u32(0) })
			w.full("stsz", 0, 0, func() { w.zeros(8) })
			w.full("stco", 0, 0, func() { w.u32(0) })
		})
	})
}

// entry is the visual sample entry with the decoder configuration (ISO/IEC 14496-15, 5.4.2).
func (v Video) entry(w *writer) {
	w.box("avc1", func() {
		w.zeros(6)
		w.u16(1) // data reference
		w.zeros(16)
		w.u16(uint16(v.Width))
		w.u16(uint16(v.Height))
		w.u32(0x480000) // 72 dpi
		w.u32(0x480000)
		w.u32(0)
		w.u16(1) // one frame a sample
		w.zeros(32)
		w.u16(0x18) // 24 bit
		w.u16(0xffff)
		w.box("avcC", func() {
			w.u8(1, v.SPS[1], v.SPS[2], v.SPS[3], 0xff, 0xe1) // four-byte lengths, one SPS
			w.u16(uint16(len(v.SPS)))
			w.bytes(v.SPS)
			sets := [][]byte{v.PPS}
			if v.Repeat != nil {
				sets = append(sets, v.Repeat)
			}
			w.u8(byte(len(sets)))
			for _, set := range sets {
				w.u16(uint16(len(set)))
				w.bytes(set)
			}
			if hasChromaFields(v.SPS[1]) {
				w.u8(0xfc|1, 0xf8, 0xf8, 0) // 4:2:0, 8 bit, which is all that browsers send
			}
		})
	})
}

// hasChromaFields says whether avcC of a profile ends with chroma format and bit depth.
func hasChromaFields(profile byte) bool {
	switch profile {
	case 100, 110, 122, 144:
		return true
	}
	return false
}

// entry is the audio sample entry with an elementary stream descriptor (ISO/IEC 14496-14, 5.6).
func (a Audio) entry(w *writer) {
	w.box("mp4a", func() {
		w.zeros(6)
		w.u16(1)
		w.zeros(8)
		w.u16(2)  // channels
		w.u16(16) // bits
		w.zeros(4)
		w.u32(AudioTimescale << 16)
		w.full("esds", 0, 0, func() {
			n := byte(len(a.Config))
			w.u8(3, 3+2+13+2+n+3, 0, 1, 0)
			w.u8(4, 13+2+n, 0x40, 0x15, 0, 0, 0)
			w.u32(128000) // peak and mean rate: a hint only
			w.u32(96000)
			w.u8(5, n)
			w.bytes(a.Config)
			w.u8(6, 1, 2)
		})
	})
}
