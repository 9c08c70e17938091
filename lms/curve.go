package lms

import (
	"math"
	"slices"
)

// CountsShare is the watched share from which a lecture counts for a person.
const CountsShare = 0.9

// Attendance is what one person has watched of a lecture, in countable seconds, each counted once: live
// before DVR before replay.
type Attendance struct {
	LiveS, DVRS, ReplayS int64
	Watched              Spans
	Share                float64
	Counts               bool // the share is at least CountsShare
}

// Attend reads a person's ledger.
func Attend(seconds map[Provenance]Spans, countable Spans) Attendance {
	live, dvr, replay := once(seconds, countable)
	a := Attendance{LiveS: live.Len(), DVRS: dvr.Len(), ReplayS: replay.Len(), Watched: live.Union(dvr, replay)}
	a.Share = a.Watched.Share(countable)
	a.Counts = len(countable) > 0 && a.Share >= CountsShare
	return a
}

// once splits what counts so that each second has one provenance.
func once(seconds map[Provenance]Spans, countable Spans) (live, dvr, replay Spans) {
	live = seconds[Live].Intersect(countable)
	dvr = seconds[DVR].Intersect(countable).Subtract(live)
	replay = seconds[Replay].Intersect(countable).Subtract(live).Subtract(dvr)
	return live, dvr, replay
}

// stepSizes are the steps of a curve in seconds.
var stepSizes = [...]int32{5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600}

// curvePoints is how many steps a curve has at most, where the largest step allows it: more than one per
// two pixels of a phone cannot be seen.
const curvePoints = 240

// Curve counts the distinct persons who watched each step of the timeline. Whoever watched any second of
// a step is counted once in it: as live, else as DVR, else as replay.
type Curve struct {
	StepS             int32 // seconds per step
	Live, DVR, Replay []int // persons per step

	countable Spans
	watched   []int64 // seconds of each person who attended, for the median
	live      int
	replay    int
}

// NewCurve makes an empty curve of a timeline of edgeMS.
func NewCurve(edgeMS int64, countable Spans) *Curve {
	seconds := max(0, (edgeMS+999)/1000)
	c := &Curve{StepS: stepSizes[len(stepSizes)-1], countable: countable}
	for _, step := range stepSizes {
		if seconds <= int64(step)*curvePoints {
			c.StepS = step
			break
		}
	}
	n := (seconds + int64(c.StepS) - 1) / int64(c.StepS)
	c.Live, c.DVR, c.Replay = make([]int, n), make([]int, n), make([]int, n)
	return c
}

// Add enters one person's ledger. Each person is added once.
func (c *Curve) Add(seconds map[Provenance]Spans) {
	a := Attend(seconds, c.countable)
	if len(a.Watched) == 0 {
		return
	}
	c.watched = append(c.watched, a.Watched.Len())
	if a.LiveS > 0 {
		c.live++
	}
	if len(seconds[Replay].Intersect(c.countable)) > 0 {
		c.replay++
	}
	live, dvr, replay := c.steps(seconds[Live]), c.steps(seconds[DVR]), c.steps(seconds[Replay])
	dvr = dvr.Subtract(live)
	replay = replay.Subtract(live).Subtract(dvr)
	count(c.Live, live)
	count(c.DVR, dvr)
	count(c.Replay, replay)
}

// steps returns the numbers of the steps that hold any of the seconds.
func (c *Curve) steps(seconds Spans) Spans {
	var touched []Span
	last := int32(len(c.Live))
	for _, s := range seconds.Intersect(c.countable) {
		touched = append(touched, Span{min(last, s.From/c.StepS), min(last, (s.To-1)/c.StepS+1)})
	}
	return SpansOf(touched...)
}

// count adds one to each step.
func count(persons []int, steps Spans) {
	for _, s := range steps {
		for i := s.From; i < s.To; i++ {
			persons[i]++
		}
	}
}

// Attended is how many persons watched at least a second that counts; of those, live is how many did so
// live and replay how many from the recording. Somebody may be both.
func (c *Curve) Attended() (all, live, replay int) { return len(c.watched), c.live, c.replay }

// MedianS is the median of the seconds watched by those who attended, 0 without any.
func (c *Curve) MedianS() int64 {
	n := len(c.watched)
	if n == 0 {
		return 0
	}
	slices.Sort(c.watched)
	return int64(math.Round(float64(c.watched[(n-1)/2]+c.watched[n/2]) / 2))
}

// PerStep counts moments of the timeline, in ms, in the curve's steps. Those outside are left out.
func (c *Curve) PerStep(momentsMS []int64) []int {
	counts := make([]int, len(c.Live))
	for _, at := range momentsMS {
		if i := at / 1000 / int64(c.StepS); at >= 0 && i < int64(len(counts)) {
			counts[i]++
		}
	}
	return counts
}
