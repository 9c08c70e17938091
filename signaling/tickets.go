package signaling

import (
	"crypto/rand"
	"time"

	"lectern/lms"
)

// The bounds of tickets. A browser that reconnects asks for one a second at most and uses it at once, so a
// person with a full life's worth of unused ones is playing with us.
const (
	ticketLife     = 30 * time.Second
	ticketsAPerson = 32
	ticketsInAll   = 50_000
)

var errTickets = &lms.Problem{
	Kind:    lms.ErrTooMany,
	Message: "Too many connections were begun at once. Wait half a minute, then reload the page.",
	Retry:   ticketLife,
}

// tickets are the secrets that open a socket, each good once and not for long. The hub's lock guards them.
type tickets struct {
	open    map[string]ticket
	persons map[lms.PersonID]int // how many are open
	expiry  []string             // in the order of issue, which is that of expiry; the used ones are in it, too
}

type ticket struct {
	id      Identity
	expires time.Time
}

func newTickets() tickets {
	return tickets{open: map[string]ticket{}, persons: map[lms.PersonID]int{}}
}

// issue makes a ticket of 130 random bits.
func (t *tickets) issue(id Identity, now time.Time) (string, error) {
	if t.persons[id.Person] >= ticketsAPerson || len(t.expiry) >= ticketsInAll {
		return "", errTickets
	}
	secret := rand.Text()
	t.open[secret] = ticket{id, now.Add(ticketLife)}
	t.persons[id.Person]++
	t.expiry = append(t.expiry, secret)
	return secret, nil
}

// redeem uses a ticket up. It does not say whether the ticket was unknown, used or too old.
func (t *tickets) redeem(secret string, now time.Time) (Identity, bool) {
	found, ok := t.open[secret]
	if !ok {
		return Identity{}, false
	}
	t.remove(secret, found)
	return found.id, now.Before(found.expires)
}

// course says what a ticket is for, and "" of one that does not exist. It does not use it up.
func (t *tickets) course(secret string) lms.CourseID { return t.open[secret].id.Course }

// revoke makes the tickets that a person was given in a login session worthless.
func (t *tickets) revoke(person lms.PersonID, session string) {
	if t.persons[person] == 0 {
		return
	}
	for secret, found := range t.open {
		if found.id.Person == person && found.id.Session == session {
			t.remove(secret, found)
		}
	}
}

// revokeAll makes all tickets of a person worthless.
func (t *tickets) revokeAll(person lms.PersonID) {
	for secret, found := range t.open {
		if t.persons[person] == 0 {
			return
		}
		if found.id.Person == person {
			t.remove(secret, found)
		}
	}
}

// sweep forgets the tickets that are too old.
func (t *tickets) sweep(now time.Time) {
	i := 0
	for ; i < len(t.expiry); i++ {
		found, ok := t.open[t.expiry[i]]
		if ok && now.Before(found.expires) {
			break
		}
		if ok {
			t.remove(t.expiry[i], found)
		}
	}
	t.expiry = append(t.expiry[:0], t.expiry[i:]...)
}

func (t *tickets) remove(secret string, found ticket) {
	delete(t.open, secret)
	if t.persons[found.id.Person]--; t.persons[found.id.Person] == 0 {
		delete(t.persons, found.id.Person)
	}
}
