package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Prepared is one line of the board of preparations: a presenter of a course to come.
type Prepared struct {
	Course   CourseRef
	Start    time.Time
	Person   PersonRef
	Board    lms.Board
	TestedAt *time.Time // computer and network; nil when never
	Findings []lms.PathFinding
}

// Preparations lists who presents in courses to come and how far each is, by course and name. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Preparations(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID) ([]Prepared, error) {
	if err := actor.Need(lms.Inspect, lms.Scope{Programme: programme}); err != nil {
		return nil, err
	}
	var lines []Prepared
	err := db.tx(ctx, "look at preparations", func(tx pgx.Tx, _ time.Time) error {
		var draft lms.Settings
		if err := tx.QueryRow(ctx, `select draft from programmes where id = $1`, programme).Scan(&draft); err != nil {
			return found(err)
		}
		states, err := disclosureStates(ctx, tx, programme)
		if err != nil {
			return err
		}
		lines, err = loadPreparations(ctx, tx, programme, draft, states)
		return err
	})
	return lines, err
}

// disclosureStates says for each of the faculty how far their disclosure is.
func disclosureStates(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID) (map[lms.PersonID]lms.DisclosureState, error) {
	members, err := loadFaculty(ctx, tx, programme, "")
	if err != nil {
		return nil, err
	}
	states := make(map[lms.PersonID]lms.DisclosureState, len(members))
	for _, m := range members {
		states[m.Person.ID] = m.State
	}
	return states, nil
}

func loadPreparations(
	ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID, draft lms.Settings, states map[lms.PersonID]lms.DisclosureState,
) ([]Prepared, error) {
	rows, err := tx.Query(ctx, `
		select distinct on (courses.number, persons.name, persons.id)
			courses.id, courses.number, courses.title, courses.starts_at, persons.id, persons.name, path_tests.taken_at, path_tests.facts,
			(select coalesce(extract(epoch from max(rehearsals.ended_at - rehearsals.started_at)), 0)::bigint from rehearsals
				where rehearsals.course_id = courses.id and rehearsals.person_id = persons.id and rehearsals.ended_at is not null),
			(select count(*) from materials where materials.course_id = courses.id and state = 'ready' and removed_at is null)
		from courses
		join programme_grants on programme_grants.programme_id = courses.programme_id and programme_grants.role = 'presenter'
			and (programme_grants.course_id is null or programme_grants.course_id = courses.id)
		join persons on persons.id = programme_grants.person_id
		left join path_tests on path_tests.course_id = courses.id and path_tests.person_id = persons.id
		where courses.programme_id = $1 and courses.cancelled_at is null
			and not exists (select from broadcasts where broadcasts.course_id = courses.id and broadcasts.ended_at is not null)
		order by courses.number, persons.name, persons.id`, programme)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Prepared, error) {
		var line Prepared
		var facts *lms.PathFacts
		var rehearsed int64
		var files int
		err := row.Scan(&line.Course.ID, &line.Course.Number, &line.Course.Title, &line.Start, &line.Person.ID, &line.Person.Name,
			&line.TestedAt, &facts, &rehearsed, &files)
		if err != nil {
			return line, err
		}
		state := states[line.Person.ID]
		if state == "" {
			state = lms.DisclosureMissing
		}
		line.Board = lms.Preparation{
			Test: facts, Materials: files + len(draft.For(line.Course.ID).Materials), Disclosure: state, Rehearsed: time.Duration(rehearsed) * time.Second,
		}.Board()
		if facts != nil {
			_, line.Findings = facts.Judge(true)
		}
		return line, nil
	})
}
