package loadtest

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/pion/rtcp"
)

const (
	// sample is that one of so many packets is decrypted, for its delay and to see that it can be.
	sample = 16
	// flowWindow is how many packets back one may still come and count.
	flowWindow = 2048
	// askMost bounds what is asked for again at a time.
	askMost = 32
)

// flow is one RTP stream at a receiver.
type flow struct {
	ssrc, rtx uint32
	started   bool
	highest   int64 // extended sequence number
	window    [flowWindow / 64]uint64
	packets   int64 // each once, while counting
	bytes     int64
	recovered int64
	gone      int64 // left the window without having come
	first     int64 // the first number counted
	expected  int64 // at the last report
	received  int64 // in all
	reported  int64 // received at the last report
	missing   []uint16
}

// arrive takes a sequence number; false for a duplicate. Numbers that are skipped go to missing.
func (f *flow) arrive(seq uint16) bool {
	if !f.started {
		f.started = true
		f.highest = int64(seq) + 1<<16
		f.first, f.expected = f.highest, f.highest-1
		clear(f.window[:])
		f.set(f.highest)
		f.received++
		return true
	}
	step := int64(int16(seq - uint16(f.highest)))
	if step <= 0 {
		if -step >= flowWindow || f.has(f.highest+step) {
			return false
		}
		f.set(f.highest + step)
		f.received++
		return true
	}
	for range min(step, flowWindow) {
		f.highest++
		if f.highest-flowWindow >= f.first && !f.has(f.highest) {
			f.gone++ // the slot still shows the packet one window back
		}
		f.unset(f.highest)
		if uint16(f.highest) != seq && len(f.missing) < askMost {
			f.missing = append(f.missing, uint16(f.highest))
		}
	}
	f.set(f.highest)
	f.received++
	return true
}

func (f *flow) bit(n int64) (int, uint64) {
	i := n % flowWindow
	return int(i / 64), 1 << (i % 64)
}

func (f *flow) has(n int64) bool { i, b := f.bit(n); return f.window[i]&b != 0 }
func (f *flow) set(n int64)      { i, b := f.bit(n); f.window[i] |= b }
func (f *flow) unset(n int64)    { i, b := f.bit(n); f.window[i] &^= b }

// lost returns how many packets never came.
func (f *flow) lost() int64 {
	if !f.started {
		return 0
	}
	there := int64(0)
	for _, w := range f.window {
		there += int64(bits.OnesCount64(w))
	}
	return f.gone + min(flowWindow, f.highest-f.first+1) - there
}

// report returns the reception report since the last one (RFC 3550 appendix A.3).
func (f *flow) report() rtcp.ReceptionReport {
	expected, received := f.highest-f.expected, f.received-f.reported
	f.expected, f.reported = f.highest, f.received
	r := rtcp.ReceptionReport{SSRC: f.ssrc, LastSequenceNumber: uint32(f.highest)}
	if lost := expected - received; lost > 0 && expected > 0 {
		r.FractionLost = uint8(min(255, lost*256/expected))
	}
	return r
}

// take counts an RTP packet. The scratch is for decryption.
func (r *receiver) take(b, scratch []byte, counting bool, delays *histogram) {
	ssrc, seq := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:])
	for i := range r.streams {
		f := &r.streams[i]
		again := f.rtx != 0 && ssrc == f.rtx
		if ssrc != f.ssrc && !again {
			continue
		}
		var clear []byte
		if again || seq%sample == 0 {
			var err error
			if clear, err = r.open.DecryptRTP(scratch[:0], b, nil); err != nil {
				return
			}
		}
		if again {
			if len(clear) < 14 {
				return
			}
			seq = binary.BigEndian.Uint16(clear[12:])
		}
		if !f.arrive(seq) || !counting {
			return
		}
		f.packets++
		f.bytes += int64(len(b))
		switch {
		case again:
			f.recovered++
		case clear != nil && len(clear) >= 12+stampAt+8:
			sent := int64(binary.BigEndian.Uint64(clear[12+stampAt:]))
			delays.add(time.Duration(time.Now().UnixNano() - sent))
		}
		return
	}
}
