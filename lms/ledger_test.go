package lms

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// onAir is a lecture that began at noon.
var onAir = Session{Timeline: Timeline{{StartedAt: noon}}}

// recorded is the same after an hour, with its recording.
var recorded = Session{Timeline: Timeline{{StartedAt: noon, EndedAt: noon.Add(time.Hour)}}, Edits: whole}

// after is the time so many seconds after noon.
func after(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// watching keeps one person's ledger with several players, as storage does.
type watching struct {
	t       *testing.T
	viewer  Viewer
	players map[string]Player
}

func newWatching(t *testing.T) *watching { return &watching{t: t, players: map[string]Player{}} }

// report enters a report and returns how many seconds were refused.
func (w *watching) report(s Session, r Report, now time.Time) int64 {
	w.t.Helper()
	if err := r.Validate(); err != nil {
		w.t.Fatal(err)
	}
	w.viewer.Player = w.players[r.Player]
	viewer, refused := w.viewer.Accept(s, r, now)
	w.viewer, w.players[r.Player] = viewer, viewer.Player
	return refused
}

// is fails the test unless the ledger reads as wanted; at is -1 for no position.
func (w *watching) is(what string, watched Spans, at int64) {
	w.t.Helper()
	position := int64(-1)
	if w.viewer.PositionMS != nil {
		position = *w.viewer.PositionMS
	}
	if got := w.viewer.Watched(); !slices.Equal(got, watched) || position != at {
		w.t.Errorf("%s: watched %v at %d, want %v at %d", what, got, position, watched, at)
	}
}

// TestAcceptPlainPlay: reports every 10 s whose seams lie within seconds lose no second.
func TestAcceptPlainPlay(t *testing.T) {
	w := newWatching(t)
	from := int64(400) // the first second is played to 0.6 only
	for i := int64(1); i <= 30; i++ {
		to := i*10_000 + 137*i%1000
		if refused := w.report(onAir, played("player-1", i, Live, from, to), after(float64(to)/1000+0.3)); refused != 0 {
			t.Fatalf("report %d: %d s refused", i, refused)
		}
		from = to
	}
	last := int64(300_000 + 137*30%1000)
	w.is("after five minutes", set(1, 300), last)
	if got := w.viewer.Seconds[Live]; !slices.Equal(got, set(1, 300)) || len(w.viewer.Seconds) != 1 {
		t.Errorf("got %v", w.viewer.Seconds)
	}
}

// TestAcceptSeamWithAHole: a second of which 0.2 s are missing between two reports is played, one of which more is
// missing is not (lms.md 1.6). Either way it is one stretch of play.
func TestAcceptSeamWithAHole(t *testing.T) {
	for from, want := range map[int64]Spans{10_250: set(0, 15), 10_251: set(0, 10, 11, 15), 10_900: set(0, 10, 11, 15), 11_040: set(0, 10, 11, 15)} {
		w := newWatching(t)
		w.report(onAir, played("player-1", 1, Live, 0, 10_050), after(11))
		w.report(onAir, played("player-1", 2, Live, from, 15_000), after(16))
		w.is(fmt.Sprint("from ", from), want, 15_000)
	}
}

func TestAcceptChangesNoArgument(t *testing.T) {
	before := Viewer{Seconds: map[Provenance]Spans{Live: set(0, 10)}}
	changed, _ := before.Accept(onAir, played("player-1", 1, Live, 10_000, 20_000), after(20))
	if len(before.Seconds[Live]) != 1 || before.Seconds[Live][0] != (Span{0, 10}) || before.PositionMS != nil {
		t.Errorf("the viewer before has become %+v", before)
	}
	if got := changed.Watched(); !slices.Equal(got, set(0, 20)) {
		t.Errorf("got %v", got)
	}
}

// TestAcceptTwice: a report that is sent again, or overtaken by a newer one, has its effect once.
func TestAcceptTwice(t *testing.T) {
	w := newWatching(t)
	first, second := played("player-1", 1, Live, 0, 10_000), played("player-1", 2, Live, 10_000, 20_000)
	w.report(onAir, first, after(10))
	w.report(onAir, second, after(20))
	budget := w.viewer.Budget.Left
	w.report(onAir, first, after(20))
	w.report(onAir, second, after(20))
	w.is("sent twice", set(0, 20), 20_000)
	if w.viewer.Budget.Left != budget {
		t.Errorf("repetitions cost %v", budget-w.viewer.Budget.Left)
	}

	beacon := newWatching(t)
	beacon.report(onAir, second, after(20))
	beacon.report(onAir, first, after(21))
	beacon.is("in the wrong order", set(0, 20), 20_000)
}

// TestAcceptPosition: it takes ten seconds of play without a break, and only play moves it.
func TestAcceptPosition(t *testing.T) {
	w := newWatching(t)
	w.report(recorded, played("player-1", 1, Replay, 0, 9_999), after(7200))
	w.is("just under ten seconds", set(0, 10), -1)
	w.report(recorded, played("player-1", 2, Replay, 9_999, 10_400), after(7201))
	w.is("ten in two reports", set(0, 10), 10_400)

	scrub := played("player-1", 3, Replay, 10_400, 20_000)
	scrub.PositionMS = 3_000_000 // the report was sent because of a seek
	w.report(recorded, scrub, after(7210))
	w.is("a scrub", set(0, 20), 20_000)

	inside := played("player-1", 4, Replay, 20_000, 30_000)
	inside.PositionMS = 29_500
	w.report(recorded, inside, after(7220))
	w.is("the player is a little behind", set(0, 30), 29_500)

	w.report(recorded, played("player-1", 5, Replay, 3_000_000, 3_005_000), after(7230))
	w.is("a look ahead", set(0, 30, 3000, 3005), 29_500)
	w.report(recorded, played("player-1", 6, Replay, 3_005_000, 3_011_000), after(7236))
	w.is("which becomes a viewing", set(0, 30, 3000, 3011), 3_011_000)
	w.report(recorded, played("player-1", 7, Replay), after(7240))
	w.is("paused", set(0, 30, 3000, 3011), 3_011_000)
}

// TestSeekStorm: two hundred jumps of three seconds each earn what was played and leave the position.
func TestSeekStorm(t *testing.T) {
	w := newWatching(t)
	w.report(recorded, played("player-1", 1, Replay, 600_000, 612_000), after(7200))
	var jumps Spans
	for i := int64(0); i < 200; i++ {
		at := i * 7919 % 3000 * 1000
		w.report(recorded, played("player-1", i+2, Replay, at, at+3000), after(7200+float64(i)*3))
		jumps = jumps.Union(SecondsPlayed(at, at+3000))
	}
	w.is("after the storm", jumps.Union(set(600, 612)), 612_000)

	// Claimed within one second instead of ten minutes, the budget is the limit: 10 minutes and 5 s.
	fast := newWatching(t)
	for i := int64(0); i < 300; i++ {
		fast.report(recorded, played("player-1", i+1, Replay, i*10_000, i*10_000+3000), after(7200))
	}
	if got := fast.viewer.Watched().Len(); got != 605 {
		t.Errorf("%d s were credited at once, want 605", got)
	}
	if got := fast.viewer.Seconds[Held].Len(); got != 295 {
		t.Errorf("%d s are held, want 295", got)
	}
}

// TestOfflinePhone plays for an hour without a connection. Its reports arrive all at once when the lecture
// is over: ten minutes are credited, the rest waits for a decision, and nothing is lost.
func TestOfflinePhone(t *testing.T) {
	w := newWatching(t)
	w.report(onAir, played("phone-01", 1, Live, 0, 10_000), after(10))
	var refused int64
	for i := int64(1); i < 360; i++ {
		refused += w.report(recorded, played("phone-01", i+1, Live, i*10_000, i*10_000+10_000), after(7200))
	}
	// The budget is capped at 600 s and may be overdrawn by 5.
	w.is("an hour late", set(0, 615), 620_000)
	if refused != 2985 || !slices.Equal(w.viewer.Seconds[Held], set(615, 3600)) {
		t.Errorf("%d s refused, held %v", refused, w.viewer.Seconds[Held])
	}
	if got := fmt.Sprint(w.viewer.Seconds[Live], w.viewer.Seconds[Replay]); got != "{[0,10)} {[10,615)}" {
		t.Errorf("what cannot be proved to be live is %s", got)
	}
}

// TestPhoneLateWhileLaptopPlays: server time decides between devices, so the report that comes last wins.
func TestPhoneLateWhileLaptopPlays(t *testing.T) {
	w := newWatching(t)
	w.report(onAir, played("laptop-1", 1, DVR, 0, 10_000), after(3000))
	w.report(onAir, played("phone-01", 1, Live, 600_000, 610_000), after(3001))
	w.is("the phone came last", set(0, 10, 600, 610), 610_000)
	w.report(onAir, played("laptop-1", 2, DVR, 10_000, 20_000), after(3010))
	w.is("the laptop goes on", set(0, 20, 600, 610), 20_000)
	w.report(onAir, played("phone-01", 1, Live, 600_000, 610_000), after(3011))
	w.is("the phone repeats itself", set(0, 20, 600, 610), 20_000)
}

// TestTwoTabs: three tabs on different parts of the recording earn what one could.
func TestTwoTabs(t *testing.T) {
	w := newWatching(t)
	w.viewer.Budget = Budget{Left: 0, At: after(7200)} // nothing saved up
	for i := int64(1); i <= 30; i++ {
		for tab := range int64(3) {
			at := tab*1_000_000 + i*10_000
			w.report(recorded, played(fmt.Sprintf("tab-%d-xx", tab), i, Replay, at, at+10_000), after(7200+float64(i)*10))
		}
	}
	// 300 s at 1.5 times, and 5 s.
	if got := w.viewer.Watched().Len(); got != 455 {
		t.Errorf("three tabs earned %d s in 300 s, want 455", got)
	}

	same := newWatching(t)
	for i := int64(1); i <= 30; i++ {
		for _, tab := range []string{"tab-a-xx", "tab-b-xx"} {
			if refused := same.report(onAir, played(tab, i, Live, i*10_000-10_000, i*10_000), after(float64(i)*10)); refused != 0 {
				t.Fatalf("report %d of %s: %d s refused", i, tab, refused)
			}
		}
	}
	same.is("two tabs on the same part", set(0, 300), 300_000)
}

// TestPastTheEdge: nobody has seen what has not been said yet.
func TestPastTheEdge(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to int64
		watched  Spans
		refused  int64
	}{
		{"up to the edge", 90_000, 100_000, set(90, 100), 0},
		{"a second ahead by a wrong guess", 91_000, 101_000, set(91, 100), 0},
		{"far ahead", 90_000, 130_000, set(90, 100), 30},
		{"all ahead", 110_000, 120_000, nil, 10},
		{"three hours ahead by a wrong clock", 10_890_000, 10_900_000, nil, 10},
	} {
		w := newWatching(t)
		if refused := w.report(onAir, played("player-1", 1, Live, c.from, c.to), after(100)); refused != c.refused {
			t.Errorf("%s: %d s refused, want %d", c.name, refused, c.refused)
		}
		if got := w.viewer.Watched(); !slices.Equal(got, c.watched) {
			t.Errorf("%s: %v, want %v", c.name, got, c.watched)
		}
	}
	w := newWatching(t)
	if refused := w.report(Session{}, played("player-1", 1, Live, 0, 10_000), noon); refused != 10 || len(w.viewer.Watched()) != 0 {
		t.Errorf("before the first time on air: %d s refused, %v", refused, w.viewer.Watched())
	}
}

// TestOutsideTheRecording: what is cut out of the recording cannot be watched in it.
func TestOutsideTheRecording(t *testing.T) {
	s := recorded
	s.Edits = cut
	w := newWatching(t)
	if refused := w.report(s, played("player-1", 1, Replay, 1_190_000, 1_210_000), after(7200)); refused != 10 {
		t.Errorf("%d s refused, want the 10 after the cut", refused)
	}
	w.is("at the cut", set(1190, 1200), 1_210_000)
}

// TestRates: up to 1.5 times counts, faster is stored and does not.
func TestRates(t *testing.T) {
	w := newWatching(t)
	w.viewer.Budget = Budget{At: after(7200)}
	for i := int64(1); i <= 20; i++ {
		r := played("player-1", i, Replay, i*15_000, i*15_000+15_000)
		r.Rate = 1.5
		if refused := w.report(recorded, r, after(7200+float64(i)*10)); refused != 0 {
			t.Fatalf("report %d at 1.5 times: %d s refused", i, refused)
		}
	}
	w.is("at 1.5 times", set(15, 315), 315_000)
	r := played("player-1", 21, Replay, 315_000, 335_000)
	r.Rate = 2
	w.report(recorded, r, after(7410))
	w.is("at twice", set(15, 315), 335_000)
	if got := w.viewer.Seconds[TooFast]; !slices.Equal(got, set(315, 335)) {
		t.Errorf("too fast: %v", got)
	}
	w.report(recorded, played("player-1", 22, Replay, 320_000, 330_000), after(7420))
	w.is("and again at normal speed", set(15, 315, 320, 330), 330_000)
}

// TestRewatching adds nothing and costs nothing.
func TestRewatching(t *testing.T) {
	w := newWatching(t)
	w.report(onAir, played("player-1", 1, Live, 0, 60_000), after(60))
	w.report(recorded, played("replay-1", 1, Replay, 0, 30_000), after(7200))
	w.report(recorded, played("replay-1", 2, Replay, 30_000, 70_000), after(7200))
	w.is("live and then again", set(0, 70), 70_000)
	if left := w.viewer.Budget.Left; left != 590*time.Second {
		t.Errorf("%v are left of 10 minutes after 10 s that were new", left)
	}
	if got := fmt.Sprint(w.viewer.Seconds[Live], w.viewer.Seconds[Replay]); got != "{[0,60)} {[0,70)}" {
		t.Errorf("the provenances hold %s", got)
	}
}
