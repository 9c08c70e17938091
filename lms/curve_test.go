package lms

import (
	"fmt"
	"slices"
	"testing"
)

func TestCurve(t *testing.T) {
	countable := set(0, 30, 40, 60) // a break from 30 to 40
	c := NewCurve(60_000, countable)
	if c.StepS != 5 || len(c.Live) != 12 {
		t.Fatalf("%d steps of %d s", len(c.Live), c.StepS)
	}
	c.Add(map[Provenance]Spans{Live: set(0, 60), Replay: set(0, 10)})                       // 50 s
	c.Add(map[Provenance]Spans{DVR: set(0, 12), Replay: set(8, 20), Live: set(50, 51)})     // 21 s
	c.Add(map[Provenance]Spans{Replay: set(58, 70), Held: set(0, 30), TooFast: set(0, 30)}) // 2 s
	c.Add(map[Provenance]Spans{Live: set(30, 40)})                                          // nothing that counts
	c.Add(nil)
	for name, line := range map[string]struct{ got, want []int }{
		"live":   {c.Live, []int{1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 2, 1}},
		"dvr":    {c.DVR, []int{1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		"replay": {c.Replay, []int{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}},
	} {
		if !slices.Equal(line.got, line.want) {
			t.Errorf("%s: %v, want %v", name, line.got, line.want)
		}
	}
	if all, live, replay := c.Attended(); all != 3 || live != 2 || replay != 3 {
		t.Errorf("%d attended, %d live, %d replay", all, live, replay)
	}
	if got := c.MedianS(); got != 21 {
		t.Errorf("median %d", got)
	}
	if got := c.PerStep([]int64{0, 4999, 5000, 59_999, 60_000, -1}); !slices.Equal(got, []int{2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) {
		t.Errorf("moments per step: %v", got)
	}
}

func TestCurveSteps(t *testing.T) {
	for _, c := range []struct {
		edge  int64
		step  int32
		steps int
	}{
		{0, 5, 0},
		{1, 5, 1},
		{5000, 5, 1},
		{5001, 5, 2},
		{20 * minute, 5, 240},
		{20*minute + 1, 10, 121},
		{60 * minute, 15, 240},
		{75 * minute, 30, 150},
		{10 * 60 * minute, 300, 120},
		{7 * 24 * 60 * minute, 3600, 168},
	} {
		if got := NewCurve(c.edge, nil); got.StepS != c.step || len(got.Live) != c.steps {
			t.Errorf("%d ms: %d steps of %d s, want %d of %d", c.edge, len(got.Live), got.StepS, c.steps, c.step)
		}
	}
	empty := NewCurve(0, nil)
	empty.Add(map[Provenance]Spans{Live: set(0, 10)})
	if all, _, _ := empty.Attended(); all != 0 || empty.MedianS() != 0 {
		t.Error("a lecture that never was has an audience")
	}
	even := NewCurve(10_000, set(0, 10))
	even.Add(map[Provenance]Spans{Live: set(0, 4)})
	even.Add(map[Provenance]Spans{Live: set(0, 9)})
	if got := even.MedianS(); got != 7 {
		t.Errorf("the median of 4 and 9 is %d, want 6.5 rounded up", got)
	}
}

func TestAttend(t *testing.T) {
	countable := set(0, 100)
	for _, c := range []struct {
		seconds map[Provenance]Spans
		want    string
	}{
		{nil, "live 0 dvr 0 replay 0, {} = 0.00 false"},
		{map[Provenance]Spans{Live: set(0, 50), DVR: set(40, 60), Replay: set(0, 120)}, "live 50 dvr 10 replay 40, {[0,100)} = 1.00 true"},
		{map[Provenance]Spans{Live: set(0, 90)}, "live 90 dvr 0 replay 0, {[0,90)} = 0.90 true"},
		{map[Provenance]Spans{Live: set(0, 89), Held: set(89, 100)}, "live 89 dvr 0 replay 0, {[0,89)} = 0.89 false"},
	} {
		a := Attend(c.seconds, countable)
		if got := fmt.Sprintf("live %d dvr %d replay %d, %v = %.2f %t", a.LiveS, a.DVRS, a.ReplayS, a.Watched, a.Share, a.Counts); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	if Attend(nil, nil).Counts {
		t.Error("a lecture of which nothing counts counts for nobody")
	}
}
