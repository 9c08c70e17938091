package postgres

import (
	"context"
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

// playing is one player of a viewing.
type playing struct {
	viewing
	player string
}

// entry is what the ledger holds of the viewings in a batch. It is loaded under the locks of their persons'
// budgets, changed by lms.Viewer.Accept, report by report, and saved.
type entry struct {
	sessions  map[lms.BroadcastID]*lms.Session
	countable map[lms.BroadcastID]lms.Spans
	allowed   map[viewing]bool // may watch; the others are unknown here
	seconds   map[viewing]map[lms.Provenance]lms.Spans
	positions map[viewing]*int64
	players   map[playing]lms.Player
	budgets   map[lms.PersonID]lms.Budget
	refused   map[viewing]int64 // by the reports of this batch; a key for each viewing that reported
	reported  map[playing]bool

	loaded     map[viewing]map[lms.Provenance]lms.Spans // as found, to save the differences
	newPlayers map[viewing]bool                         // viewings with a player not seen before
}

// enterReports runs one transaction for all the reports: lock, read, ask lms, write. The outcomes are in the
// order of the batch.
func (db *DB) enterReports(ctx context.Context, batch []submitted) ([]outcome, error) {
	outcomes := make([]outcome, len(batch))
	err := db.tx(ctx, "enter watch reports", func(tx pgx.Tx, now time.Time) error {
		e, err := loadEntry(ctx, tx, batch)
		if err != nil {
			return err
		}
		for i, s := range batch {
			outcomes[i] = e.accept(s, now)
		}
		return e.save(ctx, tx, now)
	})
	return outcomes, err
}

// accept asks lms about one report and keeps its answer.
func (e *entry) accept(s submitted, now time.Time) outcome {
	v := viewing{s.person, s.report.Broadcast}
	if !e.allowed[v] {
		return outcome{err: lms.ErrNotFound}
	}
	session := e.sessions[v.broadcast]
	p := playing{v, s.report.Player}
	player, known := e.players[p]
	if !known {
		e.newPlayers[v] = true
	}
	before := lms.Viewer{Seconds: e.seconds[v], PositionMS: e.positions[v], Player: player, Budget: e.budgets[v.person]}
	after, refused := before.Accept(*session, s.report, now)
	e.seconds[v], e.positions[v], e.players[p] = after.Seconds, after.PositionMS, after.Player
	e.budgets[v.person] = after.Budget
	e.refused[v] += refused
	e.reported[p] = true
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

// pairs returns the viewings of the batch as two parallel arrays, ordered and without repetition, so that
// every transaction takes its locks in the same order.
func pairs(batch []submitted) (persons, broadcasts []string) {
	seen := make([]viewing, 0, len(batch))
	for _, s := range batch {
		seen = append(seen, viewing{s.person, s.report.Broadcast})
	}
	slices.SortFunc(seen, func(a, b viewing) int {
		if c := strings.Compare(string(a.person), string(b.person)); c != 0 {
			return c
		}
		return strings.Compare(string(a.broadcast), string(b.broadcast))
	})
	for _, v := range slices.Compact(seen) {
		persons = append(persons, string(v.person))
		broadcasts = append(broadcasts, string(v.broadcast))
	}
	return persons, broadcasts
}

// loadEntry locks the budgets of all persons in the batch and reads what is known of their viewings, in one
// round trip.
func loadEntry(ctx context.Context, tx pgx.Tx, batch []submitted) (*entry, error) {
	persons, broadcasts := pairs(batch)
	e := &entry{
		sessions:   make(map[lms.BroadcastID]*lms.Session),
		countable:  make(map[lms.BroadcastID]lms.Spans),
		allowed:    make(map[viewing]bool, len(persons)),
		seconds:    make(map[viewing]map[lms.Provenance]lms.Spans, len(persons)),
		positions:  make(map[viewing]*int64, len(persons)),
		players:    make(map[playing]lms.Player, len(batch)),
		budgets:    make(map[lms.PersonID]lms.Budget, len(persons)),
		refused:    make(map[viewing]int64, len(persons)),
		reported:   make(map[playing]bool, len(batch)),
		loaded:     make(map[viewing]map[lms.Provenance]lms.Spans, len(persons)),
		newPlayers: make(map[viewing]bool),
	}
	var b pgx.Batch
	e.queueBudgets(&b, persons)
	queueSessions(&b, e.sessions, broadcasts)
	e.queueViewings(&b, persons, broadcasts)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, err
	}
	for v, seconds := range e.loaded {
		e.seconds[v] = seconds // Accept copies before it changes
	}
	return e, nil
}

// queueBudgets makes sure that everybody has a budget and locks it until the commit.
func (e *entry) queueBudgets(b *pgx.Batch, persons []string) {
	b.Queue(`
		insert into watch_budgets (person_id, left_ms)
		select id, 0 from persons where id = any($1::uuid[]) order by id
		on conflict (person_id) do nothing`, persons)
	b.Queue(`
		select person_id, left_ms, at from watch_budgets
		where person_id = any($1::uuid[]) order by person_id for update`, persons).Query(func(rows pgx.Rows) error {
		var person lms.PersonID
		var left int64
		var at *time.Time
		_, err := pgx.ForEachRow(rows, []any{&person, &left, &at}, func() error {
			budget := lms.Budget{Left: time.Duration(left) * time.Millisecond}
			if at != nil {
				budget.At = *at
			}
			e.budgets[person] = budget
			return nil
		})
		return err
	})
}

// queueSessions reads timelines and recordings of broadcasts.
func queueSessions(b *pgx.Batch, sessions map[lms.BroadcastID]*lms.Session, broadcasts []string) {
	session := func(id lms.BroadcastID) *lms.Session {
		if sessions[id] == nil {
			sessions[id] = &lms.Session{}
		}
		return sessions[id]
	}
	b.Queue(`
		select broadcast_id, started_at, timeline_start_ms, ended_at
		from broadcast_runs where broadcast_id = any($1::uuid[]) order by broadcast_id, number`, broadcasts).
		Query(func(rows pgx.Rows) error {
			var id lms.BroadcastID
			var run lms.Run
			var ended *time.Time
			_, err := pgx.ForEachRow(rows, []any{&id, &run.StartedAt, &run.StartMS, &ended}, func() error {
				run.EndedAt = time.Time{}
				if ended != nil {
					run.EndedAt = *ended
				}
				s := session(id)
				s.Timeline = append(s.Timeline, run)
				return nil
			})
			return err
		})
	b.Queue(`
		select broadcast_id, timeline_ms, recording_ms, length_ms
		from recording_edits where broadcast_id = any($1::uuid[]) order by broadcast_id, timeline_ms`, broadcasts).
		Query(func(rows pgx.Rows) error {
			var id lms.BroadcastID
			var p lms.Piece
			_, err := pgx.ForEachRow(rows, []any{&id, &p.TimelineMS, &p.RecordingMS, &p.LengthMS}, func() error {
				s := session(id)
				s.Edits = append(s.Edits, p)
				return nil
			})
			return err
		})
	queueRecordings(b, session, broadcasts)
}

// queueRecordings reads which version of the recordings of broadcasts is shown.
func queueRecordings(b *pgx.Batch, session func(lms.BroadcastID) *lms.Session, broadcasts []string) {
	b.Queue(`select broadcast_id, version, deleted_at is not null from recordings where broadcast_id = any($1::uuid[])`, broadcasts).
		Query(func(rows pgx.Rows) error {
			var id lms.BroadcastID
			var version int
			var deleted bool
			_, err := pgx.ForEachRow(rows, []any{&id, &version, &deleted}, func() error {
				s := session(id)
				s.Version, s.Deleted = version, deleted
				return nil
			})
			return err
		})
}

// queueViewings reads who may watch, what they have watched, where they were and their players.
func (e *entry) queueViewings(b *pgx.Batch, persons, broadcasts []string) {
	const asked = `unnest($1::uuid[], $2::uuid[]) as asked (person_id, broadcast_id)`
	var v viewing
	b.Queue(`
		select asked.person_id, asked.broadcast_id
		from `+asked+`
		join broadcasts on broadcasts.id = asked.broadcast_id
		join courses on courses.id = broadcasts.course_id
		where exists (select from enrolments
				where enrolments.person_id = asked.person_id and enrolments.programme_id = courses.programme_id)
			or exists (select from role_grants
				where role_grants.person_id = asked.person_id and role_grants.programme_id = courses.programme_id
				and (role_grants.course_id is null or role_grants.course_id = courses.id))`, persons, broadcasts).
		Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&v.person, &v.broadcast}, func() error {
				e.allowed[v] = true
				return nil
			})
			return err
		})
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
		from `+asked+` join attendance using (person_id, broadcast_id)`, persons, broadcasts).Query(seconds)
	b.Queue(`select person_id, broadcast_id, reason, seconds::text
		from `+asked+` join attendance_withheld using (person_id, broadcast_id)`, persons, broadcasts).Query(seconds)
	var position *int64
	b.Queue(`select person_id, broadcast_id, position_ms
		from `+asked+` join playheads using (person_id, broadcast_id)`, persons, broadcasts).
		Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&v.person, &v.broadcast, &position}, func() error {
				e.positions[v] = position
				return nil
			})
			return err
		})
	var p playing
	var player lms.Player
	b.Queue(`select person_id, broadcast_id, player, seq, from_ms, to_ms
		from `+asked+` join players using (person_id, broadcast_id)`, persons, broadcasts).
		Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&p.person, &p.broadcast, &p.player, &player.Seq, &player.FromMS, &player.ToMS}, func() error {
				e.players[p] = player
				return nil
			})
			return err
		})
}
