package lms

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// set makes a set from bounds: set(0, 10, 20, 30) is {[0,10),[20,30)}.
func set(bounds ...int32) Spans {
	var spans []Span
	for i := 0; i+1 < len(bounds); i += 2 {
		spans = append(spans, Span{bounds[i], bounds[i+1]})
	}
	return SpansOf(spans...)
}

func TestSpansOf(t *testing.T) {
	for _, c := range []struct {
		in   []Span
		want string
	}{
		{nil, "{}"},
		{[]Span{{5, 5}, {9, 3}}, "{}"},
		{[]Span{{20, 30}, {0, 10}}, "{[0,10),[20,30)}"},
		{[]Span{{0, 10}, {10, 20}}, "{[0,20)}"},
		{[]Span{{0, 30}, {5, 10}, {29, 31}}, "{[0,31)}"},
		{[]Span{{0, 2147483647}}, "{[0,2147483647)}"},
	} {
		if got := SpansOf(c.in...).String(); got != c.want {
			t.Errorf("%v: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestSpansOperations(t *testing.T) {
	a, b := set(0, 10, 20, 30, 40, 50), set(5, 25, 30, 42, 60, 70)
	for name, c := range map[string]struct{ got, want Spans }{
		"union":          {a.Union(b), set(0, 50, 60, 70)},
		"union of none":  {a.Union(), a},
		"subtract":       {a.Subtract(b), set(0, 5, 25, 30, 42, 50)},
		"subtract back":  {b.Subtract(a), set(10, 20, 30, 40, 60, 70)},
		"subtract all":   {a.Subtract(set(0, 100)), nil},
		"subtract none":  {a.Subtract(nil), a},
		"subtract holes": {set(0, 100).Subtract(a), set(10, 20, 30, 40, 50, 100)},
		"intersect":      {a.Intersect(b), set(5, 10, 20, 25, 40, 42)},
		"gaps":           {a.Gaps(set(0, 60)), set(10, 20, 30, 40, 50, 60)},
		"clip":           {a.Clip(5, 45), set(5, 10, 20, 30, 40, 45)},
		"clip to none":   {a.Clip(10, 20), nil},
		"first":          {a.First(15), set(0, 10, 20, 25)},
		"first of all":   {a.First(1000), a},
		"first of none":  {a.First(-5), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
	if a.Len() != 30 || a.String() != "{[0,10),[20,30),[40,50)}" {
		t.Errorf("%v has %d seconds", a, a.Len())
	}
	if got := a.Share(set(0, 40)); got != 0.5 {
		t.Errorf("share %v, want 0.5", got)
	}
	if got := a.Share(nil); got != 0 {
		t.Errorf("share of nothing: %v", got)
	}
}

// TestSpansAgainstSets compares the operations with the same on plain sets of numbers.
func TestSpansAgainstSets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() (Spans, [64]bool) {
		var spans []Span
		var members [64]bool
		for range random.IntN(6) {
			from := random.Int32N(64)
			to := from + random.Int32N(64-from+1)
			spans = append(spans, Span{from, to})
			for i := from; i < to; i++ {
				members[i] = true
			}
		}
		return SpansOf(spans...), members
	}
	for range 2000 {
		a, inA := draw()
		b, inB := draw()
		union, both, left := a.Union(b), a.Intersect(b), a.Subtract(b)
		for i := range int32(64) {
			one := set(i, i+1)
			for name, c := range map[string]struct {
				s    Spans
				want bool
			}{"union": {union, inA[i] || inB[i]}, "intersect": {both, inA[i] && inB[i]}, "subtract": {left, inA[i] && !inB[i]}} {
				if (c.s.Intersect(one).Len() == 1) != c.want {
					t.Fatalf("%s of %v and %v is %v, wrong at %d", name, a, b, c.s, i)
				}
			}
		}
		for _, s := range []Spans{union, both, left} {
			if !slices.Equal(s, SpansOf(s...)) {
				t.Fatalf("%v is not in normal form", s)
			}
		}
	}
}

func TestSecondsPlayed(t *testing.T) {
	for _, c := range []struct {
		from, to int64
		want     string
	}{
		{0, 10_000, "{[0,10)}"},
		{0, 799, "{}"},
		{0, 800, "{[0,1)}"},
		{200, 1000, "{[0,1)}"},
		{201, 1000, "{}"},
		{201, 2000, "{[1,2)}"},
		{100, 900, "{[0,1)}"},
		{150, 949, "{}"},
		{9_900, 10_750, "{}"},
		{9_800, 10_800, "{[10,11)}"}, // 0.2 s of second 9, 0.8 s of second 10
		{-5, 10_000, "{}"},
		{10, 10, "{}"},
		{10_000, 0, "{}"},
		{604_799_000, 604_800_000, "{[604799,604800)}"},
	} {
		if got := SecondsPlayed(c.from, c.to).String(); got != c.want {
			t.Errorf("%d to %d: got %s, want %s", c.from, c.to, got, c.want)
		}
	}
}

func TestParseSpansRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "{", "}", "[0,1)", "{[0,1]}", "{(0,1)}", "{[0,1),}", "{,[0,1)}", "{[0,1)[2,3)}", "{[1,1)}", "{[2,1)}", "{[-1,1)}",
		"{[0,2147483648)}", "{[a,b)}", "{[0,1,2)}", "{[0,)}", "{[0,1)} ", "{empty}",
	} {
		if got, err := ParseSpans(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

// FuzzParseSpans: what is accepted is in normal form and reads back the same.
func FuzzParseSpans(f *testing.F) {
	for _, seed := range []string{"{}", "{[0,10)}", "{[0,10),[20,30)}", "{[20,30),[0,25)}", "{[00,1)}", "{[+1,2)}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpans(text)
		if err != nil {
			return
		}
		again, err := ParseSpans(s.String())
		if err != nil || !slices.Equal(again, s) || !slices.Equal(s, SpansOf(s...)) {
			t.Errorf("%q became %v and then %v, %v", text, s, again, err)
		}
	})
}
