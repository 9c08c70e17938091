package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Playing is who plays after somebody has started.
type Playing struct {
	Bound  bool   // the actor may play on one device only; false for staff
	Fence  int64  // of two starts the higher has it
	Player string // that started
	Before string // login session that played until now, when it is another; "" for none
}

// StartPlaying lets the actor watch on this device and nowhere else. Any device may take over; the answers of starts at the same
// time differ in their fence, and the highest has it. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) StartPlaying(ctx context.Context, actor lms.Actor, course lms.CourseID, player string) (Playing, error) {
	p := Playing{Player: player}
	err := db.tx(ctx, "start playing", func(tx pgx.Tx, now time.Time) error {
		scope, err := scopeOf(ctx, tx, actor, course, lms.Watch)
		if err != nil || actor.Staff(scope) {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into watch_budgets (person_id, left_ms) values ($1, 0) on conflict do nothing`, actor.Person); err != nil {
			return err
		}
		lease, err := lockLease(ctx, tx, actor.Person)
		if err != nil {
			return err
		}
		if lease.Held(now) && lease.Session != actor.Session {
			p.Before = lease.Session
		}
		lease = lease.Take(actor.Session, player, now)
		p.Bound, p.Fence = true, lease.Fence
		_, err = tx.Exec(ctx, `
			update watch_budgets set fence = $2, playing = $3, playing_at = $4, playing_on = $5, version = version + 1 where person_id = $1`,
			actor.Person, lease.Fence, lms.LeasePlayers(lease.Players), now, orNull(lease.Session))
		return err
	})
	return p, err
}

func lockLease(ctx context.Context, tx pgx.Tx, person lms.PersonID) (lms.Lease, error) {
	var l lms.Lease
	var players string
	var at *time.Time
	err := tx.QueryRow(ctx, `
		select fence, playing, greatest(playing_at, at), coalesce(playing_on::text, '') from watch_budgets where person_id = $1 for update`, person).
		Scan(&l.Fence, &players, &at, &l.Session)
	l.Players = lms.ParseLeasePlayers(players)
	if at != nil {
		l.RenewedAt = *at
	}
	return l, err
}

// Elsewhere is another device on which the actor watches at this moment.
type Elsewhere struct {
	Browser string // what it calls itself
}

// PlaysElsewhere says on which other device the actor watches, nil for none.
func (db *DB) PlaysElsewhere(ctx context.Context, actor lms.Actor) (*Elsewhere, error) {
	var e Elsewhere
	err := db.tx(ctx, "look for another device", func(tx pgx.Tx, now time.Time) error {
		return tx.QueryRow(ctx, `
			select sessions.device from watch_budgets join sessions on sessions.id = watch_budgets.playing_on
			where watch_budgets.person_id = $1 and sessions.person_id = $1 and greatest(playing_at, at) > $2 and playing_on::text <> $3
			and revoked_at is null`, actor.Person, now.Add(-lms.LeaseLife), actor.Session).Scan(&e.Browser)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &e, err
}
