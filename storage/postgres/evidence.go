package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// standing is a person and a course.
type standing struct {
	person lms.PersonID
	course lms.CourseID
}

// evidenceOf gathers all that is known of the persons in the courses. One person or all of the programme: an empty
// person is everybody of whom something is known.
func evidenceOf(ctx context.Context, tx pgx.Tx, now time.Time, courses []lms.CourseID, person lms.PersonID) (map[standing]*lms.Evidence, error) {
	ids := make([]string, 0, len(courses))
	for _, c := range courses {
		ids = append(ids, string(c))
	}
	all := map[standing]*lms.Evidence{}
	of := func(p lms.PersonID, c lms.CourseID) *lms.Evidence {
		e := all[standing{p, c}]
		if e == nil {
			e = &lms.Evidence{}
			all[standing{p, c}] = e
		}
		return e
	}
	if person != "" {
		for _, c := range courses {
			of(person, c)
		}
	}
	if err := addWatched(ctx, tx, now, ids, person, of, all); err != nil {
		return nil, err
	}
	var b pgx.Batch
	who := orNull(person)
	b.Queue(`
		select course_id, person_id, count(*), coalesce(max(score), 0), bool_or(passed), (array_agg(pass_mark order by score desc nulls last))[1]
		from test_attempts where course_id = any($1::uuid[]) and ($2::uuid is null or person_id = $2) and submitted_at is not null
		group by course_id, person_id`, ids, who).Query(func(rows pgx.Rows) error {
		var p lms.PersonID
		var c lms.CourseID
		var n int
		var score, mark float64
		var passed bool
		_, err := pgx.ForEachRow(rows, []any{&c, &p, &n, &score, &passed, &mark}, func() error {
			e := of(p, c)
			e.TestAttempts, e.TestScore, e.TestPassed, e.PassMark = n, score, passed, mark
			return nil
		})
		return err
	})
	b.Queue(`select course_id, person_id, 'evaluation', '' from evaluations_done where course_id = any($1::uuid[]) and ($2::uuid is null or person_id = $2)
		union all select course_id, person_id, kind, '' from credit_evidence where course_id = any($1::uuid[]) and ($2::uuid is null or person_id = $2)
		union all select course_id, person_id, kind, reason from credit_waivers where course_id = any($1::uuid[]) and ($2::uuid is null or person_id = $2)`,
		ids, who).Query(func(rows pgx.Rows) error {
		var p lms.PersonID
		var c lms.CourseID
		var kind lms.RuleKind
		var reason string
		_, err := pgx.ForEachRow(rows, []any{&c, &p, &kind, &reason}, func() error {
			of(p, c).Mark(kind, reason)
			return nil
		})
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, err
	}
	return all, addProfiles(ctx, tx, ids, all)
}

// addWatched reads the ledger.
func addWatched(ctx context.Context, tx pgx.Tx, now time.Time, ids []string, person lms.PersonID,
	of func(lms.PersonID, lms.CourseID) *lms.Evidence, all map[standing]*lms.Evidence,
) error {
	rows, err := tx.Query(ctx, `select id, course_id from broadcasts where course_id = any($1::uuid[])`, ids)
	if err != nil {
		return err
	}
	course := map[lms.BroadcastID]lms.CourseID{}
	var broadcasts []string
	var id lms.BroadcastID
	var c lms.CourseID
	if _, err := pgx.ForEachRow(rows, []any{&id, &c}, func() error {
		course[id], broadcasts = c, append(broadcasts, string(id))
		return nil
	}); err != nil || len(broadcasts) == 0 {
		return err
	}
	sessions := make(map[lms.BroadcastID]*lms.Session, len(broadcasts))
	var b pgx.Batch
	queueSessions(&b, sessions, broadcasts)
	seconds := map[standing]map[lms.Provenance]lms.Spans{}
	b.Queue(`select person_id, broadcast_id, provenance, watched::text from attendance
		where broadcast_id = any($1::uuid[]) and ($2::uuid is null or person_id = $2)`, broadcasts, orNull(person)).Query(func(rows pgx.Rows) error {
		var p lms.PersonID
		var id lms.BroadcastID
		var as lms.Provenance
		var text string
		_, err := pgx.ForEachRow(rows, []any{&p, &id, &as, &text}, func() (err error) {
			at := standing{p, course[id]}
			if seconds[at] == nil {
				seconds[at] = make(map[lms.Provenance]lms.Spans, 3)
			}
			seconds[at][as], err = lms.ParseSpans(text)
			return err
		})
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	countable := map[lms.CourseID]lms.Spans{}
	for id, s := range sessions {
		countable[course[id]] = s.Countable(now)
	}
	for at, watched := range seconds {
		of(at.person, at.course).Watch(watched, countable[at.course])
	}
	for at, e := range all {
		e.CountableS = countable[at.course].Len()
	}
	return nil
}

// addProfiles fills in professions, and the pass mark of those who have not tried the test yet.
func addProfiles(ctx context.Context, tx pgx.Tx, ids []string, all map[standing]*lms.Evidence) error {
	marks := map[lms.CourseID]float64{}
	rows, err := tx.Query(ctx, `select course_id, settings from tests where course_id = any($1::uuid[])`, ids)
	if err != nil {
		return err
	}
	var c lms.CourseID
	var s lms.TestSettings
	if _, err := pgx.ForEachRow(rows, []any{&c, &s}, func() error {
		marks[c], s = s.PassMark, lms.TestSettings{}
		return nil
	}); err != nil {
		return err
	}
	var persons []string
	for at, e := range all {
		persons = append(persons, string(at.person))
		if e.TestAttempts == 0 {
			e.PassMark = marks[at.course]
		}
	}
	rows, err = tx.Query(ctx, `select id, profession from persons where id = any($1::uuid[])`, persons)
	if err != nil {
		return err
	}
	professions := map[lms.PersonID]string{}
	var p lms.PersonID
	var profession string
	if _, err := pgx.ForEachRow(rows, []any{&p, &profession}, func() error {
		professions[p] = profession
		return nil
	}); err != nil {
		return err
	}
	for at, e := range all {
		e.Profession = professions[at.person]
	}
	return nil
}

// rulesInForce returns the newest rules of the courses with their versions. A course without rules is not in it.
func rulesInForce(ctx context.Context, tx pgx.Tx, courses []lms.CourseID) (map[lms.CourseID]RuleVersion, error) {
	ids := make([]string, 0, len(courses))
	for _, c := range courses {
		ids = append(ids, string(c))
	}
	rows, err := tx.Query(ctx, `
		select distinct on (course_id) course_id, version, rules, made_at from credit_rules
		where course_id = any($1::uuid[]) order by course_id, version desc`, ids)
	if err != nil {
		return nil, err
	}
	all := map[lms.CourseID]RuleVersion{}
	var c lms.CourseID
	var v RuleVersion
	_, err = pgx.ForEachRow(rows, []any{&c, &v.Version, &v.Rules, &v.MadeAt}, func() error {
		all[c] = v
		v = RuleVersion{}
		return nil
	})
	return all, err
}

// MarkEvidence records that a person has seen the disclosure of a course's faculty, or that their identity was
// verified. Whoever shows or verifies calls it; a second time changes nothing. Errors: lms.ErrNotFound, and
// lms.ErrForbidden when the actor marks an identity without managing the course.
func (db *DB) MarkEvidence(ctx context.Context, actor lms.Actor, course lms.CourseID, person lms.PersonID, kind lms.RuleKind) error {
	need := lms.Manage
	if kind == lms.RuleDisclosure && person == actor.Person {
		need = lms.Watch
	}
	if kind != lms.RuleDisclosure && kind != lms.RuleIdentity {
		return errors.New("only a disclosure or an identity is marked")
	}
	return db.tx(ctx, "mark evidence", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, need)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			insert into credit_evidence (course_id, person_id, kind, seen_at)
			select $1, persons.id, $3, $4 from persons where id = $2 and `+ofProgramme("$5")+`
			on conflict do nothing`, c.scope.Course, person, kind, now, c.scope.Programme)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return mustBeOf(ctx, tx, c.scope.Programme, person)
		}
		return audit(ctx, tx, now, actor, deed{action: "mark " + string(kind), scope: c.scope, object: string(person)})
	})
}

// ofProgramme is a condition on a row of persons: somebody of the programme.
func ofProgramme(programme string) string {
	return `(exists (select from enrolments where person_id = persons.id and programme_id = ` + programme + `)
		or exists (select from role_grants where person_id = persons.id and programme_id = ` + programme + `))`
}

// mustBeOf is lms.ErrNotFound for somebody who is not of the programme.
func mustBeOf(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID, person lms.PersonID) error {
	var is bool
	if err := tx.QueryRow(ctx, `select exists (select from persons where id = $2 and `+ofProgramme("$1")+`)`, programme, person).Scan(&is); err != nil {
		return err
	}
	if !is {
		return lms.ErrNotFound
	}
	return nil
}
