package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Staff is somebody who works for a programme.
type Staff struct {
	ID     int64 // of the grant
	Person lms.PersonID
	Name   string
	Email  lms.Email
	Role   lms.Role
	Course lms.CourseID // "" for all courses
}

// NewStaff gives somebody a role: in one course, or, with an empty Course, in all of the programme.
type NewStaff struct {
	Name   string
	Email  lms.Email
	Role   lms.Role
	Course lms.CourseID
}

// AddStaff gives somebody a role and returns the token of a personal link that signs them in once, good for a
// day; it is mailed to them as well. The token is "" for somebody who has signed in before or belongs to another
// programme too: they sign in by mail, and a link would let the actor in as them. Giving the same role again makes
// a new link. Errors: lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) AddStaff(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, in NewStaff) (token string, err error) {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return "", err
	}
	if !in.Role.Staff() {
		return "", &lms.Problem{Kind: lms.ErrInvalid, Field: "role", Message: "Choose a role of staff. Attendees come with an access code."}
	}
	profile, err := lms.ParseProfile(in.Name, "", "UTC")
	if err != nil {
		return "", err
	}
	err = db.tx(ctx, "add staff", func(tx pgx.Tx, now time.Time) error {
		if err := courseOf(ctx, tx, programme, in.Course); err != nil {
			return err
		}
		person, err := upsertPerson(ctx, tx, in.Email, profile.Name, now)
		if err != nil {
			return err
		}
		if err := grant(ctx, tx, now, person, lms.RoleGrant{Role: in.Role, Programme: programme, Course: in.Course}); err != nil {
			return err
		}
		if in.Role == lms.Presenter { // who presents is in control of content
			if err := insertFaculty(ctx, tx, now, programme, in.Course, person, lms.Speaker); err != nil {
				return err
			}
		}
		if err := closeLinks(ctx, tx, now, person); err != nil {
			return err
		}
		if known, err := isKnown(ctx, tx, person); err != nil {
			return err
		} else if !known {
			if token, err = db.invite(ctx, tx, now, person, programme, in); err != nil {
				return err
			}
		}
		scope.Course = in.Course
		return audit(ctx, tx, now, actor, deed{action: "add staff", scope: scope, object: string(person), detail: map[string]any{"role": in.Role}})
	})
	return token, err
}

// courseOf makes sure that a course, where one is named, is one of the programme.
func courseOf(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID, course lms.CourseID) error {
	if course == "" {
		return nil
	}
	return found(tx.QueryRow(ctx, `select id from courses where id = $1 and programme_id = $2`, course, programme).Scan(&course))
}

// invite makes somebody's first link and has it mailed to them as well.
func (db *DB) invite(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, programme lms.ProgrammeID, in NewStaff) (string, error) {
	id, token, err := db.insertJoinLink(ctx, tx, now, person, programme, placeOf(in.Role, programme, in.Course))
	if err != nil {
		return "", err
	}
	return token, db.queueMail(ctx, tx, mailJob{Notice: lms.NoticeLink, Link: id, Programme: programme, Role: in.Role})
}

// placeOf is where somebody with a role works.
func placeOf(role lms.Role, programme lms.ProgrammeID, course lms.CourseID) string {
	switch {
	case role == lms.Admin || role == lms.Auditor:
		return "/admin/" + string(programme)
	case role == lms.Sponsor:
		return "/sums/" + string(programme)
	case role == lms.Presenter && course != "":
		return "/studio/" + string(course)
	case role == lms.Moderator && course != "":
		return "/console/" + string(course)
	case role == lms.Captioner && course != "":
		return "/captioner/" + string(course)
	case role == lms.Attendee && course != "":
		return "/watch/" + string(course)
	}
	return "/courses"
}

// grant gives a role; one that is held already stays as it is.
func grant(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, g lms.RoleGrant) error {
	_, err := tx.Exec(ctx, `
		insert into role_grants (person_id, programme_id, course_id, role, granted_at) values ($1, $2, $3, $4, $5)
		on conflict do nothing`, person, g.Programme, orNull(g.Course), g.Role, now)
	return err
}
