package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Rehearsal is a lecture without an audience. It has a timeline and a recording of its own.
type Rehearsal struct {
	ID        lms.RehearsalID
	Course    lms.CourseID
	By        PersonRef // without ID for the operator
	StartedAt time.Time
	EndedAt   *time.Time // nil while it goes on
}

// StartRehearsal begins one. Errors: lms.ErrConflict when the lecture is on air or a rehearsal goes on, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) StartRehearsal(ctx context.Context, actor lms.Actor, course lms.CourseID) (Rehearsal, error) {
	r := Rehearsal{Course: course, By: PersonRef{actor.Person, actor.Name}}
	err := db.tx(ctx, "start rehearsal", func(tx pgx.Tx, now time.Time) error {
		c, err := lockCast(ctx, tx, actor, course, lms.Present)
		if err != nil {
			return err
		}
		if c.session.Timeline.OnAir() {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "The lecture is on air. Rehearse before or after it."}
		}
		r.StartedAt = now
		err = tx.QueryRow(ctx, `
			insert into rehearsals (course_id, person_id, started_at) values ($1, $2, $3) on conflict do nothing returning id`,
			course, orNull(actor.Person), now).Scan(&r.ID)
		if errors.Is(err, pgx.ErrNoRows) {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "A rehearsal of this lecture goes on already. End it first."}
		} else if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "start rehearsal", scope: c.scope, object: string(r.ID)})
	})
	return r, err
}

// EndRehearsal ends the one that goes on. Errors: lms.ErrConflict when there is none, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) EndRehearsal(ctx context.Context, actor lms.Actor, course lms.CourseID) error {
	return db.tx(ctx, "end rehearsal", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Present)
		if err != nil {
			return err
		}
		return endRehearsal(ctx, tx, now, actor, c.scope)
	})
}

func endRehearsal(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, scope lms.Scope) error {
	var id lms.RehearsalID
	err := tx.QueryRow(ctx, `update rehearsals set ended_at = $2 where course_id = $1 and ended_at is null returning id`, scope.Course, now).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return &lms.Problem{Kind: lms.ErrConflict, Message: "No rehearsal of this lecture goes on."}
	} else if err != nil {
		return err
	}
	return audit(ctx, tx, now, actor, deed{action: "end rehearsal", scope: scope, object: string(id)})
}

// RehearsalOf returns the newest rehearsal of a course that is not deleted, or nil. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) RehearsalOf(ctx context.Context, actor lms.Actor, course lms.CourseID) (*Rehearsal, error) {
	var newest *Rehearsal
	err := db.tx(ctx, "look at rehearsal", func(tx pgx.Tx, _ time.Time) error {
		if _, err := loadCast(ctx, tx, actor, course, lms.Present); err != nil {
			return err
		}
		all, err := rehearsals(ctx, tx, `course_id = $1 and deleted_at is null order by started_at desc limit 1`, course)
		if len(all) > 0 {
			newest = &all[0]
		}
		return err
	})
	return newest, err
}

func rehearsals(ctx context.Context, tx pgx.Tx, condition string, args ...any) ([]Rehearsal, error) {
	rows, err := tx.Query(ctx, `
		select rehearsals.id, course_id, coalesce(persons.id::text, ''), coalesce(persons.name, ''), started_at, ended_at
		from rehearsals left join persons on persons.id = person_id where `+condition, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Rehearsal, err error) {
		err = row.Scan(&r.ID, &r.Course, &r.By.ID, &r.By.Name, &r.StartedAt, &r.EndedAt)
		return r, err
	})
}

// DeleteRehearsals deletes the recordings of all rehearsals of a course that have ended. That somebody rehearsed stays. Errors:
// lms.ErrConflict while one goes on, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) DeleteRehearsals(ctx context.Context, actor lms.Actor, course lms.CourseID) error {
	return db.tx(ctx, "delete rehearsals", func(tx pgx.Tx, now time.Time) error {
		c, err := lockCast(ctx, tx, actor, course, lms.Present)
		if err != nil {
			return err
		}
		open, err := rehearsals(ctx, tx, `course_id = $1 and ended_at is null`, course)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "A rehearsal of this lecture goes on. End it first."}
		}
		tag, err := tx.Exec(ctx, `update rehearsals set deleted_at = $2 where course_id = $1 and deleted_at is null`, course, now)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "delete rehearsals", scope: c.scope, detail: map[string]any{"rehearsals": tag.RowsAffected()}})
	})
}

// RehearsalsOver ends what is left of rehearsals that went on when this program stopped, which do not go on after it, and of those that somebody
// forgot; it returns the courses. With all, every one that goes on is over. It deletes those that are kept no longer.
func (db *DB) RehearsalsOver(ctx context.Context, all bool) ([]lms.CourseID, error) {
	var ended []lms.CourseID
	err := db.tx(ctx, "end and delete rehearsals", func(tx pgx.Tx, now time.Time) error {
		ended = nil
		open, err := rehearsals(ctx, tx, `ended_at is null and ($1 or started_at < $2) order by started_at`, all, now.Add(-lms.RehearsalLimit))
		if err != nil {
			return err
		}
		for _, r := range open {
			var scope lms.Scope
			err := tx.QueryRow(ctx, `select programme_id, id from courses where id = $1`, r.Course).Scan(&scope.Programme, &scope.Course)
			if err != nil {
				return err
			}
			if err := endRehearsal(ctx, tx, now, lms.Actor{}, scope); err != nil {
				return err
			}
			ended = append(ended, r.Course)
		}
		_, err = tx.Exec(ctx, `update rehearsals set deleted_at = $1 where deleted_at is null and ended_at is not null and started_at < $2`,
			now, now.Add(-lms.RehearsalKept))
		return err
	})
	return ended, err
}

// RehearsalsToRemove lists the deleted rehearsals whose files are still there, a hundred at most.
func (db *DB) RehearsalsToRemove(ctx context.Context) ([]lms.RehearsalID, error) {
	var ids []lms.RehearsalID
	err := db.tx(ctx, "list rehearsals to remove", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, `
			select id from rehearsals where removed_at is null and deleted_at is not null and ended_at is not null order by started_at limit 100`)
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[lms.RehearsalID])
		return err
	})
	return ids, err
}

// RehearsalRemoved keeps that the files of a rehearsal are gone.
func (db *DB) RehearsalRemoved(ctx context.Context, id lms.RehearsalID) error {
	return db.tx(ctx, "keep that a rehearsal is removed", func(tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `update rehearsals set removed_at = $2 where id = $1`, id, now)
		return err
	})
}
