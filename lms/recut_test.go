package lms

import (
	"slices"
	"testing"
)

// grid is a recording of two pieces as the recorder leaves it: twelve segments of 2 s from 0:10 on, because it began late, a
// hole of a minute, and then three more, the last of them short.
var grid = func() EditList {
	var list EditList
	var at int64
	add := func(timeline, length int64) {
		list = append(list, Piece{TimelineMS: timeline, RecordingMS: at, LengthMS: length})
		at += length
	}
	for i := range int64(12) {
		add(10_000+2000*i, 2000)
	}
	add(94_000, 2000)
	add(96_000, 2000)
	add(98_000, 400)
	return list
}()

func TestRecut(t *testing.T) {
	for _, c := range []struct {
		name     string
		removed  Spans
		edits    EditList
		gone     string
		segments string // "{}" for all
	}{
		{"nothing", nil, EditList{{10_000, 0, 24_000}, {94_000, 24_000, 4400}}, "{}", "{}"},
		{"before the recording began", Spans{{0, 10_000}}, EditList{{10_000, 0, 24_000}, {94_000, 24_000, 4400}}, "{}", "{}"},
		{"the head", Spans{{0, 15_000}}, EditList{{16_000, 0, 18_000}, {94_000, 18_000, 4400}}, "{[10000,16000)}", "{[3,15)}"},
		{"the head, a little less", Spans{{0, 14_900}}, EditList{{14_000, 0, 20_000}, {94_000, 20_000, 4400}}, "{[10000,14000)}", "{[2,15)}"},
		{"less than half a segment", Spans{{10_000, 10_990}}, EditList{{10_000, 0, 24_000}, {94_000, 24_000, 4400}}, "{}", "{}"},
		{"the middle", Spans{{20_000, 26_000}}, EditList{{10_000, 0, 10_000}, {26_000, 10_000, 8000}, {94_000, 18_000, 4400}}, "{[20000,26000)}", "{[0,5),[8,15)}"},
		{"across the hole", Spans{{32_000, 96_000}}, EditList{{10_000, 0, 22_000}, {96_000, 22_000, 2400}}, "{[32000,34000),[94000,96000)}", "{[0,11),[13,15)}"},
		{"the tail", Spans{{98_000, 200_000}}, EditList{{10_000, 0, 24_000}, {94_000, 24_000, 4000}}, "{[98000,98400)}", "{[0,14)}"},
		{"the whole second piece", Spans{{90_000, 200_000}}, EditList{{10_000, 0, 24_000}}, "{[94000,98400)}", "{[0,12)}"},
		{"in any order, overlapping", Spans{{24_000, 26_000}, {20_000, 25_000}}, EditList{{10_000, 0, 10_000}, {26_000, 10_000, 8000}, {94_000, 18_000, 4400}}, "{[20000,26000)}", "{[0,5),[8,15)}"},
	} {
		cut, err := Recut(grid, c.removed)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.Equal(cut.Edits, c.edits) || cut.Removed.String() != c.gone || cut.Segments.String() != c.segments || cut.LengthMS != c.edits.LengthMS() {
			t.Errorf("%s: %v of %d ms, without %v, segments %v", c.name, cut.Edits, cut.LengthMS, cut.Removed, cut.Segments)
		}
		if (cut.Segments == nil) != (c.segments == "{}") {
			t.Errorf("%s: all segments are %#v", c.name, cut.Segments)
		}
		if _, err := NewEditList(cut.Edits); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		again, err := Recut(grid, cut.Removed)
		if err != nil || !slices.Equal(again.Edits, cut.Edits) {
			t.Errorf("%s: what was taken out, taken out again, is %v", c.name, again.Edits)
		}
	}
	_, err := Recut(grid, Spans{{0, 100_000}})
	isProblem(t, err, ErrInvalid, "removed")
	_, err = Recut(grid, make(Spans, 0, 300).many(300))
	isProblem(t, err, ErrInvalid, "removed")
	if cut, err := Recut(nil, Spans{{0, 1}}); err != nil || len(cut.Edits) != 0 {
		t.Errorf("of no recording: %v, %v", cut, err)
	}
}

// many is n stretches of a millisecond.
func (s Spans) many(n int32) Spans {
	for i := range n {
		s = append(s, Span{2 * i, 2*i + 1})
	}
	return s
}

// TestRecutHoldsForWhatComesAfter: a lecture goes on air again after its head was cut off; the head stays off.
func TestRecutHoldsForWhatComesAfter(t *testing.T) {
	first, err := Recut(grid[:12], Spans{{0, 15_000}})
	if err != nil {
		t.Fatal(err)
	}
	then, err := Recut(grid, first.Removed)
	if want := (EditList{{16_000, 0, 18_000}, {94_000, 18_000, 4400}}); err != nil || !slices.Equal(then.Edits, want) {
		t.Errorf("%v, %v", then.Edits, err)
	}
}

// TestResumeAfterCut is the list of lms.md 1.5: the ledger stays, and the edit list says where things are.
func TestResumeAfterCut(t *testing.T) {
	at := func(ms int64) *int64 { return &ms }
	long := func(removed ...Span) EditList { // an hour in segments of 2 s
		var segments EditList
		for i := range int64(1800) {
			segments = append(segments, Piece{TimelineMS: 2000 * i, RecordingMS: 2000 * i, LengthMS: 2000})
		}
		cut, err := Recut(segments, removed)
		if err != nil {
			t.Fatal(err)
		}
		return cut.Edits
	}
	minute := int32(60_000)
	for _, c := range []struct {
		name      string
		edits     EditList
		position  int64
		start     int64 // on the timeline
		recording int64
		reason    Reason
	}{
		{"the head is cut, p after it", long(Span{0, 5000}), 600_000, 595_000, 589_000, AtContinue}, // 6 s are gone: the third segment is mostly
		{"p in the head that is cut", long(Span{0, 10 * minute}), 300_000, 600_000, 0, AtContinue},
		{"p in a cut of the middle", long(Span{20 * minute, 30 * minute}), 25 * 60_000, 20*60_000 - 5000, 20*60_000 - 5000, AtContinue},
		{"cut exactly at p", long(Span{20 * minute, 30 * minute}), 20 * 60_000, 20*60_000 - 5000, 20*60_000 - 5000, AtContinue},
		{"cut exactly before p", long(Span{20 * minute, 30 * minute}), 30 * 60_000, 20*60_000 - 5000, 20*60_000 - 5000, AtContinue},
		{"p past the end that is cut off", long(Span{50 * minute, 60 * minute}), 55 * 60_000, 0, 0, AtGap},
		{"two pieces, p in the second", EditList{{0, 0, 600_000}, {900_000, 600_000, 600_000}}, 1_000_000, 995_000, 695_000, AtContinue},
		{"a late start, p before it", EditList{{120_000, 0, 3_000_000}}, 60_000, 120_000, 0, AtContinue},
	} {
		got := Resume(Viewing{EdgeMS: 3_600_000, Edits: c.edits, PositionMS: at(c.position)})
		recording, ok := c.edits.ToRecording(got.StartMS)
		if got.StartMS != c.start || got.Reason != c.reason || !ok || recording != c.recording {
			t.Errorf("%s: from %d (%s), in the recording %d, want %d (%s), %d", c.name, got.StartMS, got.Reason, recording, c.start, c.reason, c.recording)
		}
	}
}

// TestDeletedRecordingStillCounts: nobody can watch it, and nobody loses what they have watched.
func TestDeletedRecordingStillCounts(t *testing.T) {
	v := Viewing{EdgeMS: 60_000, Edits: EditList{{10_000, 0, 40_000}}, Watched: Spans{{0, 30}}}
	before := Resume(v)
	v.Deleted = true
	after := Resume(v)
	if after.Mode != ModeNone || len(after.Gaps) != 0 {
		t.Errorf("%s with gaps %v", after.Mode, after.Gaps)
	}
	if before.Watched.Share(before.Countable) != 0.5 || after.Watched.Share(after.Countable) != 0.5 {
		t.Errorf("the share went from %v to %v", before.Watched.Share(before.Countable), after.Watched.Share(after.Countable))
	}
}
