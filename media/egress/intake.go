package egress

import (
	"time"

	"lectern/media"
	"lectern/media/forward"
)

const (
	// gather is how long a worker waits after a packet, so that what comes with it is sent with it.
	gather = time.Millisecond
	// holdBack is how long the packets of a picture wait for its end: nobody can show half of one, and a whole
	// one is sent in one run.
	holdBack = 4 * time.Millisecond
	// queueVideo and queueAudio are how many packets a worker may be behind, about a second. Beyond that it drops
	// up to the end of a picture and counts what it dropped; the attendees ask for a keyframe.
	queueVideo = 256
	queueAudio = 50
	// padMost is how many bytes of padding are added to a packet so that a picture's packets have one size;
	// libwebrtc cuts a picture into packets that differ by one.
	padMost = 15
)

// intake is what a worker has yet to send of one track.
type intake struct {
	feed    *feed
	present uint8
	lanes   [media.Layers]pending
}

// pending is what a worker has yet to send of one layer.
type pending struct {
	cursor uint64 // sequence of the last packet taken
	items  []item // of this round
	key    int    // the first of items that starts a keyframe, -1 for none
}

// item is a packet and the padding that makes it as large as others of its picture.
type item struct {
	*media.Packet
	pad uint8
}

func newIntake(f *feed) *intake {
	in := &intake{feed: f}
	for l := range in.lanes {
		in.lanes[l].cursor = f.lanes[l].ring.Newest()
		in.lanes[l].key = -1
	}
	return in
}

// collect takes what has come since the last round. It returns how many packets, how many more had to be
// dropped, and whether some wait for the end of their picture.
func (in *intake) collect(now time.Time) (taken, dropped int, held bool) {
	in.present = in.feed.present()
	for l := range in.lanes {
		p, lane := &in.lanes[l], &in.feed.lanes[l]
		p.items, p.key = p.items[:0], -1
		newest := lane.ring.Newest()
		if newest == p.cursor {
			continue
		}
		limit := uint64(queueVideo)
		if in.feed.info.Kind == media.Audio {
			limit = queueAudio
		}
		if p.cursor == 0 {
			// Nothing was sent when we began: all that is there is new.
			for p.cursor = newest - min(newest, limit); lane.ring.Get(p.cursor+1) == nil; p.cursor++ {
			}
		}
		if newest-p.cursor > limit {
			dropped += p.skip(lane.ring, newest, limit/2)
		}
		end, waits := in.until(lane, p, newest, now)
		held = held || waits
		p.take(lane.ring, end)
		if in.feed.info.Kind == media.Video {
			p.equalise()
		}
		taken += len(p.items)
	}
	return taken, dropped, held
}

// until returns the packet up to which to send now: the newest, or the end of the last whole picture.
func (in *intake) until(lane *lane, p *pending, newest uint64, now time.Time) (end uint64, waits bool) {
	complete := lane.complete.Load()
	if in.feed.info.Kind != media.Video || complete >= newest {
		return newest, false
	}
	whole := max(p.cursor, complete)
	for n := whole + 1; n <= newest; n++ {
		if q := lane.ring.Get(n); q != nil { // the first of the picture that was not lost
			if now.Sub(q.Arrival) < holdBack {
				return whole, true
			}
			break
		}
	}
	return newest, false
}

// skip moves the cursor to the end of a picture at most keep packets back, and returns how many packets it
// passed over.
func (p *pending) skip(ring *forward.Ring, newest, keep uint64) (dropped int) {
	to := newest - keep
	for n := to; n < newest; n++ {
		if q := ring.Get(n); q != nil && q.Marker {
			to = n
			break
		}
	}
	for n := max(p.cursor+1, newest-min(newest, forward.RingVideo)); n <= to; n++ {
		if ring.Get(n) != nil {
			dropped++
		}
	}
	p.cursor = to
	return dropped
}

func (p *pending) take(ring *forward.Ring, end uint64) {
	for n := p.cursor + 1; n <= end; n++ {
		q := ring.Get(n)
		if q == nil {
			continue // lost on the way to us
		}
		if q.Keyframe && p.key < 0 {
			p.key = len(p.items)
		}
		p.items = append(p.items, item{Packet: q})
	}
	p.cursor = max(p.cursor, end)
}

// equalise pads the packets of each picture to one size where little is missing. The last one may be shorter.
func (p *pending) equalise() {
	for i := 0; i < len(p.items); {
		j, size := i, 0
		for j < len(p.items) && p.items[j].Timestamp == p.items[i].Timestamp {
			size = max(size, len(p.items[j].Payload))
			j++
		}
		for k := i; k < j; k++ {
			if d := size - len(p.items[k].Payload); d <= padMost {
				p.items[k].pad = uint8(d)
			}
		}
		i = j
	}
}

// before returns the items that came before a moment.
func (p *pending) before(t time.Time) []item {
	for i := range p.items {
		if !p.items[i].Arrival.Before(t) {
			return p.items[:i]
		}
	}
	return p.items
}
