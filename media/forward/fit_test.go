package forward

import (
	"testing"
	"time"

	"lectern/media"
)

var ladder = [media.Layers]float64{150_000, 500_000, 1_700_000}

// link plays a receiver that reports once a second: its estimate is what the link carries, but no more than
// 1.5 times of what it gets, and what does not fit is lost.
func link(f *Fit, now *time.Time, seconds int, width float64, rates [media.Layers]float64) {
	for range seconds {
		*now = now.Add(time.Second)
		sent := 32_000.0
		if l, picture := f.Wanted(); picture {
			sent += rates[f.nearest(rates)]
			_ = l
		}
		f.Estimate(min(width, 1.5*sent), *now)
		f.Loss(max(0, 1-width/sent), *now)
		f.Decide(rates, 32_000, *now)
	}
}

func TestFit(t *testing.T) {
	const sound = media.Layers
	single := [media.Layers]float64{0, 0, 1_700_000}
	type leg struct {
		seconds int
		width   float64
		want    media.Layer
	}
	tests := map[string]struct {
		rates [media.Layers]float64
		legs  []leg
	}{
		"wide":              {ladder, []leg{{60, 20e6, media.High}}},
		"to the middle":     {ladder, []leg{{5, 20e6, media.High}, {5, 900e3, media.Mid}}},
		"to the lowest":     {ladder, []leg{{5, 20e6, media.High}, {5, 300e3, media.Low}}},
		"to the sound":      {ladder, []leg{{5, 20e6, media.High}, {6, 100e3, sound}}},
		"back":              {ladder, []leg{{5, 20e6, media.High}, {8, 300e3, media.Low}, {13, 20e6, media.Mid}, {11, 20e6, media.High}}},
		"sound and back":    {ladder, []leg{{5, 20e6, media.High}, {8, 100e3, sound}, {13, 20e6, media.Low}}},
		"stays at the edge": {ladder, []leg{{30, 1.75e6, media.High}}},
		"one layer, narrow": {single, []leg{{10, 900e3, media.High}}},
		"one layer, hardly": {single, []leg{{10, 90e3, sound}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1000, 0)
			f := NewFit(now)
			for i, leg := range test.legs {
				link(&f, &now, leg.seconds, leg.width, test.rates)
				l := sound
				if _, picture := f.Wanted(); picture {
					l = f.nearest(test.rates)
				}
				if l != leg.want {
					t.Fatalf("leg %d: layer %d, want %d", i, l, leg.want)
				}
			}
		})
	}
}

// TestFitTriesLessOften holds that a link which is too narrow for the next layer is not spoilt every ten seconds.
func TestFitTriesLessOften(t *testing.T) {
	now := time.Unix(1000, 0)
	f := NewFit(now)
	link(&f, &now, 5, 20e6, ladder)
	spoilt := 0
	for range 300 {
		link(&f, &now, 1, 700e3, ladder)
		if l, _ := f.Wanted(); l == media.High {
			spoilt++
		}
	}
	if spoilt == 0 || spoilt > 30 {
		t.Errorf("%d of 300 s with more than the link carries; want a few tries", spoilt)
	}
}

func TestFitIgnoresShortLoss(t *testing.T) {
	now := time.Unix(1000, 0)
	f := NewFit(now.Add(-time.Minute))
	for i := range 40 {
		now = now.Add(500 * time.Millisecond)
		share := 0.0
		if i%4 == 0 {
			share = 0.5
		}
		f.Loss(share, now)
		if f.Decide(ladder, 32_000, now) {
			t.Fatal("went down for a moment's loss")
		}
	}
	for range 4 {
		now = now.Add(500 * time.Millisecond)
		f.Loss(0.2, now)
		f.Decide(ladder, 32_000, now)
	}
	if l, picture := f.Wanted(); l != media.Mid || !picture {
		t.Errorf("after lasting loss: %v, %v; want one layer down", l, picture)
	}
}
