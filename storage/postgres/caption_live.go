package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// OpenLiveCaptions makes live captions of a language ready before the first line, so that players know of them from
// the start. What another source has published meanwhile stays. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) OpenLiveCaptions(ctx context.Context, actor lms.Actor, course lms.CourseID, language lms.Language) (version int, err error) {
	err = db.tx(ctx, "open live captions", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Caption)
		if err != nil {
			return err
		}
		track, err := lockTrack(ctx, tx, course, language)
		if err != nil {
			return err
		}
		var made bool
		if version, made, err = track.live(ctx, tx, now, actor.Person); err != nil || !made {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "open live captions", scope: c.scope, object: track.id, detail: map[string]any{
			"language": language, "version": version,
		}})
	})
	return version, err
}

// live returns the version that live lines are added to, made and, unless something else is shown, published when
// there is none.
func (t *captionTrack) live(ctx context.Context, tx pgx.Tx, now time.Time, by lms.PersonID) (version int, made bool, err error) {
	err = tx.QueryRow(ctx, `
		select v.version from caption_versions v join caption_tracks t on t.id = v.track_id
		where t.id = $1 and t.course_id = $2 and v.source = 'live' order by v.version desc limit 1`, t.id, t.course).Scan(&version)
	if !errors.Is(err, pgx.ErrNoRows) {
		return version, false, err
	}
	if version, err = t.add(ctx, tx, now, by, lms.CaptionsLive, nil); err == nil && t.shown == nil {
		err = t.publish(ctx, tx, version)
	}
	return version, true, err
}

// WrittenCaption is a live line that was stored.
type WrittenCaption struct {
	Version int
	Shown   bool // the version is published: players show the line
	Caption
}

// WriteCaption adds a live line at the edge of the timeline. Errors: lms.ErrInvalid, lms.ErrConflict when the
// lecture is not on air, lms.ErrTooMany when the version is full, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) WriteCaption(ctx context.Context, actor lms.Actor, course lms.CourseID, language lms.Language, text, speaker string) (WrittenCaption, error) {
	var line WrittenCaption
	err := db.tx(ctx, "write caption", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Caption)
		if err != nil {
			return err
		}
		if !c.session.Timeline.OnAir() {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "The lecture is not on air. Your line was not shown to anybody."}
		}
		if line.Cue, err = lms.LiveCue(text, speaker, c.session.Timeline.Edge(now)); err != nil {
			return err
		}
		track, err := lockTrack(ctx, tx, course, language)
		if err != nil {
			return err
		}
		if line.Version, _, err = track.live(ctx, tx, now, actor.Person); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			update caption_versions set cues = cues + 1 where track_id = $1 and version = $2 and cues < $3 returning cues`,
			track.id, line.Version, lms.MaxCues).Scan(&line.Number)
		if errors.Is(err, pgx.ErrNoRows) {
			return &lms.Problem{Kind: lms.ErrTooMany, Message: "There are as many captions as a lecture can have."}
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into caption_cues (track_id, version, number, start_ms, end_ms, text, speaker) values ($1, $2, $3, $4, $5, $6, $7)`,
			track.id, line.Version, line.Number, line.StartMS, line.EndMS, line.Text, line.Speaker)
		line.Shown = track.shown != nil && *track.shown == line.Version
		return err
	})
	return line, err
}
