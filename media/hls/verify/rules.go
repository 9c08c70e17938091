package verify

import (
	"fmt"
	"time"
)

// Rules by name. Those of one playlist, then those across reloads, then those of what is listed.
const (
	RuleParse        = "parse"           // it can be read
	RuleTarget       = "target-duration" // EXT-X-TARGETDURATION is there, and no segment rounds to more
	RuleMap          = "map"             // every segment of fMP4 has an initialisation section
	RuleControl      = "server-control"  // who lists parts says what the server can do
	RuleHoldBack     = "hold-back"       // three targets at least, of segments and of parts
	RulePartLong     = "part-long"       // no part is longer than PART-TARGET
	RulePartShort    = "part-short"      // nor shorter than 85 % of it, but the last of a segment
	RulePartSum      = "part-sum"        // the parts of a segment are as long as it
	RuleDate         = "date"            // dates follow each other as the durations do
	RuleConstant     = "constant"        // what must stay the same stays
	RuleMonotone     = "monotone"        // numbers rise, and nothing is taken back
	RuleChanged      = "changed"         // a segment or part is what it was
	RuleDiscSequence = "discontinuity-sequence"
	RuleDelta        = "delta"    // a delta update leaves out what it may, and is known before
	RuleAligned      = "aligned"  // renditions agree in number, time and discontinuity
	RuleMissing      = "missing"  // what is listed is there
	RuleBlocking     = "blocking" // a blocking reload brings what was asked for
	RuleDecodeTime   = "decode-time"
	RuleContents     = "contents" // what is listed is fMP4
)

// tolerance is how far sums may be off: one AAC frame of 48 kHz, and the rounding of durations.
const tolerance = 23 * time.Millisecond

// faults are what is found wrong, as rule and words.
type faults func(rule, format string, args ...any)

// checkAlone applies the rules of one playlist.
func checkAlone(p *Playlist, found faults) {
	if p.Target == 0 {
		found(RuleTarget, "EXT-X-TARGETDURATION is absent")
	}
	low := p.PartTarget > 0 || len(p.Open) > 0
	for i, s := range p.Segments {
		n := p.First + p.Skipped + i
		low = low || len(s.Parts) > 0
		if s.Duration.Round(time.Second) > p.Target {
			found(RuleTarget, "segment %d lasts %v, the target is %v", n, s.Duration, p.Target)
		}
		if s.Map == "" && p.Skipped == 0 {
			found(RuleMap, "segment %d has no EXT-X-MAP before it", n)
		}
		if i > 0 && !s.Discontinuity && !s.Date.IsZero() && !p.Segments[i-1].Date.IsZero() {
			if d := s.Date.Sub(p.Segments[i-1].Date) - p.Segments[i-1].Duration; d.Abs() > tolerance {
				found(RuleDate, "segment %d begins %v from where the one before ends", n, d)
			}
		}
		checkParts(p, n, s.Parts, s.Duration, found)
	}
	checkParts(p, p.First+p.Skipped+len(p.Segments), p.Open, 0, found)
	if !low || p.Ended {
		return
	}
	switch {
	case !p.Control:
		found(RuleControl, "EXT-X-SERVER-CONTROL is absent, but there are parts")
	case !p.Blocks:
		found(RuleControl, "CAN-BLOCK-RELOAD=YES is absent")
	}
	if p.PartTarget == 0 {
		found(RuleControl, "EXT-X-PART-INF is absent")
	}
	if p.Control && p.PartHoldBack < 3*p.PartTarget {
		found(RuleHoldBack, "PART-HOLD-BACK is %v, less than three times %v", p.PartHoldBack, p.PartTarget)
	}
	if p.HoldBack > 0 && p.HoldBack < 3*p.Target {
		found(RuleHoldBack, "HOLD-BACK is %v, less than three times %v", p.HoldBack, p.Target)
	}
}

// checkParts looks at the parts of one segment; length is 0 for the open one.
func checkParts(p *Playlist, number int, parts []Part, length time.Duration, found faults) {
	var sum time.Duration
	for i, part := range parts {
		sum += part.Duration
		last := i == len(parts)-1 && length > 0
		if part.Duration > p.PartTarget+time.Millisecond {
			found(RulePartLong, "part %d of segment %d lasts %v, PART-TARGET is %v", i, number, part.Duration, p.PartTarget)
		}
		// The last one that is listed of an open segment may turn out to be its last.
		if !last && !(length == 0 && i == len(parts)-1) && part.Duration < p.PartTarget*85/100 {
			found(RulePartShort, "part %d of segment %d lasts %v, less than 85 %% of %v", i, number, part.Duration, p.PartTarget)
		}
	}
	if length > 0 && len(parts) > 0 && (sum-length).Abs() > tolerance {
		found(RulePartSum, "the %d parts of segment %d last %v, it lasts %v", len(parts), number, sum, length)
	}
}

// history is what a playlist said before, across reloads.
type history struct {
	last     *Playlist
	segments map[int]Segment
	parts    map[int][]Part
	breaks   int // discontinuities before number counted
	counted  int
}

func newHistory() *history {
	return &history{segments: map[int]Segment{}, parts: map[int][]Part{}, counted: -1}
}

// add applies the rules across reloads to the next answer, and remembers it.
func (h *history) add(p *Playlist, found faults) {
	if l := h.last; l != nil {
		h.compare(l, p, found)
	}
	if p.Skipped > 0 {
		for n := p.First; n < p.First+p.Skipped; n++ {
			if _, known := h.segments[n]; !known {
				found(RuleDelta, "segment %d is left out, but was never listed", n)
			}
		}
		var left time.Duration
		for _, s := range p.Segments {
			left += s.Duration
		}
		for _, part := range p.Open {
			left += part.Duration
		}
		if left < p.SkipUntil {
			found(RuleDelta, "%v are left of a delta update, less than CAN-SKIP-UNTIL of %v", left, p.SkipUntil)
		}
	}
	first := p.First + p.Skipped
	for i, s := range p.Segments {
		h.segment(first+i, s, found)
	}
	h.open(first+len(p.Segments), p.Open, found)
	h.discontinuities(p, found)
	h.last = p
}

func (h *history) compare(was, is *Playlist, found faults) {
	same := func(what string, a, b time.Duration) {
		if a != b && !is.Ended {
			found(RuleConstant, "%s was %v and is %v", what, a, b)
		}
	}
	if was.Target != is.Target {
		found(RuleConstant, "EXT-X-TARGETDURATION was %v and is %v", was.Target, is.Target)
	}
	same("PART-TARGET", was.PartTarget, is.PartTarget)
	same("PART-HOLD-BACK", was.PartHoldBack, is.PartHoldBack)
	same("HOLD-BACK", was.HoldBack, is.HoldBack)
	same("CAN-SKIP-UNTIL", was.SkipUntil, is.SkipUntil)
	if is.First < was.First {
		found(RuleMonotone, "EXT-X-MEDIA-SEQUENCE fell from %d to %d", was.First, is.First)
	}
	if is.Breaks < was.Breaks {
		found(RuleMonotone, "EXT-X-DISCONTINUITY-SEQUENCE fell from %d to %d", was.Breaks, is.Breaks)
	}
	if a, b := was.First+was.Skipped+len(was.Segments), is.First+is.Skipped+len(is.Segments); b < a {
		found(RuleMonotone, "segments up to %d were listed, and now up to %d", a-1, b-1)
	}
	if was.Ended && !is.Ended {
		found(RuleMonotone, "EXT-X-ENDLIST was taken back")
	}
}

func (h *history) segment(n int, s Segment, found faults) {
	was, known := h.segments[n]
	if known && (was.URI != s.URI || was.Duration != s.Duration || was.Discontinuity != s.Discontinuity || !was.Date.Equal(s.Date)) {
		found(RuleChanged, "segment %d was %s of %v, and is %s of %v", n, was.URI, was.Duration, s.URI, s.Duration)
	}
	h.segments[n] = s
	if len(s.Parts) > 0 {
		h.open(n, s.Parts, found)
	}
}

// open compares the parts of a segment with those known, which are as many or fewer.
func (h *history) open(n int, parts []Part, found faults) {
	was := h.parts[n]
	for i := range was {
		switch {
		case i >= len(parts):
			found(RuleMonotone, "segment %d had %d parts, and has %d", n, len(was), len(parts))
			return
		case was[i] != parts[i]:
			found(RuleChanged, "part %d of segment %d was %s, and is %s", i, n, was[i].URI, parts[i].URI)
		}
	}
	h.parts[n] = parts
}

// discontinuities counts those that left the window.
func (h *history) discontinuities(p *Playlist, found faults) {
	if h.counted < 0 {
		h.counted, h.breaks = p.First, p.Breaks
	}
	for ; h.counted < p.First; h.counted++ {
		s, known := h.segments[h.counted]
		if !known { // it came and went between two reloads
			h.counted, h.breaks = p.First, p.Breaks
			return
		}
		if s.Discontinuity {
			h.breaks++
		}
		if h.counted < p.First-1000 {
			delete(h.segments, h.counted)
		}
	}
	if p.Breaks != h.breaks {
		found(RuleDiscSequence, "EXT-X-DISCONTINUITY-SEQUENCE is %d, but %d discontinuities have left", p.Breaks, h.breaks)
		h.breaks = p.Breaks
	}
}

// checkAligned compares what two renditions say of the same segments.
func checkAligned(a, b *history, found faults) {
	for n, s := range a.segments {
		o, both := b.segments[n]
		switch {
		case !both:
		case s.Discontinuity != o.Discontinuity:
			found(RuleAligned, "segment %d is a discontinuity in one rendition only", n)
		case (s.Duration - o.Duration).Abs() > tolerance:
			found(RuleAligned, "segment %d lasts %v and %v", n, s.Duration, o.Duration)
		case !s.Date.IsZero() && !o.Date.IsZero() && s.Date.Sub(o.Date).Abs() > tolerance:
			found(RuleAligned, "segment %d begins %v apart", n, s.Date.Sub(o.Date))
		}
	}
}

// String writes one fault for a terminal.
func (v Violation) String() string { return fmt.Sprintf("%s: %s: %s", v.URL, v.Rule, v.Detail) }
