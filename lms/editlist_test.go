package lms

import (
	"slices"
	"testing"
)

const minute = int64(60_000)

// The recordings of these tests.
var (
	// whole keeps an hour from the start.
	whole = EditList{{0, 0, 60 * minute}}
	// late began two minutes after the lecture.
	late = EditList{{2 * minute, 0, 58 * minute}}
	// cut has no break from 20:00 to 30:00.
	cut = EditList{{0, 0, 20 * minute}, {30 * minute, 20 * minute, 30 * minute}}
	// pieces are two files put one after the other with a hole of 10 s between their playlists.
	pieces = EditList{{0, 0, 10 * minute}, {10 * minute, 10*minute + 10_000, 10 * minute}}
)

func TestEditListMaps(t *testing.T) {
	for _, c := range []struct {
		name      string
		e         EditList
		timeline  int64
		recording int64 // -1: beyond the end
	}{
		{"whole", whole, 0, 0},
		{"whole", whole, 24 * minute, 24 * minute},
		{"whole", whole, 60*minute - 1, 60*minute - 1},
		{"whole", whole, 60 * minute, -1},
		{"late, before", late, 0, 0},
		{"late, at", late, 2 * minute, 0},
		{"late, after", late, 12 * minute, 10 * minute},
		{"cut, last moment before", cut, 20*minute - 1, 20*minute - 1},
		{"cut, exactly there", cut, 20 * minute, 20 * minute},
		{"cut, inside", cut, 25 * minute, 20 * minute},
		{"cut, after", cut, 31 * minute, 21 * minute},
		{"pieces", pieces, 10 * minute, 10*minute + 10_000},
		{"nothing", nil, 0, -1},
	} {
		got, ok := c.e.ToRecording(c.timeline)
		if ok != (c.recording >= 0) || ok && got != c.recording {
			t.Errorf("%s: %d is at %d (%t), want %d", c.name, c.timeline, got, ok, c.recording)
		}
	}
	for _, c := range []struct {
		name      string
		e         EditList
		recording int64
		timeline  int64
	}{
		{"late", late, 0, 2 * minute},
		{"cut", cut, 20 * minute, 30 * minute},
		{"cut", cut, 19 * minute, 19 * minute},
		{"pieces, in the hole", pieces, 10*minute + 5_000, 10 * minute},
		{"cut, the end", cut, 50 * minute, -1},
		{"before the start", whole, -1, -1},
	} {
		got, ok := c.e.ToTimeline(c.recording)
		if ok != (c.timeline >= 0) || ok && got != c.timeline {
			t.Errorf("%s: the recording at %d shows %d (%t), want %d", c.name, c.recording, got, ok, c.timeline)
		}
	}
}

// TestEditListRoundTrip maps every kept second there and back.
func TestEditListRoundTrip(t *testing.T) {
	for _, e := range []EditList{whole, late, cut, pieces} {
		for _, s := range e.Kept() {
			for at := s.From; at < s.To; at++ {
				recording, ok1 := e.ToRecording(int64(at) * 1000)
				back, ok2 := e.ToTimeline(recording)
				if !ok1 || !ok2 || back != int64(at)*1000 {
					t.Fatalf("%v: second %d went to %d and back to %d", e, at, recording, back)
				}
			}
		}
	}
}

func TestEditListKept(t *testing.T) {
	for _, c := range []struct {
		e    EditList
		want string
	}{
		{nil, "{}"},
		{whole, "{[0,3600)}"},
		{late, "{[120,3600)}"},
		{cut, "{[0,1200),[1800,3600)}"},
		{pieces, "{[0,1200)}"},
		{EditList{{0, 0, 1500}, {1500, 1500, 1500}}, "{[0,3)}"},       // one second in two pieces
		{EditList{{0, 0, 1500}, {1900, 1500, 1100}}, "{[0,1),[2,3)}"}, // and one that was lost
		{EditList{{150, 0, 10_600}}, "{[0,10)}"},
	} {
		if got := c.e.Kept().String(); got != c.want {
			t.Errorf("%v keeps %s, want %s", c.e, got, c.want)
		}
	}
	if got := cut.LengthMS(); got != 50*minute {
		t.Errorf("length %d", got)
	}
	if got := cut.afterMS(25 * minute); got != 30*minute {
		t.Errorf("after the cut %d are left", got)
	}
}

func TestEditListBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		e        EditList
		at, want int64
	}{
		{"middle", whole, 24 * minute, 24*minute - 5000},
		{"near the start", whole, 3000, 0},
		{"the start", whole, 0, 0},
		{"near a late start", late, 2*minute + 1000, 2 * minute},
		{"across a cut", cut, 30*minute + 2000, 20*minute - 3000},
		{"at a cut", cut, 30 * minute, 20*minute - 5000},
		{"across two cuts", EditList{{0, 0, 10_000}, {60_000, 10_000, 1000}, {90_000, 11_000, 9000}}, 91_000, 7000},
		{"just enough", EditList{{0, 0, 10_000}, {60_000, 10_000, 9000}}, 65_000, 60_000},
	} {
		if got := c.e.backMS(c.at, ContextMS); got != c.want {
			t.Errorf("%s: 5 s before %d is %d, want %d", c.name, c.at, got, c.want)
		}
	}
}

func TestNewEditList(t *testing.T) {
	got, err := NewEditList([]Piece{{30 * minute, 20 * minute, 30 * minute}, {5, 5, 0}, {0, 0, 20 * minute}})
	if err != nil || !slices.Equal(got, cut) {
		t.Errorf("got %v, %v", got, err)
	}
	for name, bad := range map[string][]Piece{
		"the same moment twice":    {{0, 0, 1000}, {500, 1000, 1000}},
		"the same recording twice": {{0, 0, 1000}, {2000, 500, 1000}},
		"before the start":         {{-1, 0, 1000}},
		"negative length":          {{0, 0, -1}},
		"before the recording":     {{0, -1, 10}},
	} {
		if _, err := NewEditList(bad); err == nil {
			t.Errorf("%s is accepted", name)
		} else {
			isProblem(t, err, ErrInvalid, "edits")
		}
	}
}
