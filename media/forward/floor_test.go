package forward

import (
	"math"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestVoice(t *testing.T) {
	var v Voice
	if v.Loudness(noon) != 0 || !v.Spoke().IsZero() {
		t.Error("the zero voice is heard")
	}
	v.Hear(30, noon)
	if got := v.Loudness(noon); got != 97 {
		t.Errorf("the first packet counts whole: %v, want 97", got)
	}
	v.Hear(127, noon.Add(20*time.Millisecond))
	want := 97 * math.Exp(-20.0/300)
	if got := v.Loudness(noon.Add(20 * time.Millisecond)); math.Abs(got-want) > 1e-9 {
		t.Errorf("20 ms of silence later: %v, want %v", got, want)
	}
	if !v.Spoke().Equal(noon) {
		t.Errorf("spoke at %v", v.Spoke())
	}
	v.Hear(voiceQuiet+1, noon.Add(40*time.Millisecond))
	if !v.Spoke().Equal(noon) {
		t.Error("a quiet room is taken for a voice")
	}
	v.Hear(voiceQuiet, noon.Add(60*time.Millisecond))
	if !v.Spoke().Equal(noon.Add(60 * time.Millisecond)) {
		t.Error("a quiet voice is not heard")
	}
	if got := v.Loudness(noon.Add(60*time.Millisecond + voiceGone)); got != 0 {
		t.Errorf("loudness %v of one who sends nothing", got)
	}
	v.Hear(200, noon.Add(time.Hour)) // out of the range of seven bits
	if got := v.Loudness(noon.Add(time.Hour)); got != 0 {
		t.Errorf("loudness %v of level 200", got)
	}
}

func TestFloor(t *testing.T) {
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }
	type say struct {
		ms   int
		a, b float64 // loudness; below 0 is absent
		want string
	}
	for name, says := range map[string][]say{
		"nobody":            {{0, -1, -1, ""}},
		"the first of two":  {{0, 0, 0, "a"}},
		"the louder of two": {{0, 40, 41, "b"}},
		"a rival takes it after 600 ms": {
			{0, 90, 0, "a"}, {3000, 20, 90, "a"}, {3599, 20, 90, "a"}, {3600, 20, 90, "b"},
		},
		"not within the first two seconds": {
			{0, 90, 0, "a"}, {100, 20, 90, "a"}, {1999, 20, 90, "a"}, {2000, 20, 90, "b"},
		},
		"a word between is not enough": {
			{0, 90, 0, "a"}, {3000, 20, 90, "a"}, {3500, 20, 20, "a"}, {3700, 20, 90, "a"}, {4299, 20, 90, "a"}, {4300, 20, 90, "b"},
		},
		"who is no louder by 6 dB does not": {
			{0, 80, 0, "a"}, {3000, 80, 85.9, "a"}, {9000, 80, 85.9, "a"}, {9100, 80, 86, "a"}, {9700, 80, 86, "b"},
		},
		"noise does not": {{0, 0, 0, "a"}, {3000, 0, 76, "a"}, {9000, 0, 76, "a"}},
		"who goes loses it at once": {
			{0, 90, 0, "a"}, {100, -1, 0, "b"}, {200, 90, 0, "b"}, {2099, 90, 0, "b"}, {2100, 90, 0, "a"},
		},
	} {
		var f Floor
		for _, s := range says {
			var present []Speaker
			if s.a >= 0 {
				present = append(present, Speaker{ID: "a", Loudness: s.a})
			}
			if s.b >= 0 {
				present = append(present, Speaker{ID: "b", Loudness: s.b})
			}
			if got := f.Decide(present, at(s.ms)); got != s.want {
				t.Errorf("%s: after %d ms %q has the floor, want %q", name, s.ms, got, s.want)
			}
		}
	}
}

func TestSlots(t *testing.T) {
	now := noon
	s := NewSlots(3)
	spoke := map[string]time.Time{}
	assign := func(want []string, present ...string) {
		t.Helper()
		var list []Speaker
		for _, id := range present {
			list = append(list, Speaker{ID: id, Spoke: spoke[id]})
		}
		if got := s.Assign(list, now); !slices.Equal(got, want) {
			t.Errorf("places %q, want %q", got, want)
		}
	}
	assign([]string{"", "", ""})
	assign([]string{"a", "", ""}, "a")
	assign([]string{"a", "b", "c"}, "a", "b", "c", "d")
	spoke["b"] = now.Add(-time.Second)
	spoke["a"], spoke["c"] = now, now.Add(-slotIdle)
	assign([]string{"a", "b", "c"}, "a", "b", "c", "d") // d is silent
	spoke["d"] = now
	assign([]string{"a", "d", "c"}, "a", "b", "c", "d") // b was silent longest
	spoke["b"] = now
	assign([]string{"a", "d", "b"}, "a", "b", "c", "d")
	spoke["c"] = now
	assign([]string{"a", "d", "b"}, "a", "b", "c", "d") // all three speak: the fourth waits
	assign([]string{"a", "", "b"}, "a", "b")
	assign([]string{"a", "c", "b"}, "c", "b", "a") // and gets the first place that is free
	now = now.Add(slotIdle)
	spoke["e"] = now.Add(-slotTalks - 1)
	assign([]string{"a", "c", "b"}, "a", "b", "c", "e") // it was long ago that e spoke
	spoke["e"] = now.Add(-slotTalks)
	assign([]string{"e", "c", "b"}, "a", "b", "c", "e") // of equals the first
}
