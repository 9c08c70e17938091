package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// ProgrammeItem is a programme in a list.
type ProgrammeItem struct {
	ID       lms.ProgrammeID
	Title    string
	Zone     lms.Zone // in which its schedule is meant, unless a course says otherwise
	Version  int
	Enrolled int // people
	State    lms.ProgrammeState
	// RetentionDays is for how long recordings are kept of which the course does not say; nil until they are deleted.
	RetentionDays *int
}

// ProgrammeView is a programme as its admins see it.
type ProgrammeView struct {
	ProgrammeItem
	Courses []CourseView
	Batches []Batch
	Staff   []Staff
}

// NewProgramme is what a programme is made of.
type NewProgramme struct {
	Title        string
	Zone         lms.Zone
	Organisation lms.OrganisationID // "" for the one that the actor works for
}

// ProgrammeChange changes what is not nil. Version is that of the programme the actor saw.
type ProgrammeChange struct {
	Version int
	Title   *string
	Zone    *lms.Zone
}

var errVersion = &lms.Problem{
	Kind: lms.ErrConflict, Field: "version", Message: "Somebody else has changed this meanwhile. Look at it again, then repeat your change.",
}

// Programmes lists the programmes whose set-up the actor may look at, the newest first.
func (db *DB) Programmes(ctx context.Context, actor lms.Actor) ([]ProgrammeItem, error) {
	var items []ProgrammeItem
	err := db.tx(ctx, "list programmes", func(tx pgx.Tx, _ time.Time) error {
		var managed []string
		for _, id := range programmesOf(actor) {
			if actor.Can(lms.Inspect, lms.Scope{Programme: lms.ProgrammeID(id)}) {
				managed = append(managed, id)
			}
		}
		rows, err := tx.Query(ctx, selectProgrammes+` where id = any($1::uuid[]) order by created_at desc, id`, managed)
		if err != nil {
			return err
		}
		items, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ProgrammeItem])
		return err
	})
	return items, err
}

const selectProgrammes = `
	select id, title, zone, version, (select count(*) from enrolments where enrolments.programme_id = programmes.id), state, retention_days
	from programmes`

// CreateProgramme makes a programme of an organisation and the actor its admin. Errors: lms.ErrInvalid, lms.ErrForbidden,
// lms.ErrNotFound for an organisation in which the actor is admin of nothing.
func (db *DB) CreateProgramme(ctx context.Context, actor lms.Actor, in NewProgramme) (lms.ProgrammeID, error) {
	title, err := lms.ParseTitle(in.Title)
	if err != nil {
		return "", err
	}
	if err := actor.Need(lms.CreateProgramme, lms.Scope{}); err != nil {
		return "", err
	}
	var id lms.ProgrammeID
	err = db.tx(ctx, "create programme", func(tx pgx.Tx, now time.Time) error {
		organisation, err := organisationFor(ctx, tx, actor, in.Organisation)
		if err != nil {
			return err
		}
		if id, err = insertProgramme(ctx, tx, now, title, in.Zone, organisation); err != nil {
			return err
		}
		if err := grant(ctx, tx, now, actor.Person, lms.RoleGrant{Role: lms.Admin, Programme: id}); err != nil {
			return err
		}
		if err := widen(ctx, tx, actor.Session, id); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "create programme", scope: lms.Scope{Programme: id}})
	})
	return id, err
}

func insertProgramme(
	ctx context.Context, tx pgx.Tx, now time.Time, title string, zone lms.Zone, of lms.OrganisationID,
) (lms.ProgrammeID, error) {
	var id lms.ProgrammeID
	// A programme that is being made has nobody yet; the rest of the transaction sees it all the same (wall.go).
	if _, err := tx.Exec(ctx, `select set_config('lectern.made', gen_random_uuid()::text, true)`); err != nil {
		return "", err
	}
	err := tx.QueryRow(ctx, `
		insert into programmes (id, title, zone, organisation_id, created_at)
		values (current_setting('lectern.made')::uuid, $1, $2, $3, $4) returning id`,
		title, zone, of, now).Scan(&id)
	return id, err
}

// Programme returns a programme with all that an admin manages in it. Errors: lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) Programme(ctx context.Context, actor lms.Actor, id lms.ProgrammeID) (ProgrammeView, error) {
	var view ProgrammeView
	scope := lms.Scope{Programme: id}
	if err := actor.Need(lms.Inspect, scope); err != nil {
		return view, err
	}
	err := db.tx(ctx, "look at programme", func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, selectProgrammes+` where id = $1`, id)
		if err != nil {
			return err
		}
		if view.ProgrammeItem, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[ProgrammeItem]); err != nil {
			return found(err)
		}
		if view.Courses, err = loadCourses(ctx, tx, now, actor, []string{string(id)}, nil); err != nil {
			return err
		}
		if view.Batches, err = loadBatches(ctx, tx, id); err != nil {
			return err
		}
		view.Staff, err = loadStaff(ctx, tx, id)
		return err
	})
	return view, err
}

// UpdateProgramme changes a programme. Errors: lms.ErrConflict when its version has moved on, lms.ErrInvalid,
// lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) UpdateProgramme(ctx context.Context, actor lms.Actor, id lms.ProgrammeID, change ProgrammeChange) error {
	scope := lms.Scope{Programme: id}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	if change.Title != nil {
		title, err := lms.ParseTitle(*change.Title)
		if err != nil {
			return err
		}
		change.Title = &title
	}
	return db.tx(ctx, "update programme", func(tx pgx.Tx, now time.Time) error {
		var version int
		err := tx.QueryRow(ctx, `select version from programmes where id = $1 for update`, id).Scan(&version)
		if err != nil {
			return found(err)
		}
		if version != change.Version {
			return errVersion
		}
		_, err = tx.Exec(ctx, `
			update programmes set title = coalesce($2, title), zone = coalesce($3, zone), version = version + 1 where id = $1`,
			id, change.Title, change.Zone)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "update programme", scope: scope, detail: map[string]any{"version": version + 1}})
	})
}
