package forward

import (
	"testing"
	"time"
)

func TestFirstQuestion(t *testing.T) {
	var a Answers
	for i, want := range []bool{true, false, false} {
		if a.First(0) != want {
			t.Errorf("question %d is the first: %v", i, !want)
		}
		if a.Given(0, time.Unix(1_000_000, 0)); i == 0 && !a.First(answersKept-1) {
			t.Error("another packet's first question is none")
		}
	}
}

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
