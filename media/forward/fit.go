package forward

import (
	"time"

	"lectern/media"
)

const (
	// fitDown is the share of a layer's rate that the estimate may fall to.
	fitDown = 0.85
	// fitHeadroom is how much more than what is sent the link must carry before more is tried.
	fitHeadroom = 1.2
	// fitLoss is the share of lost packets above which a layer is too much in spite of retransmission.
	fitLoss = 0.10
	// fitSound is the estimate, in bit/s, below which a picture only spoils the sound.
	fitSound = 150_000
	// fitSettle is how long after a change reports still speak of what was sent before.
	fitSettle = 1500 * time.Millisecond
	// fitBad is how long a link must be too narrow or lossy in a row before it is believed.
	fitBad = 900 * time.Millisecond
	// fitCalm is how long without trouble before more is tried. Each try that fails doubles it up to fitCalmest.
	fitCalm    = 10 * time.Second
	fitCalmest = 80 * time.Second
	fitRelapse = 8 * time.Second
	// fitFresh is how long an estimate counts.
	fitFresh = 5 * time.Second
)

// Fit decides what a receiver's link carries: a layer, or the sound alone. Down it goes at once to where the
// estimate says, up one step after ten calm seconds: an estimate never exceeds 1.5 times of what is received
// (as libwebrtc counts), so only trying shows whether there is room for more.
type Fit struct {
	layer    media.Layer
	sound    bool // no picture
	changed  time.Time
	wentUp   time.Time
	trouble  time.Time
	tight    time.Time // since when the estimate is too low, zero when it is not
	lossy    time.Time
	calm     time.Duration
	estimate float64
	told     time.Time // when estimate was
}

// NewFit starts at the best layer.
func NewFit(now time.Time) Fit {
	return Fit{layer: media.High, changed: now, calm: fitCalm}
}

// Wanted returns the layer to send; picture is false when there should be none.
func (f *Fit) Wanted() (layer media.Layer, picture bool) { return f.layer, !f.sound }

// Loss takes the share of packets, 0 to 1, lost since the last report.
func (f *Fit) Loss(share float64, now time.Time) {
	f.lossy = since(f.lossy, share > fitLoss && now.Sub(f.changed) >= fitSettle, now)
}

// Estimate takes the receiver's bandwidth estimate in bit/s.
func (f *Fit) Estimate(bits float64, now time.Time) { f.estimate, f.told = bits, now }

// Decide returns whether Wanted has changed. The rates are those of the layers in bit/s, 0 for one that is not
// sent; sound is what goes out besides.
func (f *Fit) Decide(rates [media.Layers]float64, sound float64, now time.Time) bool {
	current := sound
	if !f.sound {
		current += rates[f.nearest(rates)]
	}
	fresh := !f.told.IsZero() && now.Sub(f.told) < fitFresh
	narrow := fresh && f.estimate < fitDown*current && now.Sub(f.changed) >= fitSettle
	f.tight = since(f.tight, narrow, now)
	if f.sound {
		f.tight = time.Time{}
	}
	long := func(start time.Time) bool { return !start.IsZero() && now.Sub(start) >= fitBad }
	switch {
	case long(f.tight):
		return f.shrink(rates, sound, now)
	case long(f.lossy) && !f.sound:
		return f.step(now)
	case !f.tight.IsZero() || !f.lossy.IsZero():
		f.trouble = now
	case fresh && f.estimate < fitHeadroom*current:
		// No room for more, which is no trouble either.
	case now.Sub(f.changed) >= f.calm && now.Sub(f.trouble) >= f.calm:
		return f.grow(now)
	}
	return false
}

// nearest returns the layer that is sent for f.layer: itself, or the best below it, or the lowest.
func (f *Fit) nearest(rates [media.Layers]float64) media.Layer {
	for l := int(f.layer); l >= 0; l-- {
		if rates[l] > 0 {
			return media.Layer(l)
		}
	}
	for l := f.layer; l < media.Layers; l++ {
		if rates[l] > 0 {
			return l
		}
	}
	return f.layer
}

// shrink goes to the best lower layer that the estimate carries, or to the sound.
func (f *Fit) shrink(rates [media.Layers]float64, sound float64, now time.Time) bool {
	at := f.nearest(rates)
	for l := int(at) - 1; l >= 0; l-- {
		if rates[l] > 0 && rates[l]+sound <= f.estimate {
			f.change(media.Layer(l), false, now)
			return true
		}
	}
	lowest := at
	for l := range at {
		if rates[l] > 0 {
			lowest = l
			break
		}
	}
	switch {
	case f.estimate < fitSound:
		f.change(media.Low, true, now)
	case lowest < at:
		f.change(lowest, false, now)
	default:
		f.trouble = now
		return false
	}
	return true
}

// step goes down one layer. Loss alone never takes the picture away: a lossy link need not be a narrow one.
func (f *Fit) step(now time.Time) bool {
	if f.layer == media.Low {
		f.trouble = now
		return false
	}
	f.change(f.layer-1, false, now)
	return true
}

func (f *Fit) grow(now time.Time) bool {
	switch {
	case f.sound:
		f.change(f.layer, false, now)
	case f.layer < media.High:
		f.change(f.layer+1, false, now)
	default:
		return false
	}
	f.wentUp = now
	return true
}

func (f *Fit) change(l media.Layer, sound bool, now time.Time) {
	down := l < f.layer || sound && !f.sound
	switch {
	case down && !f.wentUp.IsZero() && now.Sub(f.wentUp) < fitRelapse:
		f.calm = min(2*f.calm, fitCalmest)
	case down:
		f.calm = fitCalm
	}
	f.layer, f.sound, f.changed = l, sound, now
	f.tight, f.lossy = time.Time{}, time.Time{}
}
