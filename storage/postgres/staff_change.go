package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// StaffChange is what a grant becomes.
type StaffChange struct {
	Role   lms.Role
	Course lms.CourseID // "" for all courses
}

// Affected is whose rights have changed. Their pages and media go on only after they have been asked for anew.
type Affected struct {
	Person   lms.PersonID
	Sessions []string // names of their login sessions
}

var errLastAdmin = &lms.Problem{Kind: lms.ErrConflict, Message: "This is the last admin. Make somebody else an admin first."}

// ChangeStaff gives a grant of the programme another role or other courses. Errors: lms.ErrInvalid, lms.ErrNotFound,
// lms.ErrForbidden, lms.ErrConflict for the last admin.
func (db *DB) ChangeStaff(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, id int64, to StaffChange) (Affected, error) {
	var a Affected
	if !to.Role.Staff() {
		return a, &lms.Problem{Kind: lms.ErrInvalid, Field: "role", Message: "Choose a role of staff. Attendees come with an access code."}
	}
	err := db.tx(ctx, "change staff", func(tx pgx.Tx, now time.Time) error {
		role, err := lockStaff(ctx, tx, actor, programme, id, &a)
		if err != nil {
			return err
		}
		if err := courseOf(ctx, tx, programme, to.Course); err != nil {
			return err
		}
		if role == lms.Admin && (to.Role != lms.Admin || to.Course != "") {
			if err := anotherAdmin(ctx, tx, programme, id); err != nil {
				return err
			}
		}
		// Somebody who holds that role already loses the old one only.
		tag, err := tx.Exec(ctx, `
			update role_grants set role = $3, course_id = $4, granted_at = $5 where id = $1 and programme_id = $2
			and not exists (select from role_grants other where other.person_id = role_grants.person_id and other.id <> role_grants.id
				and other.programme_id = $2 and other.role = $3 and other.course_id is not distinct from $4)`,
			id, programme, to.Role, orNull(to.Course), now)
		if err == nil && tag.RowsAffected() == 0 {
			_, err = tx.Exec(ctx, `delete from role_grants where id = $1 and programme_id = $2`, id, programme)
		}
		if err != nil {
			return err
		}
		return staffChanged(ctx, tx, now, actor, &a, deed{
			action: "change staff", scope: lms.Scope{Programme: programme, Course: to.Course}, object: string(a.Person),
			detail: map[string]any{"role": to.Role, "before": role},
		})
	})
	return a, err
}

// RemoveStaff takes a grant of the programme away. Errors: lms.ErrNotFound, lms.ErrForbidden, lms.ErrConflict for the last
// admin.
func (db *DB) RemoveStaff(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, id int64) (Affected, error) {
	var a Affected
	err := db.tx(ctx, "remove staff", func(tx pgx.Tx, now time.Time) error {
		role, err := lockStaff(ctx, tx, actor, programme, id, &a)
		if err != nil {
			return err
		}
		if role == lms.Admin {
			if err := anotherAdmin(ctx, tx, programme, id); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `delete from role_grants where id = $1 and programme_id = $2`, id, programme); err != nil {
			return err
		}
		return staffChanged(ctx, tx, now, actor, &a, deed{
			action: "remove staff", scope: lms.Scope{Programme: programme}, object: string(a.Person), detail: map[string]any{"role": role},
		})
	})
	return a, err
}

// lockStaff reads whose grant it is and of which role. The lock on the programme keeps two admins from removing each other.
func lockStaff(ctx context.Context, tx pgx.Tx, actor lms.Actor, programme lms.ProgrammeID, id int64, a *Affected) (role lms.Role, err error) {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, `select from programmes where id = $1 for update`, programme); err != nil {
		return "", err
	}
	err = tx.QueryRow(ctx, `select person_id, role from role_grants where id = $1 and programme_id = $2 for update`, id, programme).Scan(&a.Person, &role)
	return role, found(err)
}

// anotherAdmin makes sure that the programme keeps an admin, if only one of its organisation.
func anotherAdmin(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID, but int64) error {
	var others bool
	err := tx.QueryRow(ctx, `
		select exists (select from role_grants
			where role = 'admin' and course_id is null and id <> $2
			and (programme_id = $1 or organisation_id = (select organisation_id from programmes where id = $1)))`, programme, but).Scan(&others)
	if err == nil && !others {
		return errLastAdmin
	}
	return err
}

// staffChanged has the person's sessions get new secrets (trust S-07) and records the deed.
func staffChanged(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, a *Affected, d deed) error {
	var err error
	if a.Sessions, err = renewSessions(ctx, tx, now, a.Person); err != nil {
		return err
	}
	return audit(ctx, tx, now, actor, d)
}

func loadStaff(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID) ([]Staff, error) {
	rows, err := tx.Query(ctx, `
		select role_grants.id, persons.id, persons.name, persons.email, role_grants.role, coalesce(role_grants.course_id::text, '')
		from role_grants join persons on persons.id = role_grants.person_id
		where role_grants.programme_id = $1 order by role_grants.id`, programme)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Staff])
}
