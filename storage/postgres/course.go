package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// CourseState is where a course stands.
type CourseState string

// The states. A lecture that has ended may go on air again.
const (
	CourseScheduled CourseState = "scheduled"
	CourseLive      CourseState = "live"
	CourseEnded     CourseState = "ended"
	CourseCancelled CourseState = "cancelled" // it does not take place, and has not been on air
)

// ProgrammeRef names the programme of a course.
type ProgrammeRef struct {
	ID    lms.ProgrammeID
	Title string
}

// PersonRef names a person.
type PersonRef struct {
	ID   lms.PersonID
	Name string
}

// CourseBroadcast is the broadcast of a course as its page needs it.
type CourseBroadcast struct {
	ID         lms.BroadcastID
	OnAir      bool
	TimelineMS int64  // end of the session timeline now
	LengthMS   *int64 // of the timeline, once it has ended

	Recording *CourseRecording // nil while on air, and when there is none
}

// CourseView is a course as the actor sees it.
type CourseView struct {
	ID         lms.CourseID
	Programme  ProgrammeRef
	Number     int // from 1 in its programme
	Title      string
	Summary    string
	Start      time.Time     // the instant derived from Local and Zone
	Local      lms.LocalTime // as its organisers mean it
	Zone       lms.Zone
	Minutes    int // planned
	Recorded   bool
	State      CourseState
	Version    int
	Revision   int              // of the schedule, from 1
	RevisedAt  time.Time        // when that revision was made
	Broadcast  *CourseBroadcast // nil before the first time on air
	Presenters []PersonRef
	Roles      []lms.Role // of the actor, here

	Published    bool       // its audience sees it
	Elective     bool       // not needed for the programme
	Opens        *time.Time // its audience is let in from then on; nil for always
	Closes       *time.Time // and until then
	CancelReason string     // of a cancelled course
	CancelledAt  *time.Time // nil for one that takes place
	Credit       lms.CreditSettings
}

// CourseItem is a course in the actor's list.
type CourseItem struct {
	CourseView
	WatchedShare float64 // of the seconds that count, from 0 to 1
}

// NewCourse is what a course is made of. It gets the next number of its programme.
type NewCourse struct {
	Title    string
	Summary  string
	Schedule lms.Schedule
	Minutes  int
	// Unrecorded keeps nothing of the lecture.
	Unrecorded bool
}

// CourseChange changes what is not nil. Version is that of the course the actor saw. Fold is asked for when
// local time and zone mean two instants.
type CourseChange struct {
	Version int
	Title   *string
	Summary *string
	Minutes *int
	Local   *lms.LocalTime
	Zone    *lms.Zone
	Fold    lms.Fold
	// Recorded says whether the lecture is recorded; it stays as it is once the lecture has been on air.
	Recorded *bool
}

// Course returns a course that the actor has a part in. Errors: lms.ErrNotFound.
func (db *DB) Course(ctx context.Context, actor lms.Actor, id lms.CourseID) (CourseView, error) {
	var view CourseView
	err := db.tx(ctx, "look at course", func(tx pgx.Tx, now time.Time) error {
		courses, err := loadCourses(ctx, tx, now, actor, programmesOf(actor), &id)
		if err != nil {
			return err
		}
		if len(courses) == 0 {
			return lms.ErrNotFound
		}
		view = courses[0]
		return nil
	})
	return view, err
}

// CoursesOf lists the courses that the actor may watch, by programme and number, with what they have watched
// of each.
func (db *DB) CoursesOf(ctx context.Context, actor lms.Actor) ([]CourseItem, error) {
	var items []CourseItem
	err := db.tx(ctx, "list courses", func(tx pgx.Tx, now time.Time) error {
		courses, err := loadCourses(ctx, tx, now, actor, programmesOf(actor), nil)
		if err != nil {
			return err
		}
		courses = slices.DeleteFunc(courses, func(c CourseView) bool {
			return !actor.Can(lms.Watch, lms.Scope{Programme: c.Programme.ID, Course: c.ID})
		})
		shares, err := watchedShares(ctx, tx, now, actor.Person, courses)
		if err != nil {
			return err
		}
		for _, c := range courses {
			item := CourseItem{CourseView: c}
			if c.Broadcast != nil {
				item.WatchedShare = shares[c.Broadcast.ID]
			}
			items = append(items, item)
		}
		return nil
	})
	return items, err
}

// watchedShares asks lms how much of each broadcast the person has watched.
func watchedShares(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, courses []CourseView) (map[lms.BroadcastID]float64, error) {
	var broadcasts []string
	for _, c := range courses {
		if c.Broadcast != nil {
			broadcasts = append(broadcasts, string(c.Broadcast.ID))
		}
	}
	shares := make(map[lms.BroadcastID]float64, len(broadcasts))
	if len(broadcasts) == 0 {
		return shares, nil
	}
	sessions := make(map[lms.BroadcastID]*lms.Session, len(broadcasts))
	seconds := make(map[lms.BroadcastID]map[lms.Provenance]lms.Spans)
	var b pgx.Batch
	queueSessions(&b, sessions, broadcasts)
	b.Queue(`select broadcast_id, provenance, watched::text from attendance where person_id = $1 and broadcast_id = any($2::uuid[])`,
		orNull(person), broadcasts).Query(func(rows pgx.Rows) error {
		var id lms.BroadcastID
		var as lms.Provenance
		var text string
		_, err := pgx.ForEachRow(rows, []any{&id, &as, &text}, func() error {
			if seconds[id] == nil {
				seconds[id] = make(map[lms.Provenance]lms.Spans, 3)
			}
			var err error
			seconds[id][as], err = lms.ParseSpans(text)
			return err
		})
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, err
	}
	for id, s := range seconds {
		if session := sessions[id]; session != nil {
			shares[id] = lms.Viewer{Seconds: s}.Watched().Share(session.Countable(now))
		}
	}
	return shares, nil
}

// AddCourse adds a course to a programme. Errors: lms.ErrInvalid, also for a local time that does not exist
// or comes twice, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) AddCourse(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, in NewCourse) (lms.CourseID, error) {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return "", err
	}
	var id lms.CourseID
	err := db.tx(ctx, "add course", func(tx pgx.Tx, now time.Time) error {
		var err error
		if id, err = insertCourse(ctx, tx, now, programme, in); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "add course", scope: lms.Scope{Programme: programme, Course: id}})
	})
	return id, err
}

// insertCourse checks a course and stores it with the next number. The lock on the programme keeps two
// admins from taking the same one.
func insertCourse(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID, in NewCourse) (lms.CourseID, error) {
	title, err := lms.ParseTitle(in.Title)
	if err != nil {
		return "", err
	}
	summary, err := lms.ParseSummary(in.Summary)
	if err != nil {
		return "", err
	}
	minutes, err := lms.ParseMinutes(in.Minutes)
	if err != nil {
		return "", err
	}
	start, err := in.Schedule.Instant()
	if err != nil {
		return "", err
	}
	var locked lms.ProgrammeID
	if err := tx.QueryRow(ctx, `select id from programmes where id = $1 for update`, programme).Scan(&locked); err != nil {
		return "", found(err)
	}
	var id lms.CourseID
	err = tx.QueryRow(ctx, `
		insert into courses (programme_id, number, title, summary, local_start, zone, fold, starts_at, tzdb, minutes, recorded, created_at, scheduled_at)
		select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $11, $10, $10 from courses where programme_id = $1
		returning id`,
		programme, title, summary, in.Schedule.Local.Wall(), in.Schedule.Zone, in.Schedule.Fold, start, tzdbVersion(), minutes, now, !in.Unrecorded).Scan(&id)
	return id, err
}

// UpdateCourse changes a course. A change of its time is a new revision of its schedule. Errors:
// lms.ErrConflict when its version has moved on or it is too late to change whether it is recorded, lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) UpdateCourse(ctx context.Context, actor lms.Actor, id lms.CourseID, change CourseChange) error {
	return db.tx(ctx, "update course", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, id, lms.Manage)
		if err != nil {
			return err
		}
		var version, minutes int
		var title, summary string
		var wall time.Time
		var s lms.Schedule
		err = tx.QueryRow(ctx, `
			select version, title, summary, minutes, local_start, zone, fold from courses
			where id = $1 and programme_id = $2 for update`, id, c.scope.Programme).
			Scan(&version, &title, &summary, &minutes, &wall, &s.Zone, &s.Fold)
		if err != nil {
			return found(err)
		}
		if version != change.Version {
			return errVersion
		}
		s.Local = lms.LocalTimeOf(wall)
		before := s
		if err := change.apply(&title, &summary, &minutes, &s); err != nil {
			return err
		}
		recorded := c.recorded
		if change.Recorded != nil {
			recorded = *change.Recorded
		}
		if err := lms.ChangeRecorded(c.recorded, recorded, c.broadcast != ""); err != nil {
			return err
		}
		start, err := s.Instant()
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update courses set title = $3, summary = $4, minutes = $5, local_start = $6, zone = $7, fold = $8, starts_at = $9,
				tzdb = $10, schedule_revision = schedule_revision + $11, scheduled_at = case when $11 = 0 then scheduled_at else $12 end,
				recorded = $13, version = version + 1
			where id = $1 and programme_id = $2`,
			id, c.scope.Programme, title, summary, minutes, s.Local.Wall(), s.Zone, s.Fold, start, tzdbVersion(), revisions(before, s), now, recorded)
		if err != nil {
			return err
		}
		if before != s {
			if err := db.queueScheduleNotices(ctx, tx, now, id); err != nil {
				return err
			}
		}
		return audit(ctx, tx, now, actor, deed{action: "update course", scope: c.scope, detail: map[string]any{"version": version + 1, "recorded": recorded}})
	})
}

// revisions is 1 when the schedule has changed, else 0.
func revisions(before, after lms.Schedule) int {
	if before == after {
		return 0
	}
	return 1
}

// apply sets what was sent.
func (change CourseChange) apply(title, summary *string, minutes *int, s *lms.Schedule) (err error) {
	if change.Title != nil {
		if *title, err = lms.ParseTitle(*change.Title); err != nil {
			return err
		}
	}
	if change.Summary != nil {
		if *summary, err = lms.ParseSummary(*change.Summary); err != nil {
			return err
		}
	}
	if change.Minutes != nil {
		if *minutes, err = lms.ParseMinutes(*change.Minutes); err != nil {
			return err
		}
	}
	if change.Local != nil {
		s.Local, s.Fold = *change.Local, change.Fold
	}
	if change.Zone != nil {
		s.Zone, s.Fold = *change.Zone, change.Fold
	}
	if change.Fold != lms.FoldUnset {
		s.Fold = change.Fold
	}
	return nil
}
