package forward

import "time"

const (
	// ReorderWait is how long a video packet waits for an earlier one: a retransmission arrives within a
	// round trip or two, and the recorder's timeline may lag by no more than this.
	ReorderWait = 200 * time.Millisecond
	// ReorderWaitAudio is shorter, because lost audio is not asked for again, only put in order.
	ReorderWaitAudio = 60 * time.Millisecond
	// ReorderPackets bounds the packets that wait, about half a second of a 1080p layer. A power of two.
	ReorderPackets = 256

	// silence is the pause after which a sequence number behind the highest is taken for a newer one. It
	// must be longer than a sender keeps packets for retransmission.
	silence = 10 * time.Second
)

// Received is what Reorder needs to know of an RTP packet.
type Received struct {
	Timestamp uint32
	Marker    bool
	Payload   []byte // without padding; empty when the packet was padding only
	Arrival   time.Time
}

// Ordered is a packet that left Reorder.
type Ordered struct {
	Received
	Sequence uint64 // extended and without padding-only packets: a hole is a lost packet
}

// ReorderCounts says what happened to all packets so far.
type ReorderCounts struct {
	Delivered uint64 // left in order
	Duplicate uint64 // seen before, or later than its place was given up
	Padding   uint64 // held nothing
	Lost      uint64 // never came in time
}

// Reorder puts the packets of one SSRC in order, each once. Duplicates are common even on a perfect
// network: browsers probe for bandwidth by sending old packets again.
type Reorder struct {
	Counts ReorderCounts

	extend  Extender
	wait    time.Duration
	slots   []slot // the packet with extended number n waits in slots[n%len(slots)]
	waiting int    // occupied slots
	started bool
	next    uint64    // the number that leaves next
	since   time.Time // when the hole at next was noticed, while waiting > 0
	last    time.Time // arrival of the last packet that was not a duplicate
	ready   []Ordered // in order, may leave; ready[:out] have left
	out     int
}

type slot struct {
	Received
	used bool
}

// NewReorder returns a Reorder that holds at most size packets, a power of two, for at most wait.
func NewReorder(size int, wait time.Duration) *Reorder {
	if size <= 0 || size&(size-1) != 0 {
		panic("forward: the size of a Reorder must be a power of two")
	}
	return &Reorder{wait: wait, slots: make([]slot, size)}
}

// Push takes a packet with the sequence number it carried and reports whether it is new. Packets leave by Pop.
func (r *Reorder) Push(seq uint16, p Received) bool {
	n := r.number(seq, p.Arrival)
	if !r.started {
		r.started, r.next = true, n
	}
	size := uint64(len(r.slots))
	if n >= r.next+size {
		r.giveUp(n - size + 1)
	}
	s := &r.slots[n%size]
	if n < r.next || s.used {
		r.Counts.Duplicate++
		return false
	}
	r.last = p.Arrival
	if r.waiting == 0 {
		r.since = p.Arrival
	}
	*s = slot{p, true}
	r.waiting++
	r.release()
	return true
}

// Pop returns the next packet in order, as of now. The second result is false when there is none: all
// have left, or the next one is missing and may still come.
func (r *Reorder) Pop(now time.Time) (Ordered, bool) {
	if len(r.ready) == 0 && r.waiting > 0 && now.Sub(r.since) >= r.wait {
		r.giveUp(r.firstWaiting())
		r.release()
	}
	if len(r.ready) == 0 {
		return Ordered{}, false
	}
	p := r.ready[r.out]
	r.ready[r.out] = Ordered{}
	if r.out++; r.out == len(r.ready) {
		r.ready, r.out = r.ready[:0], 0
	}
	return p, true
}

// Deadline returns when Pop has a packet even if no other is pushed. It is false when nothing waits.
func (r *Reorder) Deadline() (time.Time, bool) {
	return r.since.Add(r.wait), r.waiting > 0
}

func (r *Reorder) number(seq uint16, arrival time.Time) uint64 {
	if r.started && arrival.Sub(r.last) > silence {
		return r.extend.ExtendAhead(seq)
	}
	return r.extend.Extend(seq)
}

// giveUp counts what is missing below floor as lost and lets the packets below it leave.
func (r *Reorder) giveUp(floor uint64) {
	for r.next < floor && r.waiting > 0 {
		r.leave()
	}
	if r.next < floor {
		r.Counts.Lost += floor - r.next
		r.next = floor
	}
	r.renew()
}

// release lets the packets leave that follow each other without a hole.
func (r *Reorder) release() {
	if r.waiting == 0 || !r.slot(r.next).used {
		return
	}
	for r.waiting > 0 && r.slot(r.next).used {
		r.leave()
	}
	r.renew()
}

// renew notes since when the present hole is known: since the first packet behind it came.
func (r *Reorder) renew() {
	if r.waiting > 0 {
		r.since = r.slot(r.firstWaiting()).Arrival
	}
}

// leave moves the packet numbered next, if it is there, to the ready ones.
func (r *Reorder) leave() {
	s := r.slot(r.next)
	switch {
	case !s.used:
		r.Counts.Lost++
	case len(s.Payload) == 0:
		r.Counts.Padding++
		r.waiting--
	default:
		r.Counts.Delivered++
		r.waiting--
		r.ready = append(r.ready, Ordered{s.Received, r.next - r.Counts.Padding})
	}
	*s = slot{}
	r.next++
}

func (r *Reorder) slot(n uint64) *slot { return &r.slots[n%uint64(len(r.slots))] }

// firstWaiting is the lowest number that waits; it must not be called when none does.
func (r *Reorder) firstWaiting() uint64 {
	n := r.next
	for !r.slot(n).used {
		n++
	}
	return n
}
