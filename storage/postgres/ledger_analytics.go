package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// AnalyticsState says how final figures are.
type AnalyticsState string

// The states.
const (
	AnalyticsNone  AnalyticsState = "none"  // never on air
	AnalyticsLive  AnalyticsState = "live"  // on air, still rising
	AnalyticsFinal AnalyticsState = "final" // off air; replays may still add to it
)

// Analytics is the attendance of a course without names.
type Analytics struct {
	State            AnalyticsState
	AsOf             time.Time
	Enrolled         int // in the programme
	Attended         int // watched at least one second that counts
	AttendedLive     int
	AttendedReplay   int   // somebody may be in both
	MedianWatchedS   int64 // of those who attended
	CountableS       int64
	Questions        int // of every state
	StepS            int // seconds per step of the curves
	Live             []int
	DVR              []int
	Replay           []int // distinct persons per step, each counted once: live before DVR before replay
	QuestionsPerStep []int
	Marks            []Mark
}

// Mark is something that happened at a moment of the timeline.
type Mark struct {
	AtMS  int64
	Kind  string // "answered": a question was answered live
	Title string
}

// Analytics returns the figures of a course. It needs lms.SeeFigures there; lms.ErrNotFound when the course
// is not the actor's to know of.
func (db *DB) Analytics(ctx context.Context, actor lms.Actor, course lms.CourseID) (Analytics, error) {
	a := Analytics{State: AnalyticsNone}
	err := db.tx(ctx, "analytics", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.SeeFigures)
		if err != nil {
			return err
		}
		a.AsOf = now
		countable := c.session.Countable(now)
		a.CountableS = countable.Len()
		switch {
		case c.session.Timeline.OnAir():
			a.State = AnalyticsLive
		case len(c.session.Timeline) > 0:
			a.State = AnalyticsFinal
		}
		curve := lms.NewCurve(c.session.Timeline.Edge(now), countable)
		if err := addViewers(ctx, tx, c.broadcast, curve); err != nil {
			return err
		}
		a.Attended, a.AttendedLive, a.AttendedReplay = curve.Attended()
		a.MedianWatchedS = curve.MedianS()
		a.StepS, a.Live, a.DVR, a.Replay = int(curve.StepS), curve.Live, curve.DVR, curve.Replay
		if err := tx.QueryRow(ctx, `select count(*) from enrolments where programme_id = $1`, c.scope.Programme).
			Scan(&a.Enrolled); err != nil {
			return err
		}
		return a.addQuestions(ctx, tx, c.scope, curve)
	})
	return a, err
}

// addViewers reads the whole ledger of a broadcast, person by person, into the curve.
func addViewers(ctx context.Context, tx pgx.Tx, broadcast lms.BroadcastID, curve *lms.Curve) error {
	if broadcast == "" {
		return nil
	}
	rows, err := tx.Query(ctx, `
		select person_id, provenance, watched::text from attendance
		where broadcast_id = $1 order by person_id`, broadcast)
	if err != nil {
		return err
	}
	var person, last lms.PersonID
	var as lms.Provenance
	var text string
	seconds := make(map[lms.Provenance]lms.Spans, 3)
	_, err = pgx.ForEachRow(rows, []any{&person, &as, &text}, func() (err error) {
		if person != last {
			curve.Add(seconds)
			clear(seconds)
			last = person
		}
		seconds[as], err = lms.ParseSpans(text)
		return err
	})
	curve.Add(seconds)
	return err
}

// addQuestions counts the questions of the course and marks those answered live.
func (a *Analytics) addQuestions(ctx context.Context, tx pgx.Tx, scope lms.Scope, curve *lms.Curve) error {
	rows, err := tx.Query(ctx, `
		select asked_ms, case when state = $3 then answered_ms end, text
		from questions join courses on courses.id = questions.course_id
		where courses.id = $1 and courses.programme_id = $2
		order by answered_ms, questions.id`, scope.Course, scope.Programme, lms.AnsweredLive)
	if err != nil {
		return err
	}
	var asked, answered *int64
	var text string
	var moments []int64
	_, err = pgx.ForEachRow(rows, []any{&asked, &answered, &text}, func() error {
		a.Questions++
		if asked != nil {
			moments = append(moments, *asked)
		}
		if answered != nil {
			a.Marks = append(a.Marks, Mark{AtMS: *answered, Kind: "answered", Title: text})
		}
		return nil
	})
	a.QuestionsPerStep = curve.PerStep(moments)
	return err
}

// AttendancePerson is one line of the attendance of a course.
type AttendancePerson struct {
	ID             lms.PersonID
	Name           string
	Country        lms.Country
	PositionMS     *int64
	FirstAt        time.Time
	LastAt         time.Time
	lms.Attendance // seconds by provenance, each counted once
}

// AttendancePage is a part of the attendance.
type AttendancePage struct {
	People []AttendancePerson
	Next   lms.PersonID // pass as after for the next part; "" at the end
}

// attendancePageMax is the longest page.
const attendancePageMax = 500

// AnalyticsPeople lists who watched a second of a course that counts, the same persons as Analytics.Attended, in
// the order of their names. After is the last person of the
// page before, or ""; limit is at most 500. It needs lms.SeePeople.
func (db *DB) AnalyticsPeople(ctx context.Context, actor lms.Actor, course lms.CourseID, after lms.PersonID, limit int) (AttendancePage, error) {
	limit = min(max(limit, 1), attendancePageMax)
	var page AttendancePage
	err := db.tx(ctx, "attendance", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.SeePeople)
		if err != nil || c.broadcast == "" {
			return err
		}
		page.People, err = attendancePeople(ctx, tx, c, now, after, limit+1)
		if len(page.People) > limit {
			page.People = page.People[:limit]
			page.Next = page.People[limit-1].ID
		}
		return err
	})
	return page, err
}

// attendancePeople reads up to limit persons after one, with their ledgers.
func attendancePeople(ctx context.Context, tx pgx.Tx, c cast, now time.Time, after lms.PersonID, limit int) ([]AttendancePerson, error) {
	var start *lms.PersonID
	if after != "" {
		start = &after
	}
	countable := c.session.Countable(now)
	rows, err := tx.Query(ctx, `
		select persons.id, persons.name, persons.country, playheads.position_ms, seen.first_at, seen.last_at,
			coalesce(live::text, '{}'), coalesce(dvr::text, '{}'), coalesce(replay::text, '{}')
		from (
			select person_id, min(first_at) as first_at, max(last_at) as last_at,
				range_agg(watched) filter (where provenance = 'live') as live,
				range_agg(watched) filter (where provenance = 'dvr') as dvr,
				range_agg(watched) filter (where provenance = 'replay') as replay
			from attendance where broadcast_id = $1 group by person_id
			having range_agg(watched) && $4::int4multirange
		) seen
		join persons on persons.id = seen.person_id
		left join playheads on playheads.broadcast_id = $1 and playheads.person_id = persons.id
		where $2::uuid is null
			or (lower(persons.name), persons.id) > (select lower(name), id from persons where id = $2)
		order by lower(persons.name), persons.id
		limit $3`, c.broadcast, start, limit, countable.String())
	if err != nil {
		return nil, err
	}
	var people []AttendancePerson
	var p AttendancePerson
	var live, dvr, replay string
	_, err = pgx.ForEachRow(rows, []any{&p.ID, &p.Name, &p.Country, &p.PositionMS, &p.FirstAt, &p.LastAt, &live, &dvr, &replay}, func() error {
		seconds := make(map[lms.Provenance]lms.Spans, 3)
		for as, text := range map[lms.Provenance]string{lms.Live: live, lms.DVR: dvr, lms.Replay: replay} {
			spans, err := lms.ParseSpans(text)
			if err != nil {
				return err
			}
			seconds[as] = spans
		}
		p.Attendance = lms.Attend(seconds, countable)
		people = append(people, p)
		return nil
	})
	return people, err
}
