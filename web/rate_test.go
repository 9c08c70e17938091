package web

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func TestLimiterLetsABurstThroughThenARate(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	for i := range rates[rateSignIn].burst {
		if _, ok := l.allow(rateSignIn, "a"); !ok {
			t.Fatalf("try %d of the burst was refused", i+1)
		}
	}
	wait, ok := l.allow(rateSignIn, "a")
	if ok || wait <= 0 || wait > time.Second {
		t.Errorf("after the burst: %v, wait %v", ok, wait)
	}
	if _, ok := l.allow(rateSignIn, "b"); !ok {
		t.Error("one client used up another's budget")
	}
	now = now.Add(wait)
	if _, ok := l.allow(rateSignIn, "a"); !ok {
		t.Error("refused after the wait it was told")
	}
	if _, ok := l.allow(rateSignIn, "a"); ok {
		t.Error("a wait for one bought two")
	}
}

// TestLimiterForgetsOnlyWhatHasRefilled makes sure that dropping old keys is no way around a limit.
func TestLimiterForgetsOnlyWhatHasRefilled(t *testing.T) {
	for class := ratePage; class <= rateSocket; class++ {
		r := rates[class]
		if refill := time.Duration(float64(r.burst) / float64(r.perSecond) * float64(time.Second)); refill > limiterAge {
			t.Errorf("class %d refills in %v, but may be forgotten after %v", class, refill, limiterAge)
		}
	}
}

func TestLimiterStaysSmall(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	for i := range 3 * limiterKeys {
		l.allow(ratePage, fmt.Sprint(i))
	}
	if n := len(l.young) + len(l.old); n > 2*limiterKeys {
		t.Errorf("%d keys", n)
	}
}

func TestGrantsLastFiveSeconds(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	g := newGrants(func() time.Time { return now })
	key := newGrantKey("secret", "course")
	if g.has(key) {
		t.Error("granted before it was")
	}
	g.add(key)
	now = now.Add(grantLife - time.Millisecond)
	g.add(newGrantKey("another", "course"))
	if !g.has(key) || g.has(newGrantKey("secret", "another course")) {
		t.Error("not granted in time, or for another course")
	}
	now = now.Add(2 * time.Millisecond)
	if g.has(key) {
		t.Error("still granted after its life")
	}
}

// forget gives everybody their burst back, for tests that ask for more than a person does.
func (l *limiter) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.young, l.old = map[limiterKey]*rate.Limiter{}, nil
}
