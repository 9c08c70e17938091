package web

import (
	"crypto/sha256"
	"sync"
	"time"

	"lectern/lms"
)

// grantLife is how long a yes for media is remembered. A player asks for a playlist and a segment every few
// seconds; somebody who is signed out or revoked gets no more of either after this (trust: within 10 s).
const grantLife = 5 * time.Second

// grantKeys bounds the memory: two generations of this many viewers, about 100 bytes each.
const grantKeys = 1 << 15

// grantKey names who may watch what. The secret is hashed, so that a memory dump of the cache opens nothing.
type grantKey struct {
	secret [sha256.Size]byte
	course lms.CourseID
}

// grants remembers for a moment who may fetch media of a course, to spare the database two questions for each
// segment. Only a yes is kept. Safe for concurrent use.
type grants struct {
	now func() time.Time

	mu         sync.Mutex
	young, old map[grantKey]time.Time // until when
	since      time.Time
	gone       map[[sha256.Size]byte]time.Time // secrets that signed out, as long as a yes to them may be kept
}

func newGrants(now func() time.Time) *grants {
	return &grants{now: now, young: map[grantKey]time.Time{}, since: now(), gone: map[[sha256.Size]byte]time.Time{}}
}

func newGrantKey(secret string, course lms.CourseID) grantKey {
	return grantKey{sha256.Sum256([]byte(secret)), course}
}

// has reports whether the key was granted less than grantLife ago.
func (g *grants) has(key grantKey) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, gone := g.gone[key.secret]; gone {
		return false
	}
	until, ok := g.young[key]
	if !ok {
		until = g.old[key]
	}
	return g.now().Before(until)
}

// forget makes that a secret is asked for again at once.
func (g *grants) forget(secret string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	for old, at := range g.gone {
		if now.Sub(at) > 2*grantLife {
			delete(g.gone, old)
		}
	}
	g.gone[sha256.Sum256([]byte(secret))] = now
}

// add remembers a yes.
func (g *grants) add(key grantKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if len(g.young) >= grantKeys || now.Sub(g.since) >= grantLife {
		g.old, g.young, g.since = g.young, map[grantKey]time.Time{}, now
	}
	g.young[key] = now.Add(grantLife)
}
