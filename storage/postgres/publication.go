package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// PublicationView is how far a programme is: its draft, what is missing before that can be published, and its versions.
type PublicationView struct {
	State     lms.ProgrammeState
	Version   int // of the programme, which each change moves
	Published int // number of the newest version; 0 before the first
	Changed   bool
	Settings  lms.Settings
	Missing   []lms.Missing
	Versions  []PublishedVersion // the newest first
}

// PublishedVersion is who published a version and when.
type PublishedVersion struct {
	Number int
	At     time.Time
	By     string // name; "" for the demo and for what was there before there were versions
}

// Snapshot is what was published, as it was then.
type Snapshot struct {
	Title    string           `json:"title"`
	Zone     lms.Zone         `json:"zone"`
	Settings lms.Settings     `json:"settings"`
	Courses  []SnapshotCourse `json:"courses"`
	Faculty  []SnapshotMember `json:"faculty"`
}

// SnapshotCourse is a course of a snapshot.
type SnapshotCourse struct {
	ID        lms.CourseID `json:"id"`
	Number    int          `json:"number"`
	Title     string       `json:"title"`
	Summary   string       `json:"summary"`
	Local     string       `json:"local"`
	Zone      lms.Zone     `json:"zone"`
	Start     time.Time    `json:"start"`
	Minutes   int          `json:"minutes"`
	Cancelled bool         `json:"cancelled"`
}

// SnapshotMember is somebody of the faculty in a snapshot.
type SnapshotMember struct {
	Name       string              `json:"name"`
	Role       lms.FacultyRole     `json:"role"`
	Course     lms.CourseID        `json:"course"` // "" for all
	Disclosure int                 `json:"disclosure"`
	State      lms.DisclosureState `json:"state"`
}

// programmeNow is a programme as publishing looks at it.
type programmeNow struct {
	state     lms.ProgrammeState
	version   int
	published int
	draft     lms.Settings // with exactly the courses of the programme
	plan      lms.Publication
	promised  lms.Settings // what courses promise already
	begun     []lms.CourseID
	snapshot  Snapshot
}

// Publication returns how far a programme is. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Publication(ctx context.Context, actor lms.Actor, id lms.ProgrammeID) (PublicationView, error) {
	var view PublicationView
	if err := actor.Need(lms.Inspect, lms.Scope{Programme: id}); err != nil {
		return view, err
	}
	err := db.tx(ctx, "look at publication", func(tx pgx.Tx, now time.Time) error {
		p, err := loadProgrammeNow(ctx, tx, now, id, false)
		if err != nil {
			return err
		}
		view = PublicationView{
			State: p.state, Version: p.version, Published: p.published, Settings: p.draft, Missing: p.plan.Missing(now),
			Changed: true,
		}
		if p.published > 0 {
			if view.Changed, err = changed(ctx, tx, id, p); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `
			select number, published_at, coalesce(persons.name, '')
			from programme_versions left join persons on persons.id = published_by
			where programme_id = $1 order by number desc limit 100`, id)
		if err != nil {
			return err
		}
		view.Versions, err = pgx.CollectRows(rows, pgx.RowToStructByPos[PublishedVersion])
		return err
	})
	return view, err
}

// changed reports whether publishing now would say anything else than the newest version. Who is of the faculty does not count:
// learners see them as they are.
func changed(ctx context.Context, tx pgx.Tx, id lms.ProgrammeID, p programmeNow) (bool, error) {
	last, err := loadSnapshot(ctx, tx, id, p.published)
	if err != nil {
		return false, err
	}
	next := p.snapshot
	last.Faculty, next.Faculty = nil, nil
	a, err := json.Marshal(last)
	if err != nil {
		return false, err
	}
	b, err := json.Marshal(next)
	return !bytes.Equal(a, b), err
}

func loadSnapshot(ctx context.Context, tx pgx.Tx, id lms.ProgrammeID, number int) (Snapshot, error) {
	var s Snapshot
	err := tx.QueryRow(ctx, `select snapshot from programme_versions where programme_id = $1 and number = $2`, id, number).Scan(&s)
	return s, found(err)
}

// ProgrammeVersion returns what a version said. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) ProgrammeVersion(ctx context.Context, actor lms.Actor, id lms.ProgrammeID, number int) (Snapshot, error) {
	var s Snapshot
	if err := actor.Need(lms.Inspect, lms.Scope{Programme: id}); err != nil {
		return s, err
	}
	err := db.tx(ctx, "look at version", func(tx pgx.Tx, _ time.Time) (err error) {
		s, err = loadSnapshot(ctx, tx, id, number)
		return err
	})
	return s, err
}

// loadProgrammeNow reads all that publishing asks for; lock keeps others from changing the programme meanwhile.
func loadProgrammeNow(ctx context.Context, tx pgx.Tx, now time.Time, id lms.ProgrammeID, lock bool) (programmeNow, error) {
	var p programmeNow
	query := `select state, version, published, title, zone, draft from programmes where id = $1`
	if lock {
		query += ` for update`
	}
	err := tx.QueryRow(ctx, query, id).Scan(&p.state, &p.version, &p.published, &p.plan.Title, &p.snapshot.Zone, &p.draft)
	if err != nil {
		return p, found(err)
	}
	p.snapshot.Title = p.plan.Title
	if err := loadPlanned(ctx, tx, now, id, &p); err != nil {
		return p, err
	}
	ids := make([]lms.CourseID, 0, len(p.plan.Courses))
	for _, c := range p.plan.Courses {
		ids = append(ids, c.ID)
	}
	p.draft = p.draft.Or(p.promised).Of(ids)
	p.plan.Settings, p.snapshot.Settings = p.draft, p.draft
	members, err := loadFaculty(ctx, tx, id, "")
	if err != nil {
		return p, err
	}
	for _, m := range members {
		p.plan.Faculty = append(p.plan.Faculty, lms.FacultyStanding{Person: m.Person.ID, Name: m.called(), Course: m.Course, State: m.State})
		seen := SnapshotMember{Name: m.Person.Name, Role: m.Role, Course: m.Course, State: m.State}
		if m.Disclosure != nil {
			seen.Disclosure = m.Disclosure.Version
		}
		p.snapshot.Faculty = append(p.snapshot.Faculty, seen)
	}
	return p, nil
}

// loadPlanned reads the courses of a programme.
func loadPlanned(ctx context.Context, tx pgx.Tx, now time.Time, id lms.ProgrammeID, p *programmeNow) error {
	rows, err := tx.Query(ctx, `
		select courses.id, number, title, summary, local_start, zone, fold, starts_at, minutes, published_at is not null, cancelled_at is not null, credit, required,
			exists (select from broadcasts where broadcasts.course_id = courses.id),
			exists (select from role_grants where role_grants.programme_id = courses.programme_id and role = 'presenter'
				and (role_grants.course_id is null or role_grants.course_id = courses.id))
		from courses where programme_id = $1 order by number`, id)
	if err != nil {
		return err
	}
	var c lms.PlannedCourse
	var s SnapshotCourse
	var wall time.Time
	var credit lms.CreditSettings
	var aired, required bool
	_, err = pgx.ForEachRow(rows, []any{
		&c.ID, &c.Number, &s.Title, &s.Summary, &wall, &c.Schedule.Zone, &c.Schedule.Fold, &c.Start, &c.Minutes, &c.Published, &c.Cancelled, &credit, &required,
		&aired, &c.Presents,
	}, func() error {
		c.Schedule.Local = lms.LocalTimeOf(wall)
		c.Begun = aired || c.Published && !c.Start.After(now)
		p.plan.Courses = append(p.plan.Courses, c)
		p.promised.Courses = append(p.promised.Courses, lms.CourseSettings{Course: c.ID, Elective: !required, Credit: credit})
		if c.Begun && c.Published {
			p.begun = append(p.begun, c.ID)
		}
		s.ID, s.Number, s.Local, s.Zone, s.Start = c.ID, c.Number, c.Schedule.Local.String(), c.Schedule.Zone, c.Start.UTC()
		s.Minutes, s.Cancelled = c.Minutes, c.Cancelled
		p.snapshot.Courses = append(p.snapshot.Courses, s)
		credit = lms.CreditSettings{}
		return nil
	})
	return err
}

// SaveDraft keeps the settings of the next version. Version is that of the programme the actor saw. What its audience sees stays as it is
// until Publish. Errors: lms.ErrConflict when the version has moved on, or when a course that has begun would promise other credit,
// lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) SaveDraft(ctx context.Context, actor lms.Actor, id lms.ProgrammeID, version int, settings lms.Settings) error {
	scope := lms.Scope{Programme: id}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	settings, err := settings.Parse()
	if err != nil {
		return err
	}
	return db.tx(ctx, "save draft", func(tx pgx.Tx, now time.Time) error {
		p, err := loadProgrammeNow(ctx, tx, now, id, true)
		if err != nil {
			return err
		}
		if p.version != version {
			return errVersion
		}
		known := map[lms.CourseID]bool{}
		ids := make([]lms.CourseID, 0, len(p.plan.Courses))
		for _, c := range p.plan.Courses {
			known[c.ID], ids = true, append(ids, c.ID)
		}
		for _, c := range settings.Courses {
			if !known[c.Course] {
				return &lms.Problem{Kind: lms.ErrInvalid, Field: "courses", Message: "Name courses of this programme only."}
			}
		}
		settings = settings.Of(ids)
		if err := lms.Promise(p.promised, settings, p.begun); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update programmes set draft = $2, version = version + 1 where id = $1`, id, settings); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "save draft", scope: scope, detail: map[string]any{"version": version + 1, "draft": p.published + 1}})
	})
}

// Publish freezes the draft as the next version, which its audience sees from then on, and returns its number. Errors: lms.ErrConflict when
// something is missing, which its message names, or the version has moved on; lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Publish(ctx context.Context, actor lms.Actor, id lms.ProgrammeID, version int) (number int, err error) {
	scope := lms.Scope{Programme: id}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return 0, err
	}
	err = db.tx(ctx, "publish programme", func(tx pgx.Tx, now time.Time) error {
		p, err := loadProgrammeNow(ctx, tx, now, id, true)
		if err != nil {
			return err
		}
		if p.version != version {
			return errVersion
		}
		if p.state == lms.ProgrammeClosed {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "The programme is closed. Open it again first."}
		}
		if err := lms.Refuse(p.plan.Missing(now)); err != nil {
			return err
		}
		number, err = publish(ctx, tx, now, actor, id, p)
		return err
	})
	return number, err
}

// publish writes a version and what it says of each course.
func publish(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, id lms.ProgrammeID, p programmeNow) (number int, err error) {
	if err := lms.Promise(p.promised, p.draft, p.begun); err != nil {
		return 0, err
	}
	if p.draft.Renumbers(p.plan.Courses) { // in two steps, because numbers are unique
		if _, err := tx.Exec(ctx, `update courses set number = number + 1000000 where programme_id = $1`, id); err != nil {
			return 0, err
		}
	}
	var b pgx.Batch
	for i, c := range p.draft.Courses {
		opens, closes, err := windowOf(p, c)
		if err != nil {
			return 0, err
		}
		b.Queue(`
			update courses set number = $3, required = not $4, opens_at = $5, closes_at = $6, credit = $7, published_at = coalesce(published_at, $8)
			where id = $1 and programme_id = $2`, c.Course, id, i+1, c.Elective, opens, closes, c.Credit, now)
		for j := range p.snapshot.Courses {
			if p.snapshot.Courses[j].ID == c.Course {
				p.snapshot.Courses[j].Number = i + 1
			}
		}
	}
	number = p.published + 1
	p.snapshot.order()
	b.Queue(`insert into programme_versions (programme_id, number, published_at, published_by, snapshot) values ($1, $2, $3, $4, $5)`,
		id, number, now, orNull(actor.Person), p.snapshot)
	b.Queue(`update programmes set state = 'published', published = $2, draft = $3, version = version + 1 where id = $1`, id, number, p.draft)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return 0, err
	}
	return number, audit(ctx, tx, now, actor, deed{action: "publish programme", scope: lms.Scope{Programme: id}, detail: map[string]any{"number": number}})
}

// windowOf derives when a course is open; nil is no bound.
func windowOf(p programmeNow, c lms.CourseSettings) (opens, closes *time.Time, err error) {
	for _, planned := range p.plan.Courses {
		if planned.ID != c.Course {
			continue
		}
		from, until, err := c.Window(planned.Schedule, planned.Start, planned.Minutes)
		if err != nil {
			return nil, nil, err
		}
		return orNil(from), orNil(until), nil
	}
	return nil, nil, nil
}

// orNil makes NULL of the zero time.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// order sorts the courses of a snapshot by number.
func (s *Snapshot) order() {
	for i := range s.Courses {
		for j := i; j > 0 && s.Courses[j].Number < s.Courses[j-1].Number; j-- {
			s.Courses[j], s.Courses[j-1] = s.Courses[j-1], s.Courses[j]
		}
	}
}

// CloseProgramme closes a published programme, or opens it again. Errors: lms.ErrConflict when it is neither, lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) CloseProgramme(ctx context.Context, actor lms.Actor, id lms.ProgrammeID, closed bool) error {
	scope := lms.Scope{Programme: id}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	from, to, action := lms.ProgrammePublished, lms.ProgrammeClosed, "close programme"
	if !closed {
		from, to, action = to, from, "open programme again"
	}
	return db.tx(ctx, action, func(tx pgx.Tx, now time.Time) error {
		var state lms.ProgrammeState
		if err := tx.QueryRow(ctx, `select state from programmes where id = $1 for update`, id).Scan(&state); err != nil {
			return found(err)
		}
		if state != from {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "The programme is " + string(state) + ". Look at it again."}
		}
		if _, err := tx.Exec(ctx, `update programmes set state = $2, version = version + 1 where id = $1`, id, to); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: action, scope: scope})
	})
}
