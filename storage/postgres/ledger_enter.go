package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// viewing is a person watching a broadcast.
type viewing struct {
	person    lms.PersonID
	broadcast lms.BroadcastID
}

// entry is what the ledger holds of the viewings in a batch: remembered or read, changed by lms.Viewer.Accept,
// report by report, and saved if nobody else has changed it meanwhile.
type entry struct {
	sessions  map[lms.BroadcastID]*lms.Session
	countable map[lms.BroadcastID]lms.Spans
	allowed   map[viewing]bool // may watch; the others are unknown here
	staff     map[viewing]bool // may watch on several devices
	seconds   map[viewing]map[lms.Provenance]lms.Spans
	positions map[viewing]*int64
	players   map[viewing]map[string]lms.Player
	budgets   map[lms.PersonID]lms.Budget
	leases    map[lms.PersonID]lms.Lease
	freed     map[lms.PersonID]bool       // whose device has been silent, so that nobody has the lease
	fresh     map[lms.PersonID]bool       // read just now, not remembered
	doubted   map[lms.PersonID]bool       // refused by a lease that was remembered
	versions  map[lms.PersonID]int64      // of the budgets that all this is based on
	viewings  map[lms.PersonID][]viewing  // that reported
	refused   map[viewing]int64           // by the reports of this batch
	reported  map[viewing]map[string]bool // players of this batch

	loaded map[viewing]map[lms.Provenance]lms.Spans // as found, to save the differences
}

// enterTries bounds how often a batch is entered again because another node was faster for somebody in it.
const enterTries = 8

var errContended = errors.New("another node keeps changing what the reports are about")

// enterReports enters all the reports: recall or read, ask lms, write what has changed in one statement. Those of
// persons whom another node changed in between are entered again. The outcomes are in the order of the batch; with
// an error, some of the reports may have been entered, which does no harm because they come again.
func (l *ledger) enterReports(ctx context.Context, batch []submitted) ([]outcome, error) {
	outcomes := make([]outcome, len(batch))
	left := make([]int, len(batch))
	for i := range left {
		left[i] = i
	}
	for range enterTries {
		var err error
		if left, err = l.try(ctx, batch, left, outcomes); err != nil {
			for _, s := range batch {
				l.memory.forget(s.person) // who knows what was committed
			}
			return nil, err
		}
		if len(left) == 0 {
			return outcomes, nil
		}
	}
	return nil, errContended
}

// try enters those reports of the batch that are left, in one transaction, and returns those that are to be tried again.
func (l *ledger) try(ctx context.Context, batch []submitted, left []int, outcomes []outcome) (again []int, err error) {
	var e *entry
	var saved map[lms.PersonID]bool
	var now time.Time
	err = l.db.tx(ctx, "enter watch reports", func(tx pgx.Tx, at time.Time) error {
		var err error
		now = at
		if e, err = l.load(ctx, tx, batch, left); err != nil {
			return err
		}
		for _, i := range left {
			outcomes[i] = e.accept(batch[i], now)
		}
		saved, err = e.save(ctx, tx, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	for person := range e.viewings {
		if saved[person] {
			l.memory.keep(e, person, now)
		} else {
			l.memory.forget(person)
		}
	}
	for person := range e.doubted {
		l.memory.forget(person)
	}
	for _, i := range left {
		if person := batch[i].person; len(e.viewings[person]) > 0 && !saved[person] || e.doubted[person] {
			again = append(again, i)
		}
	}
	l.memory.sweep(now)
	return again, nil
}

// accept asks lms about one report and keeps its answer.
func (e *entry) accept(s submitted, now time.Time) outcome {
	v := viewing{s.person, s.report.Broadcast}
	if !e.allowed[v] {
		return outcome{err: lms.ErrNotFound}
	}
	if err := e.mayPlay(v, s.report.Player, now); err != nil {
		return outcome{err: err}
	}
	session := e.sessions[v.broadcast]
	before := lms.Viewer{Seconds: e.seconds[v], PositionMS: e.positions[v], Player: e.players[v][s.report.Player], Budget: e.budgets[v.person]}
	after, refused := before.Accept(*session, s.report, now)
	if e.reported[v] == nil {
		e.reported[v] = make(map[string]bool, 1)
		e.viewings[v.person] = append(e.viewings[v.person], v)
		e.players[v] = maps.Clone(e.players[v]) // what is remembered stays as it is until the commit
		if e.players[v] == nil {
			e.players[v] = make(map[string]lms.Player, 1)
		}
	}
	e.reported[v][s.report.Player] = true
	e.seconds[v], e.positions[v], e.players[v][s.report.Player] = after.Seconds, after.PositionMS, after.Player
	e.budgets[v.person] = after.Budget
	e.refused[v] += refused
	countable, ok := e.countable[v.broadcast]
	if !ok {
		countable = session.Countable(now)
		e.countable[v.broadcast] = countable
	}
	watched := after.Watched()
	return outcome{ack: Ack{
		Player:     s.report.Player,
		Seq:        s.report.Seq,
		WatchedS:   watched.Intersect(countable).Len(),
		Share:      watched.Share(countable),
		PositionMS: after.PositionMS,
		RefusedS:   refused,
	}}
}

// mayPlay asks whether a report comes from the one device that plays. A yes is proved by the version of what was remembered; a no
// has to be read.
func (e *entry) mayPlay(v viewing, player string, now time.Time) error {
	if e.staff[v] {
		return nil
	}
	lease := e.leases[v.person]
	if last := e.budgets[v.person].At; last.After(lease.RenewedAt) {
		lease.RenewedAt = last // who has the lease renews it by being counted
	}
	after, err := lease.Report(player, now)
	switch {
	case err != nil && !e.fresh[v.person]:
		e.doubted[v.person] = true
	case err == nil && after.Fence != lease.Fence:
		e.freed[v.person] = true
	}
	if err == nil {
		e.leases[v.person] = after
	}
	return err
}

// viewingsOf returns the viewings of a batch, ordered by person and without repetition, so that two nodes take their
// locks in the same order.
func viewingsOf(batch []submitted, left []int) []viewing {
	asked := make([]viewing, 0, len(left))
	for _, i := range left {
		asked = append(asked, viewing{batch[i].person, batch[i].report.Broadcast})
	}
	slices.SortFunc(asked, func(a, b viewing) int {
		if c := strings.Compare(string(a.person), string(b.person)); c != 0 {
			return c
		}
		return strings.Compare(string(a.broadcast), string(b.broadcast))
	})
	return slices.Compact(asked)
}

// uuids encodes ids for a parameter of type uuid[]. Given as text they cost both sides several times as much. What is
// no UUID becomes the one that nobody has.
type uuids [][16]byte

func add[ID ~string](to uuids, id ID) uuids {
	var b [16]byte
	text := strings.ReplaceAll(string(id), "-", "")
	if len(text) == 2*len(b) {
		if _, err := hex.Decode(b[:], []byte(text)); err != nil {
			b = [16]byte{}
		}
	}
	return append(to, b)
}

// load recalls or reads what the reports are about, in one round trip. The versions are read before what they are
// the versions of, so that a change in between is noticed.
func (l *ledger) load(ctx context.Context, tx pgx.Tx, batch []submitted, left []int) (*entry, error) {
	asked := viewingsOf(batch, left)
	e := &entry{
		sessions:  make(map[lms.BroadcastID]*lms.Session),
		countable: make(map[lms.BroadcastID]lms.Spans),
		allowed:   make(map[viewing]bool, len(asked)),
		seconds:   make(map[viewing]map[lms.Provenance]lms.Spans, len(asked)),
		positions: make(map[viewing]*int64, len(asked)),
		players:   make(map[viewing]map[string]lms.Player, len(asked)),
		budgets:   make(map[lms.PersonID]lms.Budget, len(asked)),
		leases:    make(map[lms.PersonID]lms.Lease, len(asked)),
		freed:     make(map[lms.PersonID]bool),
		fresh:     make(map[lms.PersonID]bool),
		doubted:   make(map[lms.PersonID]bool),
		staff:     make(map[viewing]bool),
		versions:  make(map[lms.PersonID]int64, len(asked)),
		viewings:  make(map[lms.PersonID][]viewing, len(asked)),
		refused:   make(map[viewing]int64, len(asked)),
		reported:  make(map[viewing]map[string]bool, len(asked)),
		loaded:    make(map[viewing]map[lms.Provenance]lms.Spans, len(asked)),
	}
	var b pgx.Batch
	var broadcasts []string
	for _, v := range asked {
		if !slices.Contains(broadcasts, string(v.broadcast)) {
			broadcasts = append(broadcasts, string(v.broadcast))
		}
	}
	persons, viewings := l.memory.recall(e, asked)
	e.queueBudgets(&b, persons)
	queueSessions(&b, e.sessions, broadcasts)
	e.queueAllowed(&b, asked)
	e.queueViewings(&b, viewings)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, err
	}
	for v, seconds := range e.loaded {
		e.seconds[v] = seconds // Accept copies before it changes
	}
	return e, nil
}

// queueBudgets makes sure that everybody has a budget and reads it.
func (e *entry) queueBudgets(b *pgx.Batch, people []lms.PersonID) {
	if len(people) == 0 {
		return
	}
	persons := make(uuids, 0, len(people))
	for _, person := range people {
		persons = add(persons, person)
	}
	b.Queue(`
		insert into watch_budgets (person_id, left_ms)
		select id, 0 from persons where id = any($1::uuid[]) order by id
		on conflict (person_id) do nothing`, persons)
	b.Queue(`
		select person_id, left_ms, at, version, fence, playing, playing_at from watch_budgets
		where person_id = any($1::uuid[])`, persons).Query(func(rows pgx.Rows) error {
		var person lms.PersonID
		var left, version int64
		var at, taken *time.Time
		var fence int64
		var players string
		_, err := pgx.ForEachRow(rows, []any{&person, &left, &at, &version, &fence, &players, &taken}, func() error {
			lease := lms.Lease{Fence: fence, Players: lms.ParseLeasePlayers(players)}
			if taken != nil {
				lease.RenewedAt = *taken
			}
			e.leases[person], e.fresh[person] = lease, true
			budget := lms.Budget{Left: time.Duration(left) * time.Millisecond}
			if at != nil {
				budget.At = *at
			}
			e.budgets[person], e.versions[person] = budget, version
			return nil
		})
		return err
	})
}

// pairs returns viewings as two parallel arrays.
func pairs(viewings []viewing) (persons, broadcasts uuids) {
	persons, broadcasts = make(uuids, 0, len(viewings)), make(uuids, 0, len(viewings))
	for _, v := range viewings {
		persons, broadcasts = add(persons, v.person), add(broadcasts, v.broadcast)
	}
	return persons, broadcasts
}

// askedViewings is a table of them.
const askedViewings = `unnest($1::uuid[], $2::uuid[]) as asked (person_id, broadcast_id)`

// queueAllowed reads who may watch. It is never remembered, because somebody may have been turned away.
func (e *entry) queueAllowed(b *pgx.Batch, viewings []viewing) {
	persons, broadcasts := pairs(viewings)
	var v viewing
	b.Queue(`
		select person_id, broadcast_id, staff from (
			select asked.person_id, asked.broadcast_id,
				exists (select from enrolments
					where enrolments.person_id = asked.person_id and enrolments.programme_id = courses.programme_id) as enrolled,
				exists (select from programme_grants
					where programme_grants.person_id = asked.person_id and programme_grants.programme_id = courses.programme_id
					and programme_grants.role = any($3)
					and (programme_grants.course_id is null or programme_grants.course_id = courses.id)) as staff
			from `+askedViewings+`
			join broadcasts on broadcasts.id = asked.broadcast_id
			join courses on courses.id = broadcasts.course_id
		) held where enrolled or staff`, persons, broadcasts, lms.Watch.Roles()).
		Query(func(rows pgx.Rows) error {
			var staff bool
			_, err := pgx.ForEachRow(rows, []any{&v.person, &v.broadcast, &staff}, func() error {
				e.allowed[v], e.staff[v] = true, staff
				return nil
			})
			return err
		})
}

// queueViewings reads what has been watched, where the person was and their players.
func (e *entry) queueViewings(b *pgx.Batch, viewings []viewing) {
	if len(viewings) == 0 {
		return
	}
	persons, broadcasts := pairs(viewings)
	var v viewing
	var as lms.Provenance
	var text string
	seconds := func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&v.person, &v.broadcast, &as, &text}, func() error {
			spans, err := lms.ParseSpans(text)
			if e.loaded[v] == nil {
				e.loaded[v] = make(map[lms.Provenance]lms.Spans, 3)
			}
			e.loaded[v][as] = spans
			return err
		})
		return err
	}
	b.Queue(`select person_id, broadcast_id, provenance, watched::text
		from `+askedViewings+` join attendance using (person_id, broadcast_id)`, persons, broadcasts).Query(seconds)
	b.Queue(`select person_id, broadcast_id, reason, seconds::text
		from `+askedViewings+` join attendance_withheld using (person_id, broadcast_id)`, persons, broadcasts).Query(seconds)
	var position *int64
	b.Queue(`select person_id, broadcast_id, position_ms
		from `+askedViewings+` join playheads using (person_id, broadcast_id)`, persons, broadcasts).
		Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&v.person, &v.broadcast, &position}, func() error {
				e.positions[v] = position
				return nil
			})
			return err
		})
	var name string
	var player lms.Player
	b.Queue(`select person_id, broadcast_id, player, seq, from_ms, to_ms
		from `+askedViewings+` join players using (person_id, broadcast_id)`, persons, broadcasts).
		Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&v.person, &v.broadcast, &name, &player.Seq, &player.FromMS, &player.ToMS}, func() error {
				if e.players[v] == nil {
					e.players[v] = make(map[string]lms.Player, 1)
				}
				e.players[v][name] = player
				return nil
			})
			return err
		})
}
