package forward

import (
	"testing"

	"lectern/media"
)

func TestGate(t *testing.T) {
	type event struct {
		ms   int
		do   string // want, key, keep or tick
		mask uint8  // layers of want and keep; for key the layer itself
		ask  bool   // a request goes out now
	}
	tests := []struct {
		name   string
		events []event
	}{
		{"nothing wanted", []event{{0, "tick", 0, false}}},
		{"at once", []event{{0, "want", 1 << f, true}, {499, "tick", 0, false}}},
		{"again after half a second, until the keyframe is there", []event{
			{0, "want", 1 << f, true},
			{500, "tick", 0, true},
			{999, "tick", 0, false},
			{1000, "tick", 0, true},
			{1030, "key", uint8(f), false},
			{1500, "tick", 0, false},
			{9000, "tick", 0, false},
		}},
		{"many wishes, one request", []event{
			{0, "want", 1 << f, true},
			{10, "want", 1 << f, false},
			{20, "want", all, false},
			{60, "key", uint8(f), false},
			{61, "key", uint8(h), false},
			{62, "key", uint8(q), false},
			{600, "tick", 0, false},
		}},
		{"another layer's keyframe does not do", []event{
			{0, "want", 1 << f, true},
			{50, "key", uint8(q), false},
			{500, "tick", 0, true},
		}},
		{"not while the browser is deaf", []event{
			{0, "key", uint8(f), false},
			{1, "want", 1 << f, false},
			{299, "tick", 0, false},
			{300, "tick", 0, true},
		}},
		{"a layer that is gone is not waited for", []event{
			{0, "want", all, true},
			{50, "key", uint8(q), false},
			{60, "key", uint8(h), false},
			{100, "keep", 1<<q | 1<<h, false},
			{500, "tick", 0, false},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g Gate
			for i, e := range tt.events {
				switch e.do {
				case "want":
					g.Want(e.mask)
				case "key":
					g.Arrived(media.Layer(e.mask), at(e.ms))
				case "keep":
					g.Keep(e.mask)
				}
				if got := g.Ask(at(e.ms)); got != e.ask {
					t.Errorf("event %d (%s at %d ms): ask %v, want %v", i, e.do, e.ms, got, e.ask)
				}
			}
		})
	}
}

func TestGateDue(t *testing.T) {
	var g Gate
	if _, ok := g.Due(); ok {
		t.Error("due although nothing is wanted")
	}
	g.Want(1 << f)
	g.Ask(at(0))
	if due, ok := g.Due(); !ok || !due.Equal(at(500)) {
		t.Errorf("due %v %v, want %v", due, ok, at(500))
	}
	g.Arrived(h, at(400))
	if due, _ := g.Due(); !due.Equal(at(700)) {
		t.Errorf("after a keyframe due %v, want %v", due, at(700))
	}
}
