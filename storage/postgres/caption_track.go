package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// captionTrack is a track that this transaction has locked.
type captionTrack struct {
	id     string
	course lms.CourseID
	last   int  // newest version
	shown  *int // published version
}

// lockTrack returns the track of a language, made when it is not there.
func lockTrack(ctx context.Context, tx pgx.Tx, course lms.CourseID, language lms.Language) (captionTrack, error) {
	t := captionTrack{course: course}
	err := tx.QueryRow(ctx, `
		insert into caption_tracks (course_id, language) values ($1, $2)
		on conflict (course_id, language) do update set revision = caption_tracks.revision + 1
		returning id, last, published`, course, language).Scan(&t.id, &t.last, &t.shown)
	return t, err
}

// findTrack returns the track of a language that is there, or lms.ErrNotFound.
func findTrack(ctx context.Context, tx pgx.Tx, course lms.CourseID, language lms.Language) (captionTrack, error) {
	t := captionTrack{course: course}
	err := tx.QueryRow(ctx, `
		update caption_tracks set revision = revision + 1 where course_id = $1 and language = $2
		returning id, last, published`, course, language).Scan(&t.id, &t.last, &t.shown)
	return t, found(err)
}

// add stores cues as the next version, which nobody sees yet, and forgets versions that are too old.
func (t *captionTrack) add(ctx context.Context, tx pgx.Tx, now time.Time, by lms.PersonID, source lms.CaptionSource, cues lms.Captions) (version int, err error) {
	t.last++
	var b pgx.Batch
	b.Queue(`insert into caption_versions (track_id, version, source, cues, made_at, made_by) values ($1, $2, $3, $4, $5, $6)`,
		t.id, t.last, source, len(cues), now, orNull(by))
	b.Queue(`update caption_tracks set last = $2 where id = $1 and course_id = $3`, t.id, t.last, t.course)
	b.Queue(`
		delete from caption_versions v using caption_tracks t
		where t.id = $1 and v.track_id = t.id and v.version <= $2 and v.version is distinct from t.published`, t.id, t.last-captionVersions)
	starts, ends, texts, speakers := make([]int64, len(cues)), make([]int64, len(cues)), make([]string, len(cues)), make([]string, len(cues))
	for i, c := range cues {
		starts[i], ends[i], texts[i], speakers[i] = c.StartMS, c.EndMS, c.Text, c.Speaker
	}
	// No COPY: PostgreSQL has none for tables with row-level security.
	b.Queue(`
		insert into caption_cues (track_id, version, number, start_ms, end_ms, text, speaker)
		select $1, $2, number, start_ms, end_ms, text, speaker
		from unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[]) with ordinality as cue (start_ms, end_ms, text, speaker, number)`,
		t.id, t.last, starts, ends, texts, speakers)
	return t.last, tx.SendBatch(ctx, &b).Close()
}

// publish shows a version, or with 0 none. The error is lms.ErrNotFound when there is no such version.
func (t *captionTrack) publish(ctx context.Context, tx pgx.Tx, version int) error {
	tag, err := tx.Exec(ctx, `
		update caption_tracks set published = nullif($2, 0) where id = $1 and course_id = $3
		and ($2 = 0 or exists (select from caption_versions where track_id = $1 and version = $2))`, t.id, version, t.course)
	if err == nil && tag.RowsAffected() == 0 {
		err = lms.ErrNotFound
	}
	t.shown = &version
	return err
}
