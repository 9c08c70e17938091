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

// joinLinkLife is how long a personal link is good: it is a bearer's, so not for ever (trust S-39).
const joinLinkLife = 24 * time.Hour

// JoinLink is what a personal link says before it is used.
type JoinLink struct {
	Name string // of the person it signs in
	Path string // where it leads
}

var errLinkOver = &lms.Problem{
	Kind: lms.ErrExpired, Code: "link_over",
}

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
				exists (select from role_grants where role_grants.person_id = persons.id and role_grants.programme_id = $2)
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
		_, token, err = db.insertJoinLink(ctx, tx, now, person, path)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "issue join link", scope: lms.Scope{Programme: programme}, object: string(person)})
	})
	return token, err
}

// belongsTo lists the programmes of person $1.
const belongsTo = `
	select programme_id from role_grants where role_grants.person_id = $1
	union select programme_id from enrolments where enrolments.person_id = $1`

// isKnown reports whether a link for the person would give its holder more than a first visit to one programme:
// the person has signed in before, or belongs to several programmes, of which each has admins of its own.
func isKnown(ctx context.Context, tx pgx.Tx, person lms.PersonID) (known bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from sessions where person_id = $1) or (select count(*) from (`+belongsTo+`) of) > 1`,
		person).Scan(&known)
	return known, err
}

// closeLinks voids the unused links of somebody who belongs to several programmes by now: who was given one when
// it led to a single programme must not come into the others with it.
func closeLinks(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID) error {
	_, err := tx.Exec(ctx, `
		update join_links set used_at = $2 where person_id = $1 and used_at is null and (select count(*) from (`+belongsTo+`) of) > 1`,
		person, now)
	return err
}

// insertJoinLink makes a link and returns its id and token.
func (db *DB) insertJoinLink(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, path string) (id, token string, err error) {
	if err := tx.QueryRow(ctx, `select gen_random_uuid()`).Scan(&id); err != nil {
		return "", "", err
	}
	token = db.joinToken(id)
	_, err = tx.Exec(ctx, `insert into join_links (id, person_id, hash, path, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)`,
		id, person, db.pepper.Hash(lms.ForJoinLink, token), path, now, now.Add(joinLinkLife))
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
		where join_links.hash = $1 and join_links.used_at is null and join_links.expires_at > $2`,
		db.pepper.Hash(lms.ForJoinLink, token), db.now()).Scan(&l.Name, &l.Path)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errLinkOver
	}
	if err != nil {
		return l, fmt.Errorf("peek join link: %w", err)
	}
	return l, nil
}

// RedeemJoinLink uses a link up and starts a session. It returns the path to go to. Errors: lms.ErrExpired.
func (db *DB) RedeemJoinLink(ctx context.Context, token, userAgent string) (session Session, path string, err error) {
	err = db.tx(ctx, "redeem join link", func(tx pgx.Tx, now time.Time) error {
		var person lms.PersonID
		err := tx.QueryRow(ctx, `
			update join_links set used_at = $2 where hash = $1 and used_at is null and expires_at > $2
			returning person_id, path`, db.pepper.Hash(lms.ForJoinLink, token), now).Scan(&person, &path)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLinkOver
		}
		if err != nil {
			return err
		}
		session, err = db.startSession(ctx, tx, now, person, userAgent)
		return err
	})
	return session, path, err
}
