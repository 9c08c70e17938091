package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// RecordingView is a recording as its admin sees it.
type RecordingView struct {
	CourseRecording
	Broadcast  lms.BroadcastID
	FinishedAt time.Time // when the lecture last ended
	LengthMS   int64     // of what is shown
	Removed    lms.Spans // milliseconds of the timeline that are taken out
	Edits      lms.EditList
	DeletedAt  time.Time          // zero while it can be watched
	Versions   []RecordingVersion // the newest first, at most 50
	Tasks      []TaskView

	CourseDays, ProgrammeDays *int      // how long it is kept after the end
	Until                     time.Time // when it is deleted; zero for never
}

// RecordingVersion is who cut a recording and when.
type RecordingVersion struct {
	Version   int
	MadeAt    time.Time
	By        string // name; "" for the end of the lecture
	RemovedMS int64
}

// TaskView is how far work on a recording has come.
type TaskView struct {
	Kind        TaskKind
	State       string // due, working, done, failed
	Done, Total int
	DueAt       time.Time
	Error       string
}

// listedVersions is how much of its history a recording's page shows.
const listedVersions = 50

// RecordingOf returns the recording of a course, to who manages it, also when it was deleted. Errors: lms.ErrNotFound when
// there is none, lms.ErrForbidden.
func (db *DB) RecordingOf(ctx context.Context, actor lms.Actor, course lms.CourseID) (RecordingView, error) {
	var v RecordingView
	err := db.tx(ctx, "look at recording", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Inspect)
		if err != nil {
			return err
		}
		if c.broadcast == "" || c.session.Timeline.OnAir() {
			return lms.ErrNotFound
		}
		v.Broadcast, v.Edits = c.broadcast, c.session.Edits
		if err := loadRecording(ctx, tx, &v); err != nil {
			return err
		}
		if v.DeletedAt.IsZero() {
			v.Until = lms.RetainedUntil(v.FinishedAt, v.CourseDays, v.ProgrammeDays)
		}
		var b pgx.Batch
		queueVersions(&b, &v)
		queueTasks(&b, &v, now)
		return tx.SendBatch(ctx, &b).Close()
	})
	return v, err
}

func loadRecording(ctx context.Context, tx pgx.Tx, v *RecordingView) error {
	var removed string
	var deleted *time.Time
	err := tx.QueryRow(ctx, `
		select recordings.version, storyboard, poster, finished_at, recordings.length_ms, deleted_at, recording_versions.removed::text,
			courses.retention_days, programmes.retention_days
		from recordings
		join recording_versions on recording_versions.broadcast_id = recordings.broadcast_id and replaced_at is null
		join broadcasts on broadcasts.id = recordings.broadcast_id
		join courses on courses.id = broadcasts.course_id
		join programmes on programmes.id = courses.programme_id
		where recordings.broadcast_id = $1`, v.Broadcast).
		Scan(&v.Version, &v.Storyboard, &v.Poster, &v.FinishedAt, &v.LengthMS, &deleted, &removed, &v.CourseDays, &v.ProgrammeDays)
	if err != nil {
		return found(err)
	}
	if deleted != nil {
		v.DeletedAt = *deleted
	}
	v.Removed, err = lms.ParseSpans(removed)
	return err
}

func queueVersions(b *pgx.Batch, v *RecordingView) {
	b.Queue(`
		select version, made_at, coalesce(persons.name, ''),
			(select coalesce(sum(upper(part) - lower(part)), 0) from unnest(removed) as part)
		from recording_versions left join persons on persons.id = actor_id
		where broadcast_id = $1 order by version desc limit $2`, v.Broadcast, listedVersions).Query(func(rows pgx.Rows) error {
		var r RecordingVersion
		_, err := pgx.ForEachRow(rows, []any{&r.Version, &r.MadeAt, &r.By, &r.RemovedMS}, func() error {
			v.Versions = append(v.Versions, r)
			return nil
		})
		return err
	})
}

func queueTasks(b *pgx.Batch, v *RecordingView, now time.Time) {
	b.Queue(`
		select distinct on (kind) kind, case when state = 'due' and lease_until >= $2 then 'working' else state end, done, total, due_at, error
		from recording_tasks where broadcast_id = $1 and state <> 'dropped' order by kind, id desc`, v.Broadcast, now).Query(func(rows pgx.Rows) error {
		var task TaskView
		_, err := pgx.ForEachRow(rows, []any{&task.Kind, &task.State, &task.Done, &task.Total, &task.DueAt, &task.Error}, func() error {
			v.Tasks = append(v.Tasks, task)
			return nil
		})
		return err
	})
}

// DeleteRecording takes the recording of a course away: from now on nobody can watch it, and its files are deleted as soon as
// possible. What people have watched, and what they got for it, stays. Confirm is the title of the course, as the
// actor typed it. Errors: lms.ErrInvalid for another title, lms.ErrConflict while on air, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) DeleteRecording(ctx context.Context, actor lms.Actor, course lms.CourseID, confirm string) error {
	return db.tx(ctx, "delete recording", func(tx pgx.Tx, now time.Time) error {
		c, _, err := lockRecording(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		var title string
		if err := tx.QueryRow(ctx, `select title from courses where id = $1 and programme_id = $2`, course, c.scope.Programme).Scan(&title); err != nil {
			return err
		}
		if err := lms.ConfirmDeletion(title, confirm); err != nil {
			return err
		}
		return dropRecording(ctx, tx, now, actor, c.scope, c.broadcast, "delete recording")
	})
}

// dropRecording makes a recording unwatchable and its files due for deletion.
func dropRecording(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, scope lms.Scope, broadcast lms.BroadcastID, action string) error {
	var b pgx.Batch
	b.Queue(`update recordings set deleted_at = $2, storyboard = false, poster = '' where broadcast_id = $1`, broadcast, now)
	b.Queue(`update recording_tasks set state = 'dropped', ended_at = $2 where broadcast_id = $1 and state = 'due'`, broadcast, now)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	if err := queueTask(ctx, tx, now, broadcast, TaskRemove); err != nil {
		return err
	}
	return audit(ctx, tx, now, actor, deed{action: action, scope: scope, object: string(broadcast)})
}

// KeepRecordings sets for how many days after a lecture its recording is kept: of one course, where nil goes by the
// programme, or of a programme, where nil keeps all until they are deleted. Errors: lms.ErrInvalid, lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) KeepRecordings(ctx context.Context, actor lms.Actor, scope lms.Scope, days *int) error {
	return db.tx(ctx, "set how long recordings are kept", func(tx pgx.Tx, now time.Time) error {
		if scope.Course != "" {
			c, err := lockCast(ctx, tx, actor, scope.Course, lms.Manage)
			if err != nil {
				return err
			}
			scope.Programme = c.scope.Programme
		} else if err := actor.Need(lms.Manage, scope); err != nil {
			return err
		}
		if err := lms.CheckRetention(days); err != nil {
			return err
		}
		table, id := "programmes", string(scope.Programme)
		if scope.Course != "" {
			table, id = "courses", string(scope.Course)
		}
		// The actor's right to the row has been asked above, and programmes have no other scope than their own id.
		tag, err := tx.Exec(ctx, `update `+table+` set retention_days = $2 where id = $1`, id, days)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return lms.ErrNotFound
		}
		return audit(ctx, tx, now, actor, deed{action: "set retention", scope: scope, detail: map[string]any{"days": days}})
	})
}

// ExpireRecordings takes away the recordings that are kept no longer, and returns how many. The sweep calls it.
func (db *DB) ExpireRecordings(ctx context.Context) (int, error) {
	type expired struct {
		scope     lms.Scope
		broadcast lms.BroadcastID
	}
	var all []expired
	err := db.tx(ctx, "delete recordings that are kept no longer", func(tx pgx.Tx, now time.Time) error {
		all = nil
		rows, err := tx.Query(ctx, `
			select courses.programme_id, courses.id, broadcasts.id, finished_at, courses.retention_days, programmes.retention_days
			from recordings
			join broadcasts on broadcasts.id = recordings.broadcast_id and broadcasts.ended_at is not null
			join courses on courses.id = broadcasts.course_id
			join programmes on programmes.id = courses.programme_id
			where deleted_at is null and coalesce(courses.retention_days, programmes.retention_days) is not null
			for update of recordings skip locked`)
		if err != nil {
			return err
		}
		var e expired
		var ended time.Time
		var course, programme *int
		_, err = pgx.ForEachRow(rows, []any{&e.scope.Programme, &e.scope.Course, &e.broadcast, &ended, &course, &programme}, func() error {
			if until := lms.RetainedUntil(ended, course, programme); !until.IsZero() && !now.Before(until) {
				all = append(all, e)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range all {
			if err := dropRecording(ctx, tx, now, lms.Actor{}, e.scope, e.broadcast, "expire recording"); err != nil {
				return err
			}
		}
		return nil
	})
	return len(all), err
}
