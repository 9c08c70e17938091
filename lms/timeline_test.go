package lms

import (
	"errors"
	"testing"
	"time"
)

// TestTimeline goes on air twice with ten minutes between, which do not count.
func TestTimeline(t *testing.T) {
	var none Timeline
	if none.OnAir() || none.Edge(noon) != 0 || none.EdgeAt(noon) != 0 || none.offFor(noon) != 0 {
		t.Error("a timeline without runs is not nothing")
	}
	if _, err := none.End(noon); !errors.Is(err, ErrConflict) {
		t.Errorf("ending nothing: %v", err)
	}
	first, err := none.Start(noon)
	if err != nil || !first.OnAir() || first.Edge(noon.Add(90*time.Second)) != 90_000 {
		t.Fatalf("first run: %+v, %v", first, err)
	}
	if _, err := first.Start(noon.Add(time.Second)); !errors.Is(err, ErrConflict) {
		t.Errorf("starting twice: %v", err)
	}
	ended, err := first.End(noon.Add(100 * time.Second))
	if err != nil || ended.OnAir() || ended.Edge(noon.Add(time.Hour)) != 100_000 || !first.OnAir() {
		t.Errorf("ended: %+v, %v, and before %+v", ended, err, first)
	}
	again, err := ended.Start(noon.Add(700 * time.Second))
	if err != nil || len(again) != 2 || again[1].StartMS != 100_000 || len(ended) != 1 {
		t.Fatalf("second run: %+v, %v", again, err)
	}
	for after, want := range map[time.Duration]int64{
		-time.Second: 0, 0: 0, 50 * time.Second: 50_000, 100 * time.Second: 100_000, 400 * time.Second: 100_000,
		700 * time.Second: 100_000, 701500 * time.Millisecond: 101_500,
	} {
		if got := again.EdgeAt(noon.Add(after)); got != want {
			t.Errorf("the edge stood at %d after %v, want %d", got, after, want)
		}
	}
	if got := ended.offFor(noon.Add(130 * time.Second)); got != 30*time.Second {
		t.Errorf("off the air for %v", got)
	}
	if back, err := ended.Start(noon.Add(95 * time.Second)); err != nil || back[1].StartMS != 100_000 {
		t.Errorf("on air again with the clock put back: %+v, %v", back, err)
	}
	if back, err := first.End(noon.Add(-time.Second)); err != nil || back.OnAir() || !back[0].EndedAt.Equal(noon) {
		t.Errorf("ended before it began: %+v, %v", back, err)
	}
	if got := first.Edge(noon.Add(-time.Hour)); got != 0 {
		t.Errorf("a clock put back moves the edge to %d", got)
	}
}
