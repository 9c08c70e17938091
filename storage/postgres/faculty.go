package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// FacultyMember is somebody in control of content, in one course or, with an empty Course, in all.
type FacultyMember struct {
	ID         lms.FacultyID
	Person     PersonRef
	Email      lms.Email
	Course     lms.CourseID
	Role       lms.FacultyRole
	InvitedAt  time.Time
	Disclosure *DisclosureView // the newest; nil when nothing is signed
	State      lms.DisclosureState
}

// DisclosureView is what somebody has signed.
type DisclosureView struct {
	lms.Disclosure
	Version     int
	SignedAt    time.Time
	Mitigation  string
	MitigatedAt *time.Time // nil while it is not
	MitigatedBy string     // name
}

// state is how far it is; nil is not signed.
func (d *DisclosureView) state() lms.DisclosureState {
	if d == nil {
		return lms.DisclosureMissing
	}
	return d.State(d.MitigatedAt != nil)
}

// called is a name for messages.
func (m FacultyMember) called() string { return cmp.Or(m.Person.Name, string(m.Email)) }

// NewFaculty invites somebody to a role: in one course, or, with an empty Course, in all of the programme.
type NewFaculty struct {
	Name   string
	Email  lms.Email
	Role   lms.FacultyRole
	Course lms.CourseID
}

// Faculty lists everybody in control of content of a programme, by name. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Faculty(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID) ([]FacultyMember, error) {
	if err := actor.Need(lms.Inspect, lms.Scope{Programme: programme}); err != nil {
		return nil, err
	}
	var members []FacultyMember
	err := db.tx(ctx, "list faculty", func(tx pgx.Tx, _ time.Time) (err error) {
		members, err = loadFaculty(ctx, tx, programme, "")
		return err
	})
	return members, err
}

// loadFaculty reads the faculty of a programme with their newest disclosures: of all of it, or of those who have to do with a course.
func loadFaculty(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID, course lms.CourseID) ([]FacultyMember, error) {
	rows, err := tx.Query(ctx, `
		select faculty.id, persons.id, persons.name, persons.email, coalesce(faculty.course_id::text, ''), faculty.role, faculty.invited_at,
			d.version, d.ties, d.signed_name, d.signed_at, d.mitigation, d.mitigated_at, coalesce(mitigator.name, '')
		from faculty
		join persons on persons.id = faculty.person_id
		left join lateral (
			select * from disclosures where disclosures.programme_id = faculty.programme_id and disclosures.person_id = faculty.person_id
			order by version desc limit 1
		) d on true
		left join persons mitigator on mitigator.id = d.mitigated_by
		where faculty.programme_id = $1 and ($2::uuid is null or faculty.course_id is null or faculty.course_id = $2)
		order by persons.name, persons.id, faculty.invited_at, faculty.id`, programme, orNull(course))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanMember)
}

// scanMember reads a row of loadFaculty.
func scanMember(row pgx.CollectableRow) (m FacultyMember, err error) {
	var version *int
	var signed, mitigation *string
	var at *time.Time
	var d DisclosureView
	err = row.Scan(&m.ID, &m.Person.ID, &m.Person.Name, &m.Email, &m.Course, &m.Role, &m.InvitedAt,
		&version, &d.Ties, &signed, &at, &mitigation, &d.MitigatedAt, &d.MitigatedBy)
	if err == nil && version != nil {
		d.Version, d.Signed, d.SignedAt, d.Mitigation, d.None = *version, *signed, *at, *mitigation, len(d.Ties) == 0
		m.Disclosure = &d
	}
	m.State = m.Disclosure.state()
	return m, err
}

// AddFaculty invites somebody by mail, and returns the token of the personal link as AddStaff does: a speaker may present, a chair moderate. The link
// leads to the form of the disclosure. Inviting again sends another mail. Errors: lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) AddFaculty(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, in NewFaculty) (token string, err error) {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return "", err
	}
	profile, err := lms.ParseProfile(in.Name, "", "UTC")
	if err != nil {
		return "", err
	}
	err = db.tx(ctx, "add faculty", func(tx pgx.Tx, now time.Time) error {
		if in.Course != "" {
			err := tx.QueryRow(ctx, `select id from courses where id = $1 and programme_id = $2`, in.Course, programme).Scan(&in.Course)
			if err != nil {
				return found(err)
			}
		}
		person, err := upsertPerson(ctx, tx, in.Email, profile.Name, now)
		if err != nil {
			return err
		}
		if err := insertFaculty(ctx, tx, now, programme, in.Course, person, in.Role); err != nil {
			return err
		}
		if role, ok := in.Role.Grants(); ok {
			if err := grant(ctx, tx, now, person, lms.RoleGrant{Role: role, Programme: programme, Course: in.Course}); err != nil {
				return err
			}
		}
		if err := closeLinks(ctx, tx, now, person); err != nil {
			return err
		}
		job := mailJob{Notice: lms.NoticeFaculty, Programme: programme, Person: person, Faculty: in.Role}
		if known, err := isKnown(ctx, tx, person); err != nil {
			return err
		} else if !known {
			if job.Link, token, err = db.insertJoinLink(ctx, tx, now, person, programme, disclosurePath(programme)); err != nil {
				return err
			}
		}
		if err := db.queueMail(ctx, tx, job); err != nil {
			return err
		}
		scope.Course = in.Course
		return audit(ctx, tx, now, actor, deed{action: "add faculty", scope: scope, object: string(person), detail: map[string]any{"role": in.Role}})
	})
	return token, err
}

// insertFaculty gives a role; one that is held already stays as it is.
func insertFaculty(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID, course lms.CourseID, person lms.PersonID, role lms.FacultyRole) error {
	_, err := tx.Exec(ctx, `
		insert into faculty (programme_id, course_id, person_id, role, invited_at) values ($1, $2, $3, $4, $5) on conflict do nothing`,
		programme, orNull(course), person, role, now)
	return err
}

// disclosurePath is where somebody discloses for a programme.
func disclosurePath(programme lms.ProgrammeID) string { return "/disclosure/" + string(programme) }

// facultyNotice puts the invitation of faculty together. The error is pgx.ErrNoRows when they are of the faculty no longer, or the link was used.
func (db *DB) facultyNotice(ctx context.Context, job mailJob, now time.Time) (lms.Notice, error) {
	n := lms.Notice{Kind: job.Notice, Faculty: job.Faculty, Link: db.site + disclosurePath(job.Programme)}
	if job.Link != "" {
		n.Link = db.site + "/join/" + db.joinToken(job.Link)
	}
	var expires *time.Time
	err := db.pool.QueryRow(ctx, `
		select persons.email, persons.name, persons.zone, persons.language, programmes.title, join_links.expires_at
		from persons join programmes on programmes.id = $2
		left join join_links on join_links.id = $3
		where persons.id = $1 and exists (select from faculty where faculty.programme_id = $2 and faculty.person_id = persons.id and faculty.role = $5)
			and ($3::uuid is null or join_links.used_at is null and join_links.expires_at > $4)`,
		job.Person, job.Programme, orNull(job.Link), now, job.Faculty).Scan(&n.To, &n.Name, &n.Zone, &n.Language, &n.Programme, &expires)
	if expires != nil {
		n.ExpiresAt = *expires
	}
	return n, err
}

// RemoveFaculty takes somebody's role away, with what it allowed them to do. What they signed stays. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) RemoveFaculty(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, id lms.FacultyID) error {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	return db.tx(ctx, "remove faculty", func(tx pgx.Tx, now time.Time) error {
		var person lms.PersonID
		var course *lms.CourseID
		var role lms.FacultyRole
		err := tx.QueryRow(ctx, `delete from faculty where id = $1 and programme_id = $2 returning person_id, course_id, role`, id, programme).
			Scan(&person, &course, &role)
		if err != nil {
			return found(err)
		}
		if granted, ok := role.Grants(); ok {
			_, err := tx.Exec(ctx, `
				delete from role_grants where person_id = $1 and programme_id = $2 and role = $3 and course_id is not distinct from $4`,
				person, programme, granted, course)
			if err != nil {
				return err
			}
		}
		scope.Course = orEmpty(course)
		return audit(ctx, tx, now, actor, deed{action: "remove faculty", scope: scope, object: string(person), detail: map[string]any{"role": role}})
	})
}
