package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Recording is what the end of a lecture knows of its recording.
type Recording struct {
	LengthMS int64        // of the recording
	Edits    lms.EditList // where the timeline lies in it
	Segments lms.EditList // the same by segments, so that earlier cuts hold for what comes after them, too; may be nil
}

// CourseRecording is the recording of a course for those who may watch it.
type CourseRecording struct {
	Version    int
	Storyboard bool   // there are pictures for the seek bar
	Poster     string // file of the still picture; "" while there is none
}

// ReplayVersion is one version of a recording, for who serves it.
type ReplayVersion struct {
	Version  int
	Current  bool      // it is the one that is shown
	Removed  lms.Spans // milliseconds of the timeline that are taken out
	Segments lms.Spans // numbers of the segments that it shows; nil for all
}

// RecordingCut takes stretches out of a recording.
type RecordingCut struct {
	Version  int          // that the actor saw
	Removed  lms.Spans    // milliseconds of the timeline
	Segments lms.EditList // of the whole recording
}

// saveRecording stores what the end of a lecture knows of its recording, as a new version: what was taken out of an
// earlier one stays out. A list that contradicts itself does not keep a lecture from ending: it is logged, and
// the replay starts without it.
func (db *DB) saveRecording(ctx context.Context, tx pgx.Tx, now time.Time, broadcast lms.BroadcastID, r Recording) error {
	var version int
	removed := "{}"
	err := tx.QueryRow(ctx, `
		select version, removed::text from recording_versions where broadcast_id = $1 and replaced_at is null`, broadcast).Scan(&version, &removed)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	cut := lms.Cut{LengthMS: max(0, r.LengthMS)}
	if cut.Edits, err = lms.NewEditList(r.Edits); err == nil && len(r.Segments) > 0 {
		var out lms.Spans
		if out, err = lms.ParseSpans(removed); err != nil {
			return err
		}
		cut, err = lms.Recut(r.Segments, out)
	}
	if err != nil {
		db.log.ErrorContext(ctx, "edit list not stored", "broadcast", broadcast, "pieces", len(r.Edits), "err", err)
		cut = lms.Cut{LengthMS: max(0, r.LengthMS)}
	}
	_, err = tx.Exec(ctx, `
		insert into recordings (broadcast_id, length_ms, finished_at) values ($1, $2, $3)
		on conflict (broadcast_id) do update set length_ms = excluded.length_ms, finished_at = excluded.finished_at,
			storyboard = false, poster = '', deleted_at = null, closed_at = null`, broadcast, cut.LengthMS, now)
	if err != nil {
		return err
	}
	if err := saveVersion(ctx, tx, now, broadcast, version+1, "", cut); err != nil || cut.LengthMS == 0 {
		return err
	}
	for _, kind := range []TaskKind{TaskPictures, TaskLadder} {
		if err := queueTask(ctx, tx, now, broadcast, kind); err != nil {
			return err
		}
	}
	return nil
}

// saveVersion makes a cut the version that is shown.
func saveVersion(ctx context.Context, tx pgx.Tx, now time.Time, broadcast lms.BroadcastID, version int, by lms.PersonID, cut lms.Cut) error {
	var timeline, recording, length []int64
	for _, piece := range cut.Edits {
		timeline = append(timeline, piece.TimelineMS)
		recording = append(recording, piece.RecordingMS)
		length = append(length, piece.LengthMS)
	}
	var segments *string
	if cut.Segments != nil {
		text := cut.Segments.String()
		segments = &text
	}
	var b pgx.Batch
	b.Queue(`update recordings set version = $2, length_ms = $3 where broadcast_id = $1`, broadcast, version, cut.LengthMS)
	b.Queue(`update recording_versions set replaced_at = $2 where broadcast_id = $1 and replaced_at is null`, broadcast, now)
	b.Queue(`
		insert into recording_versions (broadcast_id, version, removed, segments, made_at, actor_id)
		values ($1, $2, $3::text::int4multirange, $4::text::int4multirange, $5, $6)`,
		broadcast, version, cut.Removed.String(), segments, now, orNull(by))
	b.Queue(`delete from recording_edits where broadcast_id = $1`, broadcast)
	b.Queue(`
		insert into recording_edits (broadcast_id, timeline_ms, recording_ms, length_ms)
		select $1, unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bigint[])`, broadcast, timeline, recording, length)
	return tx.SendBatch(ctx, &b).Close()
}

// CutRecording takes stretches out of the recording of a course, or puts them back: what is not in the cut is shown
// again. Ledger and positions stay as they are. Errors: lms.ErrConflict when another version is shown or the
// lecture is on air, lms.ErrInvalid for a cut that leaves nothing, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) CutRecording(ctx context.Context, actor lms.Actor, course lms.CourseID, change RecordingCut) error {
	return db.tx(ctx, "cut recording", func(tx pgx.Tx, now time.Time) error {
		c, at, err := lockRecording(ctx, tx, actor, course, lms.Produce)
		if err != nil {
			return err
		}
		if at.Version != change.Version {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "Somebody else has cut this recording in the meantime. Look at it again."}
		}
		cut, err := lms.Recut(change.Segments, change.Removed)
		if err != nil {
			return err
		}
		if err := saveVersion(ctx, tx, now, c.broadcast, at.Version+1, actor.Person, cut); err != nil {
			return err
		}
		if err := queueTask(ctx, tx, now, c.broadcast, TaskPictures); err != nil { // the poster may have been cut out
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "cut recording", scope: c.scope, object: string(c.broadcast), detail: map[string]any{
			"version": at.Version + 1, "removed": cut.Removed.String(), "length_ms": cut.LengthMS,
		}})
	})
}

// lockRecording is lockCast for the recording of a lecture that is over.
func lockRecording(ctx context.Context, tx pgx.Tx, actor lms.Actor, course lms.CourseID, need lms.Permission) (cast, CourseRecording, error) {
	c, err := lockCast(ctx, tx, actor, course, need)
	if err == nil && c.broadcast == "" {
		err = lms.ErrNotFound
	}
	if err != nil {
		return c, CourseRecording{}, err
	}
	if c.session.Timeline.OnAir() {
		return c, CourseRecording{}, &lms.Problem{Kind: lms.ErrConflict, Message: "The lecture is on air. Come back to its recording when it has ended."}
	}
	var r CourseRecording
	err = tx.QueryRow(ctx, `
		select version, storyboard, poster from recordings
		where broadcast_id = $1 and deleted_at is null`, c.broadcast).Scan(&r.Version, &r.Storyboard, &r.Poster)
	return c, r, found(err)
}

// ReplayVersion returns a version of a recording, for the server itself: nobody's rights are asked. Version 0 is the
// one that is shown, and comes back as it is while the end of the lecture is not committed. Errors: lms.ErrNotFound when there is none, when it is deleted, or when the version was replaced
// longer ago than lms.VersionKeptFor.
func (db *DB) ReplayVersion(ctx context.Context, broadcast lms.BroadcastID, version int) (ReplayVersion, error) {
	v := ReplayVersion{}
	var removed string
	var segments *string
	err := db.pool.QueryRow(ctx, `
		select coalesce(recording_versions.version, 0), replaced_at is null, coalesce(removed::text, '{}'), segments::text
		from broadcasts
		left join recordings on recordings.broadcast_id = broadcasts.id
		left join recording_versions on recording_versions.broadcast_id = broadcasts.id
		where broadcasts.id = $1 and deleted_at is null
			and (recording_versions.version = $2 or $2 = 0 and replaced_at is null)
			and (replaced_at is null or replaced_at > $3)`,
		broadcast, version, db.now().Add(-lms.VersionKeptFor)).Scan(&v.Version, &v.Current, &removed, &segments)
	if err == nil {
		v.Removed, err = lms.ParseSpans(removed)
	}
	if err == nil && segments != nil {
		v.Segments, err = lms.ParseSpans(*segments)
	}
	if err != nil {
		return v, fmt.Errorf("look at version %d of recording %s: %w", version, broadcast, found(err))
	}
	return v, nil
}
