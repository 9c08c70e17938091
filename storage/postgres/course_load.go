package postgres

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// loadCourses reads the courses of the programmes that the actor has a part in, or one of them, with broadcasts
// and presenters.
func loadCourses(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, programmes []string, only *lms.CourseID) ([]CourseView, error) {
	var courses []CourseView
	broadcasts := make(map[lms.CourseID]lms.BroadcastID)
	rows, err := tx.Query(ctx, `
		select courses.id, programmes.id, programmes.title, courses.number, courses.title, courses.summary, courses.starts_at,
			courses.local_start, courses.zone, courses.minutes, courses.recorded, courses.version, courses.schedule_revision, courses.scheduled_at, broadcasts.id, broadcasts.length_ms,
			recordings.version, recordings.storyboard, recordings.poster,
			courses.published_at is not null, not courses.required, courses.opens_at, courses.closes_at, courses.cancelled_at, courses.cancel_reason, courses.credit
		from courses
		join programmes on programmes.id = courses.programme_id
		left join broadcasts on broadcasts.course_id = courses.id
		left join recordings on recordings.broadcast_id = broadcasts.id and broadcasts.ended_at is not null
			and recordings.deleted_at is null and recordings.length_ms > 0
		where courses.programme_id = any($1::uuid[]) and ($2::uuid is null or courses.id = $2)
		order by programmes.created_at desc, programmes.id, courses.number`, programmes, only)
	if err != nil {
		return nil, err
	}
	var c CourseView
	var wall time.Time
	var broadcast *lms.BroadcastID
	var length *int64
	var version *int
	var storyboard *bool
	var poster *string
	_, err = pgx.ForEachRow(rows, []any{
		&c.ID, &c.Programme.ID, &c.Programme.Title, &c.Number, &c.Title, &c.Summary, &c.Start,
		&wall, &c.Zone, &c.Minutes, &c.Recorded, &c.Version, &c.Revision, &c.RevisedAt, &broadcast, &length,
		&version, &storyboard, &poster,
		&c.Published, &c.Elective, &c.Opens, &c.Closes, &c.CancelledAt, &c.CancelReason, &c.Credit,
	}, func() error {
		scope := lms.Scope{Programme: c.Programme.ID, Course: c.ID}
		if !actor.Can(lms.Know, scope) || !c.Published && !actor.Works(scope) {
			return nil
		}
		c.Start, c.Local, c.State = c.Start.UTC(), lms.LocalTimeOf(wall), CourseScheduled
		if c.CancelledAt != nil {
			c.State = CourseCancelled
		}
		c.Roles, c.Broadcast = rolesIn(actor, scope), nil
		if broadcast != nil {
			broadcasts[c.ID] = *broadcast
			c.Broadcast = &CourseBroadcast{ID: *broadcast, LengthMS: length}
			if version != nil {
				c.Broadcast.Recording = &CourseRecording{Version: *version, Storyboard: *storyboard, Poster: *poster}
			}
		}
		courses = append(courses, c)
		c.Credit = lms.CreditSettings{} // the next row is decoded into slices of its own
		return nil
	})
	if err != nil || len(courses) == 0 {
		return nil, err
	}
	return courses, fillCourses(ctx, tx, now, courses)
}

// fillCourses adds timelines and presenters, in one round trip.
func fillCourses(ctx context.Context, tx pgx.Tx, now time.Time, courses []CourseView) error {
	var ids, broadcasts []string
	for _, c := range courses {
		ids = append(ids, string(c.ID))
		if c.Broadcast != nil {
			broadcasts = append(broadcasts, string(c.Broadcast.ID))
		}
	}
	sessions := make(map[lms.BroadcastID]*lms.Session, len(broadcasts))
	presenters := make(map[lms.CourseID][]PersonRef)
	var b pgx.Batch
	queueSessions(&b, sessions, broadcasts)
	b.Queue(`
		select distinct courses.id, persons.name, persons.id
		from courses
		join role_grants on role_grants.programme_id = courses.programme_id
			and (role_grants.course_id is null or role_grants.course_id = courses.id) and role_grants.role = 'presenter'
		join persons on persons.id = role_grants.person_id
		where courses.id = any($1::uuid[]) order by courses.id, persons.name, persons.id`, ids).Query(func(rows pgx.Rows) error {
		var course lms.CourseID
		var p PersonRef
		_, err := pgx.ForEachRow(rows, []any{&course, &p.Name, &p.ID}, func() error {
			presenters[course] = append(presenters[course], p)
			return nil
		})
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	for i := range courses {
		c := &courses[i]
		c.Presenters = presenters[c.ID]
		if c.Broadcast == nil {
			continue
		}
		c.State = CourseEnded
		if s := sessions[c.Broadcast.ID]; s != nil {
			c.Broadcast.TimelineMS = s.Timeline.Edge(now)
			if c.Broadcast.OnAir = s.Timeline.OnAir(); c.Broadcast.OnAir {
				c.State = CourseLive
			}
		}
	}
	return nil
}

// rolesIn lists the actor's roles in a scope, each once.
func rolesIn(actor lms.Actor, scope lms.Scope) []lms.Role {
	var roles []lms.Role
	for _, grant := range actor.Roles {
		if actor.Has(grant.Role, scope) && !slices.Contains(roles, grant.Role) {
			roles = append(roles, grant.Role)
		}
	}
	return roles
}

// tzdbVersion names the time zone rules that instants are derived with: the release that the machine has,
// or else the Go version whose copy is built in.
var tzdbVersion = sync.OnceValue(func() string {
	for _, path := range []string{"/usr/share/zoneinfo/+VERSION", "/usr/share/zoneinfo/tzdata.zi"} {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		line := string(content[:min(len(content), 64)])
		for i, c := range line {
			if c == '\n' {
				line = line[:i]
				break
			}
		}
		return line
	}
	return runtime.Version()
})
