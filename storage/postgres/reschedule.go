package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"lectern/lms"
)

// rederiveEvery is how often schedules are derived anew. The rules of time zones change some ten times a year, mostly at a restart
// with a newer machine image, so the run at the start matters most.
const rederiveEvery = 6 * time.Hour

// rederiveJob derives the instants of lectures to come when the rules of time zones have changed.
type rederiveJob struct{}

// Kind is the name of the job in the queue.
func (rederiveJob) Kind() string { return "rederive_schedules" }

type rederiveWorker struct {
	river.WorkerDefaults[rederiveJob]
	db *DB
}

// Work derives and reports what moved.
func (w *rederiveWorker) Work(ctx context.Context, _ *river.Job[rederiveJob]) error {
	moved, err := w.db.RederiveSchedules(ctx)
	if moved > 0 {
		w.db.log.Warn("the rules of time zones changed and moved lectures", "lectures", moved, "tzdb", tzdbVersion())
	}
	return err
}

// RederiveSchedules derives the instant of each lecture to come with the time zone rules that this program has now (lms.md 1.2). It does
// not ask which release they are: the rules of a zone may differ under one name of a release. Local time and zone stay, as the organisers mean them. Where the instant moves, that is a new revision of the
// schedule: the audit has it and everybody concerned gets a message with a calendar entry. It returns how many moved.
//
// A local time that no longer exists keeps its old instant and is logged at each run, until an admin chooses another one.
func (db *DB) RederiveSchedules(ctx context.Context) (moved int, err error) {
	rows, err := db.pool.Query(ctx, `select id from courses where starts_at > $1 order by starts_at`, db.now())
	if err != nil {
		return 0, fmt.Errorf("look for lectures to come: %w", err)
	}
	courses, err := pgx.CollectRows(rows, pgx.RowTo[lms.CourseID])
	if err != nil {
		return 0, fmt.Errorf("look for lectures to come: %w", err)
	}
	for _, id := range courses {
		if err := db.tx(ctx, "derive schedule", func(tx pgx.Tx, now time.Time) error {
			did, err := db.rederive(ctx, tx, now, id)
			if did {
				moved++
			}
			return err
		}); err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// rederive derives one schedule and reports whether its instant moved.
func (db *DB) rederive(ctx context.Context, tx pgx.Tx, now time.Time, id lms.CourseID) (moved bool, err error) {
	var scope lms.Scope
	var wall, before time.Time
	var s lms.Schedule
	var tzdb string
	err = tx.QueryRow(ctx, `
		select id, programme_id, local_start, zone, fold, starts_at, tzdb from courses where id = $1 and starts_at > $2 for update`, id, now).
		Scan(&scope.Course, &scope.Programme, &wall, &s.Zone, &s.Fold, &before, &tzdb)
	if errors.Is(err, pgx.ErrNoRows) { // it was moved or deleted meanwhile
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.Local = lms.LocalTimeOf(wall)
	start, err := s.Instant()
	if err != nil {
		db.log.Error("the time of a lecture needs a decision after a change of time zone rules", "course", id, "error", err)
		return false, nil
	}
	moved = !start.Equal(before)
	if !moved && tzdb == tzdbVersion() {
		return false, nil
	}
	step := 0
	if moved {
		step = 1
	}
	_, err = tx.Exec(ctx, `
		update courses set starts_at = $3, tzdb = $4, schedule_revision = schedule_revision + $5, version = version + $5,
			scheduled_at = case when $5 = 0 then scheduled_at else $6 end
		where id = $1 and programme_id = $2`, id, scope.Programme, start, tzdbVersion(), step, now)
	if err != nil || !moved {
		return moved, err
	}
	if err := db.queueScheduleNotices(ctx, tx, now, id); err != nil {
		return moved, err
	}
	return moved, audit(ctx, tx, now, lms.Actor{}, deed{
		action: "rederive schedule", scope: scope,
		detail: map[string]any{"before": before.UTC(), "after": start, "tzdb": tzdbVersion()},
	})
}

// queueScheduleNotices makes a message due to everybody who belongs to a course that has a new time, unless it is over, cancelled or not
// published.
func (db *DB) queueScheduleNotices(ctx context.Context, tx pgx.Tx, now time.Time, id lms.CourseID) error {
	return db.queueNotices(ctx, tx, now, id, mailJob{Notice: lms.NoticeSchedule})
}

// scheduleNotice puts the message about a new time, or about a cancellation, together. The error is pgx.ErrNoRows when there is a newer
// revision by now, when the lecture has begun, or when the person no longer belongs to it.
func (db *DB) scheduleNotice(ctx context.Context, job mailJob, now time.Time) (lms.Notice, error) {
	n := lms.Notice{Kind: job.Notice}
	l := &n.Lecture
	err := db.pool.QueryRow(ctx, `
		select persons.email, persons.name, persons.zone, persons.language, programmes.title,
			courses.id, courses.title, courses.summary, courses.starts_at, courses.zone, courses.minutes, courses.schedule_revision, courses.scheduled_at,
			courses.cancel_reason
		from courses join programmes on programmes.id = courses.programme_id, persons
		where courses.id = $1 and (courses.schedule_revision = $2 or $5 and courses.schedule_revision > $2) and courses.starts_at > $3 and persons.id = $4
			and courses.published_at is not null and (courses.cancelled_at is not null) = $5
			and not exists (select from broadcasts where broadcasts.course_id = courses.id)
			and (exists (select from enrolments where enrolments.programme_id = courses.programme_id and enrolments.person_id = persons.id)
				or exists (select from role_grants where role_grants.programme_id = courses.programme_id and role_grants.person_id = persons.id
					and (role_grants.course_id is null or role_grants.course_id = courses.id)))`,
		job.Course, job.Revision, now, job.Person, job.Notice == lms.NoticeCancel).
		Scan(&n.To, &n.Name, &n.Zone, &n.Language, &n.Programme, &l.ID, &l.Title, &l.Summary, &l.Start, &l.Zone, &l.Minutes, &l.Revision, &l.RevisedAt, &n.Reason)
	n.Link, n.ExpiresAt = db.site+"/watch/"+string(job.Course), l.Start
	return n, err
}
