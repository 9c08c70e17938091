package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// captionVersions is how many versions of a track are kept, besides the published one.
const captionVersions = 10

// CaptionTrack is what is published of one language.
type CaptionTrack struct {
	Language lms.Language
	Version  int
	Source   lms.CaptionSource
	Cues     int
	Revision int64 // rises with every change of the track
	Live     bool  // written while the lecture is on air, now
}

// CaptionVersion is one version of a track, as its admin sees it.
type CaptionVersion struct {
	Version   int
	Source    lms.CaptionSource
	Cues      int
	MadeAt    time.Time
	MadeBy    string // name; "" for the program or a bearer token
	Published bool
}

// CaptionHistory is a track with all its versions, the newest first.
type CaptionHistory struct {
	Language lms.Language
	Versions []CaptionVersion
}

// Caption is a cue with its number in its version.
type Caption struct {
	Number int
	lms.Cue
}

// NewCaptions is a file of captions for one language.
type NewCaptions struct {
	Language  lms.Language
	Cues      lms.Captions
	Recording bool // times are those of the recording, else of the session timeline
}

// Captions lists what is published, by language. Errors: lms.ErrNotFound.
func (db *DB) Captions(ctx context.Context, actor lms.Actor, course lms.CourseID) ([]CaptionTrack, error) {
	var tracks []CaptionTrack
	err := db.tx(ctx, "list captions", func(tx pgx.Tx, _ time.Time) error {
		_, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		tracks, err = publishedCaptions(ctx, tx, course)
		return err
	})
	return tracks, err
}

// PublishedCaptions is Captions for the server itself: nobody's rights are asked.
func (db *DB) PublishedCaptions(ctx context.Context, course lms.CourseID) ([]CaptionTrack, error) {
	var tracks []CaptionTrack
	err := db.tx(ctx, "look at captions", func(tx pgx.Tx, _ time.Time) (err error) {
		tracks, err = publishedCaptions(ctx, tx, course)
		return err
	})
	return tracks, err
}

func publishedCaptions(ctx context.Context, tx pgx.Tx, course lms.CourseID) ([]CaptionTrack, error) {
	rows, err := tx.Query(ctx, `
		select t.language, v.version, v.source, v.cues, t.revision, v.source = 'live' and exists (
			select from broadcasts b join broadcast_runs r on r.broadcast_id = b.id
			where b.course_id = t.course_id and r.ended_at is null)
		from caption_tracks t join caption_versions v on v.track_id = t.id and v.version = t.published
		where t.course_id = $1 order by t.language`, course)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[CaptionTrack])
}

// CaptionCues returns the cues of a language in the order of the timeline: of the published version when version is
// 0, as far as the recording shows them, and whole of any to those who manage the course. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) CaptionCues(ctx context.Context, actor lms.Actor, course lms.CourseID, language lms.Language, version int) (int, []Caption, error) {
	need := lms.Watch
	if version != 0 {
		need = lms.Inspect
	}
	var cues []Caption
	err := db.tx(ctx, "read captions", func(tx pgx.Tx, _ time.Time) error {
		_, err := loadCast(ctx, tx, actor, course, need)
		if err != nil {
			return err
		}
		if version == 0 {
			version, cues, err = loadShown(ctx, tx, course, language)
		} else {
			version, cues, err = loadCues(ctx, tx, course, language, version)
		}
		return err
	})
	return version, cues, err
}

// PublishedCues is CaptionCues of the published version, for the server itself.
func (db *DB) PublishedCues(ctx context.Context, course lms.CourseID, language lms.Language) (version int, cues []Caption, err error) {
	err = db.tx(ctx, "look at captions", func(tx pgx.Tx, _ time.Time) (err error) {
		version, cues, err = loadShown(ctx, tx, course, language)
		return err
	})
	return version, cues, err
}

func loadCues(ctx context.Context, tx pgx.Tx, course lms.CourseID, language lms.Language, version int) (int, []Caption, error) {
	var track string
	err := tx.QueryRow(ctx, `
		select v.track_id, v.version from caption_tracks t join caption_versions v on v.track_id = t.id
		where t.course_id = $1 and t.language = $2 and v.version = case when $3 = 0 then t.published else $3 end`,
		course, language, version).Scan(&track, &version)
	if err != nil {
		return 0, nil, found(err)
	}
	rows, err := tx.Query(ctx, `
		select number, start_ms, end_ms, text, speaker from caption_cues
		where track_id = $1 and version = $2 order by start_ms, number`, track, version)
	if err != nil {
		return 0, nil, err
	}
	cues, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c Caption, err error) {
		err = row.Scan(&c.Number, &c.StartMS, &c.EndMS, &c.Text, &c.Speaker)
		return c, err
	})
	return version, cues, err
}

// loadShown is loadCues of the published version, without what was taken out of the recording.
func loadShown(ctx context.Context, tx pgx.Tx, course lms.CourseID, language lms.Language) (int, []Caption, error) {
	version, cues, err := loadCues(ctx, tx, course, language, 0)
	if err != nil {
		return 0, nil, err
	}
	rows, err := tx.Query(ctx, `
		select e.timeline_ms, e.recording_ms, e.length_ms from recording_edits e join broadcasts b on b.id = e.broadcast_id
		where b.course_id = $1 and b.ended_at is not null order by e.timeline_ms`, course)
	if err != nil {
		return 0, nil, err
	}
	edits, err := pgx.CollectRows(rows, pgx.RowToStructByPos[lms.Piece])
	if err != nil || len(edits) == 0 {
		return version, cues, err // it is on air, or nothing is known of its recording
	}
	shown := cues[:0]
	for _, c := range cues {
		var kept bool
		if c.StartMS, c.EndMS, kept = lms.EditList(edits).Showing(c.StartMS, c.EndMS); kept {
			shown = append(shown, c)
		}
	}
	return version, shown, nil
}

// CaptionHistories lists all tracks with their versions, drafts included. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) CaptionHistories(ctx context.Context, actor lms.Actor, course lms.CourseID) ([]CaptionHistory, error) {
	var histories []CaptionHistory
	err := db.tx(ctx, "list caption versions", func(tx pgx.Tx, _ time.Time) error {
		if _, err := loadCast(ctx, tx, actor, course, lms.Inspect); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			select t.language, v.version, v.source, v.cues, v.made_at, coalesce(p.name, ''), v.version is not distinct from t.published
			from caption_tracks t join caption_versions v on v.track_id = t.id left join persons p on p.id = v.made_by
			where t.course_id = $1 order by t.language, v.version desc`, course)
		if err != nil {
			return err
		}
		var language lms.Language
		var v CaptionVersion
		_, err = pgx.ForEachRow(rows, []any{&language, &v.Version, &v.Source, &v.Cues, &v.MadeAt, &v.MadeBy, &v.Published}, func() error {
			v.MadeAt = v.MadeAt.UTC()
			if n := len(histories); n == 0 || histories[n-1].Language != language {
				histories = append(histories, CaptionHistory{Language: language})
			}
			h := &histories[len(histories)-1]
			h.Versions = append(h.Versions, v)
			return nil
		})
		return err
	})
	return histories, err
}

// SaveCaptions stores a file as a new version of its language and publishes it in place of what was shown. Errors:
// lms.ErrInvalid when nothing of it lies in the recording, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) SaveCaptions(ctx context.Context, actor lms.Actor, course lms.CourseID, in NewCaptions) (version int, err error) {
	err = db.tx(ctx, "save captions", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Produce)
		if err != nil {
			return err
		}
		cues := in.Cues
		if in.Recording {
			if cues = cues.OnTimeline(c.session.Edits); len(cues) == 0 {
				return &lms.Problem{Kind: lms.ErrInvalid, Field: "times", Message: "None of these times lies in the recording. Are they times of the whole lecture?"}
			}
		}
		track, err := lockTrack(ctx, tx, course, in.Language)
		if err != nil {
			return err
		}
		if version, err = track.add(ctx, tx, now, actor.Person, lms.CaptionsUploaded, cues); err != nil {
			return err
		}
		if err := track.publish(ctx, tx, version); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "save captions", scope: c.scope, object: track.id, detail: map[string]any{
			"language": in.Language, "version": version, "cues": len(cues),
		}})
	})
	return version, err
}

// PublishCaptions shows a version, an earlier one or a draft, in place of what was shown; 0 shows none. Errors:
// lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) PublishCaptions(ctx context.Context, actor lms.Actor, course lms.CourseID, language lms.Language, version int) error {
	return db.tx(ctx, "publish captions", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Produce)
		if err != nil {
			return err
		}
		track, err := findTrack(ctx, tx, course, language)
		if err != nil {
			return err
		}
		if err := track.publish(ctx, tx, version); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "publish captions", scope: c.scope, object: track.id, detail: map[string]any{
			"language": language, "version": version,
		}})
	})
}

// DeleteCaptions deletes a language with all its versions. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) DeleteCaptions(ctx context.Context, actor lms.Actor, course lms.CourseID, language lms.Language) error {
	return db.tx(ctx, "delete captions", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Produce)
		if err != nil {
			return err
		}
		track, err := findTrack(ctx, tx, course, language)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from caption_tracks where id = $1 and course_id = $2`, track.id, course); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "delete captions", scope: c.scope, object: track.id, detail: map[string]any{"language": language}})
	})
}
