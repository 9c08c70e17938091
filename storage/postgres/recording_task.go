package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// TaskKind is what is to be done with a recording.
type TaskKind string

// The kinds of tasks.
const (
	TaskPictures TaskKind = "pictures" // storyboard and poster
	TaskLadder   TaskKind = "ladder"   // the polished renditions
	TaskCopy     TaskKind = "copy"     // of what was made, to the second place of recordings
	TaskRetire   TaskKind = "retire"   // of the files that the polished renditions replace
	TaskRemove   TaskKind = "remove"   // of everything
)

// Rules of tasks.
const (
	// taskLease is how long a task stays with who works on it without a word of theirs.
	taskLease = 90 * time.Second
	// taskTries is how often a task is begun before it is given up.
	taskTries = 5
	// taskRetry is how long after a failure it is begun again, times the number of tries.
	taskRetry = time.Minute
	// taskPutOff is how long what cannot be done yet waits.
	taskPutOff = 6 * time.Hour
)

// taskAfter is how long after a lecture or a cut work begins. Right after a lecture many look at its replay, and its admin cuts
// it; the ladder takes long and can wait.
var taskAfter = map[TaskKind]time.Duration{TaskLadder: 10 * time.Minute, TaskRetire: 7 * 24 * time.Hour}

// Task is one piece of work on a recording.
type Task struct {
	ID        int64
	Kind      TaskKind
	Broadcast lms.BroadcastID
	Segments  lms.Spans // that are shown; nil for all
	Poster    string    // file of the poster so far
}

// queueTask makes work due with the transaction that it follows from. What waits already is put off; what is being worked on
// is begun anew by whoever works on it: their next word is refused.
func queueTask(ctx context.Context, tx pgx.Tx, now time.Time, broadcast lms.BroadcastID, kind TaskKind) error {
	_, err := tx.Exec(ctx, `
		insert into recording_tasks (broadcast_id, kind, made_at, due_at) values ($1, $2, $3, $4)
		on conflict (broadcast_id, kind) where state = 'due'
		do update set made_at = excluded.made_at, due_at = excluded.due_at, lease_until = null, holder = '', tries = 0, error = ''`,
		broadcast, kind, now, now.Add(taskAfter[kind]))
	return err
}

// ClaimTask gives one due task of the kinds to holder, who must tell of its progress before the lease of 90 s ends. False says
// that there is none. A recording is worked on by one at a time, and not while its lecture is on air.
func (db *DB) ClaimTask(ctx context.Context, holder string, kinds []TaskKind) (Task, bool, error) {
	var t Task
	var segments *string
	err := db.tx(ctx, "claim work on a recording", func(tx pgx.Tx, now time.Time) error {
		// One claim at a time, so that two cannot take two tasks of one recording.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('recording_tasks'))`); err != nil {
			return err
		}
		// Who was interrupted too often is given up: something in the recording kills its workers.
		_, err := tx.Exec(ctx, `
			update recording_tasks set state = 'failed', ended_at = $1, lease_until = null, error = 'interrupted too often'
			where state = 'due' and lease_until < $1 and tries >= $2 and kind not in ('remove', 'copy')`, now, taskTries)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			select recording_tasks.id, kind, recording_tasks.broadcast_id, segments::text, recordings.poster
			from recording_tasks
			join broadcasts on broadcasts.id = recording_tasks.broadcast_id and broadcasts.ended_at is not null
			join recordings on recordings.broadcast_id = broadcasts.id
			join recording_versions on recording_versions.broadcast_id = broadcasts.id and replaced_at is null
			where state = 'due' and due_at <= $1 and (lease_until is null or lease_until < $1) and kind = any($2)
				and not exists (select from recording_tasks as other where other.broadcast_id = broadcasts.id and other.lease_until >= $1)
			order by kind = 'remove' desc, kind = 'pictures' desc, due_at, recording_tasks.id
			limit 1 for update of recording_tasks skip locked`, now, kinds).
			Scan(&t.ID, &t.Kind, &t.Broadcast, &segments, &t.Poster)
		if err != nil {
			return err
		}
		if segments != nil {
			if t.Segments, err = lms.ParseSpans(*segments); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `update recording_tasks set holder = $2, lease_until = $3, tries = tries + 1 where id = $1`,
			t.ID, holder, now.Add(taskLease))
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

// TaskProgress says how far a task has come, and renews the lease. False says that it is not the holder's any more, who must
// stop.
func (db *DB) TaskProgress(ctx context.Context, holder string, id int64, done, total int) (bool, error) {
	tag, err := db.pool.Exec(ctx, `
		update recording_tasks set done = $3, total = $4, lease_until = $5
		where id = $1 and holder = $2 and state = 'due'
			and exists (select from broadcasts where id = broadcast_id and ended_at is not null)`,
		id, holder, done, total, db.now().Add(taskLease))
	if err != nil {
		return false, fmt.Errorf("tell of the progress of task %d: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// TaskResult is what a task has made.
type TaskResult struct {
	Storyboard bool   // of TaskPictures
	Poster     string // of TaskPictures
	Bytes      int64  // of TaskRemove and TaskRetire: deleted
}

// FinishTask ends a task that succeeded. False says that it was not the holder's any more: what it made counts nowhere.
func (db *DB) FinishTask(ctx context.Context, holder string, id int64, r TaskResult) (bool, error) {
	mine := false
	t := Task{ID: id}
	err := db.tx(ctx, "finish work on a recording", func(tx pgx.Tx, now time.Time) error {
		err := tx.QueryRow(ctx, `
			update recording_tasks set state = 'done', ended_at = $3, lease_until = null, done = total, error = ''
			where id = $1 and holder = $2 and state = 'due' returning kind, broadcast_id`, id, holder, now).Scan(&t.Kind, &t.Broadcast)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		mine = true
		switch t.Kind {
		case TaskPictures:
			if _, err = tx.Exec(ctx, `update recordings set storyboard = $2, poster = $3 where broadcast_id = $1`, t.Broadcast, r.Storyboard, r.Poster); err != nil {
				return err
			}
			return queueTask(ctx, tx, now, t.Broadcast, TaskCopy)
		case TaskLadder:
			if err := queueTask(ctx, tx, now, t.Broadcast, TaskCopy); err != nil {
				return err
			}
			return queueTask(ctx, tx, now, t.Broadcast, TaskRetire)
		case TaskCopy:
			return nil
		case TaskRetire:
			if _, err := tx.Exec(ctx, `update recordings set closed_at = $2 where broadcast_id = $1`, t.Broadcast, now); err != nil {
				return err
			}
		}
		var scope lms.Scope
		err = tx.QueryRow(ctx, `
			select courses.programme_id, courses.id from broadcasts join courses on courses.id = course_id
			where broadcasts.id = $1`, t.Broadcast).Scan(&scope.Programme, &scope.Course)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, lms.Actor{}, deed{
			action: string(t.Kind) + " recording files", scope: scope, object: string(t.Broadcast), detail: map[string]any{"bytes": r.Bytes},
		})
	})
	return mine, err
}

// ReleaseTask gives a task back that was interrupted without fault of its own: it is due again at once and has not been
// tried. A task that is nobody's any more is let go, so that the next one on the recording can begin.
func (db *DB) ReleaseTask(ctx context.Context, holder string, id int64) error {
	_, err := db.pool.Exec(ctx, `
		update recording_tasks set lease_until = null, holder = '', tries = greatest(0, tries - 1) where id = $1 and holder = $2`, id, holder)
	if err != nil {
		return fmt.Errorf("give task %d back: %w", id, err)
	}
	return nil
}

// PutTaskOff gives a task back that cannot be done yet.
func (db *DB) PutTaskOff(ctx context.Context, holder string, id int64) error {
	_, err := db.pool.Exec(ctx, `
		update recording_tasks set lease_until = null, holder = '', tries = greatest(0, tries - 1), due_at = $3
		where id = $1 and holder = $2 and state = 'due'`, id, holder, db.now().Add(taskPutOff))
	if err != nil {
		return fmt.Errorf("put task %d off: %w", id, err)
	}
	return nil
}

// FailTask gives a task back after an error, to be tried again later, or for good after several tries. Deleting and copying are tried for ever.
func (db *DB) FailTask(ctx context.Context, holder string, id int64, why error) error {
	text := why.Error()
	_, err := db.pool.Exec(ctx, `
		update recording_tasks set lease_until = null, holder = '', error = $3, due_at = $4::timestamptz + least(tries, $6) * $5::interval,
			state = case when tries >= $6 and kind not in ('remove', 'copy') then 'failed' else 'due' end,
			ended_at = case when tries >= $6 and kind not in ('remove', 'copy') then $4::timestamptz end
		where id = $1 and holder = $2 and state = 'due'`,
		id, holder, text[:min(len(text), 500)], db.now(), taskRetry, taskTries)
	if err != nil {
		return fmt.Errorf("give task %d back: %w", id, err)
	}
	return nil
}

// refuseRecording keeps a lecture from being recorded into files that are about to be deleted, or of which the layers are gone.
func refuseRecording(ctx context.Context, tx pgx.Tx, broadcast lms.BroadcastID) error {
	var removing, closed bool
	err := tx.QueryRow(ctx, `
		select exists (select from recording_tasks where broadcast_id = $1 and kind = 'remove' and state = 'due'),
			exists (select from recordings where broadcast_id = $1 and closed_at is not null and deleted_at is null)`,
		orNull(broadcast)).Scan(&removing, &closed)
	switch {
	case err != nil:
		return err
	case removing:
		return &lms.Problem{Kind: lms.ErrConflict, Message: "The earlier recording of this lecture is being deleted. Try again in a minute."}
	case closed:
		return &lms.Problem{Kind: lms.ErrConflict, Message: "The recording of this lecture was finished a week after it. Add a new course to go on air again."}
	}
	return nil
}
