package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// OpenProgramme is a programme as everybody may see it who may register by themself.
type OpenProgramme struct {
	ID    lms.ProgrammeID
	Title string
	Zone  lms.Zone
	Next  *time.Time // its next lecture
	Count int        // lectures
	Watch bool       // who registers may watch at once
}

// OpenProgramme returns a programme that has a public page to register on. Errors: lms.ErrNotFound, also for one that has none.
func (db *DB) OpenProgramme(ctx context.Context, id lms.ProgrammeID) (OpenProgramme, error) {
	p := OpenProgramme{ID: id}
	err := db.pool.QueryRow(ctx, `
		select title, zone, registration_watch, (select count(*) from courses where courses.programme_id = programmes.id),
			(select min(starts_at) from courses where courses.programme_id = programmes.id and starts_at > $2)
		from programmes where id = $1 and registration_open`, id, db.now()).Scan(&p.Title, &p.Zone, &p.Watch, &p.Count, &p.Next)
	if err != nil {
		return p, fmt.Errorf("look at a programme to register for: %w", found(err))
	}
	return p, nil
}

// StartRegistration makes the challenge of somebody who registers by themself: what they said is kept with it, and becomes a
// registration when they have shown that the address is theirs. Errors: lms.ErrNotFound where registration is not open,
// lms.ErrTooMany.
func (db *DB) StartRegistration(ctx context.Context, in StartSignIn, programme lms.ProgrammeID, a lms.Application) (Challenge, error) {
	if _, err := db.OpenProgramme(ctx, programme); err != nil {
		return Challenge{}, err
	}
	in.programme, in.application = programme, &a
	return db.StartSignIn(ctx, in)
}

// applicant is somebody who comes to a programme, by a code, by themself or by a list.
type applicant struct {
	person    lms.PersonID
	email     lms.Email
	programme lms.ProgrammeID
	source    string // "code", "spot" or "import"
	code      *int64
	lms.Application
}

// seat takes a seat of a programme, in one conditional statement. A programme without a limit counts none, so that nobody
// waits for its row.
func seat(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID) (bool, error) {
	var limited bool
	if err := tx.QueryRow(ctx, `select seats is not null from programmes where id = $1`, programme).Scan(&limited); err != nil || !limited {
		return err == nil, found(err)
	}
	tag, err := tx.Exec(ctx, `update programmes set taken = taken + 1 where id = $1 and (seats is null or taken < seats)`, programme)
	return tag.RowsAffected() == 1, err
}

// register makes the registration of an applicant, unless there is one that stands already, and enrols them as far as it
// goes. Whoever was turned down or has withdrawn may come again by a code, and waits at the end.
func (db *DB) register(ctx context.Context, tx pgx.Tx, now time.Time, a applicant) error {
	var enrolled, known bool
	err := tx.QueryRow(ctx, `
		select exists (select from enrolments where programme_id = $1 and person_id = $2),
			exists (select from registrations where programme_id = $1 and person_id = $2)`, a.programme, a.person).Scan(&enrolled, &known)
	if err != nil {
		return err
	}
	if known {
		s, err := lockRegistration(ctx, tx, a.programme, a.person)
		switch {
		case err != nil:
			return err
		case s.from == lms.RegistrationRejected && a.source == "spot":
			return nil // the decision stands
		case s.from == lms.RegistrationPending && a.source != "spot":
			s.applicant, s.to, s.rule, s.until = a, lms.RegistrationApproved, a.source, nil
			return db.settle(ctx, tx, now, lms.Actor{}, s)
		case s.from != lms.RegistrationCancelled && s.from != lms.RegistrationRejected:
			return nil
		}
	} else if enrolled {
		return nil // before there were registrations, or by the organisers' hand
	}
	rules, err := loadRules(ctx, tx, a.programme)
	if err != nil {
		return err
	}
	becomes, rule := rules.Judge(a.email, a.Application, a.source != "spot")
	state := becomes
	free, err := seat(ctx, tx, a.programme)
	if err != nil {
		return err
	}
	if !free {
		state = lms.RegistrationWaitlisted
	}
	_, err = tx.Exec(ctx, `
		insert into registrations (programme_id, person_id, state, source, becomes, rule, applied_at, decided_at)
		values ($1, $2, $3, $4, $5, $6, $7, case when $5 = 'approved' then $7::timestamptz end)
		on conflict (programme_id, person_id) do update set
			state = excluded.state, source = excluded.source, becomes = excluded.becomes, rule = excluded.rule, reason = '', applied_at = excluded.applied_at,
			decided_at = excluded.decided_at, decided_by = null, offer_until = null, seq = default`,
		a.programme, a.person, state, a.source, becomes, rule, now)
	if err != nil {
		return err
	}
	return admit(ctx, tx, now, a, rules, state)
}

// admit gives or takes the enrolment that a state brings.
func admit(ctx context.Context, tx pgx.Tx, now time.Time, a applicant, rules lms.RegistrationRules, state lms.RegistrationState) error {
	provisional := state == lms.RegistrationPending
	if state != lms.RegistrationApproved && !(provisional && rules.Watch) {
		_, err := tx.Exec(ctx, `delete from enrolments where programme_id = $1 and person_id = $2`, a.programme, a.person)
		return err
	}
	_, err := tx.Exec(ctx, `
		insert into enrolments (person_id, programme_id, code_id, enrolled_at, provisional) values ($1, $2, $3, $4, $5)
		on conflict (programme_id, person_id) do update set provisional = excluded.provisional`,
		a.person, a.programme, a.code, now, provisional)
	return err
}

// loadRules reads the rules of a programme.
func loadRules(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID) (lms.RegistrationRules, error) {
	var r lms.RegistrationRules
	err := tx.QueryRow(ctx, `
		select registration_open, registration_watch, coalesce(seats, 0), coalesce(viewers, 0), approve_domains, approve_licence
		from programmes where id = $1`, programme).Scan(&r.Open, &r.Watch, &r.Seats, &r.Viewers, &r.Domains, &r.Licence)
	return r, found(err)
}

// spot registers the person of a won challenge who came by themself, and keeps what they said of themself where nothing
// is known yet.
func (db *DB) spot(ctx context.Context, tx pgx.Tx, now time.Time, c challenge, person lms.PersonID) error {
	a := *c.application
	var open bool
	if err := tx.QueryRow(ctx, `select registration_open from programmes where id = $1`, c.programme).Scan(&open); err != nil {
		return found(err)
	}
	if !open {
		return errClosed
	}
	_, err := tx.Exec(ctx, `
		update persons set name = coalesce(nullif(name, ''), $2), country = coalesce(nullif(country, ''), $3), zone = coalesce(nullif(zone, ''), $4),
			profession = coalesce(nullif(profession, ''), $5), licence = coalesce(nullif(licence, ''), $6), phone = coalesce(nullif(phone, ''), $7)
		where id = $1`, person, a.Name, a.Country, a.Zone, a.Profession, a.Licence, a.Phone)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		insert into consents (person_id, programme_id, version, given_at) values ($1, $2, $3, $4) on conflict do nothing`,
		person, c.programme, a.Consent, now)
	if err != nil {
		return err
	}
	err = db.register(ctx, tx, now, applicant{person: person, email: c.email, programme: c.programme, source: "spot", Application: a})
	if err != nil {
		return err
	}
	if err := closeLinks(ctx, tx, now, person); err != nil {
		return err
	}
	return audit(ctx, tx, now, lms.Actor{Person: person}, deed{action: "register", scope: lms.Scope{Programme: c.programme}})
}

// errClosed is said to somebody who has proved their address when registration was closed meanwhile.
var errClosed = &lms.Problem{Kind: lms.ErrExpired, Code: "registration_closed"}
