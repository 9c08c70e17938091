package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"sync"
	"time"
)

// The door is where people come in who are not signed in: the sign-in page and registration. When more come than the
// server can take, they wait in the order in which they came (lms.md 1.1, trust D-09). Those inside are never made to
// wait: only the first step of coming in passes here.
//
// Nothing is kept of those who wait but how many numbers were given out and how many were called: a place in the queue
// is a signed number in the visitor's own cookie. So a queue of a hundred thousand costs what one of ten does.
const (
	// doorStart is how many may come in a second before anything is known of the machine. Each is a handful of
	// statements and two commits.
	doorStart = 250
	doorLeast = 20
	doorMost  = 5000
	// doorSlow and doorGood are what the slowest tenth of those inside may take before fewer, and until more, are let in:
	// well within the second that somebody who was let in may wait.
	doorSlow = 300 * time.Millisecond
	doorGood = 150 * time.Millisecond
	// doorWindow is how often the rate is thought over.
	doorWindow = 500 * time.Millisecond
	// doorQueue bounds the queue. Whoever comes when it is full has no place, and is asked to come again in a minute.
	doorQueue = 1 << 17
	// doorAgain is when somebody without a place, or with more than doorFar people before them, asks again at the latest, and
	// doorSoon when somebody does who is nearer: the queue may go faster than it looked.
	doorAgain = time.Minute
	doorFar   = 5000
	doorSoon  = 15 * time.Second
)

// place is where somebody stands.
type place struct {
	Ticket string        // to be shown again; "" when the queue is full
	Ahead  int           // people before them
	Again  time.Duration // when to ask again: at most doorAgain
	Wait   time.Duration // until it is their turn, as things go
}

// door lets people in at the rate that the server bears. Safe for concurrent use.
type door struct {
	now func() time.Time
	key [sha256.Size]byte // signs places; of this start only, for numbers of before mean nothing now

	mu            sync.Mutex
	given, called uint64 // numbers given out, and called to come in
	used          [doorQueue / 64]uint64
	rate, tokens  float64
	at            time.Time // when tokens were counted
	window        time.Time // since when took is collected
	took          []time.Duration
	short         bool // somebody had to wait in this window
}

func newDoor(now func() time.Time) *door {
	d := &door{now: now, rate: doorStart, tokens: doorStart, at: now(), window: now()}
	_, _ = rand.Read(d.key[:]) // never fails
	return d
}

// enter asks to come in, with the ticket that was given before, if any. Of a place in the queue it makes use at most
// once.
func (d *door) enter(ticket string) (place, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.advance()
	number, held := d.read(ticket)
	switch {
	case held && number <= d.called:
		d.use(number)
		return place{}, true
	case held:
		return d.place(number), false
	case d.called == d.given && d.tokens >= 1:
		d.tokens--
		return place{}, true
	}
	return d.give(), false
}

// look says whether somebody would be let in now, without using their place.
func (d *door) look(ticket string) (place, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.advance()
	number, held := d.read(ticket)
	switch {
	case held && number <= d.called:
		return place{Ticket: ticket}, true
	case held:
		return d.place(number), false
	case d.called == d.given:
		return place{}, true
	}
	return d.give(), false
}

// left tells how long one of those inside was kept.
func (d *door) left(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.took) < 4*doorMost {
		d.took = append(d.took, took)
	}
}

// advance calls those whose turn has come, and thinks the rate over when it is time.
func (d *door) advance() {
	now := d.now()
	if passed := now.Sub(d.at); passed > 0 {
		d.tokens = min(d.tokens+d.rate*passed.Seconds(), d.rate)
		d.at = now
	}
	if n := min(uint64(d.tokens), d.given-d.called); n > 0 {
		d.called += n
		d.tokens -= float64(n)
	}
	if now.Sub(d.window) >= doorWindow {
		d.think()
		d.window = now
	}
}

// think lets fewer in when those inside were slow, and more when they were quick and others had to wait: additive up,
// multiplicative down, as congestion is handled elsewhere.
func (d *door) think() {
	var slow, good int
	for _, took := range d.took {
		if took > doorSlow {
			slow++
		}
		if took <= doorGood {
			good++
		}
	}
	switch {
	case slow > 2 && slow*10 > len(d.took):
		d.rate = max(doorLeast, d.rate*0.8)
		d.tokens = min(d.tokens, d.rate)
	case (d.short || d.called < d.given || d.rate < doorStart) && good*10 >= 9*len(d.took):
		d.rate = min(doorMost, d.rate+max(2, d.rate*0.04))
	}
	d.took, d.short = d.took[:0], false
}

// give hands out the next number.
func (d *door) give() place {
	d.short = true
	if d.given-d.called >= doorQueue {
		return place{Ahead: doorQueue, Again: doorAgain, Wait: d.wait(doorQueue)}
	}
	d.given++
	d.used[d.given%doorQueue/64] &^= 1 << (d.given % 64)
	p := d.place(d.given)
	p.Ticket = d.sign(d.given)
	return p
}

// place is where a number that was not called stands. It is asked again at half the way to its turn.
func (d *door) place(number uint64) place {
	d.short = true
	ahead := int(number - d.called - 1)
	wait := d.wait(ahead + 1)
	again := min(max(wait/2, time.Second), doorAgain)
	if ahead < doorFar {
		again = min(again, doorSoon)
	}
	return place{Ahead: ahead, Wait: wait, Again: again, Ticket: d.sign(number)}
}

func (d *door) wait(people int) time.Duration {
	return time.Duration(math.Ceil(float64(people)/d.rate)) * time.Second
}

// use spends a place. Whoever comes with it again stands at the end.
func (d *door) use(number uint64) { d.used[number%doorQueue/64] |= 1 << (number % 64) }

// sign writes a number so that nobody can write it themselves: 8 bytes of it and 16 of its keyed hash.
func (d *door) sign(number uint64) string {
	var raw [24]byte
	binary.BigEndian.PutUint64(raw[:8], number)
	mac := hmac.New(sha256.New, d.key[:])
	mac.Write(raw[:8])
	copy(raw[8:], mac.Sum(nil))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// read returns the number of a ticket that is good: ours, of this start, and not spent.
func (d *door) read(ticket string) (uint64, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil || len(raw) != 24 {
		return 0, false
	}
	number := binary.BigEndian.Uint64(raw)
	if number == 0 || number > d.given || d.given-number >= doorQueue || d.used[number%doorQueue/64]&(1<<(number%64)) != 0 {
		return 0, false
	}
	return number, hmac.Equal([]byte(d.sign(number)), []byte(ticket))
}
