package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Rules of making pages.
const (
	// materialLease is how long the work stays with a node that says nothing.
	materialLease = 90 * time.Second
	// materialTries is how often it is begun: what has stopped this many nodes is given up.
	materialTries = 3
	materialRetry = 10 * time.Second
)

// materialInterrupted is told to the uploader when nothing else is known.
const materialInterrupted = "The server was interrupted several times while it read this file. Save it anew, as PDF, and upload it again."

// MaterialTask is a file whose pages are to be made.
type MaterialTask struct {
	ID     lms.MaterialID
	Course lms.CourseID
	Kind   string
	Bytes  int64
	SHA256 []byte
}

// MaterialPage is one page of a file.
type MaterialPage struct {
	Number, Width, Height int // of its largest picture
	Text                  string
}

// ClaimMaterial gives a file whose pages are due to holder, who must tell of its progress before the lease of 90 s ends.
// False says that there is none.
func (db *DB) ClaimMaterial(ctx context.Context, holder string) (MaterialTask, bool, error) {
	var t MaterialTask
	err := db.tx(ctx, "claim material", func(tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `
			update materials set state = 'failed', lease_until = null, error = $3
			where state = 'waiting' and lease_until < $1 and tries >= $2`, now, materialTries, materialInterrupted)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			update materials set holder = $2, lease_until = $3, tries = tries + 1, done = 0, total = 0
			where id = (
				select id from materials
				where state = 'waiting' and due_at <= $1 and removed_at is null and (lease_until is null or lease_until < $1)
				order by due_at, id limit 1 for update skip locked)
			returning id, course_id, kind, bytes, sha256`, now, holder, now.Add(materialLease)).Scan(&t.ID, &t.Course, &t.Kind, &t.Bytes, &t.SHA256)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // and what was given up stays so
		}
		return err
	})
	return t, err == nil && t.ID != "", err
}

// MaterialProgress says how many pages are made, and renews the lease. False says that it is lost, or that the file was
// removed: the work must stop.
func (db *DB) MaterialProgress(ctx context.Context, holder string, id lms.MaterialID, done, total int) (bool, error) {
	tag, err := db.pool.Exec(ctx, `
		update materials set done = $3, total = $4, lease_until = $5
		where id = $1 and holder = $2 and state = 'waiting' and lease_until is not null and removed_at is null`,
		id, holder, done, total, db.now().Add(materialLease))
	if err != nil {
		return false, fmt.Errorf("tell of the progress of material %s: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// FinishMaterial makes a file ready with its pages, and removes the one that it replaces. False says that it was not the
// holder's any more.
func (db *DB) FinishMaterial(ctx context.Context, holder string, id lms.MaterialID, pages []MaterialPage) (bool, error) {
	mine := false
	err := db.tx(ctx, "finish material", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `
			update materials set state = 'ready', lease_until = null, done = $3, total = $3, error = ''
			where id = $1 and holder = $2 and state = 'waiting' and lease_until is not null`, id, holder, len(pages))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		mine = true
		var b pgx.Batch
		b.Queue(`delete from material_pages where material_id = $1`, id)
		for _, p := range pages {
			b.Queue(`
				insert into material_pages (material_id, number, width, height, text, words)
				values ($1, $2, $3, $4, $5, to_tsvector('simple', $6))`, id, p.Number, p.Width, p.Height, p.Text, lms.Folded(p.Text))
		}
		b.Queue(`update materials set removed_at = $2 where id = (select replaces from materials where id = $1) and removed_at is null`, id, now)
		return tx.SendBatch(ctx, &b).Close()
	})
	return mine, err
}

// ReleaseMaterial gives the work back that was interrupted without fault of its own.
func (db *DB) ReleaseMaterial(ctx context.Context, holder string, id lms.MaterialID) error {
	_, err := db.pool.Exec(ctx, `
		update materials set lease_until = null, holder = '', tries = greatest(0, tries - 1) where id = $1 and holder = $2`, id, holder)
	if err != nil {
		return fmt.Errorf("give material %s back: %w", id, err)
	}
	return nil
}

// FailMaterial ends the work with a reason for whoever uploaded the file: for good, or to be tried again, three times in all.
func (db *DB) FailMaterial(ctx context.Context, holder string, id lms.MaterialID, reason string, final bool) error {
	_, err := db.pool.Exec(ctx, `
		update materials set lease_until = null, holder = '', error = left($3, 500), due_at = $4::timestamptz + tries * $5::interval,
			state = case when $6 or tries >= $7 then 'failed' else 'waiting' end
		where id = $1 and holder = $2 and state = 'waiting'`, id, holder, reason, db.now(), materialRetry, final, materialTries)
	if err != nil {
		return fmt.Errorf("give material %s back: %w", id, err)
	}
	return nil
}
