package forward

import "lectern/media"

// historySpans is how many changes of numbering a History remembers. A span lasts until the next switch of
// layer, so eight reach back much further than a Ring does.
const historySpans = 8

// Origin says what a receiver got under one of its sequence numbers.
type Origin struct {
	Layer    media.Layer
	Sequence uint64   // in the layer's Ring
	Shift    uint32   // was added to the packet's timestamp
	Picture  VP8Shift // was added to the numbers in a VP8 payload
}

// History maps the sequence numbers of a receiver back to packets of layers, so that what he asks for again
// is found without a note for each packet sent. The zero value is empty.
type History struct {
	spans  [historySpans]span
	n      int // spans begun
	replay replayed
}

// span is a row of packets of one layer that were stamped alike.
type span struct {
	source, lastSource uint64 // first and last number in the layer
	shift              uint32
	last               uint16 // the receiver's number of lastSource
	layer              media.Layer
	picture            VP8Shift
}

// replayed is a group of pictures whose timestamps were stamped one by one.
type replayed struct {
	first  uint16
	source uint64
	layer  media.Layer
	shifts []uint32
}

// Sent notes that p went out with stamp s. Stamps must come from a Rewriter, in order.
func (h *History) Sent(p *media.Packet, s Stamp, picture VP8Shift) {
	if h.n > 0 {
		c := &h.spans[(h.n-1)%historySpans]
		if c.layer == p.Layer && c.shift == s.Timestamp-p.Timestamp && c.picture == picture &&
			c.last+uint16(p.Sequence-c.lastSource) == s.Sequence && p.Sequence > c.lastSource {
			c.last, c.lastSource = s.Sequence, p.Sequence
			return
		}
	}
	h.spans[h.n%historySpans] = span{
		source: p.Sequence, lastSource: p.Sequence, shift: s.Timestamp - p.Timestamp, last: s.Sequence, layer: p.Layer, picture: picture,
	}
	h.n++
}

// Replayed notes a group that went out with stamps of Rewriter.Replay. The group has no holes.
func (h *History) Replayed(group []*media.Packet, stamps []Stamp) {
	h.replay = replayed{first: stamps[0].Sequence, source: group[0].Sequence, layer: group[0].Layer}
	for i, p := range group {
		h.replay.shifts = append(h.replay.shifts, stamps[i].Timestamp-p.Timestamp)
	}
}

// EndReplay frees what Replayed noted; nobody asks for a packet again after a few seconds.
func (h *History) EndReplay() { h.replay = replayed{} }

// Forget says that the layers are those of another sender now: what was sent before cannot be found again.
func (h *History) Forget() { *h = History{} }

// Find returns where the packet with the receiver's number seq came from; false when it was never sent or is
// too old to tell.
func (h *History) Find(seq uint16) (Origin, bool) {
	if i := int(seq - h.replay.first); i < len(h.replay.shifts) && int16(seq-h.replay.first) >= 0 {
		return Origin{Layer: h.replay.layer, Sequence: h.replay.source + uint64(i), Shift: h.replay.shifts[i]}, true
	}
	for i := h.n - 1; i >= max(0, h.n-historySpans); i-- {
		c := &h.spans[i%historySpans]
		age := int16(c.last - seq)
		if age < 0 {
			return Origin{}, false
		}
		if uint64(age) <= c.lastSource-c.source {
			return Origin{c.layer, c.lastSource - uint64(age), c.shift, c.picture}, true
		}
	}
	return Origin{}, false
}
