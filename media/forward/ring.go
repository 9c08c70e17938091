package forward

import (
	"sync/atomic"

	"lectern/media"
)

const (
	// RingVideo and RingAudio are how many packets of a layer stay at hand: two seconds of a 1080p layer,
	// five of Opus. Powers of two.
	RingVideo = 1024
	RingAudio = 256
)

// Ring holds the last packets of one layer for all who read it: the current group of pictures for those
// who join, and the packets that a receiver may ask for again. One goroutine pushes, any number read.
type Ring struct {
	slots    []atomic.Pointer[media.Packet] // packet n stands in slots[n%len(slots)]
	keyframe atomic.Uint64                  // sequence of the last keyframe, 0 before the first
	newest   atomic.Uint64                  // sequence of the last packet
}

// NewRing returns a ring of size packets, a power of two.
func NewRing(size int) *Ring {
	if size <= 0 || size&(size-1) != 0 {
		panic("forward: the size of a Ring must be a power of two")
	}
	return &Ring{slots: make([]atomic.Pointer[media.Packet], size)}
}

// Push adds a packet; sequences must grow.
func (r *Ring) Push(p *media.Packet) {
	r.slots[p.Sequence%uint64(len(r.slots))].Store(p)
	if p.Keyframe {
		r.keyframe.Store(p.Sequence)
	}
	r.newest.Store(p.Sequence)
}

// Get returns the packet with that sequence, or nil when it was lost or has been overwritten.
func (r *Ring) Get(sequence uint64) *media.Packet {
	p := r.slots[sequence%uint64(len(r.slots))].Load()
	if p == nil || p.Sequence != sequence {
		return nil
	}
	return p
}

// Group returns the packets from the last keyframe up to and including last, in order, when they are all
// here and no more than limit; else nil.
func (r *Ring) Group(last uint64, limit int) []*media.Packet {
	first := r.keyframe.Load()
	if first == 0 || first > last || last-first >= uint64(limit) {
		return nil
	}
	group := make([]*media.Packet, 0, last-first+1)
	for n := first; n <= last; n++ {
		p := r.Get(n)
		if p == nil {
			return nil
		}
		group = append(group, p)
	}
	return group
}

// Newest returns the sequence of the last packet, 0 when there is none.
func (r *Ring) Newest() uint64 { return r.newest.Load() }
