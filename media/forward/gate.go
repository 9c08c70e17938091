package forward

import (
	"time"

	"lectern/media"
)

const (
	// askAgain is the least time between two requests for a keyframe to one publisher. Each request costs
	// the publisher a keyframe in every layer.
	askAgain = 500 * time.Millisecond
	// deaf is how long a browser ignores requests after it has sent a keyframe.
	deaf = 300 * time.Millisecond
)

// Gate bundles the wishes of all receivers for keyframes of one source into few requests, and repeats a
// request until the wanted layers have delivered. The zero value is ready.
type Gate struct {
	wanted   uint8 // bit n for layer n
	asked    time.Time
	keyframe time.Time
}

// Want asks for a keyframe of the layers in mask, bit n for layer n.
func (g *Gate) Want(mask uint8) { g.wanted |= mask }

// Arrived says that a layer's keyframe has begun to arrive.
func (g *Gate) Arrived(l media.Layer, now time.Time) {
	g.wanted &^= 1 << l
	g.keyframe = now
}

// Keep forgets the wishes for layers that are not in mask, because they are not being sent.
func (g *Gate) Keep(mask uint8) { g.wanted &= mask }

// Due returns when the next request may be sent; false when nothing is wanted.
func (g *Gate) Due() (time.Time, bool) {
	due := g.asked.Add(askAgain)
	if open := g.keyframe.Add(deaf); open.After(due) {
		due = open
	}
	return due, g.wanted != 0
}

// Ask reports whether a request is to be sent now, and takes it for sent.
func (g *Gate) Ask(now time.Time) bool {
	due, wanted := g.Due()
	if !wanted || now.Before(due) {
		return false
	}
	g.asked = now
	return true
}
