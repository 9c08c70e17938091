package lms

import "fmt"

// Cut is a recording without what was taken out of it.
type Cut struct {
	Removed  Spans    // milliseconds of the timeline that are taken out, from joint to joint
	Segments Spans    // numbers of the segments that are left; nil for all
	Edits    EditList // of what is left, put together without holes
	LengthMS int64
}

// Rules of a cut.
const (
	// joinMS is how far timeline and recording may drift apart within one piece, in ms: the recorder cuts on a
	// grid of sound frames.
	joinMS = 100
	// maxRemoved bounds how many stretches can be taken out of one recording.
	maxRemoved = 200
)

// Recut takes stretches of the timeline, in milliseconds, out of a recording. Segments are those of the whole recording, in
// order and without holes in the recording; each is one group of pictures, so it is the least that can be cut without
// encoding anew. One is taken out when at least half of it is asked for: a cut is off by half a segment at
// most. Nothing removed gives the recorded state back.
func Recut(segments []Piece, removed Spans) (Cut, error) {
	removed = SpansOf(removed...)
	if len(removed) > maxRemoved {
		return Cut{}, invalid("removed", fmt.Sprintf("Take out at most %d stretches.", maxRemoved))
	}
	cut := Cut{}
	var kept, gone []Span
	for i, s := range segments {
		number := Span{int32(i), int32(i + 1)}
		whole := Span{int32(s.TimelineMS), int32(s.TimelineMS + s.LengthMS)}
		if 2*removed.Clip(whole.From, whole.To).Len() >= s.LengthMS {
			gone = append(gone, whole)
			continue
		}
		kept = append(kept, number)
		cut.add(s)
	}
	if len(segments) > 0 && len(kept) == 0 {
		return Cut{}, invalid("removed", "Nothing would be left. To take the whole recording away, delete it.")
	}
	cut.Removed = closeUp(gone)
	if len(gone) > 0 {
		cut.Segments = SpansOf(kept...)
	}
	return cut, nil
}

// add appends a segment to what is left.
func (c *Cut) add(s Piece) {
	n := len(c.Edits) - 1
	if n < 0 || abs(s.TimelineMS-c.Edits[n].TimelineMS-c.Edits[n].LengthMS) > joinMS {
		c.Edits = append(c.Edits, Piece{TimelineMS: s.TimelineMS, RecordingMS: c.LengthMS})
		n++
	}
	c.Edits[n].LengthMS += s.LengthMS
	c.LengthMS += s.LengthMS
}

// closeUp joins stretches that only the recorder's grid keeps apart.
func closeUp(spans []Span) Spans {
	set := SpansOf(spans...)
	for i := len(set) - 1; i > 0; i-- {
		if set[i].From-set[i-1].To <= joinMS {
			set[i-1].To = set[i].To
			set = append(set[:i], set[i+1:]...)
		}
	}
	return set
}

func abs(n int64) int64 { return max(n, -n) }
