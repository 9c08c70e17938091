package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Bounds of a batch of codes.
const (
	batchCodes = 20_000  // codes in one batch
	codeUses   = 100_000 // redemptions of one code
)

// Batch is a set of access codes that were made together.
type Batch struct {
	ID        lms.BatchID
	Label     string
	Prefix    string // first group of its first code, to know a printed sheet by
	Count     int    // codes
	Uses      int    // how often each may be redeemed
	Used      int    // redemptions of all of them
	ExpiresAt *time.Time
	Revoked   bool
}

// NewBatch asks for codes.
type NewBatch struct {
	Label     string
	Count     int
	Uses      int // 0 is 1
	ExpiresAt *time.Time
}

// CreateCodes makes a batch of access codes and returns them, for the only time: the database keeps their
// keyed hashes. Errors: lms.ErrInvalid, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) CreateCodes(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, in NewBatch) (Batch, []lms.AccessCode, error) {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return Batch{}, nil, err
	}
	var batch Batch
	var codes []lms.AccessCode
	err := db.tx(ctx, "create codes", func(tx pgx.Tx, now time.Time) error {
		var err error
		if batch, codes, err = db.insertCodes(ctx, tx, now, programme, in); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{
			action: "create codes", scope: lms.Scope{Programme: programme}, object: string(batch.ID), detail: map[string]any{"count": batch.Count},
		})
	})
	return batch, codes, err
}

func (in NewBatch) check(now time.Time) error {
	switch {
	case in.Count < 1 || in.Count > batchCodes:
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "count", Message: "Enter how many codes to make, from 1 to 20,000."}
	case in.Uses < 1 || in.Uses > codeUses:
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "uses", Message: "Enter how often each code may be used, from 1 to 100,000."}
	case in.ExpiresAt != nil && !in.ExpiresAt.After(now):
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "expires_at", Message: "Choose a time in the future."}
	}
	return nil
}

func (db *DB) insertCodes(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID, in NewBatch) (Batch, []lms.AccessCode, error) {
	if in.Uses == 0 {
		in.Uses = 1
	}
	label, err := lms.ParseLabel(in.Label)
	if err != nil {
		return Batch{}, nil, err
	}
	if err := in.check(now); err != nil {
		return Batch{}, nil, err
	}
	codes := make([]lms.AccessCode, in.Count)
	hashes := make([][]byte, in.Count)
	for i := range codes {
		if codes[i], err = lms.NewAccessCode(db.random); err != nil {
			return Batch{}, nil, err
		}
		hashes[i] = db.pepper.Hash(lms.ForAccessCode, string(codes[i]))
	}
	batch := Batch{Label: label, Prefix: codes[0].String()[:4], Count: in.Count, Uses: in.Uses, ExpiresAt: in.ExpiresAt}
	err = tx.QueryRow(ctx, `
		insert into access_code_batches (programme_id, label, prefix, count, uses, expires_at, created_at)
		select id, $2, $3, $4, $5, $6, $7 from programmes where id = $1 returning id`,
		programme, label, batch.Prefix, in.Count, in.Uses, in.ExpiresAt, now).Scan(&batch.ID)
	if err != nil {
		return Batch{}, nil, found(err)
	}
	_, err = tx.Exec(ctx, `insert into access_codes (batch_id, hash, max_uses) select $1, unnest($2::bytea[]), $3`, batch.ID, hashes, in.Uses)
	return batch, codes, err
}

// RevokeBatch withdraws those codes of a batch that have not been used. Doing it again changes nothing.
// Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) RevokeBatch(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, batch lms.BatchID) error {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	return db.tx(ctx, "revoke codes", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `
			update access_code_batches set revoked_at = coalesce(revoked_at, $3) where id = $1 and programme_id = $2`,
			batch, programme, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return lms.ErrNotFound
		}
		return audit(ctx, tx, now, actor, deed{action: "revoke codes", scope: scope, object: string(batch)})
	})
}

func loadBatches(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID) ([]Batch, error) {
	rows, err := tx.Query(ctx, `
		select id, label, prefix, count, uses,
			coalesce((select sum(access_codes.uses) from access_codes where access_codes.batch_id = access_code_batches.id), 0),
			expires_at, revoked_at is not null
		from access_code_batches where programme_id = $1 order by created_at, id`, programme)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Batch])
}
