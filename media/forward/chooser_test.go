package forward

import (
	"testing"

	"lectern/media"
)

func TestChooser(t *testing.T) {
	type report struct {
		ms        int
		loss      float64 // used when estimate is 0
		estimate  float64 // in kbit/s; the layer sent has 1,000
		want      media.Layer
		hasToTurn bool
	}
	tests := []struct {
		name    string
		reports []report
	}{
		{"good link", []report{{1000, 0, 0, f, false}, {60_000, 0.10, 0, f, false}, {70_000, 0, 900, f, false}}},
		{"loss for less than three seconds", []report{
			{1000, 0.3, 0, f, false}, {3999, 0.3, 0, f, false}, {4000, 0.1, 0, f, false}, {5000, 0.3, 0, f, false}, {7999, 0.3, 0, f, false},
		}},
		{"loss for three seconds", []report{
			{1000, 0.11, 0, f, false}, {4000, 0.11, 0, h, true}, {5000, 0.11, 0, h, false}, {8000, 0.11, 0, q, true}, {20_000, 0.11, 0, q, false},
		}},
		{"the first estimates are not believed", []report{{1000, 0, 300, f, false}, {4999, 0, 300, f, false}, {5000, 0, 900, f, false}}},
		{"low estimate", []report{{5000, 0, 849, f, false}, {7999, 0, 849, f, false}, {8000, 0, 849, h, true}}},
		{"just enough", []report{{5000, 0, 850, f, false}, {9000, 0, 850, f, false}}},
		{"up after ten calm seconds", []report{
			{1000, 0.2, 0, f, false}, {4000, 0.2, 0, h, true}, {13_999, 0, 0, h, false}, {14_000, 0, 0, f, true},
		}},
		{"not when the trouble was just now", []report{
			{1000, 0.2, 0, f, false}, {4000, 0.2, 0, h, true}, {13_000, 0.2, 0, h, false}, {14_000, 0, 0, h, false}, {23_000, 0, 0, f, true},
		}},
		{"each failed try doubles the patience", []report{
			{1000, 0.2, 0, f, false},
			{4000, 0.2, 0, h, true},
			{14_000, 0, 0, f, true},
			{15_000, 0.2, 0, f, false},
			{18_000, 0.2, 0, h, true}, // the try failed after 4 s
			{28_000, 0, 0, h, false},
			{37_999, 0, 0, h, false},
			{38_000, 0, 0, f, true},
			{39_000, 0.2, 0, f, false},
			{42_000, 0.2, 0, h, true},
			{81_999, 0, 0, h, false},
			{82_000, 0, 0, f, true},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewChooser(t0)
			for i, r := range tt.reports {
				var turned bool
				if r.estimate > 0 {
					turned = c.Estimate(r.estimate*1000, 1_000_000, at(r.ms))
				} else {
					turned = c.Loss(r.loss, at(r.ms))
				}
				if c.Wanted() != r.want || turned != r.hasToTurn {
					t.Errorf("report %d at %d ms: layer %d, turned %v; want %d, %v", i, r.ms, c.Wanted(), turned, r.want, r.hasToTurn)
				}
			}
		})
	}
}

func TestChooserPatienceIsBounded(t *testing.T) {
	c := NewChooser(t0)
	ms := 0
	for range 10 {
		ms += 1000
		c.Loss(0.5, at(ms))
		ms += 3000
		c.Loss(0.5, at(ms))
		ms += int(calmLongest.Milliseconds())
		if !c.Loss(0, at(ms)) {
			t.Fatalf("at %d ms: not up after the longest patience", ms)
		}
	}
}
