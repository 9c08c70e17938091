package lms

import "time"

// Run is one stretch on air. A lost connection of the presenter or a crash of the server does not end
// it: the timeline goes on, and the recording has a hole.
type Run struct {
	StartedAt time.Time
	StartMS   int64     // place on the session timeline where it begins
	EndedAt   time.Time // zero while on air
}

// Timeline is the session timeline of a broadcast: 0 is when the presenter first went on air, and time
// off air does not count. Runs are in order, and only the last one can be on air.
type Timeline []Run

// OnAir reports whether the last run has not ended.
func (t Timeline) OnAir() bool { return len(t) > 0 && t[len(t)-1].EndedAt.IsZero() }

// Edge is the end of the timeline now, in ms: the live edge while on air, else the length.
func (t Timeline) Edge(now time.Time) int64 {
	if len(t) == 0 {
		return 0
	}
	last := t[len(t)-1]
	if !last.EndedAt.IsZero() && last.EndedAt.Before(now) {
		now = last.EndedAt
	}
	return last.StartMS + max(0, now.Sub(last.StartedAt).Milliseconds())
}

// EdgeAt is where the edge stood at an instant that may lie before runs, between them or after.
func (t Timeline) EdgeAt(instant time.Time) int64 {
	for i := len(t) - 1; i >= 0; i-- {
		if !instant.Before(t[i].StartedAt) {
			return t[:i+1].Edge(instant)
		}
	}
	return 0
}

// Start adds a run beginning now, which continues where the last one stopped, also when the clock was put
// back since. It refuses when the broadcast is on air already.
func (t Timeline) Start(now time.Time) (Timeline, error) {
	if t.OnAir() {
		return t, &Problem{Kind: ErrConflict, Message: "The lecture is on air already."}
	}
	run := Run{StartedAt: now}
	if len(t) > 0 {
		run.StartMS = t.Edge(t[len(t)-1].EndedAt)
	}
	return append(t[:len(t):len(t)], run), nil
}

// End ends the run that is on air, not before it began, whatever the clock says. It refuses when there is
// none.
func (t Timeline) End(now time.Time) (Timeline, error) {
	if !t.OnAir() {
		return t, &Problem{Kind: ErrConflict, Message: "The lecture is not on air."}
	}
	ended := append(Timeline(nil), t...)
	last := &ended[len(ended)-1]
	if last.EndedAt = now; now.Before(last.StartedAt) {
		last.EndedAt = last.StartedAt
	}
	return ended, nil
}

// offFor is how long the timeline has been standing still, 0 while on air.
func (t Timeline) offFor(now time.Time) time.Duration {
	if len(t) == 0 || t.OnAir() {
		return 0
	}
	return max(0, now.Sub(t[len(t)-1].EndedAt))
}
