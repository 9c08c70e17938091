package relay

import (
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBurst is how much a relay carries at once however slow its line: a keyframe, in bytes.
const maxBurst = 256 << 10

// quota counts relays by owner and bounds what they carry. Safe for concurrent use.
type quota struct {
	max, bitrate int
	up, down     *rate.Limiter // of all relays, in bytes

	mu    sync.Mutex
	owned map[string]int // no entry is 0
	total int
}

func newQuota(max, bitrate, total int) *quota {
	limit := rate.Limit(total / 8)
	burst := min(total/8, 64<<20)
	return &quota{max: max, bitrate: bitrate, up: rate.NewLimiter(limit, burst), down: rate.NewLimiter(limit, burst), owned: map[string]int{}}
}

func (q *quota) free(owner string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.owned[owner] < maxPerOwner && q.total < q.max
}

// take counts a relay, unless owner or all together have too many.
func (q *quota) take(owner string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.owned[owner] >= maxPerOwner || q.total >= q.max {
		return false
	}
	q.owned[owner]++
	q.total++
	return true
}

func (q *quota) give(owner string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.total--
	if q.owned[owner]--; q.owned[owner] == 0 {
		delete(q.owned, owner)
	}
}

func (q *quota) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// line is a limiter for one direction of one relay.
func (q *quota) line() *rate.Limiter { return rate.NewLimiter(rate.Limit(q.bitrate/8), maxBurst) }

// fits reports whether n bytes may pass now, on the relay's own line and on the one of all.
func fits(own, all *rate.Limiter, n int) bool {
	now := time.Now()
	return own.AllowN(now, n) && all.AllowN(now, n)
}

// mayHaveOne answers pion before a relay is opened; 486 tells the client that it is the quota. What counts is
// allocator's take.
func (s *Server) mayHaveOne(owner, _ string, _ net.Addr) bool {
	ok := s.quota.free(owner)
	if !ok {
		s.meters.refused.WithLabelValues("quota").Inc()
	}
	return ok
}
