package postgres

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// errCodeGone is said to somebody who has proved their address, and only then.
var errCodeGone = &lms.Problem{
	Kind: lms.ErrExpired, Field: "code", Code: "code_gone",
}

// challenge is a row of challenges while it is being won.
type challenge struct {
	lms.Challenge
	id       string
	email    lms.Email
	winnable bool
	code     *int64

	programme   lms.ProgrammeID // with an application
	application *lms.Application
}

// VerifyOTP takes the one-time code of a challenge and, when it is right, starts a login session; the first
// time it also redeems the access code and enrols the person. A try is counted before it is compared, and a
// challenge is won once, however many requests come at the same time. Errors: lms.ErrInvalid for a wrong
// code, lms.ErrExpired when the challenge or the access code is over, lms.ErrTooMany.
func (db *DB) VerifyOTP(ctx context.Context, cookie string, typed lms.OTP, remote netip.Addr, userAgent string) (Session, error) {
	wrong := counted{wrongPerNetwork, []string{network(remote)}}
	if err := db.overdone(ctx, wrong); err != nil {
		return Session{}, err
	}
	var session Session
	var refusal error // given after the commit, because the try that it answers has to stay counted
	err := db.tx(ctx, "verify one-time code", func(tx pgx.Tx, now time.Time) error {
		c, err := db.countTry(ctx, tx, cookie, now)
		if err != nil {
			return err
		}
		if refusal = c.Verify(typed, db.pepper.OTP(c.id, c.Round), now); refusal == nil && !c.winnable {
			refusal = errUnknownChallenge // 1 in a million: somebody guessed a code that was never sent
		}
		if refusal != nil {
			return nil
		}
		if _, err := tx.Exec(ctx, `update challenges set used_at = $2 where id = $1`, c.id, now); err != nil {
			return err
		}
		person, err := db.enrol(ctx, tx, c, now)
		if errors.Is(err, errCodeGone) || errors.Is(err, errClosed) {
			refusal = err
			return nil
		}
		if err != nil {
			return err
		}
		session, err = db.startSession(ctx, tx, now, person, nil, userAgent)
		return err
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		if counted := db.count(ctx, wrong); counted != nil && !errors.Is(counted, lms.ErrTooMany) {
			return Session{}, counted
		}
	}
	return session, err
}

// countTry counts one more try of an open challenge, in one statement, whose row lock makes parallel tries
// queue up.
func (db *DB) countTry(ctx context.Context, tx pgx.Tx, cookie string, now time.Time) (challenge, error) {
	var c challenge
	err := tx.QueryRow(ctx, `
		update challenges set tries = tries + 1
		where hash = $1 and used_at is null and tries < $2 and sent_at > $3
		returning id, email, winnable, code_id, round, sent_at, tries, coalesce(programme_id::text, ''), application`,
		db.pepper.Hash(lms.ForChallenge, cookie), lms.OTPTries, now.Add(-lms.OTPLife)).
		Scan(&c.id, &c.email, &c.winnable, &c.code, &c.Round, &c.SentAt, &c.Tries, &c.programme, &c.application)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, errUnknownChallenge
	}
	return c, err
}

// enrol finds or makes the person of a won challenge and redeems its code, if it has one.
func (db *DB) enrol(ctx context.Context, tx pgx.Tx, c challenge, now time.Time) (lms.PersonID, error) {
	// Two challenges of one address cannot both redeem: the second finds what the first has done.
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, string(c.email)); err != nil {
		return "", err
	}
	var programme lms.ProgrammeID
	if c.code != nil {
		var err error
		if programme, err = redeem(ctx, tx, *c.code, c.email, now); err != nil {
			return "", err
		}
	}
	person, err := upsertPerson(ctx, tx, c.email, "", now)
	if err == nil && c.application != nil {
		err = db.spot(ctx, tx, now, c, person)
	}
	if err != nil || c.code == nil {
		return person, err
	}
	_, err = tx.Exec(ctx, `insert into code_redemptions (code_id, person_id, redeemed_at) values ($1, $2, $3) on conflict do nothing`, c.code, person, now)
	if err != nil {
		return "", err
	}
	err = db.register(ctx, tx, now, applicant{person: person, email: c.email, programme: programme, source: "code", code: c.code})
	if err != nil {
		return "", err
	}
	if err := closeLinks(ctx, tx, now, person); err != nil {
		return "", err
	}
	return person, audit(ctx, tx, now, lms.Actor{Person: person}, deed{action: "redeem code", scope: lms.Scope{Programme: programme}})
}

// redeem takes one use of a code, in one conditional statement, and returns the programme it opens. Somebody
// who has redeemed it before takes no second use. It returns errCodeGone when none is left.
func redeem(ctx context.Context, tx pgx.Tx, code int64, email lms.Email, now time.Time) (lms.ProgrammeID, error) {
	var programme lms.ProgrammeID
	err := tx.QueryRow(ctx, `
		select access_code_batches.programme_id from code_redemptions
		join persons on persons.id = code_redemptions.person_id
		join access_codes on access_codes.id = code_redemptions.code_id
		join access_code_batches on access_code_batches.id = access_codes.batch_id
		where code_redemptions.code_id = $1 and persons.email = $2`, code, email).Scan(&programme)
	if !errors.Is(err, pgx.ErrNoRows) {
		return programme, err
	}
	err = tx.QueryRow(ctx, `
		update access_codes set uses = access_codes.uses + 1 from access_code_batches
		where access_codes.id = $1 and access_code_batches.id = access_codes.batch_id
		and access_codes.uses < access_codes.max_uses
		and access_codes.revoked_at is null and access_code_batches.revoked_at is null
		and (access_code_batches.expires_at is null or access_code_batches.expires_at > $2)
		and (access_codes.bound_to is null or access_codes.bound_to = $3)
		returning access_code_batches.programme_id`, code, now, email).Scan(&programme)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errCodeGone
	}
	return programme, err
}

// upsertPerson finds or makes the person of an address. A name is taken only where there was none.
func upsertPerson(ctx context.Context, tx pgx.Tx, email lms.Email, name string, now time.Time) (lms.PersonID, error) {
	var person lms.PersonID
	err := tx.QueryRow(ctx, `select person_of($1, $2, $3)`, email, name, now).Scan(&person)
	return person, err
}
