package sfu

import (
	"time"

	"lectern/media"
	"lectern/media/forward"
)

// policeFactor is how many times what a source is expected to send it may send. Beyond that the packets are dropped as
// they come, before they cost others anything.
const policeFactor = 10

// expected is what our studio sends at most, in bits and packets a second. The layers of a picture are policed each
// for itself; a single one may be as large as all.
var expected = map[media.Kind]struct{ bits, packets float64 }{
	media.Video: {2_500_000, 300},
	media.Audio: {128_000, 50},
}

// policedFor is how long after the last packet too many a publisher counts as policed.
const policedFor = 5 * time.Second

func (t *upTrack) police() *forward.Police {
	e := expected[t.info.Kind]
	return forward.NewPolice(policeFactor*e.bits, policeFactor*e.packets)
}

// exceeded notes that a packet was too many.
func (p *publisher) exceeded(now time.Time) {
	before := p.policed(now)
	p.excess.Store(int64(now.Sub(p.born)))
	if !before {
		p.session.server.log.Warn("publisher sends ten times what is expected: the rest is dropped", "room", p.room.name, "session", p.session.short())
		p.room.tellPanel()
	}
}

// policed reports whether that was within the last seconds.
func (p *publisher) policed(now time.Time) bool {
	last := p.excess.Load()
	return last != 0 && now.Sub(p.born)-time.Duration(last) < policedFor
}
