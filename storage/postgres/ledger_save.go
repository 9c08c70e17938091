package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// playersKept is how many players of one viewing are remembered. A page that is opened again is a new one.
const playersKept = 20

// spanRows are rows of attendance or attendance_withheld as parallel arrays.
type spanRows struct {
	persons, broadcasts uuids
	kinds, spans        []string
}

func (r *spanRows) add(v viewing, kind lms.Provenance, spans lms.Spans) {
	r.persons = add(r.persons, v.person)
	r.broadcasts = add(r.broadcasts, v.broadcast)
	r.kinds = append(r.kinds, string(kind))
	r.spans = append(r.spans, spans.String())
}

// changes returns the seconds that the batch has added, counted and withheld ones.
func (e *entry) changes() (counted, withheld spanRows) {
	for v, seconds := range e.seconds {
		for as, spans := range seconds {
			added := spans.Subtract(e.loaded[v][as])
			if len(added) == 0 {
				continue
			}
			if as == lms.TooFast || as == lms.Held {
				withheld.add(v, as, added)
			} else {
				counted.add(v, as, added)
			}
		}
	}
	return counted, withheld
}

// save writes what the batch has changed in one statement and returns the persons it was saved for: not those whom
// somebody else has changed since they were read. Seconds are joined to those that are there, so that nothing entered
// is ever lost, whatever a statement was based on.
func (e *entry) save(ctx context.Context, tx pgx.Tx, now time.Time) (saved map[lms.PersonID]bool, err error) {
	if len(e.viewings) == 0 {
		return nil, nil // nobody in the batch was allowed
	}
	counted, withheld := e.changes()
	var heads struct {
		persons, broadcasts uuids
		positions           []*int64
		refused             []int64
	}
	var tabs struct {
		persons, broadcasts uuids
		players             []string
		seqs, froms, tos    []int64
	}
	var budgets struct {
		persons        uuids
		left, versions []int64
		at             []*time.Time
	}
	for _, person := range slices.Sorted(maps.Keys(e.viewings)) {
		budget := e.budgets[person]
		var at *time.Time
		if !budget.At.IsZero() {
			at = &budget.At
		}
		budgets.persons = add(budgets.persons, person)
		budgets.left = append(budgets.left, budget.Left.Milliseconds())
		budgets.versions = append(budgets.versions, e.versions[person])
		budgets.at = append(budgets.at, at)
		for _, v := range e.viewings[person] {
			heads.persons, heads.broadcasts = add(heads.persons, v.person), add(heads.broadcasts, v.broadcast)
			heads.positions = append(heads.positions, e.positions[v])
			heads.refused = append(heads.refused, e.refused[v])
			for name := range e.reported[v] {
				player := e.players[v][name]
				tabs.persons, tabs.broadcasts = add(tabs.persons, v.person), add(tabs.broadcasts, v.broadcast)
				tabs.players = append(tabs.players, name)
				tabs.seqs = append(tabs.seqs, player.Seq)
				tabs.froms = append(tabs.froms, player.FromMS)
				tabs.tos = append(tabs.tos, player.ToMS)
			}
		}
	}
	rows, err := tx.Query(ctx, saveLedger, now,
		counted.persons, counted.broadcasts, counted.kinds, counted.spans,
		withheld.persons, withheld.broadcasts, withheld.kinds, withheld.spans,
		heads.persons, heads.broadcasts, heads.positions, heads.refused,
		tabs.persons, tabs.broadcasts, tabs.players, tabs.seqs, tabs.froms, tabs.tos,
		budgets.persons, budgets.versions, budgets.left, budgets.at)
	if err != nil {
		return nil, err
	}
	saved = make(map[lms.PersonID]bool, len(e.viewings))
	var person lms.PersonID
	if _, err := pgx.ForEachRow(rows, []any{&person}, func() error {
		saved[person] = true
		return nil
	}); err != nil {
		return nil, err
	}
	if err := e.freeLeases(ctx, tx, saved); err != nil {
		return nil, err
	}
	return saved, e.forgetPlayers(ctx, tx)
}

// freeLeases takes the lease from devices that have been silent while another was heard.
func (e *entry) freeLeases(ctx context.Context, tx pgx.Tx, saved map[lms.PersonID]bool) error {
	var persons uuids
	for person := range e.freed {
		if saved[person] {
			persons = add(persons, person)
		}
	}
	if len(persons) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `update watch_budgets set fence = fence + 1, playing = '', playing_on = null where person_id = any($1::uuid[])`, persons)
	return err
}

// saveLedger is one statement for the five tables. The budgets' versions decide for whom it writes.
const saveLedger = `
with mine as (
	update watch_budgets set left_ms = row.left_ms, at = row.at, version = watch_budgets.version + 1
	from unnest($20::uuid[], $21::bigint[], $22::bigint[], $23::timestamptz[]) as row (person, version, left_ms, at)
	where watch_budgets.person_id = row.person and watch_budgets.version = row.version
	returning watch_budgets.person_id as person
), counted as (
	insert into attendance as a (person_id, broadcast_id, provenance, watched, first_at, last_at)
	select person, broadcast, kind, spans::int4multirange, $1, $1
	from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) as row (person, broadcast, kind, spans) join mine using (person)
	on conflict (broadcast_id, person_id, provenance)
	do update set watched = a.watched + excluded.watched, last_at = greatest(a.last_at, excluded.last_at)
), withheld as (
	insert into attendance_withheld as a (person_id, broadcast_id, reason, seconds, first_at, last_at)
	select person, broadcast, kind, spans::int4multirange, $1, $1
	from unnest($6::uuid[], $7::uuid[], $8::text[], $9::text[]) as row (person, broadcast, kind, spans) join mine using (person)
	on conflict (broadcast_id, person_id, reason)
	do update set seconds = a.seconds + excluded.seconds, last_at = greatest(a.last_at, excluded.last_at)
), heads as (
	insert into playheads as p (person_id, broadcast_id, position_ms, refused_s, reported_at)
	select person, broadcast, position, refused, $1
	from unnest($10::uuid[], $11::uuid[], $12::bigint[], $13::bigint[]) as row (person, broadcast, position, refused) join mine using (person)
	on conflict (broadcast_id, person_id)
	do update set position_ms = excluded.position_ms, refused_s = p.refused_s + excluded.refused_s, reported_at = $1
), tabs as (
	insert into players (person_id, broadcast_id, player, seq, from_ms, to_ms, seen_at)
	select person, broadcast, player, seq, from_ms, to_ms, $1
	from unnest($14::uuid[], $15::uuid[], $16::text[], $17::bigint[], $18::bigint[], $19::bigint[])
		as row (person, broadcast, player, seq, from_ms, to_ms) join mine using (person)
	on conflict (broadcast_id, person_id, player)
	do update set seq = excluded.seq, from_ms = excluded.from_ms, to_ms = excluded.to_ms, seen_at = $1
)
select person from mine`

// forgetPlayers removes the players seen longest ago where there are too many.
func (e *entry) forgetPlayers(ctx context.Context, tx pgx.Tx) error {
	var crowded []viewing
	for _, viewings := range e.viewings {
		for _, v := range viewings {
			if len(e.players[v]) > playersKept {
				crowded = append(crowded, v)
			}
		}
	}
	if len(crowded) == 0 {
		return nil
	}
	persons, broadcasts := pairs(crowded)
	_, err := tx.Exec(ctx, `
		delete from players using (
			select person_id, broadcast_id, player,
				row_number() over (partition by broadcast_id, person_id order by seen_at desc, player) as place
			from unnest($1::uuid[], $2::uuid[]) as asked (person_id, broadcast_id)
			join players using (person_id, broadcast_id)
		) old
		where old.place > $3 and players.person_id = old.person_id
			and players.broadcast_id = old.broadcast_id and players.player = old.player`,
		persons, broadcasts, playersKept)
	return err
}
