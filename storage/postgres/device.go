package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// RememberDevice makes the browser of a session one that is known for its person, and returns the secret by which it shows
// that: the one it has, when that is one of ours, else a new one.
func (db *DB) RememberDevice(ctx context.Context, session Session, device string) (string, error) {
	err := db.tx(ctx, "remember device", func(tx pgx.Tx, now time.Time) error {
		// It only spares a later visit some waiting, so it need not wait for the disk.
		if _, err := tx.Exec(ctx, `set local synchronous_commit = off`); err != nil {
			return err
		}
		var person lms.PersonID
		err := tx.QueryRow(ctx, `select person_id from sessions where hash = $1`, db.pepper.Hash(lms.ForSession, session.Token)).Scan(&person)
		if err != nil {
			return found(err)
		}
		device, err = db.remember(ctx, tx, now, person, device)
		return err
	})
	return device, err
}

// remember notes that a person has proved who they are in a browser. A secret that is none of ours is replaced, so that
// nobody can plant one in a browser that is not theirs.
func (db *DB) remember(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, device string) (string, error) {
	known := false
	if device != "" {
		err := tx.QueryRow(ctx, `select exists (select from known_devices where hash = $1 and seen_at > $2)`,
			db.pepper.Hash(lms.ForDevice, device), now.Add(-deviceLife)).Scan(&known)
		if err != nil {
			return "", err
		}
	}
	if !known {
		var err error
		if device, err = lms.NewSecret(db.random); err != nil {
			return "", err
		}
	}
	_, err := tx.Exec(ctx, `
		insert into known_devices (hash, person_id, seen_at) values ($1, $2, $3)
		on conflict (hash, person_id) do update set seen_at = excluded.seen_at`, db.pepper.Hash(lms.ForDevice, device), person, now)
	return device, err
}
