package web

import (
	"sync"
	"time"

	"lectern/lms"
)

// How many sign-ins one network may have begun and not finished. Each makes us send a mail, so somebody who only begins
// is stopped; a hospital whose thousands come in one after the other is not, because what is finished counts no more.
const (
	begunMost    = 5000
	begunForgets = 10 // a second: mail that never arrives, people who change their mind
)

// begun counts them. It is a soft limit, so each node counts for itself. Safe for concurrent use.
type begun struct {
	now func() time.Time

	mu         sync.Mutex
	young, old map[string]*beginners
	since      time.Time
}

type beginners struct {
	open float64
	at   time.Time
}

func newBegun(now func() time.Time) *begun {
	return &begun{now: now, young: map[string]*beginners{}, since: now()}
}

// begin counts one more of a network, or says that it is too many.
func (b *begun) begin(network string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.of(network)
	if of.open+1 > begunMost {
		return &lms.Problem{Kind: lms.ErrTooMany, Retry: time.Second}
	}
	of.open++
	return nil
}

// finish takes one back that was carried through.
func (b *begun) finish(network string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.of(network)
	of.open = max(0, of.open-1)
}

// of finds a network as it stands now. Two generations bound the memory, as in limiter; one lasts as long as it takes
// to forget a full count.
func (b *begun) of(network string) *beginners {
	now := b.now()
	if len(b.young) >= limiterKeys || now.Sub(b.since) >= begunMost/begunForgets*time.Second {
		b.old, b.young, b.since = b.young, map[string]*beginners{}, now
	}
	of := b.young[network]
	if of == nil {
		if of = b.old[network]; of == nil {
			of = &beginners{at: now}
		}
		b.young[network] = of
	}
	of.open = max(0, of.open-now.Sub(of.at).Seconds()*begunForgets)
	of.at = now
	return of
}
