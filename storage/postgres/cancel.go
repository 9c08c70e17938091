package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"lectern/lms"
)

// CancelCourse takes a course off the programme: its audience reads why, on its page and by mail with a cancelled calendar entry. Errors:
// lms.ErrConflict when it has begun or is cancelled already, lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) CancelCourse(ctx context.Context, actor lms.Actor, course lms.CourseID, reason string) error {
	return db.tx(ctx, "cancel course", func(tx pgx.Tx, now time.Time) error {
		c, cancelled, _, err := lockCancelled(ctx, tx, actor, course)
		if err != nil {
			return err
		}
		if reason, err = lms.ParseCancellation(reason); err != nil {
			return err
		}
		if err := lms.CancelCourse(cancelled, c.broadcast != ""); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update courses set cancelled_at = $3, cancel_reason = $4, schedule_revision = schedule_revision + 1, scheduled_at = $3, version = version + 1
			where id = $1 and programme_id = $2`, course, c.scope.Programme, now, reason)
		if err != nil {
			return err
		}
		if err := db.queueNotices(ctx, tx, now, course, mailJob{Notice: lms.NoticeCancel}); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "cancel course", scope: c.scope})
	})
}

// RestoreCourse undoes CancelCourse while the time of the course lies in the future; whoever was told of the one is told of the other. Errors:
// lms.ErrConflict, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) RestoreCourse(ctx context.Context, actor lms.Actor, course lms.CourseID) error {
	return db.tx(ctx, "restore course", func(tx pgx.Tx, now time.Time) error {
		c, cancelled, start, err := lockCancelled(ctx, tx, actor, course)
		if err != nil {
			return err
		}
		if err := lms.RestoreCourse(cancelled, start, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update courses set cancelled_at = null, cancel_reason = '', schedule_revision = schedule_revision + 1, scheduled_at = $3, version = version + 1
			where id = $1 and programme_id = $2`, course, c.scope.Programme, now)
		if err != nil {
			return err
		}
		if err := db.queueNotices(ctx, tx, now, course, mailJob{Notice: lms.NoticeRestore}); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "restore course", scope: c.scope})
	})
}

// lockCancelled is lockCast for somebody who manages the course, with whether it is cancelled and when it begins.
func lockCancelled(ctx context.Context, tx pgx.Tx, actor lms.Actor, course lms.CourseID) (c cast, cancelled bool, start time.Time, err error) {
	if c, err = lockCast(ctx, tx, actor, course, lms.Manage); err != nil {
		return c, false, start, err
	}
	err = tx.QueryRow(ctx, `select cancelled_at is not null, starts_at from courses where id = $1 and programme_id = $2`, course, c.scope.Programme).
		Scan(&cancelled, &start)
	return c, cancelled, start, found(err)
}

// queueNotices makes a message due to everybody who belongs to a published course, unless it is over. The job is filled in for each.
func (db *DB) queueNotices(ctx context.Context, tx pgx.Tx, now time.Time, id lms.CourseID, job mailJob) error {
	rows, err := tx.Query(ctx, `
		select courses.schedule_revision, belongs.person_id from courses, lateral (
			select person_id from enrolments where enrolments.programme_id = courses.programme_id
			union
			select person_id from role_grants
			where role_grants.programme_id = courses.programme_id and (role_grants.course_id is null or role_grants.course_id = courses.id)
		) belongs
		where courses.id = $1 and courses.starts_at > $2 and courses.published_at is not null
			and not exists (select from broadcasts where broadcasts.course_id = courses.id)`, id, now)
	if err != nil {
		return err
	}
	var due []river.InsertManyParams
	job.Course = id
	if _, err = pgx.ForEachRow(rows, []any{&job.Revision, &job.Person}, func() error {
		due = append(due, river.InsertManyParams{Args: job})
		return nil
	}); err != nil || len(due) == 0 {
		return err
	}
	_, err = db.jobs.InsertManyFastTx(ctx, tx, due)
	return err
}
