package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// deed is one row of the audit: what was done to what. Detail holds no secrets and no personal data.
type deed struct {
	action string // verb and noun, such as "create programme"
	scope  lms.Scope
	object string // id of the thing, when it is none of the scope
	detail map[string]any
}

// audit records a deed of the actor in the transaction that does it. An actor without a person is the
// operator at the command line or a bearer token.
func audit(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, d deed) error {
	if d.detail == nil {
		d.detail = map[string]any{}
	}
	_, err := tx.Exec(ctx, `
		insert into audit (at, actor_id, session_id, action, programme_id, course_id, object, detail)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		now, orNull(actor.Person), orNull(actor.Session), d.action,
		orNull(d.scope.Programme), orNull(d.scope.Course), d.object, d.detail)
	return err
}

// orNull makes NULL of an empty identifier.
func orNull[T ~string](id T) *string {
	if id == "" {
		return nil
	}
	s := string(id)
	return &s
}

// orEmpty makes an empty identifier of NULL.
func orEmpty[T ~string](id *T) T {
	if id == nil {
		return ""
	}
	return *id
}

// programmesOf lists the programmes in which the actor has any role, for WHERE clauses.
func programmesOf(actor lms.Actor) []string {
	ids := make([]string, 0, len(actor.Roles))
	for _, grant := range actor.Roles {
		ids = append(ids, string(grant.Programme))
	}
	return ids
}
