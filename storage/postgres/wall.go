package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// The second wall (trust S-02). The first is the check in each use case and the scope in each statement; this one is PostgreSQL's
// own, so that a statement that forgot its scope finds nothing of others. A transaction of somebody who is signed in works as
// the role lectern_person, whose policies (migrations/00043_second_wall.sql) let through only the programmes in which that person has
// a part. Jobs, the ledger, sign-in and the command line work as lectern_service, which sees all rows, owns no table and cannot
// change the audit.

// behind is for whom a context acts.
type behind struct {
	person lms.PersonID
	course lms.CourseID // of a bearer token, which is nobody in person
}

type behindKey struct{}

// ActingFor returns a context whose transactions see what the person sees, or, for a bearer token, what belongs to its course.
// Beside the arguments because it decides nothing that they do not decide first.
func ActingFor(ctx context.Context, person lms.PersonID, course lms.CourseID) context.Context {
	return context.WithValue(ctx, behindKey{}, behind{person, course})
}

// beginQuery begins a transaction on the side of the wall on which ctx acts. It is one statement, so it costs no round trip.
func beginQuery(ctx context.Context) (string, error) {
	who, ok := ctx.Value(behindKey{}).(behind)
	if !ok {
		return "begin", nil
	}
	// The ids stand in the statement, because one without parameters may have several parts; so they must be what they seem.
	if who.person != "" {
		if _, err := lms.ParseID[lms.PersonID](string(who.person)); err != nil {
			return "", err
		}
	}
	if who.course != "" {
		if _, err := lms.ParseID[lms.CourseID](string(who.course)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf(`begin; set local role lectern_person; set local lectern.person = '%s'; set local lectern.course = '%s'`,
		who.person, who.course), nil
}

// becomeService makes a new connection work as lectern_service. Before the first migration there is no such role. It holds the
// login's rights at bay; a login that is no member of it has to be made one (README).
func becomeService(ctx context.Context, conn *pgx.Conn) error {
	var ready bool
	err := conn.QueryRow(ctx, `
		select exists (select from pg_proc where proname = 'protect_tables' and pronamespace = current_schema()::regnamespace)`).Scan(&ready)
	if err != nil || !ready {
		return err
	}
	_, err = conn.Exec(ctx, `set role lectern_service`)
	return err
}
