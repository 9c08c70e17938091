package lms

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

const aBroadcast = BroadcastID("0198f0a2-7c3e-7b1d-9f00-1234567890ab")

// played makes a report of spans from, to, from, to ... in ms, all of one provenance.
func played(player string, seq int64, as Provenance, bounds ...int64) Report {
	r := Report{Player: player, Seq: seq, Broadcast: aBroadcast, Rate: 1, Visible: true}
	for i := 0; i+1 < len(bounds); i += 2 {
		r.Spans = append(r.Spans, Played{bounds[i], bounds[i+1], as})
		r.PositionMS = bounds[i+1]
	}
	return r
}

func TestReportValidate(t *testing.T) {
	change := func(f func(*Report)) Report {
		r := played("player-1", 1, Live, 0, 10_000)
		f(&r)
		return r
	}
	for name, good := range map[string]Report{
		"plain":     change(func(*Report) {}),
		"no spans":  change(func(r *Report) { r.Spans = nil }),
		"paused":    change(func(r *Report) { r.Rate = 0 }),
		"64 spans":  change(func(r *Report) { r.Spans = make64() }),
		"a week in": change(func(r *Report) { r.Spans = []Played{{604_799_000, 604_800_000, DVR}}; r.PositionMS = 604_800_000 }),
	} {
		if err := good.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		r     Report
		field string
	}{
		"no player":      {change(func(r *Report) { r.Player = "" }), "player"},
		"short player":   {change(func(r *Report) { r.Player = "1234567" }), "player"},
		"long player":    {change(func(r *Report) { r.Player = strings.Repeat("x", 65) }), "player"},
		"odd player":     {change(func(r *Report) { r.Player = "player 1" }), "player"},
		"seq 0":          {change(func(r *Report) { r.Seq = 0 }), "seq"},
		"seq too large":  {change(func(r *Report) { r.Seq = 1<<53 + 1 }), "seq"},
		"65 spans":       {change(func(r *Report) { r.Spans = append(make64(), Played{0, 1, Live}) }), "spans"},
		"negative span":  {change(func(r *Report) { r.Spans[0].FromMS = -1 }), "spans"},
		"empty span":     {change(func(r *Report) { r.Spans[0].ToMS = 0 }), "spans"},
		"span too long":  {change(func(r *Report) { r.Spans[0].ToMS = 12*60*minute + 1 }), "spans"},
		"after a week":   {change(func(r *Report) { r.Spans[0] = Played{604_800_000, 604_800_001, Live} }), "spans"},
		"overflow":       {change(func(r *Report) { r.Spans[0] = Played{math.MaxInt64 - 1, math.MaxInt64, Live} }), "spans"},
		"held":           {change(func(r *Report) { r.Spans[0].As = Held }), "spans"},
		"no provenance":  {change(func(r *Report) { r.Spans[0].As = "" }), "spans"},
		"negative rate":  {change(func(r *Report) { r.Rate = -0.1 }), "rate"},
		"rate NaN":       {change(func(r *Report) { r.Rate = math.NaN() }), "rate"},
		"rate Inf":       {change(func(r *Report) { r.Rate = math.Inf(1) }), "rate"},
		"position":       {change(func(r *Report) { r.PositionMS = -1 }), "position_ms"},
		"later position": {change(func(r *Report) { r.PositionMS = math.MaxInt64 }), "position_ms"},
	} {
		t.Run(name, func(t *testing.T) { isProblem(t, c.r.Validate(), ErrInvalid, c.field) })
	}
	if err := change(func(r *Report) { r.Broadcast = "x" }).Validate(); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown broadcast: %v", err)
	}
}

func make64() []Played {
	spans := make([]Played, MaxSpans)
	for i := range spans {
		spans[i] = Played{int64(i) * 1000, int64(i)*1000 + 1000, DVR}
	}
	return spans
}

// TestConfirm says for claims of every age what the server vouches for.
func TestConfirm(t *testing.T) {
	running := Session{Timeline: Timeline{{StartedAt: noon}}}
	ended := Session{Timeline: Timeline{{StartedAt: noon, EndedAt: noon.Add(10 * time.Minute)}}}
	for _, c := range []struct {
		name string
		s    Session
		at   time.Duration // of the report, after noon
		from int64
		as   Provenance
		want Provenance
	}{
		{"live", running, 10 * time.Minute, 590_000, Live, Live},
		{"live, 90 s behind", running, 10 * time.Minute, 510_000, Live, Live},
		{"live, too far behind", running, 10 * time.Minute, 509_999, Live, DVR},
		{"live, an hour late", running, 70 * time.Minute, 590_000, Live, DVR},
		{"dvr near the edge", running, 10 * time.Minute, 590_000, DVR, DVR},
		{"replay while on air", running, 10 * time.Minute, 0, Replay, DVR},
		{"live just before the end", ended, 10*time.Minute + 20*time.Second, 590_000, Live, Live},
		{"live, reported too late after the end", ended, 11*time.Minute + 21*time.Second, 590_000, Live, DVR},
		{"dvr until just after the end", ended, 11 * time.Minute, 0, DVR, DVR},
		{"dvr long after the end", ended, 12 * time.Minute, 0, DVR, Replay},
		{"live long after the end", ended, 70 * time.Minute, 590_000, Live, Replay},
		{"replay", ended, 70 * time.Minute, 0, Replay, Replay},
		{"replay at once", ended, 10*time.Minute + time.Second, 0, Replay, Replay},
	} {
		if got := c.s.confirm(Played{c.from, c.from + 10_000, c.as}, noon.Add(c.at)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBudget(t *testing.T) {
	began := noon
	after := func(b Budget, d time.Duration) Budget { return b.grown(began, noon.Add(d)) }
	for _, c := range []struct {
		name string
		got  Budget
		want time.Duration
	}{
		{"new, 10 s in", after(Budget{}, 10*time.Second), 15 * time.Second},
		{"new, an hour in", after(Budget{}, time.Hour), 10 * time.Minute},
		{"spent, 20 s later", after(Budget{Left: 0, At: noon}, 20*time.Second), 30 * time.Second},
		{"overdrawn, 2 s later", after(Budget{Left: -5 * time.Second, At: noon}, 2*time.Second), -2 * time.Second},
		{"full", after(Budget{Left: 10 * time.Minute, At: noon}, time.Second), 10 * time.Minute},
		{"ten years", after(Budget{Left: 0, At: noon}, 10*365*24*time.Hour), 10 * time.Minute},
		{"clock put back", after(Budget{Left: time.Minute, At: noon}, -3*time.Hour), time.Minute},
	} {
		if c.got.Left != c.want {
			t.Errorf("%s: %v left, want %v", c.name, c.got.Left, c.want)
		}
	}
	if b := after(Budget{Left: time.Minute, At: noon}, -3*time.Hour); !b.At.Equal(noon) {
		t.Errorf("a clock put back makes the budget grow twice: %v", b.At)
	}
	b, taken, refused := Budget{Left: 15 * time.Second, At: noon}.spend(set(0, 10, 20, 40))
	if b.Left != -5*time.Second || taken.String() != "{[0,10),[20,30)}" || refused.String() != "{[30,40)}" {
		t.Errorf("%v left, %v taken, %v refused", b.Left, taken, refused)
	}
	if _, taken, _ := b.spend(set(50, 60)); len(taken) != 0 {
		t.Errorf("%v taken from an empty budget", taken)
	}
}
