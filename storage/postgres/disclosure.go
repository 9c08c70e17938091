package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// PersonalDisclosure is what one person has to disclose for a programme.
type PersonalDisclosure struct {
	Programme  ProgrammeRef
	Person     PersonRef
	Roles      []FacultyPlace
	Disclosure *DisclosureView // the newest; nil when nothing is signed
	State      lms.DisclosureState
}

// FacultyPlace is one role of a person.
type FacultyPlace struct {
	Role   lms.FacultyRole
	Course CourseRef // without ID for all courses
}

// DisclosureOf returns what somebody of the faculty has disclosed, to themselves and to who manages the programme. For everybody else, and for
// who is not of the faculty, the error is lms.ErrNotFound.
func (db *DB) DisclosureOf(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, person lms.PersonID) (PersonalDisclosure, error) {
	var own PersonalDisclosure
	err := db.tx(ctx, "look at disclosure", func(tx pgx.Tx, _ time.Time) (err error) {
		if actor.Person != person && !actor.Can(lms.Manage, lms.Scope{Programme: programme}) {
			return lms.ErrNotFound
		}
		own, err = loadDisclosure(ctx, tx, programme, person)
		return err
	})
	return own, err
}

func loadDisclosure(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID, person lms.PersonID) (PersonalDisclosure, error) {
	own := PersonalDisclosure{Programme: ProgrammeRef{ID: programme}, State: lms.DisclosureMissing}
	rows, err := tx.Query(ctx, `
		select programmes.title, persons.id, persons.name, faculty.role, courses.id, coalesce(courses.number, 0), coalesce(courses.title, '')
		from faculty join programmes on programmes.id = faculty.programme_id join persons on persons.id = faculty.person_id
		left join courses on courses.id = faculty.course_id
		where faculty.programme_id = $1 and faculty.person_id = $2 order by courses.number nulls first, faculty.id`, programme, orNull(person))
	if err != nil {
		return own, err
	}
	var place FacultyPlace
	var course *lms.CourseID
	_, err = pgx.ForEachRow(rows, []any{
		&own.Programme.Title, &own.Person.ID, &own.Person.Name, &place.Role, &course, &place.Course.Number, &place.Course.Title,
	}, func() error {
		place.Course.ID = orEmpty(course)
		own.Roles = append(own.Roles, place)
		return nil
	})
	if err != nil {
		return own, err
	}
	if len(own.Roles) == 0 {
		return own, lms.ErrNotFound
	}
	var d DisclosureView
	err = tx.QueryRow(ctx, `
		select version, ties, signed_name, signed_at, mitigation, mitigated_at, coalesce(persons.name, '')
		from disclosures left join persons on persons.id = mitigated_by
		where programme_id = $1 and person_id = $2 order by version desc limit 1`, programme, person).
		Scan(&d.Version, &d.Ties, &d.Signed, &d.SignedAt, &d.Mitigation, &d.MitigatedAt, &d.MitigatedBy)
	if errors.Is(err, pgx.ErrNoRows) {
		return own, nil
	}
	d.None = len(d.Ties) == 0
	own.Disclosure = &d
	own.State = own.Disclosure.state()
	return own, err
}

// SignDisclosure keeps what the actor discloses for a programme as a new version, which takes the place of an earlier one; it must be mitigated
// anew. Errors: lms.ErrNotFound for who is not of the faculty, lms.ErrInvalid.
func (db *DB) SignDisclosure(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, in lms.Disclosure) error {
	return db.tx(ctx, "sign disclosure", func(tx pgx.Tx, now time.Time) error {
		if _, err := loadDisclosure(ctx, tx, programme, actor.Person); err != nil {
			return err
		}
		d, err := lms.ParseDisclosure(in)
		if err != nil {
			return err
		}
		version, err := insertDisclosure(ctx, tx, now, programme, actor.Person, d)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{
			action: "sign disclosure", scope: lms.Scope{Programme: programme}, object: string(actor.Person),
			detail: map[string]any{"version": version, "relationships": len(d.Ties)},
		})
	})
}

// insertDisclosure adds a version. The lock on the person keeps two tabs from taking the same number.
func insertDisclosure(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID, person lms.PersonID, d lms.Disclosure) (version int, err error) {
	if _, err := tx.Exec(ctx, `select from persons where id = $1 for no key update`, person); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `
		insert into disclosures (programme_id, person_id, version, ties, signed_name, signed_at)
		select $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5 from disclosures where programme_id = $1 and person_id = $2
		returning version`, programme, person, d.Ties, d.Signed, now).Scan(&version)
	return version, err
}

// Mitigate records how the relationships of somebody were mitigated, or, with undo, takes that back. Version is that of the disclosure the
// actor saw. Errors: lms.ErrConflict, lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Mitigate(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, person lms.PersonID, version int, how string, undo bool) error {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	return db.tx(ctx, "mitigate disclosure", func(tx pgx.Tx, now time.Time) error {
		own, err := loadDisclosure(ctx, tx, programme, person)
		if err != nil {
			return err
		}
		if own.Disclosure != nil && own.Disclosure.Version != version {
			return errVersion
		}
		action, at, by := "mitigate disclosure", &now, orNull(actor.Person)
		if undo {
			action, how, at, by = "take mitigation back", "", nil, nil
		} else {
			if own.Disclosure == nil {
				return lms.Disclosure{}.Mitigate()
			}
			if err := own.Disclosure.Mitigate(); err != nil {
				return err
			}
			if how, err = lms.ParseMitigation(how); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `
			update disclosures set mitigation = $4, mitigated_at = $5, mitigated_by = $6 where programme_id = $1 and person_id = $2 and version = $3`,
			programme, person, version, how, at, by)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: action, scope: scope, object: string(person), detail: map[string]any{"version": version}})
	})
}

// CourseDisclosures are what learners are shown before they enter a course.
type CourseDisclosures struct {
	Course  CourseRef
	People  []CourseDisclosure
	Version string // digest of People; another one when anything has changed
	Must    bool   // nobody of the audience is let in before they have seen it
	Seen    bool   // by the actor, in this version
}

// CourseDisclosure is one person of the faculty as learners are told of them: names and words only.
type CourseDisclosure struct {
	Name      string            `json:"name"`
	Roles     []lms.FacultyRole `json:"roles"`
	Ties      []lms.Tie         `json:"ties"`
	Declared  bool              `json:"declared"` // signed
	Mitigated bool              `json:"mitigated"`
}

// CourseDisclosures returns what learners are shown before a course. Errors: lms.ErrNotFound.
func (db *DB) CourseDisclosures(ctx context.Context, actor lms.Actor, course lms.CourseID) (CourseDisclosures, error) {
	var shown CourseDisclosures
	err := db.tx(ctx, "look at disclosures of a course", func(tx pgx.Tx, _ time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		shown, err = loadCourseDisclosures(ctx, tx, c.scope, actor.Person)
		return err
	})
	return shown, err
}

func loadCourseDisclosures(ctx context.Context, tx pgx.Tx, scope lms.Scope, reader lms.PersonID) (CourseDisclosures, error) {
	shown := CourseDisclosures{Course: CourseRef{ID: scope.Course}, People: []CourseDisclosure{}}
	members, err := loadFaculty(ctx, tx, scope.Programme, scope.Course)
	if err != nil {
		return shown, err
	}
	ties := 0
	var last lms.PersonID
	for _, m := range members {
		if n := len(shown.People); n > 0 && m.Person.ID == last { // the rows of a person follow each other
			shown.People[n-1].Roles = append(shown.People[n-1].Roles, m.Role)
			continue
		}
		last = m.Person.ID
		one := CourseDisclosure{Name: m.Person.Name, Roles: []lms.FacultyRole{m.Role}, Ties: []lms.Tie{}}
		if d := m.Disclosure; d != nil {
			one.Declared, one.Ties, one.Mitigated = true, d.Ties, d.MitigatedAt != nil
			ties += len(d.Ties)
		}
		shown.People = append(shown.People, one)
	}
	text, err := json.Marshal(shown.People)
	if err != nil {
		return shown, err
	}
	digest := sha256.Sum256(text)
	shown.Version = hex.EncodeToString(digest[:8])
	var credit lms.CreditSettings
	err = tx.QueryRow(ctx, `
		select number, title, credit, exists (select from disclosure_views where course_id = $1 and person_id = $3 and version = $4)
		from courses where id = $1 and programme_id = $2`, scope.Course, scope.Programme, orNull(reader), shown.Version).
		Scan(&shown.Course.Number, &shown.Course.Title, &credit, &shown.Seen)
	shown.Must = lms.MustSee(credit, ties)
	return shown, found(err)
}

// SeeDisclosures keeps that the actor was shown the disclosures of a course: who, which course, which version, when. Once for each version. Errors:
// lms.ErrConflict when they are others by now, lms.ErrNotFound.
func (db *DB) SeeDisclosures(ctx context.Context, actor lms.Actor, course lms.CourseID, version string) error {
	return db.tx(ctx, "keep that disclosures were seen", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		shown, err := loadCourseDisclosures(ctx, tx, c.scope, actor.Person)
		if err != nil {
			return err
		}
		if shown.Version != version {
			return &lms.Problem{Kind: lms.ErrConflict, Field: "version", Message: "The disclosures have changed meanwhile. Read them again."}
		}
		_, err = tx.Exec(ctx, `
			insert into disclosure_views (course_id, person_id, version, shown, seen_at) values ($1, $2, $3, $4, $5) on conflict do nothing`,
			course, actor.Person, version, shown.People, now)
		if err != nil || actor.Works(c.scope) {
			return err
		}
		_, err = tx.Exec(ctx, `insert into credit_evidence (course_id, person_id, kind, seen_at) values ($1, $2, $3, $4) on conflict do nothing`,
			course, actor.Person, lms.RuleDisclosure, now)
		return err
	})
}
