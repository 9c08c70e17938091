package postgres

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// StartSignIn is a wish to sign in. Code is needed the first time only: it enrols its holder.
type StartSignIn struct {
	Email lms.Email
	Code  lms.AccessCode // "" for somebody who is known already
	// Language is that of the page that asks, for the mail.
	Language lms.Language
	Remote   netip.Addr
	Device   string // the secret of a browser that is known perhaps; "" for none

	programme   lms.ProgrammeID // StartRegistration
	application *lms.Application
}

// Challenge is a sign-in that waits for its one-time code.
type Challenge struct {
	Cookie string // the secret that ties the code to the browser that asked for it
}

// StartSignIn makes a challenge and, when the wish can be granted, has a one-time code mailed. The answer and
// the work are the same for a known, an unknown, a used and a revoked address or code, so that a stranger
// learns nothing (trust S-03, ASVS 5.0 6.3.8): one that cannot be won is stored and its job queued like any
// other, and the job sends nothing. Errors: lms.ErrTooMany.
//
// The code is redeemed when the challenge is won, not here, so that a mistyped address costs nobody their
// code.
func (db *DB) StartSignIn(ctx context.Context, in StartSignIn) (Challenge, error) {
	if err := db.countStart(ctx, in); err != nil {
		return Challenge{}, err
	}
	cookie, err := lms.NewSecret(db.random)
	if err != nil {
		return Challenge{}, err
	}
	err = db.tx(ctx, "start sign-in", func(tx pgx.Tx, now time.Time) error {
		winnable, code, err := db.mayWin(ctx, tx, in, now)
		if err != nil {
			return err
		}
		// The newest code voids older ones.
		if _, err := tx.Exec(ctx, `update challenges set used_at = $2 where email = $1 and used_at is null`, in.Email, now); err != nil {
			return err
		}
		var id string
		err = tx.QueryRow(ctx, `
			insert into challenges (hash, email, winnable, code_id, sent_at, created_at, language, programme_id, application)
			values ($1, $2, $3, $4, $5, $5, $6, $7, $8) returning id`,
			db.pepper.Hash(lms.ForChallenge, cookie), in.Email, winnable || in.application != nil, code, now, in.Language,
			orNull(in.programme), in.application).Scan(&id)
		if err != nil {
			return err
		}
		return db.queueMail(ctx, tx, mailJob{Notice: lms.NoticeOTP, Challenge: id})
	})
	return Challenge{Cookie: cookie}, err
}

// countStart counts a wish against the budget of the browser, when it is known as the owner's, else against those of
// strangers.
func (db *DB) countStart(ctx context.Context, in StartSignIn) error {
	email, asker := string(in.Email), network(in.Remote)
	if in.Device != "" {
		hash := db.pepper.Hash(lms.ForDevice, in.Device)
		var known bool
		err := db.pool.QueryRow(ctx, `
			select exists (select from known_devices join persons on persons.id = known_devices.person_id
				where known_devices.hash = $1 and persons.email = $2 and known_devices.seen_at > $3)`,
			hash, in.Email, db.now().Add(-deviceLife)).Scan(&known)
		if err != nil {
			return fmt.Errorf("look for a known device: %w", err)
		}
		if known {
			return db.count(ctx, counted{codesPerDevice, []string{email, in.Device}}, counted{codesPerDeviceDaily, []string{email, in.Device}})
		}
	}
	err := db.count(ctx, counted{codesPerAsker, []string{email, asker}}, counted{codesPerAskerDaily, []string{email, asker}})
	if err != nil {
		return err // what one network is refused uses nothing up that others need
	}
	return db.count(ctx, counted{codesPerEmailDaily, []string{email}})
}

// mayWin finds out whether the wish can be granted: a code that is good for this address, or, without one, an
// address that belongs to somebody in any programme. It is one statement whatever the case.
func (db *DB) mayWin(ctx context.Context, tx pgx.Tx, in StartSignIn, now time.Time) (winnable bool, code *int64, err error) {
	var member bool
	err = tx.QueryRow(ctx, `
		select
			exists (select from persons join enrolments on enrolments.person_id = persons.id where persons.email = $1)
			or exists (select from persons join role_grants on role_grants.person_id = persons.id where persons.email = $1)
			or exists (select from persons join registrations on registrations.person_id = persons.id where persons.email = $1)
			or exists (select from persons join faculty on faculty.person_id = persons.id where persons.email = $1),
			(select access_codes.id from access_codes
				join access_code_batches on access_code_batches.id = access_codes.batch_id
				where access_codes.hash = $2
				and (access_codes.uses < access_codes.max_uses
						and access_codes.revoked_at is null and access_code_batches.revoked_at is null
						and (access_codes.bound_to is null or access_codes.bound_to = $1)
						and (access_code_batches.expires_at is null or access_code_batches.expires_at > $3)
					or exists (select from code_redemptions join persons on persons.id = code_redemptions.person_id
						where code_redemptions.code_id = access_codes.id and persons.email = $1)))`,
		in.Email, db.pepper.Hash(lms.ForAccessCode, string(in.Code)), now).Scan(&member, &code)
	if in.Code == "" {
		return member, nil, err
	}
	return code != nil, code, err
}

// ResendOTP has the one-time code of a challenge mailed again: the same one within the first minute, a new one
// later. The answer does not tell whether the challenge can be won. Errors: lms.ErrExpired, lms.ErrTooMany.
func (db *DB) ResendOTP(ctx context.Context, cookie string, _ netip.Addr) error {
	if err := db.count(ctx, counted{mailsPerChallenge, []string{cookie}}); err != nil {
		return err
	}
	return db.tx(ctx, "resend one-time code", func(tx pgx.Tx, now time.Time) error {
		id, c, err := db.lockChallenge(ctx, tx, cookie)
		if err != nil {
			return err
		}
		c, err = c.Resend(now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update challenges set round = $2, sent_at = $3 where id = $1`, id, c.Round, c.SentAt)
		if err != nil {
			return err
		}
		return db.queueMail(ctx, tx, mailJob{Notice: lms.NoticeOTP, Challenge: id, Round: c.Round})
	})
}

// lockChallenge reads the challenge of a cookie. One that is unknown is over.
func (db *DB) lockChallenge(ctx context.Context, tx pgx.Tx, cookie string) (id string, c lms.Challenge, err error) {
	err = tx.QueryRow(ctx, `
		select id, round, sent_at, tries, used_at is not null from challenges where hash = $1 for update`,
		db.pepper.Hash(lms.ForChallenge, cookie)).Scan(&id, &c.Round, &c.SentAt, &c.Tries, &c.Used)
	if found(err) == lms.ErrNotFound {
		return "", c, errUnknownChallenge
	}
	return id, c, err
}

var errUnknownChallenge = &lms.Problem{
	Kind: lms.ErrExpired, Field: "otp", Code: "otp_over",
}
