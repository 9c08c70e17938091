package lms

// What resuming goes by (lms.md 1.5).
const (
	// ContextMS is how much earlier than left a viewing continues.
	ContextMS = 5_000
	// behindMS is how far behind the live edge somebody must have been left for it to be worth offering
	// to go back there.
	behindMS = 30_000
	// endMS and endShare say how little may be left of a recording for it to count as finished:
	// less than the greater of 30 s and 2 %.
	endMS    = 30_000
	endShare = 0.02
)

// Mode is what there is to see.
type Mode string

// The modes.
const (
	ModeLive   Mode = "live"
	ModeReplay Mode = "replay"
	ModeNone   Mode = "none" // not yet on air, or ended without a recording
)

// Reason is why a viewing starts where it does.
type Reason string

// The reasons.
const (
	AtLiveEdge  Reason = "live_edge"
	AtContinue  Reason = "continue"  // where it was left, less the context
	AtGap       Reason = "gap"       // finished, but this was missed
	AtBeginning Reason = "beginning" // never watched, or nothing is missing
	AtLink      Reason = "link"      // a link names the moment
)

// Viewing is all that decides where somebody starts to watch.
type Viewing struct {
	OnAir      bool
	Unrecorded bool     // there is nothing behind the live edge to go back to
	EdgeMS     int64    // end of the timeline now
	Edits      EditList // the recording; while on air it is still growing and not asked
	Deleted    bool     // the recording was deleted; Edits still say what counts
	Watched    Spans    // seconds watched live, by DVR or in the replay
	PositionMS *int64   // the last played moment; nil when there is none
	LinkMS     *int64   // the moment of the timeline that a link names; nil without
}

// Start is where to begin, on the session timeline, and what is still missing.
type Start struct {
	Mode       Mode
	StartMS    int64
	Reason     Reason
	ContinueMS *int64 // while live: where the viewing was left, less the context; nil for no offer
	Watched    Spans  // of the countable seconds, those watched
	Countable  Spans
	Gaps       Spans // of the countable seconds, those missing and still to be watched
}

// Resume decides where a viewing starts. An explicit link wins; a live lecture starts at its edge and
// offers to go back; a recording starts where it was left, or, when finished, at what is missing.
func Resume(v Viewing) Start {
	s := Start{Mode: ModeNone, Reason: AtBeginning, Countable: Countable(v.OnAir, v.EdgeMS, v.Edits)}
	s.Watched = v.Watched.Intersect(s.Countable)
	s.Gaps = s.Watched.Gaps(s.Countable)
	switch {
	case v.OnAir:
		s.Mode = ModeLive
		v.startLive(&s)
	case len(v.Edits) > 0 && !v.Deleted:
		s.Mode = ModeReplay
		v.startReplay(&s)
	default:
		s.Gaps = nil // nobody can watch them any more
	}
	return s
}

// Countable returns the seconds that count: all so far while on air, and what the recording keeps
// afterwards. Of a lecture that could not be recorded all count: those who were there have watched it.
func Countable(onAir bool, edgeMS int64, edits EditList) Spans {
	if onAir || len(edits) == 0 {
		return SecondsPlayed(0, edgeMS)
	}
	return edits.Kept()
}

func (v Viewing) startLive(s *Start) {
	s.StartMS, s.Reason = v.EdgeMS, AtLiveEdge
	if v.Unrecorded {
		s.Gaps = nil // nobody can watch them any more
		return
	}
	if v.PositionMS != nil && v.EdgeMS-*v.PositionMS > behindMS {
		back := max(0, *v.PositionMS-ContextMS)
		s.ContinueMS = &back
	}
	if v.LinkMS != nil && *v.LinkMS < v.EdgeMS {
		s.StartMS, s.Reason = max(0, *v.LinkMS), AtLink
	}
}

func (v Viewing) startReplay(s *Start) {
	if v.LinkMS != nil {
		if at, ok := v.Edits.keptFrom(*v.LinkMS); ok {
			s.StartMS, s.Reason = at, AtLink
			return
		}
	}
	if v.PositionMS != nil && !v.finished(*v.PositionMS) {
		at, _ := v.Edits.keptFrom(*v.PositionMS)
		s.StartMS, s.Reason = v.Edits.backMS(at, ContextMS), AtContinue
		return
	}
	s.StartMS, s.Reason = v.Edits[0].TimelineMS, AtBeginning
	if v.PositionMS != nil && len(s.Gaps) > 0 {
		// The second of the gap may begin a little before what is kept.
		s.StartMS, _ = v.Edits.keptFrom(int64(s.Gaps[0].From) * 1000)
		s.Reason = AtGap
	}
}

// finished reports whether too little of the recording is left after a moment to continue there.
func (v Viewing) finished(timelineMS int64) bool {
	limit := max(endMS, int64(endShare*float64(v.Edits.LengthMS())))
	return v.Edits.afterMS(timelineMS) < limit
}

// keptFrom returns the moment itself when it is kept, else the next one that is, if any.
func (e EditList) keptFrom(timelineMS int64) (int64, bool) {
	for _, p := range e {
		if timelineMS < p.TimelineMS+p.LengthMS {
			return max(timelineMS, p.TimelineMS), true
		}
	}
	return 0, false
}
