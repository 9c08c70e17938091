package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rateClass names how often one client may call a route. Rules about persons (questions, tries of a one-time
// code) are counted in the database; these limits only keep one client from using up the server.
type rateClass uint8

const (
	rateNone    rateClass = iota // static files and media, which have their own bounds
	ratePage                     // reading, by network
	rateDoor                     // coming in, by network; who comes too fast for the server waits in the queue (door.go)
	rateSignIn                   // everything that guesses a secret, by network
	rateAPI                      // reading and writing, by person
	rateWrite                    // what makes rows, by person
	ratePublish                  // opening a publisher's session, by person
	rateWatch                    // opening a session to watch, by person
	rateCrowd                    // the same by a bearer token, which an operator gives to many at once
	rateSocket                   // opening a socket, by network
	rateVerify                   // looking up certificates, by network (trust S-26)
	rateProbe                    // the measurements of a path test, by person
)

// byPerson reports whether signed-in people are counted each for themselves, not by their network.
func (c rateClass) byPerson() bool {
	return c == rateAPI || c == rateWrite || c == ratePublish || c == rateWatch || c == rateProbe
}

// of returns the class that counts for a caller.
func (c rateClass) of(caller *call) rateClass {
	if c == rateWatch && caller.token != nil {
		return rateCrowd
	}
	return c
}

// rates says how many calls a second and how many at once a class allows. A hospital or a mobile carrier puts
// thousands behind one address, and they come within the same minutes, so what is counted by network is soft: no more
// than one client should take of the server. Guessers are held by the limits of the database, which count by address
// of mail and by challenge.
var rates = [...]struct {
	perSecond rate.Limit
	burst     int
}{
	ratePage:    {200, 2000},
	rateDoor:    {2000, 20_000},
	rateSignIn:  {500, 5000},
	rateAPI:     {20, 100},
	rateWrite:   {2, 20},
	ratePublish: {10.0 / 60, 10}, // trust S-16
	rateWatch:   {2, 20},
	// A wall of screens, a restreamer or a load test comes by one token. What it can use up is the room's seats.
	rateCrowd: {100, 1000},
	// After a restart everybody behind a hospital's or a carrier's address comes back within a second or two.
	rateSocket: {500, 5000},
	rateVerify: {0.5, 30},
	rateProbe:  {0.5, 20}, // a test takes about ten
}

// limiterKeys bounds the memory of a limiter: two generations of this many keys, about 100 bytes each.
const limiterKeys = 1 << 15

// limiterAge is how long an idle key is remembered at most twice over; every class refills its burst within
// this time, so that forgetting a key gives nothing away.
const limiterAge = 2 * time.Minute

type limiterKey struct {
	class rateClass
	who   string
}

// limiter holds one token bucket for each client and class. It keeps two generations of buckets; when the
// young one is full or old enough, the older one is dropped. Safe for concurrent use.
type limiter struct {
	now func() time.Time

	mu         sync.Mutex
	young, old map[limiterKey]*rate.Limiter
	since      time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, young: map[limiterKey]*rate.Limiter{}, since: now()}
}

// allow takes one token, or says how long the client has to wait for the next.
func (l *limiter) allow(class rateClass, who string) (wait time.Duration, ok bool) {
	if class == rateNone {
		return 0, true
	}
	now := l.now()
	bucket := l.bucket(limiterKey{class, who}, now)
	if bucket.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - bucket.TokensAt(now)
	return time.Duration(missing / float64(bucket.Limit()) * float64(time.Second)), false
}

func (l *limiter) bucket(key limiterKey, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.young) >= limiterKeys || now.Sub(l.since) >= limiterAge {
		l.old, l.young, l.since = l.young, map[limiterKey]*rate.Limiter{}, now
	}
	if bucket := l.young[key]; bucket != nil {
		return bucket
	}
	bucket := l.old[key]
	if bucket == nil {
		bucket = rate.NewLimiter(rates[key.class].perSecond, rates[key.class].burst)
	}
	l.young[key] = bucket
	return bucket
}
