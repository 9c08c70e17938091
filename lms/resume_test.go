package lms

import (
	"slices"
	"testing"
)

func ms(at int64) *int64 { return &at }

// TestResumeReplay holds the cases of lms.md 1.5 for the recording of a lecture of an hour.
func TestResumeReplay(t *testing.T) {
	for _, c := range []struct {
		name    string
		edits   EditList
		watched Spans
		at      *int64
		link    *int64
		start   int64
		reason  Reason
	}{
		{"never watched", whole, nil, nil, nil, 0, AtBeginning},
		{"left at 40 %", whole, set(0, 1440), ms(24 * minute), nil, 24*minute - 5000, AtContinue},
		{"left after 3 s", whole, nil, ms(3000), nil, 0, AtContinue},
		{"late recording, left at 10:00", late, set(0, 600), ms(10 * minute), nil, 10*minute - 5000, AtContinue},
		{"late recording, left before it began", late, set(0, 60), ms(minute), nil, 2 * minute, AtContinue},
		{"late recording, never watched", late, nil, nil, nil, 2 * minute, AtBeginning},
		{"two pieces, left in the second", pieces, nil, ms(15 * minute), nil, 15*minute - 5000, AtContinue},
		{"two pieces, left at the seam", pieces, nil, ms(10 * minute), nil, 10*minute - 5000, AtContinue},
		{"cut in the middle, left before it", cut, nil, ms(10 * minute), nil, 10*minute - 5000, AtContinue},
		{"cut in the middle, left in it", cut, nil, ms(25 * minute), nil, 20*minute - 5000, AtContinue},
		{"cut in the middle, left after it", cut, nil, ms(40 * minute), nil, 40*minute - 5000, AtContinue},
		{"cut exactly where it was left", cut, nil, ms(20 * minute), nil, 20*minute - 5000, AtContinue},
		{"left exactly where the cut ends", cut, nil, ms(30 * minute), nil, 20*minute - 5000, AtContinue},
		{"left 2 s after the cut", cut, nil, ms(30*minute + 2000), nil, 20*minute - 3000, AtContinue},

		// 2 % of an hour are 72 s.
		{"72 s are left", whole, set(0, 3528), ms(3528_000), nil, 3523_000, AtContinue},
		{"less than 72 s are left, all watched so far", whole, set(0, 3529), ms(3528_001), nil, 3529_000, AtGap},
		{"finished, with a gap", whole, set(0, 600, 1200, 3600), ms(60*minute - 1000), nil, 10 * minute, AtGap},
		{"finished, nothing is missing", whole, set(0, 3600), ms(60 * minute), nil, 0, AtBeginning},
		{"past the end", whole, set(1200, 3600), ms(61 * minute), nil, 0, AtGap},
		{"past the end of a shorter recording", EditList{{0, 0, 30 * minute}}, set(0, 1800), ms(45 * minute), nil, 0, AtBeginning},
		{"finished, the gap is cut out", cut, set(0, 1200, 1800, 3600), ms(60 * minute), nil, 0, AtBeginning},
		{"short recording, 30 s are left", EditList{{0, 0, 5 * minute}}, nil, ms(270_000), nil, 265_000, AtContinue},
		{"short recording, less than 30 s are left", EditList{{0, 0, 5 * minute}}, set(100, 300), ms(270_001), nil, 0, AtGap},
		{"the gap begins within a second", EditList{{2150, 0, 60_000}}, set(3, 62), ms(62_000), nil, 2150, AtGap},

		{"late joiner, from 20:00 to 45:00", whole, set(1200, 2700), ms(45 * minute), nil, 45*minute - 5000, AtContinue},
		{"a link wins", whole, set(0, 1440), ms(24 * minute), ms(50 * minute), 50 * minute, AtLink},
		{"a link to the start", whole, nil, ms(24 * minute), ms(0), 0, AtLink},
		{"a link into the cut", cut, nil, nil, ms(25 * minute), 30 * minute, AtLink},
		{"a link past the end is no link", whole, nil, ms(24 * minute), ms(61 * minute), 24*minute - 5000, AtContinue},
		{"a link before a late start", late, nil, nil, ms(0), 2 * minute, AtLink},
	} {
		got := Resume(Viewing{EdgeMS: 60 * minute, Edits: c.edits, Watched: c.watched, PositionMS: c.at, LinkMS: c.link})
		if got.Mode != ModeReplay || got.StartMS != c.start || got.Reason != c.reason || got.ContinueMS != nil {
			t.Errorf("%s: %s %d %s, want %d %s", c.name, got.Mode, got.StartMS, got.Reason, c.start, c.reason)
		}
	}
}

// TestResumeRecut: the recording is cut anew; what was watched and where it was left stay.
func TestResumeRecut(t *testing.T) {
	v := Viewing{EdgeMS: 60 * minute, Edits: whole, Watched: set(0, 1500), PositionMS: ms(25 * minute)}
	before := Resume(v)
	v.Edits = cut
	after := Resume(v)
	if before.StartMS != 25*minute-5000 || after.StartMS != 20*minute-5000 {
		t.Errorf("starts at %d and after the cut at %d", before.StartMS, after.StartMS)
	}
	if before.Watched.Len() != 1500 || after.Watched.Len() != 1200 || after.Countable.Len() != 3000 {
		t.Errorf("counts %d, and after the cut %d of %d", before.Watched.Len(), after.Watched.Len(), after.Countable.Len())
	}
	v.Edits = whole
	if again := Resume(v); again.StartMS != before.StartMS || again.Watched.Len() != 1500 {
		t.Errorf("undone: %+v", again)
	}
}

func TestResumeLive(t *testing.T) {
	for _, c := range []struct {
		name   string
		at     *int64
		link   *int64
		start  int64
		reason Reason
		back   int64 // -1: no offer
	}{
		{"first time", nil, nil, 20 * minute, AtLiveEdge, -1},
		{"left at 12:04", ms(724_000), nil, 20 * minute, AtLiveEdge, 719_000},
		{"left 30 s ago", ms(20*minute - 30_000), nil, 20 * minute, AtLiveEdge, -1},
		{"left 31 s ago", ms(20*minute - 31_000), nil, 20 * minute, AtLiveEdge, 20*minute - 36_000},
		{"left after 2 s", ms(2000), nil, 20 * minute, AtLiveEdge, 0},
		{"a link", nil, ms(5 * minute), 5 * minute, AtLink, -1},
		{"a link into the future", nil, ms(25 * minute), 20 * minute, AtLiveEdge, -1},
		{"a link before the start", nil, ms(-5), 0, AtLink, -1},
	} {
		got := Resume(Viewing{OnAir: true, EdgeMS: 20 * minute, PositionMS: c.at, LinkMS: c.link})
		back := int64(-1)
		if got.ContinueMS != nil {
			back = *got.ContinueMS
		}
		if got.Mode != ModeLive || got.StartMS != c.start || got.Reason != c.reason || back != c.back {
			t.Errorf("%s: %s %d %s back to %d, want %d %s %d", c.name, got.Mode, got.StartMS, got.Reason, back, c.start, c.reason, c.back)
		}
	}
}

// TestResumeMap: a late joiner sees what is missing, and the seconds that do not count are left out of all.
func TestResumeMap(t *testing.T) {
	got := Resume(Viewing{EdgeMS: 60 * minute, Edits: cut, Watched: set(1200, 2700), PositionMS: ms(45 * minute)})
	if !slices.Equal(got.Gaps, set(0, 1200, 2700, 3600)) || !slices.Equal(got.Watched, set(1800, 2700)) || !slices.Equal(got.Countable, set(0, 1200, 1800, 3600)) {
		t.Errorf("got %+v", got)
	}
	live := Resume(Viewing{OnAir: true, EdgeMS: 100_500, Watched: set(10, 20)})
	if !slices.Equal(live.Gaps, set(0, 10, 20, 100)) || live.Countable.Len() != 100 {
		t.Errorf("got %+v", live)
	}
}

func TestResumeNothing(t *testing.T) {
	if got := Resume(Viewing{}); got.Mode != ModeNone || got.StartMS != 0 || len(got.Countable) != 0 || len(got.Watched) != 0 {
		t.Errorf("not yet on air: %+v", got)
	}
	// Who was there keeps what they have watched, though there is nothing to go back to.
	got := Resume(Viewing{EdgeMS: 60 * minute, Watched: set(0, 100), PositionMS: ms(100_000), LinkMS: ms(5)})
	if got.Mode != ModeNone || got.StartMS != 0 || got.Countable.Len() != 3600 || got.Watched.Len() != 100 || len(got.Gaps) != 0 {
		t.Errorf("ended without recording: %+v", got)
	}
}

// TestResumeUnrecorded: there is nothing behind the live edge, whatever a link or an earlier visit says.
func TestResumeUnrecorded(t *testing.T) {
	got := Resume(Viewing{OnAir: true, Unrecorded: true, EdgeMS: 20 * minute, PositionMS: ms(5 * minute), LinkMS: ms(minute), Watched: set(0, 300)})
	if got.Mode != ModeLive || got.StartMS != 20*minute || got.Reason != AtLiveEdge || got.ContinueMS != nil || len(got.Gaps) > 0 || got.Watched.Len() != 300 {
		t.Errorf("%+v", got)
	}
}
