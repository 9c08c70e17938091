package egress

import (
	"time"

	"lectern/media"
)

const (
	// thinPace is at what rate the single pictures of a screen go out, in bit/s, packet by packet: in one piece a
	// picture would overflow the queue of the line that it is meant for.
	thinPace = 160_000
	// thinBurst bounds what goes out at once, in bytes.
	thinBurst = 3000
	// thinAsk is how long a keyframe is waited for before one is asked for. The recorder asks every two seconds.
	thinAsk = 4 * time.Second
)

// thinning sends the keyframes of a stream alone, one after the other. Those that come meanwhile are passed over.
type thinning struct {
	on     bool
	next   uint64 // sequence of the packet to send, 0 between pictures
	stamp  uint32 // timestamp of the picture
	layer  media.Layer
	budget int // bytes that may go out now
	paid   time.Time
	ended  time.Time // when the last picture had gone out
}

// thinOut has the stream send keyframes alone, or all again from the next keyframe on.
func (s *stream) thinOut(on bool, now time.Time) {
	if s.thin.on == on {
		return
	}
	s.thin = thinning{on: on, paid: now, ended: now}
	s.asked = time.Time{}
	s.selector.Restart()
}

// trickle sends what of the present picture may go out by now, or begins with the next one.
func (s *stream) trickle(w *worker, v *viewer, to *path) {
	t := &s.thin
	t.budget = min(thinBurst, t.budget+int(w.now.Sub(t.paid).Seconds()*thinPace/8))
	t.paid = w.now
	if t.next == 0 && !s.seek(w, v) {
		return
	}
	ring := s.in.feed.lanes[t.layer].ring
	for t.budget > 0 {
		p := ring.Get(t.next)
		switch {
		case p == nil && t.next > ring.Newest():
			return // on its way to us
		case p == nil, p.Timestamp != t.stamp: // lost on its way, or the end
			t.next, t.ended = 0, w.now
			return
		}
		s.emit(w, v, to, []item{{Packet: p}}, p.Keyframe)
		t.budget -= len(p.Payload)
		t.next++
	}
}

// seek begins with a keyframe of this round; false when there is none.
func (s *stream) seek(w *worker, v *viewer) bool {
	target, ok := s.selector.Target()
	if !ok {
		return false
	}
	lane := &s.in.lanes[target]
	if lane.key < 0 {
		if w.now.Sub(s.thin.ended) >= thinAsk {
			s.ask(v, w.now)
		}
		return false
	}
	p := lane.items[lane.key].Packet
	s.begin(w, target, p)
	s.thin.next, s.thin.stamp, s.thin.layer = p.Sequence, p.Timestamp, target
	return true
}
