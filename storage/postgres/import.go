package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/lms/roster"
)

// importChunk is how many rows are entered in one transaction: others who register meanwhile do not wait for a long one,
// and its progress shows.
const importChunk = 500

// invitationLife is how long the link in an invitation to a list of people is good before its first use: doctors read mail when
// they can.
const invitationLife = 14 * 24 * time.Hour

// importsKept is how many imports of a programme are kept; older ones go.
const importsKept = 20

// Import is a list of people on its way into a programme.
type Import struct {
	ID      string
	File    string
	State   string // "checked", "entering" or "done"
	Invite  bool
	Total   int
	Done    int // rows
	Added   int // people who were not enrolled before
	Changed int // people of whom something was learnt
	MadeAt  time.Time
}

// StageImport keeps a list that was read without a problem until it is entered. Nobody is enrolled and nothing is sent.
// Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) StageImport(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, file string, people []roster.Person) (Import, error) {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return Import{}, err
	}
	in := Import{File: device(file), State: "checked", Total: len(people)}
	err := db.tx(ctx, "stage import", func(tx pgx.Tx, now time.Time) error {
		in.MadeAt = now
		err := tx.QueryRow(ctx, `
			insert into imports (programme_id, file, state, total, made_at, made_by) select id, $2, 'checked', $3, $4, $5 from programmes where id = $1
			returning id`, programme, in.File, in.Total, now, orNull(actor.Person)).Scan(&in.ID)
		if err != nil {
			return found(err)
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"import_rows"}, []string{"import_id", "number", "person"},
			pgx.CopyFromSlice(len(people), func(i int) ([]any, error) { return []any{in.ID, i + 1, people[i]}, nil }))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			delete from imports where programme_id = $1 and state <> 'entering'
			and id not in (select id from imports where programme_id = $1 order by made_at desc limit $2)`, programme, importsKept)
		return err
	})
	return in, err
}

// Imports lists the imports of a programme, the newest first. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Imports(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID) ([]Import, error) {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return nil, err
	}
	rows, err := db.pool.Query(ctx, selectImport+` where programme_id = $1 order by made_at desc limit $2`, programme, importsKept)
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Import])
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	return list, nil
}

const selectImport = `select id::text, file, state, invite, total, done, added, changed, made_at from imports`

// EnterImport enters a list and, when invite is true, sends each new person their personal link. Entering the same list
// again changes nothing and sends nothing; so does going on with one that was cut off. Errors: lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) EnterImport(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, id string, invite bool) (Import, error) {
	scope := lms.Scope{Programme: programme}
	var in Import
	if err := actor.Need(lms.Manage, scope); err != nil {
		return in, err
	}
	for {
		err := db.tx(ctx, "enter import", func(tx pgx.Tx, now time.Time) error {
			rows, err := tx.Query(ctx, selectImport+` where id = $1 and programme_id = $2 for update`, id, programme)
			if err != nil {
				return err
			}
			if in, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Import]); err != nil {
				return found(err)
			}
			if in.State == "done" {
				return nil
			}
			if in.State == "checked" {
				in.State, in.Invite = "entering", invite
			}
			if err := db.enterChunk(ctx, tx, now, programme, &in); err != nil {
				return err
			}
			if in.Done < in.Total {
				return saveImport(ctx, tx, in)
			}
			in.State = "done"
			if _, err := tx.Exec(ctx, `delete from import_rows where import_id = $1`, id); err != nil {
				return err
			}
			if err := audit(ctx, tx, now, actor, deed{action: "import people", scope: scope, object: id, detail: map[string]any{
				"rows": in.Total, "added": in.Added, "changed": in.Changed, "invite": in.Invite,
			}}); err != nil {
				return err
			}
			return saveImport(ctx, tx, in)
		})
		if err != nil || in.State == "done" {
			return in, err
		}
	}
}

func saveImport(ctx context.Context, tx pgx.Tx, in Import) error {
	_, err := tx.Exec(ctx, `update imports set state = $2, invite = $3, done = $4, added = $5, changed = $6 where id = $1`,
		in.ID, in.State, in.Invite, in.Done, in.Added, in.Changed)
	return err
}

// enterChunk enters the next rows. What a person has said of themself stays: a list fills in only what is not known.
func (db *DB) enterChunk(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID, in *Import) error {
	rows, err := tx.Query(ctx, `select person from import_rows where import_id = $1 and number > $2 order by number limit $3`, in.ID, in.Done, importChunk)
	if err != nil {
		return err
	}
	people, err := pgx.CollectRows(rows, pgx.RowTo[json.RawMessage])
	if err != nil {
		return err
	}
	list, err := json.Marshal(people)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `create temporary table if not exists entering (
		email text, name text, country text, phone text, profession text, licence text, zone text, id uuid, new boolean) on commit delete rows`)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`truncate entering`,
		`insert into entering select r."Email", r."Name", r."Country", r."Phone", r."Profession", r."Licence", r."Zone", null, false
			from jsonb_to_recordset($1::jsonb) as r ("Email" text, "Name" text, "Country" text, "Phone" text, "Profession" text, "Licence" text, "Zone" text)`,
	} {
		args := []any{}
		if statement != `truncate entering` {
			args = append(args, list)
		}
		if _, err := tx.Exec(ctx, statement, args...); err != nil {
			return err
		}
	}
	// The order of addresses is the order of locks.
	if _, err := tx.Exec(ctx, `insert into persons (email, created_at) select email, $1 from entering order by email on conflict do nothing`, now); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		update persons set name = coalesce(nullif(persons.name, ''), entering.name), country = coalesce(nullif(persons.country, ''), entering.country),
			phone = coalesce(nullif(persons.phone, ''), entering.phone), profession = coalesce(nullif(persons.profession, ''), entering.profession),
			licence = coalesce(nullif(persons.licence, ''), entering.licence), zone = coalesce(nullif(persons.zone, ''), entering.zone)
		from entering where persons.email = entering.email and (
			persons.name = '' and entering.name <> '' or persons.country = '' and entering.country <> '' or persons.phone = '' and entering.phone <> ''
			or persons.profession = '' and entering.profession <> '' or persons.licence = '' and entering.licence <> '' or persons.zone = '' and entering.zone <> '')`)
	if err != nil {
		return err
	}
	in.Changed += int(tag.RowsAffected())
	if err := db.enrolEntering(ctx, tx, now, programme, in); err != nil {
		return err
	}
	in.Done += len(people)
	return nil
}

// enrolEntering registers those who are not registered yet: as approved, for the organisers have chosen them, as far as
// there are seats.
func (db *DB) enrolEntering(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID, in *Import) error {
	var seats, taken *int
	if err := tx.QueryRow(ctx, `select seats, taken from programmes where id = $1 for no key update`, programme).Scan(&seats, &taken); err != nil {
		return found(err)
	}
	free := importChunk
	if seats != nil {
		free = max(0, *seats-*taken)
	}
	rows, err := tx.Query(ctx, `
		with new as (
			select persons.id, row_number() over (order by entering.email) <= $2 as seated from entering join persons on persons.email = entering.email
			where not exists (select from registrations where registrations.programme_id = $1 and registrations.person_id = persons.id)
			and not exists (select from enrolments where enrolments.programme_id = $1 and enrolments.person_id = persons.id))
		insert into registrations (programme_id, person_id, state, source, becomes, rule, applied_at, decided_at)
		select $1, id, case when seated then 'approved' else 'waitlisted' end, 'import', 'approved', 'import', $3, $3 from new
		returning person_id, state`, programme, free, now)
	if err != nil {
		return err
	}
	type entered struct {
		Person lms.PersonID
		State  lms.RegistrationState
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[entered])
	if err != nil {
		return err
	}
	var seated []lms.PersonID
	for _, e := range all {
		if e.State == lms.RegistrationApproved {
			seated = append(seated, e.Person)
		}
	}
	in.Added += len(all)
	_, err = tx.Exec(ctx, `insert into enrolments (person_id, programme_id, enrolled_at) select unnest($1::uuid[]), $2, $3`, seated, programme, now)
	if err != nil {
		return err
	}
	if seats != nil {
		if _, err := tx.Exec(ctx, `update programmes set taken = taken + $2 where id = $1`, programme, len(seated)); err != nil {
			return err
		}
	}
	if !in.Invite {
		return nil
	}
	for _, person := range seated {
		if err := closeLinks(ctx, tx, now, person); err != nil {
			return err
		}
		if known, err := isKnown(ctx, tx, person); err != nil {
			return err
		} else if known {
			continue // they sign in by mail, and know how
		}
		id, _, err := db.insertJoinLink(ctx, tx, now, person, programme, "/courses")
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update join_links set expires_at = $2 where id = $1`, id, now.Add(invitationLife)); err != nil {
			return err
		}
		if err := db.queueMail(ctx, tx, mailJob{Notice: lms.NoticeLink, Link: id, Programme: programme, Role: lms.Attendee}); err != nil {
			return err
		}
	}
	return nil
}
