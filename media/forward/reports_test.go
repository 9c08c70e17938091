package forward

import (
	"testing"
	"time"
)

func TestLosses(t *testing.T) {
	type report struct {
		ms      int
		lost    uint32
		highest uint32
		share   float64
		ok      bool
	}
	tests := map[string][]report{
		"one in a second, five reports": {{0, 0, 1000, 0, false}, {200, 1, 1010, 0, false}, {1000, 1, 1050, 0.02, true}, {1200, 1, 1060, 0, false}, {2000, 1, 1100, 0, true}},
		"many packets, half a second":   {{0, 0, 1000, 0, false}, {400, 0, 1200, 0, false}, {500, 50, 1250, 0.2, true}},
		"fewer lost than before":        {{0, 5, 1000, 0, false}, {1000, 2, 1050, 0, true}},
		"more received than sent":       {{0, 0xffffff, 1000, 0, false}, {1000, 4, 1050, 0.1, true}},
		"nothing expected":              {{0, 5, 1000, 0, false}, {1000, 5, 1000, 0, false}, {2000, 10, 1010, 0.5, true}},
		"the numbers wrap":              {{0, 0, 0xfffffff6, 0, false}, {1000, 2, 10, 0.1, true}},
		"the numbers begin anew":        {{0, 100, 50_000, 0, false}, {1000, 0, 20, 0, false}, {2000, 5, 120, 0.05, true}},
		"more than all":                 {{0, 0, 1000, 0, false}, {1000, 300, 1100, 1, true}},
	}
	for name, reports := range tests {
		t.Run(name, func(t *testing.T) {
			var l Losses
			for i, r := range reports {
				if share, ok := l.Report(r.lost, r.highest, at(r.ms)); share != r.share || ok != r.ok {
					t.Errorf("report %d: %g, %v; want %g, %v", i, share, ok, r.share, r.ok)
				}
			}
		})
	}
}

func TestEcho(t *testing.T) {
	var e Echo
	if _, ok := e.Heard(0, 0, at(0)); ok {
		t.Error("an answer to nothing")
	}
	ntp := func(n uint32) uint64 { return 0xdead<<48 | uint64(n)<<16 }
	e.Sent(ntp(7), at(1000))
	e.Sent(ntp(8), at(2000))
	check := func(last, delay uint32, ms int, want time.Duration, wanted bool) {
		t.Helper()
		if got, ok := e.Heard(last, delay, at(ms)); got != want || ok != wanted {
			t.Errorf("report %d at %d ms: %v, %v; want %v, %v", last, ms, got, ok, want, wanted)
		}
	}
	check(9, 0, 2100, 0, false)
	check(7, 65536, 2100, 100*time.Millisecond, true)
	check(7, 65536, 2100, 0, false)
	check(8, 32768, 2700, 200*time.Millisecond, true)
	e.Sent(ntp(9), at(3000))
	e.Sent(ntp(10), at(4000))
	check(10, 0, 4030, 30*time.Millisecond, true)
	check(9, 0, 4030, 0, false)
	e.Sent(ntp(11), at(5000))
	check(11, 3*65536, 5010, 0, false)
}
