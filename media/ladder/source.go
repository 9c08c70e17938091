package ladder

import (
	"github.com/pion/rtp/codecs"

	"lectern/media"
	"lectern/media/hls/h264"
)

// picture is one whole picture as a decoder takes it.
type picture struct {
	timestamp     uint32
	key           bool
	width, height int // of a keyframe
	data          []byte
}

// source puts packets together. It gives out only what can be decoded: after a loss, nothing before the next
// keyframe.
type source interface {
	push(*media.Packet) []picture
	waiting() bool // for a keyframe
	restart()      // wait for a keyframe
	fourCC() string
}

// maxPicture bounds one picture in bytes.
const maxPicture = 4 << 20

// vp8Source is a source of VP8 (RFC 7741).
type vp8Source struct {
	next     uint64
	started  bool
	whole    bool // what is collected has its beginning and no hole
	decoding bool // a keyframe was given out, and nothing is missing since
	at       uint32
	data     []byte
}

func (s *vp8Source) fourCC() string { return "VP80" }
func (s *vp8Source) waiting() bool  { return !s.decoding }
func (s *vp8Source) restart()       { s.decoding = false }

func (s *vp8Source) push(p *media.Packet) []picture {
	if s.started && p.Sequence < s.next {
		return nil
	}
	if s.started && p.Sequence != s.next {
		s.whole, s.decoding = false, false
	}
	s.started, s.next = true, p.Sequence+1
	var v codecs.VP8Packet
	payload, err := v.Unmarshal(p.Payload)
	if err != nil {
		s.whole, s.decoding = false, false
		return nil
	}
	if v.S == 1 && v.PID == 0 {
		s.whole, s.at, s.data = true, p.Timestamp, nil
	}
	if !s.whole || p.Timestamp != s.at || len(s.data)+len(payload) > maxPicture {
		s.whole, s.decoding = false, false
		return nil
	}
	s.data = append(s.data, payload...)
	if !p.Marker {
		return nil
	}
	s.whole = false
	pic := picture{timestamp: s.at, data: s.data}
	// Frame tag, start code and size of a keyframe (RFC 6386 section 9.1).
	if d := s.data; len(d) >= 10 && d[0]&1 == 0 && d[3] == 0x9d && d[4] == 0x01 && d[5] == 0x2a {
		pic.key, pic.width, pic.height = true, int(d[6])|int(d[7]&0x3f)<<8, int(d[8])|int(d[9]&0x3f)<<8
	}
	if pic.key {
		s.decoding = true
	}
	if !s.decoding {
		return nil
	}
	return []picture{pic}
}

// h264Source is a source of H.264.
type h264Source struct {
	assembler h264.Assembler
	skipping  bool
}

func (s *h264Source) fourCC() string { return "H264" }
func (s *h264Source) waiting() bool  { return s.skipping || s.assembler.Waiting() }
func (s *h264Source) restart()       { s.skipping = true }

func (s *h264Source) push(p *media.Packet) (out []picture) {
	for _, u := range s.assembler.Push(p) {
		if s.skipping = s.skipping && !u.Key; s.skipping {
			continue
		}
		pic := picture{timestamp: u.Timestamp, key: u.Key, width: u.Params.Width, height: u.Params.Height}
		nals := u.NALs
		if u.Key {
			nals = append([][]byte{u.Params.RawSPS, u.Params.RawPPS}, nals...)
		}
		for _, nal := range nals {
			pic.data = append(append(pic.data, 0, 0, 0, 1), nal...)
		}
		out = append(out, pic)
	}
	return out
}
