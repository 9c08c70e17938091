package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// tokenLife bounds what an operator may ask for: a token is for a lecture, not for a career.
const tokenLife = 30 * 24 * time.Hour

// Identity is who holds a bearer token: nobody in person, one role in one course.
type Identity struct {
	ID        string // of the token, for logs and counters; not its secret
	Programme lms.ProgrammeID
	Course    lms.CourseID
	Role      lms.Role
}

// Actor is the identity as the rules see it: it may do what its role may in its course.
func (i Identity) Actor() lms.Actor {
	return lms.Actor{Roles: []lms.RoleGrant{{Role: i.Role, Programme: i.Programme, Course: i.Course}}}
}

// IssueToken makes a bearer token for WHIP, WHEP, HLS and live captions of one course. It is asked for by the operator at
// the command line, not over the network. The role is presenter, captioner (for a provider of live
// captions) or attendee. Errors: lms.ErrInvalid,
// lms.ErrNotFound.
func (db *DB) IssueToken(ctx context.Context, course lms.CourseID, role lms.Role, life time.Duration) (token string, err error) {
	if role != lms.Presenter && role != lms.Captioner && role != lms.Attendee {
		return "", &lms.Problem{Kind: lms.ErrInvalid, Field: "role", Message: "A token is for a presenter, a captioner or an attendee."}
	}
	if life <= 0 || life > tokenLife {
		return "", &lms.Problem{Kind: lms.ErrInvalid, Field: "ttl", Message: "A token lasts up to 30 days (720h)."}
	}
	if token, err = lms.NewSecret(db.random); err != nil {
		return "", err
	}
	err = db.tx(ctx, "issue token", func(tx pgx.Tx, now time.Time) error {
		scope := lms.Scope{Course: course}
		err := tx.QueryRow(ctx, `select programme_id from courses where id = $1`, course).Scan(&scope.Programme)
		if err != nil {
			return found(err)
		}
		var id string
		err = tx.QueryRow(ctx, `
			insert into access_tokens (hash, course_id, role, created_at, expires_at) values ($1, $2, $3, $4, $5) returning id`,
			db.pepper.Hash(lms.ForToken, token), course, role, now, now.Add(life)).Scan(&id)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, lms.Actor{}, deed{action: "issue token", scope: scope, object: id, detail: map[string]any{"role": role}})
	})
	return token, err
}

// TokenIdentity returns what a bearer token is good for. Errors: lms.ErrExpired, also for one that never was.
func (db *DB) TokenIdentity(ctx context.Context, token string) (Identity, error) {
	var i Identity
	err := db.pool.QueryRow(ctx, `
		select access_tokens.id, courses.programme_id, courses.id, access_tokens.role
		from access_tokens join courses on courses.id = access_tokens.course_id
		where access_tokens.hash = $1 and access_tokens.revoked_at is null and access_tokens.expires_at > $2`,
		db.pepper.Hash(lms.ForToken, token), db.now()).Scan(&i.ID, &i.Programme, &i.Course, &i.Role)
	if errors.Is(err, pgx.ErrNoRows) {
		err = &lms.Problem{Kind: lms.ErrExpired, Message: "The token is unknown, revoked or too old. Ask the operator for a new one."}
	}
	if err != nil {
		return Identity{}, fmt.Errorf("look at token: %w", err)
	}
	return i, nil
}

// RevokeToken ends a token. Errors: lms.ErrNotFound.
func (db *DB) RevokeToken(ctx context.Context, token string) error {
	return db.tx(ctx, "revoke token", func(tx pgx.Tx, now time.Time) error {
		var id string
		scope := lms.Scope{}
		err := tx.QueryRow(ctx, `
			update access_tokens set revoked_at = $2 from courses
			where hash = $1 and revoked_at is null and courses.id = access_tokens.course_id
			returning access_tokens.id, courses.programme_id, courses.id`,
			db.pepper.Hash(lms.ForToken, token), now).Scan(&id, &scope.Programme, &scope.Course)
		if err != nil {
			return found(err)
		}
		return audit(ctx, tx, now, lms.Actor{}, deed{action: "revoke token", scope: scope, object: id})
	})
}
