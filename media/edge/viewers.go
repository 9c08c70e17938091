package edge

import (
	"strings"
	"sync"
	"time"

	"lectern/media/access"
)

// rememberViewer is how long a viewer is remembered after the last request: longer than cookies are good for.
const rememberViewer = access.Life + time.Minute

// maxViewers bounds the memory, about 200 bytes each. One more is let in by the cookies alone, and leaves when these
// end.
const maxViewers = 200_000

// viewers knows who watches here, who is out, and how many requests of each wait. Safe for concurrent use.
type viewers struct {
	now func() time.Time

	mu      sync.Mutex
	seen    map[viewer]*presence
	waiting map[waiter]int
	allowed string // the origin of our pages, for answers that the Lectern did not give
}

// waiter is a viewer whose requests wait: for what is not there yet, or for what we have to fetch.
type waiter struct {
	id     string
	blocks bool
}

type presence struct {
	last time.Time
	out  bool
}

func newViewers(now func() time.Time) *viewers {
	return &viewers{now: now, seen: map[viewer]*presence{}, waiting: map[waiter]int{}}
}

// see notes a request, and says whether its viewer may watch as far as we know.
func (v *viewers) see(id, course string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.seen[viewer{id, course}]
	if p == nil {
		if len(v.seen) >= maxViewers {
			return true
		}
		p = &presence{}
		v.seen[viewer{id, course}] = p
	}
	p.last = v.now()
	return !p.out
}

// wait lets a request wait until leave is called, unless as many of its viewer wait as may.
func (v *viewers) wait(id string, blocks bool) (leave func(), may bool) {
	most, who := maxFetching, waiter{id, blocks}
	if blocks {
		most = maxWaiting
	}
	if strings.HasPrefix(id, access.TokenViewer) {
		most = maxSharing
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waiting[who] >= most {
		return nil, false
	}
	v.waiting[who]++
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.waiting[who]--; v.waiting[who] == 0 {
			delete(v.waiting, who)
		}
	}, true
}

// here are all viewers of the last minutes. Those who left longer ago are forgotten.
func (v *viewers) here() []viewer {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	list := make([]viewer, 0, len(v.seen))
	for who, p := range v.seen {
		if now.Sub(p.last) > rememberViewer {
			delete(v.seen, who)
			continue
		}
		list = append(list, who)
	}
	return list
}

// judge takes the origin's answer about some viewers: those who are out, and that the others may watch.
func (v *viewers) judge(asked, out []viewer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, who := range asked {
		if p := v.seen[who]; p != nil {
			p.out = false
		}
	}
	for _, who := range out {
		if p := v.seen[who]; p != nil {
			p.out = true
		}
	}
}

// heard keeps the origin of our pages.
func (v *viewers) heard(pages string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.allowed = pages
}

// pages is the origin of our pages, "" before the Lectern has named it.
func (v *viewers) pages() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.allowed
}

// count is how many viewers are remembered.
func (v *viewers) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.seen)
}
