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
	Brand     string // printed before each code; "" for none
	Withdrawn int    // codes that were revoked one by one
}

// NewBatch asks for codes.
type NewBatch struct {
	Label     string
	Brand     string
	Count     int
	BoundTo   []lms.Email // each code is for one of these addresses, in their order; Count is then their number
	Uses      int         // 0 is 1
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
	case len(in.BoundTo) > 0 && len(in.BoundTo) != in.Count:
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "bound_to", Message: "Leave out how many codes to make: each address gets one."}
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
	if in.Brand, err = lms.ParseBrand(in.Brand); err != nil {
		return Batch{}, nil, err
	}
	if in.Count == 0 {
		in.Count = len(in.BoundTo)
	}
	if err := in.check(now); err != nil {
		return Batch{}, nil, err
	}
	codes := make([]lms.AccessCode, in.Count)
	hashes := make([][]byte, in.Count)
	bound := make([]*string, in.Count)
	for i, email := range in.BoundTo {
		bound[i] = orNull(email)
	}
	for i := range codes {
		if codes[i], err = lms.NewAccessCode(db.random); err != nil {
			return Batch{}, nil, err
		}
		hashes[i] = db.pepper.Hash(lms.ForAccessCode, string(codes[i]))
	}
	batch := Batch{Label: label, Prefix: codes[0].String()[:4], Count: in.Count, Uses: in.Uses, ExpiresAt: in.ExpiresAt, Brand: in.Brand}
	err = tx.QueryRow(ctx, `
		insert into access_code_batches (programme_id, label, prefix, count, uses, expires_at, created_at, brand)
		select id, $2, $3, $4, $5, $6, $7, $8 from programmes where id = $1 returning id`,
		programme, label, batch.Prefix, in.Count, in.Uses, in.ExpiresAt, now, in.Brand).Scan(&batch.ID)
	if err != nil {
		return Batch{}, nil, found(err)
	}
	_, err = tx.Exec(ctx, `
		insert into access_codes (batch_id, hash, max_uses, bound_to) select $1, hash, $3, bound_to from unnest($2::bytea[], $4::text[]) as new (hash, bound_to)`,
		batch.ID, hashes, in.Uses, bound)
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
			expires_at, revoked_at is not null, brand,
			(select count(*) from access_codes where access_codes.batch_id = access_code_batches.id and access_codes.revoked_at is not null)
		from access_code_batches where programme_id = $1 order by created_at, id`, programme)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Batch])
}

// CodeStatus is what an admin is told of one code, who has it before them. Strangers are told nothing of the kind.
type CodeStatus struct {
	Batch     lms.BatchID
	Label     string
	Uses      int // taken
	MaxUses   int
	BoundTo   lms.Email // "" for anybody
	ExpiresAt *time.Time
	Revoked   bool // the code or its batch
	Holders   []lms.PersonID
}

// LookUpCode tells how a code of the programme stands. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) LookUpCode(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, code lms.AccessCode) (CodeStatus, error) {
	var s CodeStatus
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return s, err
	}
	err := db.tx(ctx, "look up code", func(tx pgx.Tx, now time.Time) error {
		err := tx.QueryRow(ctx, `
			select access_code_batches.id, access_code_batches.label, access_codes.uses, access_codes.max_uses,
				coalesce(access_codes.bound_to, ''), access_code_batches.expires_at,
				access_codes.revoked_at is not null or access_code_batches.revoked_at is not null,
				array(select person_id::text from code_redemptions where code_id = access_codes.id order by redeemed_at limit 100)
			from access_codes join access_code_batches on access_code_batches.id = access_codes.batch_id
			where access_codes.hash = $1 and access_code_batches.programme_id = $2`,
			db.pepper.Hash(lms.ForAccessCode, string(code)), programme).
			Scan(&s.Batch, &s.Label, &s.Uses, &s.MaxUses, &s.BoundTo, &s.ExpiresAt, &s.Revoked, &s.Holders)
		if err != nil {
			return found(err)
		}
		return audit(ctx, tx, now, actor, deed{action: "look up code", scope: lms.Scope{Programme: programme}, object: string(s.Batch)})
	})
	return s, err
}

// RevokeCode withdraws one code; who has used it stays. Doing it again changes nothing. Errors: lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) RevokeCode(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, code lms.AccessCode) error {
	scope := lms.Scope{Programme: programme}
	if err := actor.Need(lms.Manage, scope); err != nil {
		return err
	}
	return db.tx(ctx, "revoke code", func(tx pgx.Tx, now time.Time) error {
		var batch string
		err := tx.QueryRow(ctx, `
			update access_codes set revoked_at = coalesce(access_codes.revoked_at, $3) from access_code_batches
			where access_codes.hash = $1 and access_code_batches.id = access_codes.batch_id and access_code_batches.programme_id = $2
			returning access_code_batches.id`, db.pepper.Hash(lms.ForAccessCode, string(code)), programme, now).Scan(&batch)
		if err != nil {
			return found(err)
		}
		return audit(ctx, tx, now, actor, deed{action: "revoke code", scope: scope, object: batch})
	})
}
