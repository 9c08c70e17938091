package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// A node at work on a transcription says so more often than its claim lasts; one that says nothing has died, and
// another takes over. What has killed this many is not tried again.
const (
	transcriptionClaim = time.Minute
	transcriptionTries = 3
)

// TranscriptionState is how far speech recognition has come.
type TranscriptionState string

// The states.
const (
	TranscriptionQueued  TranscriptionState = "queued"
	TranscriptionRunning TranscriptionState = "running"
	TranscriptionDone    TranscriptionState = "done"
	TranscriptionFailed  TranscriptionState = "failed"
)

// Transcription is the newest try of a course.
type Transcription struct {
	Language lms.Language // lms.Undetermined until it is detected
	State    TranscriptionState
	Percent  int
	Message  string // why it failed
	AskedAt  time.Time
	EndedAt  *time.Time
}

// TranscriptionClaim is work that this node has taken. It holds for a minute from the last word about it.
type TranscriptionClaim struct {
	ID        string
	Course    lms.CourseID
	Broadcast lms.BroadcastID
	Language  lms.Language
	LengthMS  int64 // of the recording
}

var errTranscribing = &lms.Problem{Kind: lms.ErrConflict, Message: "This lecture is being transcribed already."}

// Transcription returns the newest try, nil when there was none. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Transcription(ctx context.Context, actor lms.Actor, course lms.CourseID) (*Transcription, error) {
	var t *Transcription
	err := db.tx(ctx, "look at transcription", func(tx pgx.Tx, _ time.Time) error {
		if _, err := loadCast(ctx, tx, actor, course, lms.Inspect); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select language, state, percent, message, asked_at, ended_at from transcriptions where course_id = $1`, course)
		if err != nil {
			return err
		}
		t, err = pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[Transcription])
		if errors.Is(err, pgx.ErrNoRows) {
			t, err = nil, nil
		}
		return err
	})
	return t, err
}

// AskTranscription queues speech recognition of a recording, in place of an earlier try. Errors: lms.ErrConflict
// when it is under way or there is no whole recording, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) AskTranscription(ctx context.Context, actor lms.Actor, course lms.CourseID, language lms.Language) error {
	return db.tx(ctx, "ask transcription", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Produce)
		if err != nil {
			return err
		}
		if c.session.Timeline.OnAir() || len(c.session.Edits) == 0 {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "There is no recording of this lecture yet."}
		}
		if err := queueTranscription(ctx, tx, now, course, language); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "ask transcription", scope: c.scope, detail: map[string]any{"language": language}})
	})
}

// QueueTranscription is AskTranscription by the server itself, for a lecture that has ended: once, and not when
// there is nothing recorded. Nobody's rights are asked.
func (db *DB) QueueTranscription(ctx context.Context, course lms.CourseID) error {
	return db.tx(ctx, "queue transcription", func(tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `
			insert into transcriptions (course_id, language, state, asked_at)
			select b.course_id, $2, 'queued', $3 from broadcasts b
			where b.course_id = $1 and exists (select from recording_edits e where e.broadcast_id = b.id)
			on conflict (course_id) do nothing`, course, lms.Undetermined, now)
		return err
	})
}

func queueTranscription(ctx context.Context, tx pgx.Tx, now time.Time, course lms.CourseID, language lms.Language) error {
	tag, err := tx.Exec(ctx, `
		insert into transcriptions (course_id, language, state, asked_at) values ($1, $2, 'queued', $3)
		on conflict (course_id) do update set language = excluded.language, state = 'queued', percent = 0, message = '', tries = 0,
			claim = null, claimed_until = null, asked_at = excluded.asked_at, ended_at = null
		where transcriptions.state in ('done', 'failed')`, course, language, now)
	if err == nil && tag.RowsAffected() == 0 {
		err = errTranscribing
	}
	return err
}

// CancelTranscription stops a try, or forgets one that has ended. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) CancelTranscription(ctx context.Context, actor lms.Actor, course lms.CourseID) error {
	return db.tx(ctx, "cancel transcription", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Produce)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from transcriptions where course_id = $1`, course)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return lms.ErrNotFound
		}
		return audit(ctx, tx, now, actor, deed{action: "cancel transcription", scope: c.scope})
	})
}

// ClaimTranscription takes the oldest work that nobody is at, also what a node has left behind. Errors:
// lms.ErrNotFound when there is none.
func (db *DB) ClaimTranscription(ctx context.Context) (TranscriptionClaim, error) {
	var c TranscriptionClaim
	err := db.tx(ctx, "claim transcription", func(tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `
			update transcriptions set state = 'failed', claim = null, claimed_until = null, ended_at = $1,
				message = 'The speech recognition stopped without a word, several times. Is there memory enough for its model?'
			where state = 'running' and claimed_until < $1 and tries >= $2`, now, transcriptionTries)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			update transcriptions t set state = 'running', percent = 0, tries = tries + 1, claim = gen_random_uuid(), claimed_until = $2
			from broadcasts b left join recordings r on r.broadcast_id = b.id
			where b.course_id = t.course_id and t.course_id = (
				select course_id from transcriptions
				where state = 'queued' or state = 'running' and claimed_until < $1
				order by asked_at, course_id limit 1 for update skip locked)
			returning t.claim, t.course_id, b.id, t.language, coalesce(r.length_ms, 0)`, now, now.Add(transcriptionClaim)).
			Scan(&c.ID, &c.Course, &c.Broadcast, &c.Language, &c.LengthMS)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // and what was given up stays so
		}
		return err
	})
	if err == nil && c.ID == "" {
		err = lms.ErrNotFound
	}
	return c, err
}

// TranscriptionProgress says how far the work has come, and that it goes on. Errors: lms.ErrConflict when it was
// cancelled or another node has taken over: then it is to be given up.
func (db *DB) TranscriptionProgress(ctx context.Context, c TranscriptionClaim, percent int) error {
	return db.tx(ctx, "go on with transcription", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `update transcriptions set percent = $3, claimed_until = $4 where course_id = $1 and claim = $2`,
			c.Course, c.ID, min(100, max(0, percent)), now.Add(transcriptionClaim))
		return claimed(tag.RowsAffected(), err)
	})
}

// FinishTranscription stores what was heard as a draft: a version that is not published.
// Errors: lms.ErrConflict as of TranscriptionProgress.
func (db *DB) FinishTranscription(ctx context.Context, c TranscriptionClaim, language lms.Language, heard lms.Captions) error {
	return db.tx(ctx, "finish transcription", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `
			update transcriptions set state = 'done', percent = 100, language = $3, claim = null, claimed_until = null, ended_at = $4
			where course_id = $1 and claim = $2`, c.Course, c.ID, language, now)
		if err := claimed(tag.RowsAffected(), err); err != nil {
			return err
		}
		track, err := lockTrack(ctx, tx, c.Course, language)
		if err != nil {
			return err
		}
		_, err = track.add(ctx, tx, now, "", lms.CaptionsHeard, heard[:min(len(heard), lms.MaxCues)])
		return err
	})
}

// FailTranscription ends the work with a reason that an admin can read. Errors: lms.ErrConflict as of
// TranscriptionProgress.
func (db *DB) FailTranscription(ctx context.Context, c TranscriptionClaim, reason string) error {
	return db.tx(ctx, "end transcription", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `
			update transcriptions set state = 'failed', message = left($3, 500), claim = null, claimed_until = null, ended_at = $4
			where course_id = $1 and claim = $2`, c.Course, c.ID, reason, now)
		return claimed(tag.RowsAffected(), err)
	})
}

func claimed(rows int64, err error) error {
	if err == nil && rows == 0 {
		err = lms.ErrConflict
	}
	return err
}
