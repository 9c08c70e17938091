package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// RegistrationItem is a registration in the admin's queue.
type RegistrationItem struct {
	Person     lms.PersonID
	Name       string
	Email      lms.Email
	Country    lms.Country
	Profession string
	Licence    string
	State      lms.RegistrationState
	Source     string
	Rule       string
	Reason     string
	AppliedAt  time.Time
	OfferUntil *time.Time
	Seq        int64
}

// RegistrationQueue is what an admin sees of the registrations of a programme.
type RegistrationQueue struct {
	Rules  lms.RegistrationRules
	Taken  int
	Counts map[lms.RegistrationState]int
	Items  []RegistrationItem
	More   bool
}

// registrationsListed is how many are listed at once.
const registrationsListed = 200

// Registrations lists the registrations of a programme in a state, oldest first, those after a number. Errors:
// lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Registrations(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, state lms.RegistrationState, after int64) (RegistrationQueue, error) {
	q := RegistrationQueue{Counts: map[lms.RegistrationState]int{}}
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return q, err
	}
	err := db.tx(ctx, "list registrations", func(tx pgx.Tx, _ time.Time) error {
		var err error
		if q.Rules, err = loadRules(ctx, tx, programme); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select state, count(*) from registrations where programme_id = $1 group by state`, programme)
		if err != nil {
			return err
		}
		var s lms.RegistrationState
		var n int
		if _, err = pgx.ForEachRow(rows, []any{&s, &n}, func() error {
			q.Counts[s] = n
			if s.Seated() {
				q.Taken += n
			}
			return nil
		}); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `
			select persons.id, persons.name, persons.email, persons.country, persons.profession, persons.licence,
				registrations.state, source, rule, reason, applied_at, offer_until, seq
			from registrations join persons on persons.id = registrations.person_id
			where programme_id = $1 and registrations.state = $2 and seq > $3 order by seq limit $4`, programme, state, after, registrationsListed+1)
		if err != nil {
			return err
		}
		q.Items, err = pgx.CollectRows(rows, pgx.RowToStructByPos[RegistrationItem])
		if len(q.Items) > registrationsListed {
			q.Items, q.More = q.Items[:registrationsListed], true
		}
		return err
	})
	return q, err
}

// SetRegistrationRules says who may register and who decides. More seats are offered at once to those who wait. Errors:
// lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) SetRegistrationRules(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, r lms.RegistrationRules) error {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	r, err := lms.ParseRegistrationRules(r)
	if err != nil {
		return err
	}
	return db.tx(ctx, "set registration rules", func(tx pgx.Tx, now time.Time) error {
		// Who is enrolled without a registration came before there were any, and holds a seat like the others.
		tag, err := tx.Exec(ctx, `
			update programmes set registration_open = $2, registration_watch = $3, seats = nullif($4, 0), viewers = nullif($5, 0),
				approve_domains = $6, approve_licence = $7,
				taken = (select count(*) from registrations where programme_id = $1 and state in ('pending', 'approved', 'offered'))
					+ (select count(*) from enrolments where programme_id = $1
						and not exists (select from registrations where registrations.programme_id = $1 and registrations.person_id = enrolments.person_id))
			where id = $1`, programme, r.Open, r.Watch, r.Seats, r.Viewers, r.Domains, r.Licence)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return lms.ErrNotFound
		}
		// Who waits for a decision may watch, or may no longer.
		if r.Watch {
			_, err = tx.Exec(ctx, `
				insert into enrolments (person_id, programme_id, enrolled_at, provisional)
				select person_id, programme_id, $2, true from registrations where programme_id = $1 and state = 'pending' on conflict do nothing`, programme, now)
		} else {
			_, err = tx.Exec(ctx, `delete from enrolments where programme_id = $1 and provisional`, programme)
		}
		if err != nil {
			return err
		}
		if err := db.offerSeats(ctx, tx, now, programme); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "set registration rules", scope: scope, detail: map[string]any{
			"open": r.Open, "watch": r.Watch, "seats": r.Seats, "viewers": r.Viewers, "domains": len(r.Domains), "licence": r.Licence != "",
		}})
	})
}

// MyRegistration is how the actor stands in a programme.
type MyRegistration struct {
	Programme  lms.ProgrammeID
	Title      string
	State      lms.RegistrationState
	Reason     string
	OfferUntil *time.Time
	Ahead      int // on the waiting list
}

// MyRegistrations lists the registrations of the actor.
func (db *DB) MyRegistrations(ctx context.Context, actor lms.Actor) ([]MyRegistration, error) {
	rows, err := db.pool.Query(ctx, `
		select mine.programme_id, programmes.title, mine.state, mine.reason, mine.offer_until,
			case when mine.state = 'waitlisted' then (select count(*) from registrations
				where registrations.programme_id = mine.programme_id and registrations.state = 'waitlisted' and registrations.seq < mine.seq) else 0 end
		from registrations mine join programmes on programmes.id = mine.programme_id
		where mine.person_id = $1 order by mine.applied_at desc, mine.programme_id`, actor.Person)
	if err != nil {
		return nil, fmt.Errorf("list my registrations: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[MyRegistration])
	if err != nil {
		return nil, fmt.Errorf("list my registrations: %w", err)
	}
	return list, nil
}

// ViewerLimit is how many attendees may watch one lecture of a programme at the same time; 0 for no limit.
func (db *DB) ViewerLimit(ctx context.Context, programme lms.ProgrammeID) (int, error) {
	var n int
	err := db.pool.QueryRow(ctx, `select coalesce(viewers, 0) from programmes where id = $1`, programme).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read the limit of viewers: %w", found(err))
	}
	return n, nil
}
