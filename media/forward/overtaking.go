package forward

import "time"

const (
	// overtakingWindow is over how much time, and overtakingLeast over how many packets, asking is weighed.
	overtakingWindow = 400 * time.Millisecond
	overtakingLeast  = 60
	// overtakingAsked is the share of packets asked for again from which on it may be order that is lost.
	overtakingAsked = 0.2
	// overtakingLost is the share of the packets asked for that are lost, at most, if so.
	overtakingLost = 0.4
	// overtakingVain is the share asked for from which on it was no use.
	overtakingVain = 0.5
)

// Overtaking tells a line on which packets overtake each other from one that loses them: there the receiver asks for many
// more packets again than it then reports as lost. The zero value is ready.
type Overtaking struct {
	since       time.Time
	sent, asked int
	lost        float64
	heard       bool // lost was told in this window
	on, barred  bool
}

// Sent counts a packet sent for the first time, Asked one that was asked for the first time.
func (o *Overtaking) Sent()  { o.sent++ }
func (o *Overtaking) Asked() { o.asked++ }

// Lost takes the share of packets lost, 0 to 1, as the receiver reports it.
func (o *Overtaking) Lost(share float64) { o.lost, o.heard = share, true }

// On reports whether the line is one on which packets overtake each other.
func (o *Overtaking) On() bool { return o.on }

// Judge decides when it is time to; true when On has changed. Once it has proved of no use it stays off.
func (o *Overtaking) Judge(now time.Time) (changed bool) {
	if o.since.IsZero() {
		o.since = now
	}
	if now.Sub(o.since) < overtakingWindow || o.sent < overtakingLeast {
		return false
	}
	share, before := float64(o.asked)/float64(o.sent), o.on
	switch {
	case o.on && share > overtakingVain:
		o.on, o.barred = false, true
	case !o.on && !o.barred && o.heard && share > overtakingAsked && o.lost < overtakingLost*share:
		o.on = true
	case !o.on && !o.heard && now.Sub(o.since) < 4*overtakingWindow:
		return false // reports come less often than questions
	}
	o.since, o.sent, o.asked, o.heard = now, 0, 0, false
	return o.on != before
}
