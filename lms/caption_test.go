package lms

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestLiveCue(t *testing.T) {
	for _, c := range []struct {
		text   string
		lasts  int64
		spoken string
	}{
		{"Yes.", 2500, "Yes."},
		{strings.Repeat("a", 60), 1000 + 60*66, strings.Repeat("a", 60)},
		{strings.Repeat("a", 400), 8000, strings.Repeat("a", 400)},
		{"  two \t words\r\n\r\n and a line \x00", 2500, "two words\nand a line"},
		{"قلب", 2500, "قلب"},
	} {
		cue, err := LiveCue(c.text, " Dr\nRao ", 61_000)
		if err != nil || cue != (Cue{61_000, 61_000 + c.lasts, c.spoken, "Dr Rao"}) {
			t.Errorf("%q: %+v, %v", c.text, cue, err)
		}
	}
	for _, bad := range [][2]string{{"", ""}, {" \n\t", ""}, {strings.Repeat("é", 401), ""}, {"a", strings.Repeat("x", 81)}} {
		if _, err := LiveCue(bad[0], bad[1], 0); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.20q of %.20q: %v", bad[0], bad[1], err)
		}
	}
}

// cues of the tests below; the text of each names it.
func cue(from, to int64, text string) Cue { return Cue{StartMS: from, EndMS: to, Text: text} }

// The recording of these tests: the first 2 s came late, 20 to 30 s were cut out, and it ends at 60 s.
var trimmed = EditList{{2_000, 0, 18_000}, {30_000, 18_000, 30_000}}

func TestOnRecording(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, want Captions
	}{
		{"before, inside and after", Captions{cue(0, 1_500, "before"), cue(5_000, 7_000, "in"), cue(70_000, 71_000, "after")}, Captions{cue(3_000, 5_000, "in")}},
		{"a late start cuts", Captions{cue(1_000, 4_000, "a")}, Captions{cue(0, 2_000, "a")}},
		{"removed", Captions{cue(21_000, 29_000, "a")}, nil},
		{"cut at the end of a piece", Captions{cue(19_000, 22_000, "a")}, Captions{cue(17_000, 18_000, "a")}},
		{"cut at the start of a piece", Captions{cue(29_000, 31_000, "a")}, Captions{cue(18_000, 19_000, "a")}},
		{"across the cut is one", Captions{cue(19_000, 31_000, "a")}, Captions{cue(17_000, 19_000, "a")}},
		{"two of the same words stay two", Captions{cue(19_000, 20_000, "a"), cue(30_000, 31_000, "a")}, Captions{cue(17_000, 18_000, "a"), cue(18_000, 19_000, "a")}},
		{"a sliver is dropped", Captions{cue(19_950, 22_000, "a")}, nil},
		{"a short cue is no sliver", Captions{cue(5_000, 5_050, "a")}, Captions{cue(3_000, 3_050, "a")}},
		{"to the end", Captions{cue(59_000, 65_000, "a")}, Captions{cue(47_000, 48_000, "a")}},
	} {
		if got := c.in.OnRecording(trimmed); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	swapped := EditList{{0, 10_000, 10_000}, {10_000, 0, 10_000}} // the recording shows the second part first
	got := Captions{cue(1_000, 2_000, "a"), cue(11_000, 12_000, "b")}.OnRecording(swapped)
	if want := (Captions{cue(1_000, 2_000, "b"), cue(11_000, 12_000, "a")}); !slices.Equal(got, want) {
		t.Errorf("in another order: %v", got)
	}
	if got := (Captions{cue(0, 1, "a")}).OnRecording(nil); got != nil {
		t.Errorf("without a recording: %v", got)
	}
}

func TestOnTimeline(t *testing.T) {
	in := Captions{cue(0, 2_000, "first"), cue(17_000, 19_000, "across"), cue(40_000, 41_000, "late"), cue(60_000, 61_000, "beyond")}
	want := Captions{cue(2_000, 4_000, "first"), cue(19_000, 31_000, "across"), cue(52_000, 53_000, "late")}
	got := in.OnTimeline(trimmed)
	if !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if back := got.OnRecording(trimmed); !slices.Equal(back, in[:3]) {
		t.Errorf("back on the recording: %v", back)
	}
	long := EditList{{0, 0, 10_000}, {3600_000, 10_000, 10_000}} // an hour was cut out
	if got := (Captions{cue(9_000, 11_000, "a")}).OnTimeline(long); !slices.Equal(got, Captions{cue(9_000, 10_000, "a")}) {
		t.Errorf("across an hour: %v", got)
	}
}

func TestBetween(t *testing.T) {
	c := Captions{cue(0, 10_000, "long"), cue(1_000, 2_000, "a"), cue(4_000, 6_000, "b"), cue(6_000, 8_000, "c")}
	for _, s := range []struct {
		from, to int64
		want     string
	}{
		{0, 2_000, "long a"}, {2_000, 4_000, "long"}, {4_000, 6_000, "long b"}, {5_999, 6_001, "long b c"}, {10_000, 12_000, ""}, {7_000, 7_000, ""},
	} {
		var names []string
		for _, cue := range c.Between(s.from, s.to) {
			names = append(names, cue.Text)
		}
		if got := strings.Join(names, " "); s.from < s.to && got != s.want {
			t.Errorf("%d to %d: %q, want %q", s.from, s.to, got, s.want)
		}
	}
	if got := Captions(nil).Between(0, 1); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

func TestShowing(t *testing.T) {
	for _, c := range [][4]int64{{0, 1_000, 0, 0}, {1_000, 3_000, 2_000, 3_000}, {19_000, 31_000, 19_000, 31_000}, {21_000, 29_000, 0, 0}, {25_000, 35_000, 30_000, 35_000}, {59_000, 99_000, 59_000, 60_000}} {
		from, to, ok := trimmed.Showing(c[0], c[1])
		if from != c[2] || to != c[3] || ok != (c[3] > 0) {
			t.Errorf("%v: %d to %d, %v", c, from, to, ok)
		}
	}
}
