package forward

import (
	"time"

	"lectern/media"
)

const (
	lossLimit    = 0.10 // of the packets; above it the picture suffers in spite of retransmission
	rateMargin   = 0.85 // of the layer's rate that the estimate may fall to
	badLasts     = 3 * time.Second
	settle       = 5 * time.Second // after a change, until an estimate says something about the new layer
	calmFirst    = 10 * time.Second
	calmLongest  = 160 * time.Second
	relapseAfter = 20 * time.Second
)

// Chooser picks the layer that a receiver's link carries. It goes down one layer when reports have been
// bad for three seconds, and tries the next one up after ten calm seconds; each try that fails doubles
// that time. A receiver's bandwidth estimate never exceeds 1.5 times of what it gets, so only trying
// shows whether there is room for more.
type Chooser struct {
	wanted  media.Layer
	changed time.Time
	lossy   time.Time     // since when the loss is too high, zero when it is not
	tight   time.Time     // since when the estimate is too low
	calm    time.Duration // how long without trouble before going up
	wentUp  time.Time
	trouble time.Time // when a report was last bad
}

// NewChooser starts at the best layer.
func NewChooser(now time.Time) *Chooser {
	return &Chooser{wanted: media.High, changed: now, calm: calmFirst}
}

// Wanted returns the layer to send.
func (c *Chooser) Wanted() media.Layer { return c.wanted }

// Loss takes the share of packets, 0 to 1, that a receiver report says were lost since the last one. It
// reports whether the wanted layer has changed.
func (c *Chooser) Loss(share float64, now time.Time) bool {
	c.lossy = since(c.lossy, share > lossLimit, now)
	return c.decide(now)
}

// Estimate takes the receiver's bandwidth estimate and the rate of the layer it gets, in bit/s. It reports
// whether the wanted layer has changed.
func (c *Chooser) Estimate(available, rate float64, now time.Time) bool {
	low := available < rateMargin*rate && now.Sub(c.changed) >= settle
	c.tight = since(c.tight, low, now)
	return c.decide(now)
}

func since(start time.Time, on bool, now time.Time) time.Time {
	switch {
	case !on:
		return time.Time{}
	case start.IsZero():
		return now
	}
	return start
}

func (c *Chooser) decide(now time.Time) bool {
	bad := lasted(c.lossy, now) || lasted(c.tight, now)
	switch {
	case bad && c.wanted > media.Low:
		if !c.wentUp.IsZero() && now.Sub(c.wentUp) < relapseAfter {
			c.calm = min(2*c.calm, calmLongest)
		}
		c.change(c.wanted-1, now)
		return true
	case bad || !c.lossy.IsZero() || !c.tight.IsZero():
		c.trouble = now
	case c.wanted < media.High && now.Sub(c.changed) >= c.calm && now.Sub(c.trouble) >= c.calm:
		c.wentUp = now
		c.change(c.wanted+1, now)
		return true
	}
	return false
}

func (c *Chooser) change(l media.Layer, now time.Time) {
	c.wanted, c.changed = l, now
	c.lossy, c.tight = time.Time{}, time.Time{}
}

func lasted(start, now time.Time) bool { return !start.IsZero() && now.Sub(start) >= badLasts }
