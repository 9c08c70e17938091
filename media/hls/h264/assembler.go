package h264

import (
	"bytes"
	"encoding/binary"
	"time"

	"lectern/media"
)

// Bounds of one access unit: a 4K keyframe of a camera stays far below both.
const (
	maxUnitBytes = 4 << 20
	maxUnitNALs  = 512
)

// Unit is one access unit, complete and decodable after the ones before it.
type Unit struct {
	Timestamp uint32    // RTP timestamp, 90 kHz
	Arrival   time.Time // of its first packet
	NALs      [][]byte  // slices only: parameter sets, delimiters and messages are taken out
	Key       bool      // an IDR picture
	Gap       bool      // pictures that others refer to were lost before it; Key holds then
	Params    *Params   // those in force; the same pointer as long as they do not change
}

// Params are the parameter sets of a stream.
type Params struct {
	SPS
	RawSPS, RawPPS []byte // NAL units
	Repeat         []byte // the parameter set of repeated pictures; nil when none can be
}

// Assembler puts the packets of one layer together. It gives out only what a decoder can use: after the
// loss of a picture that others refer to, nothing until the next IDR. The zero value is ready, and
// waits for an IDR. It is not safe for concurrent use.
type Assembler struct {
	next     uint64 // sequence number expected
	started  bool
	damaged  bool // the unit being collected misses a packet
	lost     bool // packets were lost since the last unit given out
	waiting  bool // for an IDR, because a picture that others refer to was lost
	seenUnit bool

	collecting bool
	timestamp  uint32
	arrival    time.Time
	nals       [][]byte
	fragment   []byte // of a FU-A; nil outside of one
	size       int
	afterHole  bool // packets before this unit were lost, maybe its parameter sets
	withSPS    bool // this unit brought parameter sets

	params   *Params
	sps, pps []byte
	repeats  int  // IDRs that brought their parameter sets with them
	frameNum uint // of the last reference picture given out
}

// Waiting says whether nothing can be given out before the next IDR.
func (a *Assembler) Waiting() bool { return a.waiting || !a.seenUnit }

// Push takes the next packet in sequence order and returns the access units that it completed, at most
// two: one that missed its marker, and its own.
func (a *Assembler) Push(p *media.Packet) []Unit {
	var out []Unit
	if a.started && p.Sequence < a.next {
		return nil
	}
	hole := a.started && p.Sequence != a.next
	a.started, a.next = true, p.Sequence+1
	if hole {
		a.lost = true
		a.damaged = a.collecting // what is collected may miss its end
	}
	if a.collecting && p.Timestamp != a.timestamp {
		out = a.finish(out)
	}
	if !a.collecting {
		a.begin(p, hole)
	}
	a.add(p.Payload)
	if p.Marker {
		out = a.finish(out)
	}
	return out
}

func (a *Assembler) begin(p *media.Packet, hole bool) {
	a.collecting, a.timestamp, a.arrival = true, p.Timestamp, p.Arrival
	a.nals, a.fragment, a.size = nil, nil, 0
	a.afterHole, a.withSPS = hole, false
	a.damaged = hole && !startsUnit(p)
}

// startsUnit says whether a packet after a hole is certainly the first of its access unit: parameter
// sets and delimiters precede the slices, and the first slice starts at macroblock zero.
func startsUnit(p *media.Packet) bool {
	switch b := p.Payload; nalType(b) {
	case nalSPS, nalPPS, nalDelimiter:
		return true
	case nalSTAPA:
		return len(b) > 3 && startsUnit(&media.Packet{Payload: b[3:]})
	case nalSlice, nalIDR:
		return len(b) > 1 && b[1]&0x80 != 0 // ue(0) is a single one bit
	case nalFUA:
		return len(b) > 2 && b[1]&0x80 != 0 && b[2]&0x80 != 0
	}
	return false
}

// add takes the payload of a packet apart (RFC 6184 section 5.6 to 5.8).
func (a *Assembler) add(b []byte) {
	if len(b) == 0 || a.size+len(b) > maxUnitBytes || len(a.nals) >= maxUnitNALs {
		a.damaged = true
		return
	}
	a.size += len(b)
	switch nalType(b) {
	case nalSTAPA:
		for b = b[1:]; len(b) > 2; {
			n := int(binary.BigEndian.Uint16(b))
			if n == 0 || n > len(b)-2 {
				a.damaged = true
				return
			}
			a.take(b[2 : 2+n])
			b = b[2+n:]
		}
	case nalFUA:
		a.addFragment(b)
	default:
		a.take(b)
	}
}

func (a *Assembler) addFragment(b []byte) {
	if len(b) < 3 {
		a.damaged = true
		return
	}
	first, last := b[1]&0x80 != 0, b[1]&0x40 != 0
	if first {
		a.fragment = append(make([]byte, 0, 4*len(b)), b[0]&0xe0|b[1]&0x1f)
	}
	if a.fragment == nil {
		a.damaged = true
		return
	}
	a.fragment = append(a.fragment, b[2:]...)
	if last {
		a.take(a.fragment)
		a.fragment = nil
	}
}

// take keeps one NAL unit.
func (a *Assembler) take(nal []byte) {
	switch nalType(nal) {
	case nalSPS:
		a.sps, a.withSPS = nal, true
	case nalPPS:
		a.pps = nal
	case nalSlice, nalIDR, 2, 3, 4:
		a.nals = append(a.nals, nal)
	}
}

// finish ends the access unit being collected and appends it to out if it can be decoded.
func (a *Assembler) finish(out []Unit) []Unit {
	damaged := a.damaged || a.fragment != nil
	a.collecting, a.damaged = false, false
	if len(a.nals) == 0 {
		if damaged {
			a.lost = true
		}
		return out
	}
	u := Unit{Timestamp: a.timestamp, Arrival: a.arrival, NALs: a.nals, Key: nalType(a.nals[0]) == nalIDR}
	a.nals = nil
	if damaged {
		a.lost = true
		if isReference(u.NALs[0]) {
			a.waiting = true
		}
		return out
	}
	if u.Key && (a.mayMissParams() || !a.adopt()) {
		a.waiting = true
		return out
	}
	if !a.decodable(&u) {
		a.waiting = true
		return out
	}
	u.Gap = a.waiting
	u.Params = a.params
	a.lost, a.waiting, a.seenUnit = false, false, true
	return append(out, u)
}

// mayMissParams says whether new parameter sets of this IDR may have been lost: the old ones would
// decode it to garbage. A sender that does not repeat them is trusted not to change them.
func (a *Assembler) mayMissParams() bool {
	if a.withSPS {
		a.repeats++
		return false
	}
	return a.afterHole && a.repeats > 1
}

// adopt makes the last parameter sets those in force, at an IDR.
func (a *Assembler) adopt() bool {
	if a.sps == nil || a.pps == nil {
		return false
	}
	if a.params != nil && bytes.Equal(a.params.RawSPS, a.sps) && bytes.Equal(a.params.RawPPS, a.pps) {
		return true
	}
	s, err := ParseSPS(a.sps)
	if err != nil {
		return false
	}
	a.params = &Params{SPS: s, RawSPS: bytes.Clone(a.sps), RawPPS: bytes.Clone(a.pps)}
	if s.repeatable() {
		a.params.Repeat = s.repeatSet()
	}
	return true
}

// decodable says whether every picture that u refers to was given out. frame_num rises by one with each
// reference picture (H.264 section 7.4.3), so a hole in the packets that took only disposable pictures
// or padding is harmless.
func (a *Assembler) decodable(u *Unit) bool {
	if u.Key {
		a.frameNum = 0
		return true
	}
	if a.waiting || !a.seenUnit {
		return false
	}
	n, ok := a.params.frameNum(u.NALs[0])
	if !ok {
		return false
	}
	size := uint(1) << a.params.frameNumBits
	next := (a.frameNum + 1) % size
	if a.lost && n != next {
		// Disposable pictures carry the number after the last reference, so equality is the only proof.
		return false
	}
	if isReference(u.NALs[0]) {
		a.frameNum = n
	}
	return true
}
