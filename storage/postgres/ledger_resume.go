package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// ResumeView is where a person starts to watch a course.
type ResumeView struct {
	lms.Start
	Broadcast lms.BroadcastID // "" when the course was never on air
	EdgeMS    int64           // end of the session timeline now
	Version   int             // of the recording that is shown; 0 when there is none
	Edits     lms.EditList    // the recording as far as it is known here; nil while it is first being made
}

// Resume decides where the actor starts to watch the course. A link is a moment of the timeline in ms, or
// nil. It returns lms.ErrNotFound when the course is not the actor's to watch.
func (db *DB) Resume(ctx context.Context, actor lms.Actor, course lms.CourseID, link *int64) (ResumeView, error) {
	var view ResumeView
	err := db.tx(ctx, "resume", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil || c.broadcast == "" {
			view = ResumeView{Start: lms.Resume(lms.Viewing{})}
			return err
		}
		seconds, position, err := loadViewer(ctx, tx, viewing{actor.Person, c.broadcast})
		if err != nil {
			return err
		}
		view = ResumeView{Broadcast: c.broadcast, EdgeMS: c.session.Timeline.Edge(now), Version: c.session.Version, Edits: c.session.Edits}
		view.Start = lms.Resume(lms.Viewing{
			OnAir:      c.session.Timeline.OnAir(),
			Unrecorded: !c.recorded,
			EdgeMS:     view.EdgeMS,
			Edits:      view.Edits,
			Deleted:    c.session.Deleted,
			Watched:    lms.Viewer{Seconds: seconds}.Watched(),
			PositionMS: position,
			LinkMS:     link,
		})
		return nil
	})
	return view, err
}

// cast is the broadcast of a course, if it has one yet.
type cast struct {
	scope     lms.Scope
	broadcast lms.BroadcastID // "" before the first time on air
	recorded  bool            // or will be
	session   lms.Session
}

// loadCast reads the broadcast of a course in which the actor holds the permission.
func loadCast(ctx context.Context, tx pgx.Tx, actor lms.Actor, course lms.CourseID, need lms.Permission) (cast, error) {
	c := cast{scope: lms.Scope{Course: course}}
	var programmes []string
	for _, g := range actor.Roles {
		programmes = append(programmes, string(g.Programme))
	}
	var id *lms.BroadcastID
	var published bool
	err := tx.QueryRow(ctx, `
		select courses.programme_id, courses.recorded, broadcasts.id, courses.published_at is not null
		from courses left join broadcasts on broadcasts.course_id = courses.id
		where courses.id = $1 and courses.programme_id = any($2::uuid[])`, course, programmes).
		Scan(&c.scope.Programme, &c.recorded, &id, &published)
	if err != nil {
		return c, found(err)
	}
	if !published && !actor.Works(c.scope) {
		return c, lms.ErrNotFound
	}
	if err := actor.Need(need, c.scope); err != nil || id == nil {
		return c, err
	}
	c.broadcast = *id
	sessions := make(map[lms.BroadcastID]*lms.Session, 1)
	var b pgx.Batch
	queueSessions(&b, sessions, []string{string(c.broadcast)})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return c, err
	}
	if s := sessions[c.broadcast]; s != nil {
		c.session = *s
	}
	return c, nil
}

// loadViewer reads what a person has watched of a broadcast and where they were last, if anywhere.
func loadViewer(ctx context.Context, tx pgx.Tx, v viewing) (map[lms.Provenance]lms.Spans, *int64, error) {
	seconds := make(map[lms.Provenance]lms.Spans, 3)
	var position *int64
	var b pgx.Batch
	b.Queue(`select provenance, watched::text from attendance where person_id = $1 and broadcast_id = $2`, v.person, v.broadcast).
		Query(func(rows pgx.Rows) error {
			var as lms.Provenance
			var text string
			_, err := pgx.ForEachRow(rows, []any{&as, &text}, func() (err error) {
				seconds[as], err = lms.ParseSpans(text)
				return err
			})
			return err
		})
	b.Queue(`select position_ms from playheads where person_id = $1 and broadcast_id = $2`, v.person, v.broadcast).
		Query(func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&position}, func() error { return nil })
			return err
		})
	err := tx.SendBatch(ctx, &b).Close()
	return seconds, position, err
}
