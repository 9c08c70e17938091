package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// settled is a registration that goes from one state to another.
type settled struct {
	applicant
	from, to lms.RegistrationState
	reason   string
	rule     string
	until    *time.Time // of an offer
}

// settle moves a registration with its seat and its enrolment, and offers a seat that becomes free to who waits longest. One
// change is one notice.
func (db *DB) settle(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, s settled) error {
	rules, err := loadRules(ctx, tx, s.programme)
	if err != nil {
		return err
	}
	if s.to.Seated() && !s.from.Seated() {
		free, err := seat(ctx, tx, s.programme)
		if err != nil {
			return err
		}
		if !free {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "All seats are taken. Raise their number, or leave this registration on the waiting list."}
		}
	}
	_, err = tx.Exec(ctx, `
		update registrations set state = $3, reason = $4, rule = $5, decided_at = $6, decided_by = $7, offer_until = $8,
			becomes = case when $3 = 'approved' then 'approved' else becomes end
		where programme_id = $1 and person_id = $2`,
		s.programme, s.person, s.to, s.reason, s.rule, now, orNull(actor.Person), s.until)
	if err != nil {
		return err
	}
	if err := admit(ctx, tx, now, s.applicant, rules, s.to); err != nil {
		return err
	}
	if err := db.queueMail(ctx, tx, mailJob{Notice: lms.NoticeRegistration, Programme: s.programme, Person: s.person, State: s.to}); err != nil {
		return err
	}
	if s.from.Seated() && !s.to.Seated() {
		return db.freeSeat(ctx, tx, now, s.programme)
	}
	return nil
}

// freeSeat gives a seat back, or rather to who waits longest, as an offer.
func (db *DB) freeSeat(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID) error {
	// Everything that gives seats of a programme takes its row first, so that offers go out in order.
	_, err := tx.Exec(ctx, `update programmes set taken = greatest(taken - 1, 0) where id = $1 and seats is not null`, programme)
	if err != nil {
		return err
	}
	return db.offerSeats(ctx, tx, now, programme)
}

// offerSeats offers all free seats, in the order of the waiting list.
func (db *DB) offerSeats(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID) error {
	for {
		var person lms.PersonID
		err := tx.QueryRow(ctx, `
			select person_id from registrations where programme_id = $1 and state = 'waitlisted' order by seq limit 1 for update`,
			programme).Scan(&person)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if free, err := seat(ctx, tx, programme); err != nil || !free {
			return err
		}
		var start *time.Time
		err = tx.QueryRow(ctx, `select min(starts_at) from courses where programme_id = $1 and starts_at > $2`, programme, now).Scan(&start)
		if err != nil {
			return err
		}
		until := lms.OfferEnds(now, orZero(start))
		_, err = tx.Exec(ctx, `update registrations set state = 'offered', offer_until = $3 where programme_id = $1 and person_id = $2`,
			programme, person, until)
		if err != nil {
			return err
		}
		job := mailJob{Notice: lms.NoticeRegistration, Programme: programme, Person: person, State: lms.RegistrationOffered}
		if err := db.queueMail(ctx, tx, job); err != nil {
			return err
		}
		if err := audit(ctx, tx, now, lms.Actor{}, deed{action: "offer seat", scope: lms.Scope{Programme: programme}, object: string(person)}); err != nil {
			return err
		}
	}
}

// lockRegistration reads a registration that is about to change. The programme's row is locked first, as everywhere where
// seats move.
func lockRegistration(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID, person lms.PersonID) (settled, error) {
	s := settled{applicant: applicant{programme: programme, person: person}}
	if _, err := tx.Exec(ctx, `select from programmes where id = $1 for no key update`, programme); err != nil {
		return s, err
	}
	var becomes lms.RegistrationState
	err := tx.QueryRow(ctx, `
		select registrations.state, registrations.becomes, registrations.source, registrations.rule, persons.email, registrations.offer_until
		from registrations join persons on persons.id = registrations.person_id
		where programme_id = $1 and person_id = $2 for update of registrations`, programme, person).
		Scan(&s.from, &becomes, &s.source, &s.rule, &s.email, &s.until)
	s.to = becomes
	return s, found(err)
}

// DecideRegistration approves, rejects or waitlists. Doing the same again changes nothing and sends nothing. Errors:
// lms.ErrConflict when all seats are taken or the doctor has withdrawn, lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) DecideRegistration(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, person lms.PersonID, d lms.Decision, reason string) (lms.RegistrationState, error) {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return "", err
	}
	reason, err := lms.ParseDecisionReason(reason)
	if err != nil {
		return "", err
	}
	var state lms.RegistrationState
	err = db.tx(ctx, "decide registration", func(tx pgx.Tx, now time.Time) error {
		s, err := lockRegistration(ctx, tx, programme, person)
		if err != nil {
			return err
		}
		next, changed, err := s.from.Decide(d, reason)
		if state = next; err != nil || !changed {
			return err
		}
		s.to, s.reason, s.rule, s.until = next, reason, "", nil
		if err := db.settle(ctx, tx, now, actor, s); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{
			action: string(d) + " registration", scope: scope, object: string(person), detail: map[string]any{"before": s.from, "after": next},
		})
	})
	return state, err
}

// AcceptOffer takes the seat that was offered to the actor. Errors: lms.ErrExpired when there is no offer any more.
func (db *DB) AcceptOffer(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID) error {
	return db.tx(ctx, "accept offer", func(tx pgx.Tx, now time.Time) error {
		s, err := lockRegistration(ctx, tx, programme, actor.Person)
		if err != nil {
			return err
		}
		if s.from == lms.RegistrationApproved || s.from == lms.RegistrationPending {
			return nil // it was accepted before
		}
		if s.from != lms.RegistrationOffered || !now.Before(orZero(s.until)) {
			return &lms.Problem{Kind: lms.ErrExpired, Code: "offer_over"}
		}
		s.until = nil
		if err := db.settle(ctx, tx, now, lms.Actor{}, s); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "accept seat", scope: lms.Scope{Programme: programme}})
	})
}

// CancelRegistration withdraws the actor's registration. Their seat goes to who waits longest, in the same transaction.
// What they have watched stays. Doing it again changes nothing. Errors: lms.ErrNotFound.
func (db *DB) CancelRegistration(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID) error {
	return db.tx(ctx, "cancel registration", func(tx pgx.Tx, now time.Time) error {
		s, err := lockRegistration(ctx, tx, programme, actor.Person)
		if err != nil || s.from == lms.RegistrationCancelled {
			return err
		}
		s.to, s.rule, s.until = lms.RegistrationCancelled, "", nil
		if err := db.settle(ctx, tx, now, actor, s); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "cancel registration", scope: lms.Scope{Programme: programme}})
	})
}

// EndOffers lets offers run out that nobody took, and offers their seats to the next. It returns how many ended.
func (db *DB) EndOffers(ctx context.Context) (int, error) {
	rows, err := db.pool.Query(ctx, `select programme_id, person_id from registrations where state = 'offered' and offer_until <= $1 order by offer_until limit 1000`, db.now())
	if err != nil {
		return 0, fmt.Errorf("look for offers that ended: %w", err)
	}
	type offer struct {
		Programme lms.ProgrammeID
		Person    lms.PersonID
	}
	offers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[offer])
	if err != nil {
		return 0, fmt.Errorf("look for offers that ended: %w", err)
	}
	ended := 0
	for _, o := range offers {
		err := db.tx(ctx, "end offer", func(tx pgx.Tx, now time.Time) error {
			s, err := lockRegistration(ctx, tx, o.Programme, o.Person)
			if err != nil || s.from != lms.RegistrationOffered || now.Before(orZero(s.until)) {
				return err // accepted meanwhile
			}
			s.to, s.until = lms.RegistrationCancelled, nil
			if err := db.settle(ctx, tx, now, lms.Actor{}, s); err != nil {
				return err
			}
			ended++
			return audit(ctx, tx, now, lms.Actor{}, deed{action: "end offer", scope: lms.Scope{Programme: o.Programme}, object: string(o.Person)})
		})
		if err != nil {
			return ended, err
		}
	}
	return ended, nil
}
