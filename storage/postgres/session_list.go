package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Device is a login session as its person sees it in the list of devices.
type Device struct {
	ID        string      // of the session; not its secret
	Browser   string      // what it calls itself
	Country   lms.Country // where it signed in, "" when unknown
	SignedIn  time.Time
	LastUsed  time.Time // to within five minutes
	ExpiresAt time.Time
}

type countryKey struct{}

// WithCountry returns a context whose sign-ins are noted as made in a country.
func WithCountry(ctx context.Context, c lms.Country) context.Context {
	return context.WithValue(ctx, countryKey{}, c)
}

func countryOf(ctx context.Context) lms.Country {
	c, _ := ctx.Value(countryKey{}).(lms.Country)
	return c
}

// Devices lists the sessions in which the actor is signed in, the last used first.
func (db *DB) Devices(ctx context.Context, actor lms.Actor) ([]Device, error) {
	var devices []Device
	err := db.tx(ctx, "list devices", func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, `
			select id, device, country, created_at, seen_at, expires_at from sessions
			where person_id = $1 and revoked_at is null and expires_at > $2 order by seen_at desc, id`, actor.Person, now)
		if err != nil {
			return err
		}
		devices, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Device])
		return err
	})
	return devices, err
}

// SignOutDevices ends one session of the actor's own, or, with an empty id, all but the one they use, and names those that
// ended. Errors: lms.ErrNotFound.
func (db *DB) SignOutDevices(ctx context.Context, actor lms.Actor, id string) (Affected, error) {
	a := Affected{Person: actor.Person}
	err := db.tx(ctx, "sign out devices", func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, `
			update sessions set revoked_at = $2
			where person_id = $1 and revoked_at is null and expires_at > $2 and ($3 = '' and id::text <> $4 or id::text = $3) returning id::text`,
			actor.Person, now, id, actor.Session)
		if err != nil {
			return err
		}
		if a.Sessions, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		if id != "" && len(a.Sessions) == 0 {
			return lms.ErrNotFound
		}
		for _, session := range a.Sessions {
			if err := audit(ctx, tx, now, actor, deed{action: "sign out device", object: session}); err != nil {
				return err
			}
		}
		return nil
	})
	return a, err
}
