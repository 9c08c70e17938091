package lms

import "slices"

// Piece says that LengthMS of the recording from RecordingMS show the session timeline from TimelineMS.
type Piece struct {
	TimelineMS  int64
	RecordingMS int64 // time in the HLS playlist, that is currentTime of the video element
	LengthMS    int64
}

// EditList is the recording of a broadcast: what of its timeline is kept and where. A late start, a cut
// break or a crash in the middle are just pieces. They are in the order of the timeline. When the
// recording is cut anew, only this list changes, never what people have watched.
type EditList []Piece

// NewEditList orders pieces and refuses lists in which a moment is kept twice.
func NewEditList(pieces []Piece) (EditList, error) {
	e := make(EditList, 0, len(pieces))
	for _, p := range pieces {
		if p.TimelineMS < 0 || p.RecordingMS < 0 || p.LengthMS < 0 {
			return nil, invalid("edits", "A piece of a recording cannot start or end before its beginning.")
		}
		if p.LengthMS > 0 {
			e = append(e, p)
		}
	}
	slices.SortFunc(e, func(a, b Piece) int { return int(a.RecordingMS - b.RecordingMS) })
	for i := 1; i < len(e); i++ {
		if e[i-1].RecordingMS+e[i-1].LengthMS > e[i].RecordingMS {
			return nil, invalid("edits", "Two pieces of a recording overlap.")
		}
	}
	slices.SortFunc(e, func(a, b Piece) int { return int(a.TimelineMS - b.TimelineMS) })
	for i := 1; i < len(e); i++ {
		if e[i-1].TimelineMS+e[i-1].LengthMS > e[i].TimelineMS {
			return nil, invalid("edits", "Two pieces of a recording show the same moment.")
		}
	}
	return e, nil
}

// ToRecording returns where in the recording a moment of the timeline is. A moment that is not kept is
// shown by the next one that is. After the last kept moment ok is false.
func (e EditList) ToRecording(timelineMS int64) (recordingMS int64, ok bool) {
	for _, p := range e {
		if timelineMS < p.TimelineMS+p.LengthMS {
			return p.RecordingMS + max(0, timelineMS-p.TimelineMS), true
		}
	}
	return 0, false
}

// ToTimeline returns which moment the recording shows at a place. In a hole between pieces of the
// recording it is the start of the next piece; before the first and after the last ok is false.
func (e EditList) ToTimeline(recordingMS int64) (timelineMS int64, ok bool) {
	next := Piece{RecordingMS: -1}
	for _, p := range e {
		if recordingMS >= p.RecordingMS && recordingMS < p.RecordingMS+p.LengthMS {
			return p.TimelineMS + recordingMS - p.RecordingMS, true
		}
		if p.RecordingMS > recordingMS && (next.RecordingMS < 0 || p.RecordingMS < next.RecordingMS) {
			next = p
		}
	}
	return next.TimelineMS, next.RecordingMS >= 0 && recordingMS >= 0
}

// Kept returns the seconds of the timeline that the recording shows to at least 0.8 s. They are what
// counts: nobody can be asked to have watched what nobody can watch any more.
func (e EditList) Kept() Spans {
	var kept Spans
	for i := 0; i < len(e); {
		from, to := e[i].TimelineMS, e[i].TimelineMS+e[i].LengthMS
		for i++; i < len(e) && e[i].TimelineMS == to; i++ { // pieces without a hole between are one
			to += e[i].LengthMS
		}
		kept = append(kept, SecondsPlayed(from, to)...)
	}
	return SpansOf(kept...)
}

// LengthMS is how much of the timeline is kept.
func (e EditList) LengthMS() int64 {
	var n int64
	for _, p := range e {
		n += p.LengthMS
	}
	return n
}

// afterMS is how much of the recording shows what comes after a moment of the timeline.
func (e EditList) afterMS(timelineMS int64) int64 {
	var n int64
	for _, p := range e {
		n += min(p.LengthMS, max(0, p.TimelineMS+p.LengthMS-timelineMS))
	}
	return n
}

// backMS returns the moment that is shown context ms before timelineMS, without leaving what is kept.
func (e EditList) backMS(timelineMS, context int64) int64 {
	for i := len(e) - 1; i >= 0; i-- {
		p := e[i]
		if timelineMS <= p.TimelineMS && i > 0 {
			continue
		}
		at := min(timelineMS, p.TimelineMS+p.LengthMS)
		if at-context >= p.TimelineMS || i == 0 {
			return max(p.TimelineMS, at-context)
		}
		context -= at - p.TimelineMS
		timelineMS = p.TimelineMS
	}
	return 0
}
