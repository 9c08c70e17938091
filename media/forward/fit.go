package forward

import "time"

const (
	// fitDown is the share of what is sent that the estimate may fall to.
	fitDown = 0.85
	// fitLoss is the share of lost packets above which it is too much in spite of retransmission.
	fitLoss = 0.10
	// fitSpill is the same when packets also queue: it is the queue that spills.
	fitSpill = 0.03
	// fitSound is the capacity, in bit/s, below which a picture only spoils the sound.
	fitSound = 150_000
	// fitQueue is how much longer than the shortest a round trip takes when packets queue in front of the link.
	fitQueue = 100 * time.Millisecond
	// fitSettle is how long after going down reports still speak of what was sent before, the queue's rest included.
	fitSettle = 1500 * time.Millisecond
	// fitDrain is the same after a try that failed: what it left in the queue drains slowly through a link that is nearly full.
	fitDrain = 4 * time.Second
	// fitBad is how long a link must be too narrow or lossy before it is believed.
	fitBad = 900 * time.Millisecond
	// fitCalm is how long without trouble before more is tried. A try that fails doubles it up to fitCalmest.
	fitCalm    = 5 * time.Second
	fitCalmest = 10 * time.Second
	// fitMute and fitMutest are the same while there is sound alone, of which reports say little.
	fitMute   = 4 * time.Second
	fitMutest = 5 * time.Second
	// fitProve is how long a try must do well to have succeeded; the next one follows at once.
	fitProve = 2 * time.Second
	// fitRelapse is how long after a try the rung before it is gone back to, although it seemed to have succeeded.
	fitRelapse = 8 * time.Second
	// fitFresh is how long a report counts.
	fitFresh = 3 * time.Second
	// fitStride bounds a try: it sends at most so many times of what was sent, unless the next rung is more.
	fitStride = 2
)

// Fit decides what a receiver's link carries: a rung of a ladder of pictures, each rung with a higher rate than the one
// below, or the sound alone. Down it goes to where estimate and loss say. Up it goes by trying, because a receiver's
// estimate never exceeds 1.5 times of what it gets (as libwebrtc counts): a try that fails goes back to the rung that
// worked. An estimate alone is no reason to go down, because it also lags behind a picture that begins to move and falls
// when the receiver's machine is busy: a link that is full has a queue in front of it, which the round trip shows.
type Fit struct {
	rung, rungs int     // 0 is the sound alone, rungs the best
	rate        float64 // of the rung with the sound, in bit/s
	changed     time.Time
	trouble     time.Time
	tight       time.Time // since when the link is too narrow, zero when it is not
	lossy       time.Time
	trying      bool
	failed      bool      // the last change was the end of a try
	tried       time.Time // when the last try began, zero when it failed
	from        int       // the rung that worked before it
	calm        time.Duration

	estimate           float64          // bit/s
	share              float64          // of packets lost
	trips              [2]time.Duration // the newest two
	shortest           time.Duration
	told, heard, timed time.Time // when these three were reported
}

// NewFit starts at the best rung.
func NewFit(now time.Time) Fit { return Fit{changed: now, calm: fitCalm} }

// Rung returns the rung to send: 0 for the sound alone, 1 for the lowest picture.
func (f *Fit) Rung() int { return f.rung }

// Loss takes the share of packets, 0 to 1, that were lost of about the last second's.
func (f *Fit) Loss(share float64, now time.Time) { f.share, f.heard = share, now }

// Estimate takes the receiver's bandwidth estimate in bit/s.
func (f *Fit) Estimate(bits float64, now time.Time) { f.estimate, f.told = bits, now }

// Trip takes the time that a packet and its answer took. It is to be asked about once a second.
func (f *Fit) Trip(d time.Duration, now time.Time) {
	if f.timed.IsZero() {
		f.trips, f.shortest = [2]time.Duration{d, d}, d
	}
	f.shortest = min(d, f.shortest+(d-f.shortest)/512) // the way there may have become longer
	f.trips, f.timed = [2]time.Duration{f.trips[1], d}, now
}

// RoundTrip returns the shortest of late, 0 when none is known.
func (f *Fit) RoundTrip() time.Duration { return f.shortest }

// Decide returns whether Rung has changed. The rates are those of the rungs, lowest first, in bit/s; sound is what goes
// out besides. Without rungs there is nothing to decide.
func (f *Fit) Decide(rates []float64, sound float64, now time.Time) bool {
	if len(rates) == 0 {
		return false
	}
	before := f.rung
	if len(rates) != f.rungs {
		f.reshape(rates, sound)
	}
	f.rate = rateOf(rates, sound, f.rung)
	narrow := f.fresh(f.told, now) && f.estimate < fitDown*f.rate && f.Queued(now)
	lossy := f.fresh(f.heard, now) && (f.share > fitLoss || f.share > fitSpill && f.Queued(now))
	if f.trying {
		f.judge(rates, sound, narrow || lossy, now)
	} else {
		f.follow(rates, sound, narrow, lossy, now)
	}
	return f.rung != before
}

// rateOf returns what goes out on a rung.
func rateOf(rates []float64, sound float64, rung int) float64 {
	if rung == 0 {
		return sound
	}
	return sound + rates[rung-1]
}

func (f *Fit) fresh(at, now time.Time) bool { return !at.IsZero() && now.Sub(at) < fitFresh }

// Queued reports whether packets wait in front of the link, not only for the moment that a keyframe takes. Who does not
// answer reports is believed without.
func (f *Fit) Queued(now time.Time) bool {
	return f.timed.IsZero() || f.fresh(f.timed, now) && min(f.trips[0], f.trips[1])-f.shortest > fitQueue
}

// reshape finds the place on another ladder: the best one for who had the best, else the one that is no more than before.
func (f *Fit) reshape(rates []float64, sound float64) {
	best := f.rung == f.rungs
	f.rungs, f.trying = len(rates), false
	switch {
	case best:
		f.rung = f.rungs
	case f.rung > 0:
		f.rung = highest(rates, sound, f.rate)
	}
}

// highest returns the best picture of at most limit bit/s, or the lowest.
func highest(rates []float64, sound, limit float64) int {
	for r := len(rates); r > 1; r-- {
		if rateOf(rates, sound, r) <= limit {
			return r
		}
	}
	return 1
}

// judge looks whether a try does well.
func (f *Fit) judge(rates []float64, sound float64, bad bool, now time.Time) {
	switch tried := now.Sub(f.changed); {
	case bad && (f.heard.After(f.changed) || f.told.After(f.changed)):
		f.fail(now)
	case tried >= 2*fitProve, tried >= fitProve && f.heard.Sub(f.changed) >= fitProve/2 && f.trips[1]-f.shortest <= fitQueue:
		f.trying, f.calm = false, fitCalm
		f.grow(rates, sound, now)
	}
}

// fail goes back to where the last try began.
func (f *Fit) fail(now time.Time) {
	f.calm = min(2*f.calm, fitCalmest)
	f.move(f.from, now)
	f.failed, f.tried = true, time.Time{}
}

// follow goes down when the link has been bad for long enough, and tries more when it has been good.
func (f *Fit) follow(rates []float64, sound float64, narrow, lossy bool, now time.Time) {
	settled := now.Sub(f.changed) >= fitDrain || now.Sub(f.changed) >= fitSettle && !f.failed
	f.tight = since(f.tight, narrow && settled && f.rung > 0, now)
	f.lossy = since(f.lossy, lossy && settled && f.rung > 0, now)
	switch {
	case lasted(f.tight, now), lasted(f.lossy, now):
		f.shrink(rates, sound, now)
	case !f.tight.IsZero(), !f.lossy.IsZero():
		f.trouble = now
	case f.rung == 0 && (now.Sub(f.changed) >= fitMutest || f.calm == fitCalm && now.Sub(f.changed) >= fitMute):
		f.grow(rates, sound, now)
	case f.rung > 0 && now.Sub(f.changed) >= f.calm && now.Sub(f.trouble) >= f.calm:
		f.grow(rates, sound, now)
	}
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

func lasted(start, now time.Time) bool { return !start.IsZero() && now.Sub(start) >= fitBad }

// shrink goes down to what the link carries. The sound alone is left only from the lowest picture, and not for loss that
// no queue explains: a lossy link need not be a narrow one.
func (f *Fit) shrink(rates []float64, sound float64, now time.Time) {
	capacity := f.capacity()
	switch {
	case f.rung > f.from && !f.tried.IsZero() && now.Sub(f.tried) < fitRelapse:
		f.fail(now)
		return
	case f.rung > 1:
		f.move(min(f.rung-1, highest(rates, sound, capacity)), now)
	case capacity < fitSound && f.Queued(now):
		f.move(0, now)
	default:
		f.trouble = now
		return
	}
	f.calm = fitCalm
}

// capacity returns what of the present rate arrives, in bit/s: what is not lost, and does not make the queue longer. The
// estimate, which may have lagged behind since the last change, counts without round trips only.
func (f *Fit) capacity() float64 {
	if f.timed.IsZero() {
		return min(f.estimate, f.rate*(1-f.share))
	}
	return f.rate * (1 - f.share) / (1 + max(0, (f.trips[1]-f.trips[0]).Seconds()))
}

// grow tries more.
func (f *Fit) grow(rates []float64, sound float64, now time.Time) {
	if f.rung >= len(rates) {
		return
	}
	f.from = f.rung
	next := f.rung + 1
	if f.rung > 0 {
		next = max(next, highest(rates, sound, fitStride*f.rate))
	}
	f.move(next, now)
	f.trying, f.tried = true, now
}

func (f *Fit) move(rung int, now time.Time) {
	f.rung, f.changed, f.trying, f.failed = rung, now, false, false
	f.tight, f.lossy = time.Time{}, time.Time{}
}
