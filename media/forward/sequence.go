// Package forward is the arithmetic of forwarding RTP: it puts packets in order, finds keyframes, chooses
// a simulcast layer and rewrites sequence numbers and timestamps, so that a receiver sees one unbroken
// stream. It starts no goroutine and never asks for the time; whoever calls it says what time it is.
// A type here belongs to one goroutine unless its comment says otherwise.
package forward

// Extender unwraps 16-bit RTP sequence numbers into 64-bit ones that never wrap. The zero value is ready.
type Extender struct {
	highest uint64
	started bool
}

// firstCycle is where the extended numbers start, so that a packet from before the first one seen still
// has a number above zero.
const firstCycle = 1 << 16

// Extend returns the extended number of seq: the one nearest to the highest seen so far, within 32,767 in
// either direction (RFC 3711 section 3.3.1 guesses the same way).
func (e *Extender) Extend(seq uint16) uint64 {
	if !e.started {
		e.started = true
		e.highest = firstCycle + uint64(seq)
		return e.highest
	}
	step := int16(seq - uint16(e.highest))
	extended := e.highest + uint64(int64(step))
	if step > 0 {
		e.highest = extended
	}
	return extended
}

// ExtendAhead is Extend for a stream that was silent for so long that seq can only be newer than the
// highest seen: the result is above it, up to 65,536 away.
func (e *Extender) ExtendAhead(seq uint16) uint64 {
	if !e.started {
		return e.Extend(seq)
	}
	e.highest += uint64(seq-uint16(e.highest)-1) + 1
	return e.highest
}
