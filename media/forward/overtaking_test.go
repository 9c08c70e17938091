package forward

import (
	"testing"
	"time"
)

// line tells an Overtaking of so many quarters of a second in which of 200 packets a second some are asked for and lost.
func (o *Overtaking) line(now *time.Time, quarters int, asked, lost float64) {
	for range quarters {
		*now = now.Add(250 * time.Millisecond)
		for i := range 50 {
			o.Sent()
			if float64(i) < asked*50 {
				o.Asked()
			}
		}
		o.Lost(lost)
		o.Judge(*now)
	}
}

func TestOvertakingIsToldFromLoss(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, test := range []struct {
		name        string
		asked, lost float64
		want        bool
	}{
		{"nothing", 0, 0, false},
		{"5 % lost", 0.06, 0.05, false},
		{"a quarter lost", 0.3, 0.25, false},
		{"overtaking", 0.6, 0, true},
		{"overtaking and loss", 0.6, 0.05, true},
		{"a little overtaking", 0.1, 0, false},
	} {
		var o Overtaking
		o.line(&now, 4, test.asked, test.lost)
		if o.On() != test.want {
			t.Errorf("%s: on %v", test.name, o.On())
		}
	}
}

func TestOvertakingStaysOnWhileItHelps(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var o Overtaking
	o.line(&now, 4, 0.6, 0.05)
	o.line(&now, 240, 0.06, 0.05)
	if !o.On() {
		t.Error("off, although little is asked for")
	}
	o.line(&now, 4, 0.8, 0.05)
	if o.On() {
		t.Error("on, although it is of no use")
	}
	o.line(&now, 240, 0.6, 0.05)
	if o.On() {
		t.Error("on again, although it was of no use")
	}
}

// TestOvertakingWaitsForReports holds that without any report of what is lost it is decided later, and then for no.
func TestOvertakingWaitsForReports(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var o Overtaking
	for range 40 {
		now = now.Add(250 * time.Millisecond)
		for range 50 {
			o.Sent()
			o.Asked()
		}
		if o.Judge(now); o.On() {
			t.Fatal("on without a report")
		}
	}
}
