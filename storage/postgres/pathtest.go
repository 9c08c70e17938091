package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// maxPathTests is how many path tests of a programme are listed: those who present come first.
const maxPathTests = 500

// PathTest is what somebody's computer and network could do when they tried.
type PathTest struct {
	Person   PersonRef
	Course   lms.CourseID
	TakenAt  time.Time
	Presents bool // judged as somebody who presents
	Verdict  lms.PathVerdict
	Findings []lms.PathFinding // gravest first
	Facts    lms.PathFacts
}

// SavePathTest judges what the actor's browser measured for a course and keeps it in the place of an earlier one. It is no
// deed: nothing follows from it, so it leaves no trace in the audit. Errors: lms.ErrInvalid, lms.ErrNotFound.
func (db *DB) SavePathTest(ctx context.Context, actor lms.Actor, course lms.CourseID, facts lms.PathFacts) (PathTest, error) {
	if err := facts.Check(); err != nil {
		return PathTest{}, err
	}
	test := PathTest{Person: PersonRef{actor.Person, actor.Name}, Course: course, Facts: facts}
	err := db.tx(ctx, "save path test", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		test.TakenAt, test.Presents = now, actor.Has(lms.Presenter, c.scope)
		test.Verdict, test.Findings = facts.Judge(test.Presents)
		_, err = tx.Exec(ctx, `
			insert into path_tests (course_id, person_id, taken_at, presents, verdict, findings, facts) values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (course_id, person_id) do update
			set taken_at = excluded.taken_at, presents = excluded.presents, verdict = excluded.verdict, findings = excluded.findings, facts = excluded.facts`,
			course, actor.Person, now, test.Presents, test.Verdict, test.Findings, facts)
		return err
	})
	return test, err
}

// PathTests lists the newest test of each person for each course of a programme: who presents before who watches, the newest
// first, 500 at most. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) PathTests(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID) ([]PathTest, error) {
	if err := actor.Need(lms.Inspect, lms.Scope{Programme: programme}); err != nil {
		return nil, err
	}
	var tests []PathTest
	err := db.tx(ctx, "list path tests", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, `
			select p.id, p.name, t.course_id, t.taken_at, t.presents, t.verdict, t.findings, t.facts
			from path_tests t join courses c on c.id = t.course_id join persons p on p.id = t.person_id
			where c.programme_id = $1 order by t.presents desc, t.taken_at desc, p.id limit $2`, programme, maxPathTests)
		if err != nil {
			return err
		}
		tests, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (t PathTest, err error) {
			err = row.Scan(&t.Person.ID, &t.Person.Name, &t.Course, &t.TakenAt, &t.Presents, &t.Verdict, &t.Findings, &t.Facts)
			return t, err
		})
		return err
	})
	return tests, err
}
