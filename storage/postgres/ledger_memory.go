package postgres

import (
	"time"

	"lectern/lms"
)

// rememberFor is how long somebody who does not report stays in the memory: a player that lives reports every 10 s.
const rememberFor = time.Minute

// memory is what the batcher knows of those who report, so that it needs not read what it has just written. It may
// be out of date, by another node's doing: whoever writes one of a person's rows counts up the version of the
// person's budget in the same transaction, and a batch that was based on another version is not saved.
//
// Only the batcher's goroutine uses it.
type memory struct {
	people map[lms.PersonID]*remembered
	swept  time.Time
}

type remembered struct {
	version  int64
	budget   lms.Budget
	lease    lms.Lease
	viewings map[lms.BroadcastID]rememberedViewing
	at       time.Time // of the last report
}

type rememberedViewing struct {
	seconds  map[lms.Provenance]lms.Spans
	position *int64
	players  map[string]lms.Player
}

func newMemory() *memory { return &memory{people: make(map[lms.PersonID]*remembered)} }

// recall puts what is remembered of the viewings into e and returns those persons and viewings that must be read.
func (m *memory) recall(e *entry, asked []viewing) (persons []lms.PersonID, viewings []viewing) {
	for i, v := range asked {
		person := m.people[v.person]
		if person == nil {
			if i == 0 || asked[i-1].person != v.person { // asked is ordered by person
				persons = append(persons, v.person)
			}
			viewings = append(viewings, v)
			continue
		}
		e.budgets[v.person], e.versions[v.person] = person.budget, person.version
		e.leases[v.person] = person.lease
		known, ok := person.viewings[v.broadcast]
		if !ok {
			viewings = append(viewings, v)
			continue
		}
		e.loaded[v], e.seconds[v], e.positions[v], e.players[v] = known.seconds, known.seconds, known.position, known.players
	}
	return persons, viewings
}

// keep remembers what was saved of a person's viewings.
func (m *memory) keep(e *entry, person lms.PersonID, now time.Time) {
	known := m.people[person]
	if known == nil {
		known = &remembered{viewings: make(map[lms.BroadcastID]rememberedViewing, 1)}
		m.people[person] = known
	}
	known.version, known.budget, known.at = e.versions[person]+1, e.budgets[person], now
	known.lease = e.leases[person]
	for _, v := range e.viewings[person] {
		if len(e.players[v]) > playersKept {
			delete(known.viewings, v.broadcast) // the database keeps the newest ones
			continue
		}
		known.viewings[v.broadcast] = rememberedViewing{seconds: e.seconds[v], position: e.positions[v], players: e.players[v]}
	}
}

func (m *memory) forget(person lms.PersonID) { delete(m.people, person) }

// sweep forgets those who have stopped reporting.
func (m *memory) sweep(now time.Time) {
	if now.Sub(m.swept) < rememberFor {
		return
	}
	m.swept = now
	for person, known := range m.people {
		if now.Sub(known.at) >= rememberFor {
			delete(m.people, person)
		}
	}
}
