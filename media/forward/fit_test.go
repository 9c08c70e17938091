package forward

import (
	"math/rand/v2"
	"testing"
	"time"
)

// ladder is what a studio sends: an eighth, a half and the full rate.
var ladder = []float64{150_000, 500_000, 1_700_000}

const ladderSound = 32_000

// link is a receiver behind a bottleneck: a queue that drops at its tail, reports of the loss and of the round trip
// once a second, and libwebrtc's estimate, which falls to 0.85 of what arrives when the queue grows, else rises by 8 % a
// second up to 1.5 times of what arrives.
type link struct {
	f        Fit
	now      time.Time
	width    float64       // bit/s
	queue    time.Duration // how much may wait
	rates    []float64
	silent   bool // no round trips are reported
	whim     func(honest float64) float64
	waits    float64 // bits
	sent     float64 // since the last report
	lost     float64
	estimate float64
	ticks    int
}

const linkTick = 50 * time.Millisecond

func newLink(width float64, rates []float64) *link {
	l := &link{now: time.Unix(1000, 0), width: width, queue: 300 * time.Millisecond, rates: rates, estimate: 300_000}
	l.f = NewFit(l.now)
	l.f.Decide(rates, ladderSound, l.now)
	return l
}

func (l *link) step() {
	l.now = l.now.Add(linkTick)
	l.ticks++
	seconds := linkTick.Seconds()
	in := rateOf(l.rates, ladderSound, l.f.Rung()) * seconds
	room := l.width * l.queue.Seconds()
	before := l.waits
	l.waits += in
	out := min(l.waits, l.width*seconds)
	l.waits -= out
	l.sent += in
	if over := l.waits - room; over > 0 {
		l.lost += over
		l.waits = room
	}
	got := out / seconds
	if l.waits > before {
		l.estimate = min(l.estimate, 0.85*got)
	} else {
		l.estimate = max(l.estimate, min(l.estimate*(1+0.08*seconds), 1.5*got+10_000))
	}
	if l.ticks%4 == 0 {
		honest := l.estimate
		if l.whim != nil {
			honest = l.whim(honest)
		}
		l.f.Estimate(honest, l.now)
	}
	if l.ticks%20 == 0 {
		l.f.Loss(l.lost/l.sent, l.now)
		l.sent, l.lost = 0, 0
		if !l.silent {
			l.f.Trip(40*time.Millisecond+time.Duration(l.waits/l.width*float64(time.Second)), l.now)
		}
	}
	if l.ticks%5 == 0 {
		l.f.Decide(l.rates, ladderSound, l.now)
	}
}

// run lets time pass and returns which rungs were sent, each once in a row.
func (l *link) run(d time.Duration) (rungs []int) {
	rungs = []int{l.f.Rung()}
	for end := l.now.Add(d); l.now.Before(end); {
		l.step()
		if r := l.f.Rung(); r != rungs[len(rungs)-1] {
			rungs = append(rungs, r)
		}
	}
	return rungs
}

// until returns how long it takes until ok holds, at most a minute.
func (l *link) until(ok func() bool) time.Duration {
	begin := l.now
	for !ok() && l.now.Sub(begin) < time.Minute {
		l.step()
	}
	return l.now.Sub(begin)
}

// TestFitOnATightLink is the drill of 300 kbit/s, which is lifted at any moment of what has become of it.
func TestFitOnATightLink(t *testing.T) {
	for _, queue := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second} {
		for narrow := time.Duration(0); narrow < 40*time.Second; narrow += 700 * time.Millisecond {
			l := newLink(20e6, ladder)
			l.queue = queue
			l.run(10 * time.Second)
			l.width = 300_000
			down := l.until(func() bool { return l.f.Rung() <= 1 })
			if down >= 4*time.Second {
				t.Fatalf("queue of %v: down after %v", queue, down)
			}
			rungs := l.run(narrow)
			for _, r := range rungs {
				if r == 0 {
					t.Fatalf("queue of %v: no picture on a link that carries the lowest: %v", queue, rungs)
				}
			}
			l.width = 20e6
			if up := l.until(func() bool { return l.f.Rung() == 3 }); up > 14*time.Second {
				t.Fatalf("queue of %v, lifted after %v: the best after %v", queue, narrow, up)
			}
		}
	}
}

// TestFitSpoilsLittle holds that trying more costs a link that carries no more a small share of its time.
func TestFitSpoilsLittle(t *testing.T) {
	for _, width := range []float64{250_000, 300_000, 450_000, 700_000, 1_000_000, 1_500_000} {
		l := newLink(20e6, ladder)
		l.run(10 * time.Second)
		l.width = width
		l.run(15 * time.Second)
		carried, over := l.f.Rung(), 0
		const seconds = 300
		for range seconds * 20 {
			l.step()
			if rateOf(ladder, ladderSound, l.f.Rung()) > width {
				over++
			}
		}
		if share := float64(over) / seconds / 20; share > 0.25 {
			t.Errorf("%g kbit/s: more than it carries is sent %.0f %% of the time; it carries rung %d", width/1000, 100*share, carried)
		}
	}
}

// TestFitFindsWhatFits holds over links of any width and queue that the rung found is the one that the link carries, that
// the sound alone is entered from the lowest picture only and left for it only, and that a failed try goes back to where
// it began.
func TestFitFindsWhatFits(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		l := newLink(20e6, ladder)
		l.run(5 * time.Second)
		for range 4 {
			l.width = 60_000 * float64(uint64(1)<<random.IntN(8)) * (1 + random.Float64())
			l.queue = time.Duration(150+random.IntN(900)) * time.Millisecond
			found := l.run(30 * time.Second)
			for i := 1; i < len(found); i++ {
				if a, b := found[i-1], found[i]; a == 0 && b != 1 || b == 0 && a != 1 {
					t.Fatalf("%g kbit/s: rungs %v", l.width/1000, found)
				}
			}
			if l.f.trying && l.f.from > l.f.rung {
				t.Fatalf("%g kbit/s: tries rung %d from %d", l.width/1000, l.f.rung, l.f.from)
			}
			rests := 3 // between the tries
			for range 20 * 12 {
				l.step()
				rests = min(rests, l.f.Rung())
			}
			if rests > 0 && rateOf(ladder, ladderSound, rests) > 1.15*l.width && (rests > 1 || l.width < 0.9*fitSound) {
				t.Fatalf("%g kbit/s, queue %v: rests on rung %d", l.width/1000, l.queue, rests)
			}
			if rests < 3 && rateOf(ladder, ladderSound, rests+1) < 0.9*l.width {
				t.Fatalf("%g kbit/s, queue %v: rests on rung %d only", l.width/1000, l.queue, rests)
			}
		}
	}
}

// TestFitDoesNotBelieveAWhim holds that estimates, however low, take nothing away while no packet is lost or waits.
func TestFitDoesNotBelieveAWhim(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	l := newLink(20e6, ladder)
	l.whim = func(honest float64) float64 { return honest * random.Float64() }
	if rungs := l.run(5 * time.Minute); len(rungs) != 1 {
		t.Errorf("rungs %v", rungs)
	}
	l.silent = true
	l.f = NewFit(l.now)
	if rungs := l.run(time.Minute); len(rungs) == 1 {
		t.Error("without round trips an estimate is all there is, and was not followed")
	}
}

func TestFitGoesToTheSoundAndBack(t *testing.T) {
	l := newLink(20e6, ladder)
	l.run(5 * time.Second)
	l.width = 90_000
	if down := l.until(func() bool { return l.f.Rung() == 0 }); down > 9*time.Second {
		t.Errorf("sound alone after %v", down)
	}
	if retried := l.until(func() bool { return l.f.Rung() == 1 }); retried < fitMute || retried > fitMutest+time.Second {
		t.Errorf("a picture is tried after %v", retried)
	}
	if back := l.until(func() bool { return l.f.Rung() == 0 }); back > 3*time.Second {
		t.Errorf("the try failed after %v", back)
	}
	l.width = 20e6
	if up := l.until(func() bool { return l.f.Rung() == 3 }); up > 12*time.Second {
		t.Errorf("the best after %v", up)
	}
}

// TestFitIgnoresShortLoss has every fourth half second lossy, then all.
func TestFitIgnoresShortLoss(t *testing.T) {
	now := time.Unix(1000, 0)
	f := NewFit(now.Add(-time.Minute))
	for i := range 40 {
		now = now.Add(500 * time.Millisecond)
		share := 0.0
		if i%4 == 0 {
			share = 0.5
		}
		f.Loss(share, now)
		f.Decide(ladder, ladderSound, now)
		if f.Rung() != 3 {
			t.Fatal("went down for a moment's loss")
		}
	}
	for range 4 {
		now = now.Add(500 * time.Millisecond)
		f.Loss(0.2, now)
		f.Trip(40*time.Millisecond, now)
		f.Decide(ladder, ladderSound, now)
	}
	if f.Rung() != 2 {
		t.Errorf("after lasting loss: rung %d; want one down", f.Rung())
	}
	for range 60 {
		now = now.Add(500 * time.Millisecond)
		f.Loss(0.4, now)
		f.Trip(40*time.Millisecond, now)
		f.Decide(ladder, ladderSound, now)
	}
	if f.Rung() != 1 {
		t.Errorf("after loss that no queue explains: rung %d; want the lowest picture", f.Rung())
	}
}

// TestFitOnAnotherLadder holds where one gets when layers come and go.
func TestFitOnAnotherLadder(t *testing.T) {
	at := time.Unix(1000, 0)
	low := func() Fit {
		f := NewFit(at)
		f.Decide(ladder, ladderSound, at)
		f.move(1, at)
		f.Decide(ladder, ladderSound, at)
		return f
	}
	mute := low()
	mute.move(0, at)
	for name, test := range map[string]struct {
		f     Fit
		rates []float64
		want  int
	}{
		"the best stays the best":       {NewFit(at), ladder[:2], 2},
		"nothing yet":                   {NewFit(at), nil, 0},
		"low, more layers":              {low(), []float64{100_000, 150_000, 500_000, 1_700_000}, 2},
		"low, one layer":                {low(), ladder[2:], 1},
		"the sound alone stays":         {mute, ladder[:2], 0},
		"low, a screen comes besides":   {low(), []float64{140_000, 900_000, 1_050_000, 1_400_000, 2_600_000}, 1},
		"the lowest is more than there": {low(), []float64{400_000, 900_000}, 1},
	} {
		if test.f.Decide(test.rates, ladderSound, at); test.f.Rung() != test.want {
			t.Errorf("%s: rung %d, want %d", name, test.f.Rung(), test.want)
		}
	}
	f := NewFit(at)
	f.Decide(ladder[:2], ladderSound, at)
	if f.Decide(ladder, ladderSound, at); f.Rung() != 3 {
		t.Errorf("a better layer came back, and who had the best gets rung %d", f.Rung())
	}
}
