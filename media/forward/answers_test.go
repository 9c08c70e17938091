package forward

import (
	"testing"
	"time"
)

func TestOneAnswerForEachRoundTrip(t *testing.T) {
	var a Answers
	now := time.Unix(1_000_000, 0)
	const least = 70 * time.Millisecond
	for i, step := range []struct {
		after    time.Duration
		sequence uint16
		want     bool
	}{
		{0, 0, true},
		{0, 7, true},
		{69 * time.Millisecond, 7, false},
		{0, 8, true},
		{time.Millisecond, 7, true},
		{0, 7, false},
		{0, 7 + answersKept, true},
		{0, 65535, true},
	} {
		now = now.Add(step.after)
		got := a.Due(step.sequence, now, least)
		if got != step.want {
			t.Errorf("step %d: packet %d due %v", i, step.sequence, got)
		}
		if got {
			a.Given(step.sequence, now)
		}
	}
}
