package lms

import (
	"crypto/rand"
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

func bank(t testing.TB) []Item {
	t.Helper()
	items := []Item{
		{Kind: ItemSingle, Text: "Which trigger?", Options: []string{"hCG", "Agonist", "Both"}, Right: []int{1}},
		{Kind: ItemMultiple, Text: "Which are signs?", Options: []string{"Ascites", "Rash", "Haemoconcentration"}, Right: []int{2, 0, 0}},
		{Kind: ItemOrder, Text: "In which order?", Options: []string{"First", "Second", "Third", "Fourth"}},
		{Kind: ItemNumeric, Text: "At what haematocrit?", Number: 45, Tolerance: 1, Unit: "%"},
	}
	for i := range items {
		var err error
		if items[i], err = items[i].Validate(); err != nil {
			t.Fatal(err)
		}
	}
	return items
}

func number(n float64) *float64 { return &n }

func TestScore(t *testing.T) {
	items := bank(t)
	right := []Reply{{Choices: []int{1}}, {Choices: []int{2, 0}}, {Choices: []int{0, 1, 2, 3}}, {Number: number(46)}}
	if s := Score(items, right); s != 1 {
		t.Errorf("all right: %v", s)
	}
	for i, wrong := range []Reply{{Choices: []int{0}}, {Choices: []int{0}}, {Choices: []int{0, 2, 1, 3}}, {Number: number(46.01)}} {
		for _, reply := range []Reply{wrong, {}} {
			replies := slices.Clone(right)
			replies[i] = reply
			if s := Score(items, replies); s != 0.75 {
				t.Errorf("item %d with %+v: %v", i, reply, s)
			}
		}
	}
	if s := Score(items[:3], right[:1]); s != 0.3333 {
		t.Errorf("to four decimals: %v", s)
	}
	if s := Score(nil, nil); s != 0 {
		t.Errorf("an empty test: %v", s)
	}
}

func TestRepliesFit(t *testing.T) {
	items := bank(t)
	for i, bad := range []Reply{
		{Choices: []int{0, 1}}, {Choices: []int{0, 0}}, {Choices: []int{0, 1, 2}}, {Number: number(math.NaN())},
	} {
		if items[i].Fits(bad) {
			t.Errorf("item %d takes %+v", i, bad)
		}
		if !items[i].Fits(Reply{}) {
			t.Errorf("item %d does not take nothing", i)
		}
	}
	if items[0].Fits(Reply{Choices: []int{3}}) || items[0].Fits(Reply{Number: number(1)}) || items[3].Fits(Reply{Choices: []int{0}}) {
		t.Error("a reply of another kind fits")
	}
}

func TestItemsAreChecked(t *testing.T) {
	for field, item := range map[string]Item{
		"text":    {Kind: ItemSingle, Options: []string{"a", "b"}, Right: []int{0}},
		"options": {Kind: ItemSingle, Text: "a", Options: []string{"a"}, Right: []int{0}},
		"right":   {Kind: ItemSingle, Text: "a", Options: []string{"a", "b"}, Right: []int{0, 1}},
		"kind":    {Kind: "essay", Text: "a", Options: []string{"a", "b"}},
		"number":  {Kind: ItemNumeric, Text: "a", Number: 1, Tolerance: -1},
		"image":   {Kind: ItemSingle, Text: "a", Image: "https://elsewhere.example/a.png", Options: []string{"a", "b"}, Right: []int{0}},
		"alt":     {Kind: ItemSingle, Text: "a", Image: "data:image/png;base64,AAAAAAAA", Options: []string{"a", "b"}, Right: []int{0}},
	} {
		_, err := item.Validate()
		wantField(t, err, field)
	}
}

// TestDrawTest: every item at most once, options each once, and what has to be ordered is never in order.
func TestDrawTest(t *testing.T) {
	items := bank(t)
	first := map[int]int{}
	for range 400 {
		drawn, err := DrawTest(items, 3, rand.Reader)
		if err != nil || len(drawn) != 3 {
			t.Fatalf("%v, %v", drawn, err)
		}
		first[drawn[0].Item]++
		seen := map[int]bool{}
		for _, d := range drawn {
			if seen[d.Item] {
				t.Fatalf("item %d twice", d.Item)
			}
			seen[d.Item] = true
			if items[d.Item].Kind == ItemOrder && slices.IsSorted(d.Order) {
				t.Fatal("the options are in order already")
			}
			if sorted := slices.Sorted(slices.Values(d.Order)); len(sorted) != len(items[d.Item].Options) || len(slices.Compact(sorted)) != len(d.Order) {
				t.Fatalf("options %v", d.Order)
			}
		}
	}
	if len(first) != 4 {
		t.Errorf("400 draws began with %v", first)
	}
}

func TestAttempts(t *testing.T) {
	s := TestSettings{PassMark: 0.7, Attempts: 2, WaitMinutes: 10, LimitMinutes: 20}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if err := s.MayStart(nil, now); err != nil {
		t.Error(err)
	}
	first := Attempt{Number: 1, StartedAt: now, DueAt: s.Due(now, 50)}
	if got := first.DueAt.Sub(now); got != 30*time.Minute {
		t.Errorf("with half as much again: %v", got)
	}
	if err := s.MayStart([]Attempt{first}, now.Add(time.Minute)); !errors.Is(err, ErrConflict) {
		t.Errorf("one is open: %v", err)
	}
	if !first.Open(first.DueAt.Add(attemptGrace)) || first.Open(first.DueAt.Add(attemptGrace+1)) {
		t.Error("the grace is not kept")
	}
	// Time ran out: the wait counts from there.
	var p *Problem
	if err := s.MayStart([]Attempt{first}, first.DueAt.Add(time.Minute)); !errors.As(err, &p) || p.Retry != 9*time.Minute {
		t.Errorf("too soon: %v", err)
	}
	first.SubmittedAt = now.Add(5 * time.Minute)
	if err := s.MayStart([]Attempt{first}, now.Add(15*time.Minute)); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	second := Attempt{Number: 2, StartedAt: now.Add(15 * time.Minute), SubmittedAt: now.Add(16 * time.Minute)}
	if err := s.MayStart([]Attempt{first, second}, now.Add(time.Hour)); !errors.Is(err, ErrConflict) {
		t.Errorf("a third: %v", err)
	}
	s.Attempts, first.Passed = 0, true
	if err := s.MayStart([]Attempt{first}, now.Add(time.Hour)); !errors.Is(err, ErrConflict) {
		t.Errorf("after passing: %v", err)
	}
}

func TestFiguresOf(t *testing.T) {
	f := FiguresOf([]bool{true, true, true, false, false, false}, []float64{0.9, 0.8, 1, 0.2, 0.3, 0.1})
	if f.Answered != 6 || f.Right != 0.5 || math.Abs(f.Discrimination-0.9737) > 1e-3 {
		t.Errorf("got %+v", f)
	}
	if f := FiguresOf([]bool{true, true, true, true, true}, []float64{1, 0, 1, 0, 1}); f.Right != 1 || !math.IsNaN(f.Discrimination) {
		t.Errorf("all right: %+v", f)
	}
	if f := FiguresOf([]bool{true, false}, []float64{1, 0}); !math.IsNaN(f.Discrimination) {
		t.Errorf("too few: %+v", f)
	}
}

func TestEvaluationsHidePeople(t *testing.T) {
	e := Evaluation{Stars: map[Dimension]int{}, Bias: BiasNone, Text: " Well done. "}
	_, err := e.Validate()
	wantField(t, err, "clarity")
	for _, d := range Dimensions {
		e.Stars[d] = 4
	}
	e, err = e.Validate()
	if err != nil || e.Text != "Well done." {
		t.Fatalf("%+v, %v", e, err)
	}
	four := []Evaluation{e, e, e, e}
	if f := SumEvaluations(four); f.Shown || f.Count != 4 || f.Stars != nil || f.Texts != nil {
		t.Errorf("four answers show %+v", f)
	}
	e.Bias = BiasSome
	if f := SumEvaluations(append(four, e)); !f.Shown || f.Stars["pace"] != [5]int{0, 0, 0, 5, 0} || f.Biased != 1 || len(f.Texts) != 5 {
		t.Errorf("five answers show %+v", f)
	}
}
