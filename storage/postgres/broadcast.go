package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Broadcast is the session timeline of a course.
type Broadcast struct {
	ID       lms.BroadcastID
	Course   lms.CourseID
	Timeline lms.Timeline
	Run      lms.Run // the last of the timeline
	Recorded bool
}

// OnAir reports whether the lecture is on air.
func (b Broadcast) OnAir() bool { return b.Timeline.OnAir() }

func newBroadcast(id lms.BroadcastID, course lms.CourseID, recorded bool, t lms.Timeline) Broadcast {
	b := Broadcast{ID: id, Course: course, Recorded: recorded, Timeline: t}
	if len(t) > 0 {
		b.Run = t[len(t)-1]
	}
	return b
}

// GoOnAir puts the lecture on air: for the first time, or again, when the timeline continues where it
// stopped. When it is on air already the broadcast comes with lms.ErrConflict. Other errors: lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) GoOnAir(ctx context.Context, actor lms.Actor, course lms.CourseID) (Broadcast, error) {
	var b Broadcast
	err := db.tx(ctx, "go on air", func(tx pgx.Tx, now time.Time) error {
		c, err := lockCast(ctx, tx, actor, course, lms.Present)
		if err != nil {
			return err
		}
		b = newBroadcast(c.broadcast, course, c.recorded, c.session.Timeline)
		timeline, err := c.session.Timeline.Start(now)
		if err != nil {
			return err
		}
		if err := refuseAir(ctx, tx, c.scope); err != nil {
			return err
		}
		if err := refuseRecording(ctx, tx, c.broadcast); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			insert into broadcasts (course_id, started_at) values ($1, $2)
			on conflict (course_id) do update set ended_at = null, length_ms = null returning id`, course, now).Scan(&c.broadcast)
		if err != nil {
			return err
		}
		b = newBroadcast(c.broadcast, course, c.recorded, timeline)
		_, err = tx.Exec(ctx, `
			insert into broadcast_runs (broadcast_id, number, started_at, timeline_start_ms) values ($1, $2, $3, $4)`,
			b.ID, len(timeline), b.Run.StartedAt, b.Run.StartMS)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "go on air", scope: c.scope, object: string(b.ID)})
	})
	return b, err
}

// refuseAir asks whether the course has an audience that could watch.
func refuseAir(ctx context.Context, tx pgx.Tx, scope lms.Scope) error {
	var state lms.ProgrammeState
	var published, cancelled bool
	err := tx.QueryRow(ctx, `
		select programmes.state, courses.published_at is not null, courses.cancelled_at is not null
		from courses join programmes on programmes.id = courses.programme_id where courses.id = $1 and programmes.id = $2`,
		scope.Course, scope.Programme).Scan(&state, &published, &cancelled)
	if err != nil {
		return found(err)
	}
	return lms.MayAir(state, published, cancelled)
}

// EndBroadcast takes the lecture off the air and stores what its recording shows. When it is not on air the
// broadcast comes with lms.ErrConflict. Other errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) EndBroadcast(ctx context.Context, actor lms.Actor, course lms.CourseID, r Recording) (Broadcast, error) {
	var b Broadcast
	err := db.tx(ctx, "end broadcast", func(tx pgx.Tx, now time.Time) error {
		c, err := lockCast(ctx, tx, actor, course, lms.Present)
		if err != nil {
			return err
		}
		b = newBroadcast(c.broadcast, course, c.recorded, c.session.Timeline)
		timeline, err := c.session.Timeline.End(now)
		if err != nil {
			return err
		}
		b = newBroadcast(c.broadcast, course, c.recorded, timeline)
		var batch pgx.Batch
		batch.Queue(`update broadcast_runs set ended_at = $2 where broadcast_id = $1 and ended_at is null`, b.ID, b.Run.EndedAt)
		batch.Queue(`update broadcasts set ended_at = $3, length_ms = $4 where id = $1 and course_id = $2`, b.ID, course, now, timeline.Edge(now))
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
		if err := db.saveRecording(ctx, tx, now, b.ID, r); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "end broadcast", scope: c.scope, object: string(b.ID)})
	})
	return b, err
}

// lockCast is loadCast after locking the course, so that what follows is alone with its broadcast.
func lockCast(ctx context.Context, tx pgx.Tx, actor lms.Actor, course lms.CourseID, need lms.Permission) (cast, error) {
	_, err := tx.Exec(ctx, `select from courses where id = $1 and programme_id = any($2::uuid[]) for no key update`,
		course, programmesOf(actor))
	if err != nil {
		return cast{}, err
	}
	return loadCast(ctx, tx, actor, course, need)
}

// LiveBroadcasts returns what is on air, so that a node that starts can take it up again.
func (db *DB) LiveBroadcasts(ctx context.Context) ([]Broadcast, error) {
	list, err := db.broadcasts(ctx, `exists (select from broadcast_runs
		where broadcast_runs.broadcast_id = broadcasts.id and broadcast_runs.ended_at is null)`)
	if err != nil {
		return nil, fmt.Errorf("look for live broadcasts: %w", err)
	}
	return list, nil
}

// Broadcast returns the broadcast of a course, for the server itself: nobody's rights are asked. Errors:
// lms.ErrNotFound before its first time on air.
func (db *DB) Broadcast(ctx context.Context, course lms.CourseID) (Broadcast, error) {
	list, err := db.broadcasts(ctx, `broadcasts.course_id = $1`, course)
	if err == nil && len(list) == 0 {
		err = lms.ErrNotFound
	}
	if err != nil {
		return Broadcast{}, fmt.Errorf("look at the broadcast of course %s: %w", course, err)
	}
	return list[0], nil
}

// broadcasts reads the broadcasts that meet a condition, the oldest first.
func (db *DB) broadcasts(ctx context.Context, condition string, args ...any) ([]Broadcast, error) {
	var list []Broadcast
	err := db.tx(ctx, "read", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, `
			select broadcasts.id, course_id, recorded from broadcasts join courses on courses.id = course_id
			where `+condition+` order by broadcasts.started_at, broadcasts.id`, args...)
		if err != nil {
			return err
		}
		var id lms.BroadcastID
		var course lms.CourseID
		var recorded bool
		var ids []string
		_, err = pgx.ForEachRow(rows, []any{&id, &course, &recorded}, func() error {
			list, ids = append(list, Broadcast{ID: id, Course: course, Recorded: recorded}), append(ids, string(id))
			return nil
		})
		if err != nil || len(list) == 0 {
			return err
		}
		sessions := make(map[lms.BroadcastID]*lms.Session, len(list))
		var b pgx.Batch
		queueSessions(&b, sessions, ids)
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		for i, found := range list {
			if s := sessions[found.ID]; s != nil {
				list[i] = newBroadcast(found.ID, found.Course, found.Recorded, s.Timeline)
			}
		}
		return nil
	})
	return list, err
}
