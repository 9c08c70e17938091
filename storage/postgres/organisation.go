package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// firstOrganisation is always there; what existed before there were organisations belongs to it.
const firstOrganisation lms.OrganisationID = "00000000-0000-4000-8000-00000000000a"

// Organisation runs programmes.
type Organisation struct {
	ID         lms.OrganisationID
	Name       string
	Version    int
	Programmes int
}

// OrganisationView is an organisation as its admins see it.
type OrganisationView struct {
	Organisation
	Staff []Staff // whose role is for all its programmes
}

const selectOrganisations = `
	select id, name, version, (select count(*) from programmes where programmes.organisation_id = organisations.id)
	from organisations`

// Organisations lists those that the actor runs, by name.
func (db *DB) Organisations(ctx context.Context, actor lms.Actor) ([]Organisation, error) {
	var list []Organisation
	err := db.tx(ctx, "list organisations", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, selectOrganisations+` where id = any($1::uuid[]) order by name, id`, organisationsOf(actor))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Organisation])
		return err
	})
	return list, err
}

func organisationsOf(actor lms.Actor) []string {
	ids := make([]string, 0, len(actor.Organisations))
	for _, g := range actor.Organisations {
		if actor.Runs(g.Organisation) {
			ids = append(ids, string(g.Organisation))
		}
	}
	return ids
}

// Organisation returns one that the actor runs. Errors: lms.ErrNotFound.
func (db *DB) Organisation(ctx context.Context, actor lms.Actor, id lms.OrganisationID) (OrganisationView, error) {
	var view OrganisationView
	if err := actor.NeedOrganisation(id); err != nil {
		return view, err
	}
	err := db.tx(ctx, "look at organisation", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, selectOrganisations+` where id = $1`, id)
		if err != nil {
			return err
		}
		if view.Organisation, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Organisation]); err != nil {
			return found(err)
		}
		rows, err = tx.Query(ctx, `
			select role_grants.id, persons.id, persons.name, persons.email, role_grants.role, ''
			from role_grants join persons on persons.id = role_grants.person_id
			where role_grants.organisation_id = $1 order by role_grants.id`, id)
		if err != nil {
			return err
		}
		view.Staff, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Staff])
		return err
	})
	return view, err
}

// RenameOrganisation changes the name. Errors: lms.ErrConflict when its version has moved on, lms.ErrInvalid, lms.ErrNotFound.
func (db *DB) RenameOrganisation(ctx context.Context, actor lms.Actor, id lms.OrganisationID, version int, name string) error {
	name, err := lms.ParseTitle(name)
	if err != nil {
		return err
	}
	if err := actor.NeedOrganisation(id); err != nil {
		return err
	}
	return db.tx(ctx, "rename organisation", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `update organisations set name = $2, version = version + 1 where id = $1 and version = $3`, id, name, version)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errVersion
		}
		return audit(ctx, tx, now, actor, deed{action: "rename organisation", object: string(id)})
	})
}

// AddOrganisationStaff gives somebody a role in all programmes of the organisation, those to come included. They sign in by
// mail; nobody is given a link. Errors: lms.ErrInvalid, lms.ErrNotFound.
func (db *DB) AddOrganisationStaff(ctx context.Context, actor lms.Actor, id lms.OrganisationID, in NewStaff) error {
	if err := actor.NeedOrganisation(id); err != nil {
		return err
	}
	if !in.Role.OfOrganisation() {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "role", Message: "For a whole organisation, choose admin, producer, moderator, sponsor or auditor."}
	}
	profile, err := lms.ParseProfile(in.Name, "", "UTC")
	if err != nil {
		return err
	}
	return db.tx(ctx, "add staff of organisation", func(tx pgx.Tx, now time.Time) error {
		person, err := upsertPerson(ctx, tx, in.Email, profile.Name, now)
		if err != nil {
			return err
		}
		if err := insertOrganisationGrant(ctx, tx, now, person, in.Role, id); err != nil {
			return err
		}
		if err := closeLinks(ctx, tx, now, person); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{
			action: "add staff of organisation", object: string(person), detail: map[string]any{"role": in.Role, "organisation": id},
		})
	})
}

// RemoveOrganisationStaff takes such a role away. Errors: lms.ErrNotFound, lms.ErrConflict for the last admin.
func (db *DB) RemoveOrganisationStaff(ctx context.Context, actor lms.Actor, id lms.OrganisationID, grant int64) (Affected, error) {
	var a Affected
	if err := actor.NeedOrganisation(id); err != nil {
		return a, err
	}
	err := db.tx(ctx, "remove staff of organisation", func(tx pgx.Tx, now time.Time) error {
		if _, err := tx.Exec(ctx, `select from organisations where id = $1 for update`, id); err != nil {
			return err
		}
		var role lms.Role
		err := tx.QueryRow(ctx, `delete from role_grants where id = $1 and organisation_id = $2 returning person_id, role`, grant, id).Scan(&a.Person, &role)
		if err != nil {
			return found(err)
		}
		var admins bool
		err = tx.QueryRow(ctx, `select exists (select from role_grants where organisation_id = $1 and role = 'admin')`, id).Scan(&admins)
		if err != nil {
			return err
		}
		if !admins {
			return errLastAdmin
		}
		return staffChanged(ctx, tx, now, actor, &a, deed{
			action: "remove staff of organisation", object: string(a.Person), detail: map[string]any{"role": role, "organisation": id},
		})
	})
	return a, err
}

// CreateOrganisation makes an organisation with its first admin. It is asked for by the operator at the command line. The
// admin signs in by mail. Errors: lms.ErrInvalid.
func (db *DB) CreateOrganisation(ctx context.Context, name string, admin NewStaff) (lms.OrganisationID, error) {
	name, err := lms.ParseTitle(name)
	if err != nil {
		return "", err
	}
	var id lms.OrganisationID
	err = db.tx(ctx, "create organisation", func(tx pgx.Tx, now time.Time) error {
		if id, err = insertOrganisation(ctx, tx, now, name); err != nil {
			return err
		}
		person, err := upsertPerson(ctx, tx, admin.Email, admin.Name, now)
		if err != nil {
			return err
		}
		if err := insertOrganisationGrant(ctx, tx, now, person, lms.Admin, id); err != nil {
			return err
		}
		return audit(ctx, tx, now, lms.Actor{}, deed{action: "create organisation", object: string(id)})
	})
	return id, err
}

func insertOrganisation(ctx context.Context, tx pgx.Tx, now time.Time, name string) (lms.OrganisationID, error) {
	var id lms.OrganisationID
	err := tx.QueryRow(ctx, `insert into organisations (name, created_at) values ($1, $2) returning id`, name, now).Scan(&id)
	return id, err
}

func insertOrganisationGrant(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, role lms.Role, id lms.OrganisationID) error {
	_, err := tx.Exec(ctx, `insert into role_grants (person_id, organisation_id, role, granted_at) values ($1, $2, $3, $4) on conflict do nothing`,
		person, id, role, now)
	return err
}

// grantOrganisation gives a role in the organisation of a programme.
func grantOrganisation(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, role lms.Role, of lms.ProgrammeID) error {
	_, err := tx.Exec(ctx, `
		insert into role_grants (person_id, organisation_id, role, granted_at)
		select $1, organisation_id, $2, $3 from programmes where id = $4 on conflict do nothing`, person, role, now, of)
	return err
}

// organisationFor is where the actor may create a programme: the organisation that is asked for, or else the one they run,
// or else that of the newest programme whose admin they are.
func organisationFor(ctx context.Context, tx pgx.Tx, actor lms.Actor, asked lms.OrganisationID) (lms.OrganisationID, error) {
	var programmes []string
	for _, g := range actor.Roles {
		if g.Role == lms.Admin && g.Course == "" {
			programmes = append(programmes, string(g.Programme))
		}
	}
	var id lms.OrganisationID
	err := tx.QueryRow(ctx, `
		select id from organisations left join (
			select organisation_id, max(created_at) as newest from programmes where id = any($2::uuid[]) group by organisation_id
		) mine on mine.organisation_id = organisations.id
		where (id = any($1::uuid[]) or mine.organisation_id is not null) and ($3::uuid is null or id = $3)
		order by id = any($1::uuid[]) desc, newest desc nulls last, id limit 1`,
		organisationsOf(actor), programmes, orNull(asked)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) && asked == "" {
		return "", lms.ErrForbidden
	}
	return id, found(err)
}
