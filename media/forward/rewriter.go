package forward

import (
	"time"

	"lectern/media"
)

const (
	// trust is how far the timestamp that the sender reports give for a switch may be from the one that
	// the arrival times give. Network and encoder delay explain this much, a wrong report more.
	trust = time.Second
	// replayGap is the distance of the pictures of a replayed group: a receiver shows them as fast as it
	// can decode, and counts its delay from the last one, not from the first.
	replayGap = time.Millisecond
)

// Stamp is the sequence number and timestamp of a packet as a receiver gets it.
type Stamp struct {
	Sequence  uint16
	Timestamp uint32
}

// Rewriter gives the packets of changing layers one continuous row of sequence numbers and one clock. A
// packet that was lost on the way to us stays a hole, so that the receiver knows.
type Rewriter struct {
	rate      uint32 // ticks a second
	sequence  uint16 // added to sequence numbers
	shift     uint32 // added to timestamps
	started   bool
	last      Stamp     // the newest stamp given, or before the first the one to start with
	lastIn    uint32    // the timestamp that last came from
	arrival   time.Time // of that packet
	reference Clock     // the sender's wall clock in our timestamps
	overlap   bool      // after a switch, until the timestamps have passed those of the layer before
}

// NewRewriter returns a Rewriter for a clock of rate Hz whose first packet gets the stamp first, which
// should be random (RFC 3550 section 5.1).
func NewRewriter(rate uint32, first Stamp) *Rewriter {
	return &Rewriter{rate: rate, last: first}
}

// Restart says that another sender follows, whose clocks have nothing to do with those before.
func (w *Rewriter) Restart() { w.reference = Clock{} }

// Switch prepares for p as the first packet of another layer, or of the first. The clock is that of the
// new layer: with a reference from the same sender the timestamps go on exactly, otherwise by as much time
// as passed between the arrivals.
func (w *Rewriter) Switch(p *media.Packet, clock Clock) {
	if !w.started {
		w.started = true
		w.sequence = w.last.Sequence - uint16(p.Sequence)
		w.shift = w.last.Timestamp - p.Timestamp
		w.lastIn, w.arrival = p.Timestamp, p.Arrival
		w.Report(clock)
		return
	}
	elapsed := w.ticks(p.Arrival.Sub(w.arrival))
	w.sequence = w.last.Sequence + 1 - uint16(p.Sequence)
	w.shift = w.last.Timestamp + uint32(max(1, elapsed)) - p.Timestamp
	if clock.Known && w.reference.Known {
		exact := clock.Shift(w.reference, w.rate)
		ahead := int64(int32(p.Timestamp + exact - w.last.Timestamp))
		if off := ahead - elapsed; off <= w.ticks(trust) && -off <= w.ticks(trust) {
			w.shift = exact
		}
	}
	w.overlap, w.lastIn = true, p.Timestamp-1
	w.Report(clock)
}

// Stamp returns the stamp of the next packet of the current layer.
func (w *Rewriter) Stamp(p *media.Packet) Stamp {
	s := Stamp{uint16(p.Sequence) + w.sequence, p.Timestamp + w.shift}
	if w.overlap {
		s.Timestamp = w.separate(p.Timestamp, s.Timestamp)
	}
	w.last, w.lastIn, w.arrival = s, p.Timestamp, p.Arrival
	return s
}

// separate returns the timestamp of a picture while the new layer still shows moments that the layer
// before has shown: each such picture gets one tick more, as two pictures may not share a timestamp.
func (w *Rewriter) separate(in, out uint32) uint32 {
	switch {
	case in == w.lastIn:
		return w.last.Timestamp
	case int32(out-w.last.Timestamp) <= 0:
		return w.last.Timestamp + 1
	}
	w.overlap = false
	return out
}

// Replay stamps the packets of a group of pictures for a receiver that has none yet. The last picture of
// the group gets the first stamp's time, those before follow each other closely.
func (w *Rewriter) Replay(group []*media.Packet, clock Clock) []Stamp {
	pictures := uint32(1)
	for i := 1; i < len(group); i++ {
		if group[i].Timestamp != group[i-1].Timestamp {
			pictures++
		}
	}
	newest := group[len(group)-1]
	start := w.last
	w.Switch(newest, clock)
	w.sequence = start.Sequence - uint16(group[0].Sequence)
	gap := uint32(w.ticks(replayGap))
	stamps := make([]Stamp, len(group))
	for i, p := range group {
		if i > 0 && p.Timestamp != group[i-1].Timestamp {
			pictures--
		}
		stamps[i] = Stamp{uint16(p.Sequence) + w.sequence, start.Timestamp - gap*(pictures-1)}
	}
	w.last, w.lastIn, w.arrival = stamps[len(stamps)-1], newest.Timestamp, newest.Arrival
	return stamps
}

// CatchUp stamps a group of pictures of another layer for a receiver that has the layer before: the pictures of moments that
// it has seen already follow each other by a tick, so that it shows the newest as soon as it has decoded them.
func (w *Rewriter) CatchUp(group []*media.Packet, clock Clock) []Stamp {
	before := w.last
	w.Switch(group[len(group)-1], clock)
	w.sequence = before.Sequence + 1 - uint16(group[0].Sequence)
	w.lastIn = group[0].Timestamp - 1
	stamps := make([]Stamp, len(group))
	for i, p := range group {
		stamps[i] = w.Stamp(p)
	}
	return stamps
}

// Report takes a sender report of the current layer and returns it in terms of the receiver's timestamps.
func (w *Rewriter) Report(c Clock) Clock {
	if !c.Known {
		return Clock{}
	}
	w.reference = Clock{NTP: c.NTP, Timestamp: c.Timestamp + w.shift, Known: true}
	return w.reference
}

// ticks converts a duration, which is cut to an hour.
func (w *Rewriter) ticks(d time.Duration) int64 {
	return int64(min(d, time.Hour)) * int64(w.rate) / int64(time.Second)
}
