package postgres

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// How long a personal link is good: until its first use it is a bearer's, so not for long (trust S-39); then it is good for
// nothing but the browser of that use, for as long as that is known.
const (
	joinLinkLife = 24 * time.Hour
	deviceLife   = 90 * 24 * time.Hour
)

// JoinLink is what a personal link says before it is used.
type JoinLink struct {
	Name string // of the person it signs in
	Path string // where it leads
}

var errLinkOver = &lms.Problem{
	Kind: lms.ErrExpired, Code: "link_over",
}

// ErrOtherDevice says that a personal link belongs to another browser: this one has to show a one-time code
// (StartByJoinLink).
var ErrOtherDevice = errors.New("the link is bound to another device")

// IssueJoinLink makes a link that signs a person of the programme in, once, and leads to path. The actor must
// manage the programme. It refuses with lms.ErrForbidden for somebody who has signed in before or belongs to
// another programme too: they sign in by mail, and a link would let the actor in as them.
func (db *DB) IssueJoinLink(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, person lms.PersonID, path string) (token string, err error) {
	err = db.tx(ctx, "issue join link", func(tx pgx.Tx, now time.Time) error {
		if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `
			select id from persons where persons.id = $1 and (
				exists (select from programme_grants where programme_grants.person_id = persons.id and programme_grants.programme_id = $2)
				or exists (select from enrolments where enrolments.person_id = persons.id and enrolments.programme_id = $2))`,
			person, programme).Scan(&person)
		if err != nil {
			return found(err)
		}
		if known, err := isKnown(ctx, tx, person); err != nil {
			return err
		} else if known {
			return &lms.Problem{Kind: lms.ErrForbidden, Message: "This person is known already and can sign in with their e-mail address."}
		}
		_, token, err = db.insertJoinLink(ctx, tx, now, person, programme, path)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "issue join link", scope: lms.Scope{Programme: programme}, object: string(person)})
	})
	return token, err
}

// belongsTo lists the programmes of person $1.
const belongsTo = `select programmes_of($1)`

// isKnown reports whether a link for the person would give its holder more than a first visit to one programme:
// the person has signed in before, or belongs to several programmes, of which each has admins of its own.
func isKnown(ctx context.Context, tx pgx.Tx, person lms.PersonID) (known bool, err error) {
	err = tx.QueryRow(ctx, `select has_signed_in($1) or (select count(*) from (`+belongsTo+`) of) > 1`,
		person).Scan(&known)
	return known, err
}

// closeLinks voids the unused links of somebody who belongs to several programmes by now: who was given one when
// it led to a single programme must not come into the others with it.
func closeLinks(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID) error {
	_, err := tx.Exec(ctx, `
		update join_links set revoked_at = $2 where person_id = $1 and used_at is null and revoked_at is null and (select count(*) from (`+belongsTo+`) of) > 1`,
		person, now)
	return err
}

// insertJoinLink makes a link and returns its id and token.
func (db *DB) insertJoinLink(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, programme lms.ProgrammeID, path string) (id, token string, err error) {
	if err := tx.QueryRow(ctx, `select gen_random_uuid()`).Scan(&id); err != nil {
		return "", "", err
	}
	token = db.joinToken(id)
	_, err = tx.Exec(ctx, `
		insert into join_links (id, person_id, hash, path, created_at, expires_at, programme_id) values ($1, $2, $3, $4, $5, $6, $7)`,
		id, person, db.pepper.Hash(lms.ForJoinLink, token), path, now, now.Add(joinLinkLife), programme)
	return id, token, err
}

// joinToken is the secret of a link. Like a one-time code it is derived with the pepper and not drawn, so that
// the job that mails it need not hold it.
func (db *DB) joinToken(id string) string {
	return base64.RawURLEncoding.EncodeToString(db.pepper.Hash(lms.ForJoinLink, "token", id))
}

// PeekJoinLink reads a link without using it up, because mail scanners open links too. Errors: lms.ErrExpired,
// also for one that never was.
func (db *DB) PeekJoinLink(ctx context.Context, token string) (JoinLink, error) {
	var l JoinLink
	err := db.pool.QueryRow(ctx, `
		select persons.name, join_links.path from join_links join persons on persons.id = join_links.person_id
		where join_links.hash = $1 and join_links.revoked_at is null and join_links.expires_at > $2`,
		db.pepper.Hash(lms.ForJoinLink, token), db.now()).Scan(&l.Name, &l.Path)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errLinkOver
	}
	if err != nil {
		return l, fmt.Errorf("peek join link: %w", err)
	}
	return l, nil
}

// RedeemJoinLink starts a session by a link and returns the path to go to. The session reaches the programme of the link
// and nothing else that its person may be. The first use binds the link to the browser, whose secret is device, or, where
// that is unknown, the one in the session that comes back. Errors: lms.ErrExpired; ErrOtherDevice for another browser.
func (db *DB) RedeemJoinLink(ctx context.Context, token, device, userAgent string) (session Session, path string, err error) {
	err = db.tx(ctx, "redeem join link", func(tx pgx.Tx, now time.Time) error {
		var person lms.PersonID
		var programme *lms.ProgrammeID
		var bound []byte
		var used bool
		hash := db.pepper.Hash(lms.ForJoinLink, token)
		err := tx.QueryRow(ctx, `
			select person_id, programme_id, path, device, used_at is not null from join_links
			where hash = $1 and revoked_at is null and expires_at > $2 for update`, hash, now).Scan(&person, &programme, &path, &bound, &used)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLinkOver
		}
		if err != nil {
			return err
		}
		if used && (bound == nil || device == "" || !db.pepper.Matches(bound, lms.ForDevice, device)) {
			return ErrOtherDevice
		}
		device, err := db.remember(ctx, tx, now, person, device)
		if err != nil {
			return err
		}
		if !used {
			_, err = tx.Exec(ctx, `update join_links set used_at = $2, device = $3, expires_at = $4 where hash = $1`,
				hash, now, db.pepper.Hash(lms.ForDevice, device), now.Add(deviceLife))
			if err != nil {
				return err
			}
		}
		session, err = db.startSession(ctx, tx, now, person, programme, userAgent)
		session.Device = device
		return err
	})
	return session, path, err
}

// StartByJoinLink makes the challenge of a browser to which a link is not bound, as StartSignIn does. It returns the address
// of the link's person and the path to go to. Errors: lms.ErrExpired, lms.ErrTooMany.
func (db *DB) StartByJoinLink(ctx context.Context, token string, in StartSignIn) (c Challenge, email lms.Email, path string, err error) {
	err = db.pool.QueryRow(ctx, `
		select persons.email, join_links.path from join_links join persons on persons.id = join_links.person_id
		where join_links.hash = $1 and join_links.revoked_at is null and join_links.expires_at > $2`,
		db.pepper.Hash(lms.ForJoinLink, token), db.now()).Scan(&in.Email, &path)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errLinkOver
	}
	if err != nil {
		return c, "", "", fmt.Errorf("start by join link: %w", err)
	}
	c, err = db.StartSignIn(ctx, in)
	return c, in.Email, path, err
}

// RevokeJoinLinks ends the personal links of somebody in a programme, and the sessions that came of them. Errors:
// lms.ErrNotFound when there are none, lms.ErrForbidden.
func (db *DB) RevokeJoinLinks(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, person lms.PersonID) error {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	return db.tx(ctx, "revoke join links", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `
			update join_links set revoked_at = $3 where person_id = $1 and programme_id = $2 and revoked_at is null and expires_at > $3`,
			person, programme, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return lms.ErrNotFound
		}
		if _, err := tx.Exec(ctx, `
			update sessions set revoked_at = $3 where person_id = $1 and $2 = any(programmes) and revoked_at is null`,
			person, programme, now); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "revoke join links", scope: scope, object: string(person)})
	})
}
