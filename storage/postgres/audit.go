package postgres

import (
	"context"
	"net/netip"
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
	from, _ := ctx.Value(originKey{}).(origin)
	_, err := tx.Exec(ctx, `
		insert into audit (at, actor_id, session_id, action, programme_id, course_id, object, detail, request, source, source_hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		now, orNull(actor.Person), orNull(actor.Session), d.action,
		orNull(d.scope.Programme), orNull(d.scope.Course), d.object, d.detail, from.request, from.source, from.hash)
	return err
}

// origin is where a use case was asked for.
type origin struct {
	request string // the id that the logs have too
	source  *string
	hash    []byte // keyed, of source
}

type originKey struct{}

// WithOrigin returns a context whose deeds are recorded with the request and the client's address they came from. It travels beside the
// arguments because it decides nothing.
func (db *DB) WithOrigin(ctx context.Context, request string, client netip.Addr) context.Context {
	from := origin{request: request}
	if client.IsValid() {
		text := client.Unmap().WithZone("").String()
		from.source, from.hash = &text, db.pepper.Hash(lms.ForAuditSource, text)
	}
	return context.WithValue(ctx, originKey{}, from)
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
