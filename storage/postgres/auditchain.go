package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

const (
	sealEvery = time.Second
	// sealWindow is how far back each round looks for rows that are not sealed yet: longer than any transaction may take.
	sealWindow = 2 * time.Minute
	// sealAllEvery is how often a round looks at all rows instead, for those of a time in which nobody sealed.
	sealAllEvery = time.Hour
	// sealLock is the advisory lock of whoever seals, on any node.
	sealLock = 0x6c656374_61756469 // "lectaudi"

	keepSources = 30 * 24 * time.Hour // then the addresses of clients are forgotten (trust, privacy)
)

// Rows of the audit are written by many transactions at once, and a chain that each of them had to extend would make them wait for one
// another until their commits. So rows are sealed a moment later, by one sealer, in the order in which it sees them.
//
// The key of the chain is the pepper, which is not in the database: who can write to the database only cannot make a chain that fits
// changed rows. What a chain cannot show is that its end was cut off together with the rows; for that the head is logged each hour,
// and VerifyAudit compares.

// runSealer seals until ctx ends.
func (db *DB) runSealer(ctx context.Context) error {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	var all time.Time
	for {
		whole := db.now().Sub(all) >= sealAllEvery
		head, err := db.SealAudit(ctx, whole)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			db.log.Error("the audit cannot be sealed", "error", err)
		case whole:
			all = db.now()
			db.log.Info("audit sealed", "rows", head.Seq, "head", head.Hash)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// AuditHead is the end of the chain.
type AuditHead struct {
	Seq  int64  // number of sealed rows
	Hash string // hexadecimal; of all rows up to it
}

// SealAudit appends the rows that are not in the chain yet, and returns the chain's end: those of the last minutes, or all of them.
// When another node seals at this moment, it does nothing.
func (db *DB) SealAudit(ctx context.Context, all bool) (AuditHead, error) {
	var head AuditHead
	err := db.tx(ctx, "seal audit", func(tx pgx.Tx, now time.Time) error {
		var mine bool
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, int64(sealLock)).Scan(&mine); err != nil || !mine {
			return err
		}
		var hash []byte
		err := tx.QueryRow(ctx, `
			select coalesce(max(seq), 0), (select hash from audit_chain order by seq desc limit 1) from audit_chain`).Scan(&head.Seq, &hash)
		if err != nil {
			return err
		}
		since := now.Add(-sealWindow)
		if all {
			since = time.Time{}
		}
		rows, err := tx.Query(ctx, `select `+auditColumns+` from audit
			where at >= $1 and not exists (select from audit_chain where audit_chain.audit_id = audit.id) order by id`, since)
		if err != nil {
			return err
		}
		fresh, err := pgx.CollectRows(rows, scanAuditRow)
		if err != nil {
			return err
		}
		var links [][]any
		for _, row := range fresh {
			head.Seq++
			hash = row.seal(db.pepper, head.Seq, hash)
			links = append(links, []any{head.Seq, row.id, hash})
		}
		head.Hash = hex.EncodeToString(hash)
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"audit_chain"}, []string{"seq", "audit_id", "hash"}, pgx.CopyFromRows(links))
		return err
	})
	return head, err
}

// auditRow is what is sealed of a row: every column but the address, of which it has the keyed hash.
type auditRow struct {
	id                      int64
	at                      time.Time
	actor, session          *string
	action                  string
	programme, course       *string
	object, detail, request string
	source                  *string
	sourceHash              []byte
}

const auditColumns = `audit.id, audit.at, audit.actor_id::text, audit.session_id::text, audit.action, audit.programme_id::text,
	audit.course_id::text, audit.object, audit.detail::text, audit.request, host(audit.source), audit.source_hash`

func (r *auditRow) fields() []any {
	return []any{
		&r.id, &r.at, &r.actor, &r.session, &r.action, &r.programme, &r.course, &r.object, &r.detail, &r.request, &r.source, &r.sourceHash,
	}
}

func scanAuditRow(row pgx.CollectableRow) (r auditRow, err error) { return r, row.Scan(r.fields()...) }

// seal is the hash of link seq: keyed, of the link before and of the row.
func (r auditRow) seal(p lms.Pepper, seq int64, before []byte) []byte {
	return p.Hash(lms.ForAudit, strconv.FormatInt(seq, 10), string(before), strconv.FormatInt(r.id, 10), r.at.UTC().Format(time.RFC3339Nano),
		orEmpty(r.actor), orEmpty(r.session), r.action, orEmpty(r.programme), orEmpty(r.course), r.object, r.detail, r.request, string(r.sourceHash))
}

// AuditFault is something that was done to the audit.
type AuditFault struct {
	Row  int64 // id of the row
	What string
}

// AuditCheck is what VerifyAudit found.
type AuditCheck struct {
	Head   AuditHead
	Faults []AuditFault // none: the audit is as it was written
}

// VerifyAudit reads the whole audit along its chain and reports rows that were changed, deleted or slipped in. Known, when its Seq is
// not 0, is a head that was noted earlier; the chain must still have it.
func (db *DB) VerifyAudit(ctx context.Context, known AuditHead) (AuditCheck, error) {
	var check AuditCheck
	err := db.tx(ctx, "verify audit", func(tx pgx.Tx, now time.Time) error {
		if _, err := tx.Exec(ctx, `set local statement_timeout = 0`); err != nil { // a year of rows takes longer than a page may
			return err
		}
		rows, err := tx.Query(ctx, `
			select audit_chain.seq, audit_chain.audit_id, audit_chain.hash, audit.id is not null, coalesce(audit.id, 0), coalesce(audit.at, 'epoch'),
				audit.actor_id::text, audit.session_id::text, coalesce(audit.action, ''), audit.programme_id::text, audit.course_id::text,
				coalesce(audit.object, ''), coalesce(audit.detail::text, ''), coalesce(audit.request, ''), host(audit.source), audit.source_hash
			from audit_chain full join audit on audit.id = audit_chain.audit_id
			order by audit_chain.seq nulls last, audit.id`)
		if err != nil {
			return err
		}
		v := auditVerifier{db: db, now: now, known: known, check: &check}
		var seq, id *int64
		var hash []byte
		var there bool
		var row auditRow
		_, err = pgx.ForEachRow(rows, append([]any{&seq, &id, &hash, &there}, row.fields()...), func() error {
			switch {
			case seq == nil:
				v.unsealed(row)
			default:
				v.link(*seq, *id, hash, row, there)
			}
			return nil
		})
		v.end()
		return err
	})
	return check, err
}

// auditVerifier goes along the chain.
type auditVerifier struct {
	db     *DB
	now    time.Time
	known  AuditHead
	check  *AuditCheck
	before []byte
}

func (v *auditVerifier) fault(row int64, what string) {
	v.check.Faults = append(v.check.Faults, AuditFault{row, what})
}

// link checks one link. A broken one is reported once: the next is held against the hash that stands here.
func (v *auditVerifier) link(seq, id int64, hash []byte, row auditRow, there bool) {
	head := &v.check.Head
	if seq != head.Seq+1 {
		v.fault(id, fmt.Sprintf("links %d to %d of the chain are missing", head.Seq+1, seq-1))
	}
	switch {
	case !there:
		v.fault(id, "the row was deleted")
	case string(row.seal(v.db.pepper, seq, v.before)) != string(hash):
		v.fault(id, "the row or its link was changed")
	case row.source != nil && !v.db.pepper.Matches(row.sourceHash, lms.ForAuditSource, *row.source):
		v.fault(id, "the address was changed")
	}
	v.before = append(v.before[:0], hash...)
	head.Seq, head.Hash = seq, hex.EncodeToString(hash)
	if seq == v.known.Seq && head.Hash != v.known.Hash {
		v.fault(id, fmt.Sprintf("link %d is not the one that was noted", seq))
	}
}

// unsealed reports a row outside the chain, unless it is of just now.
func (v *auditVerifier) unsealed(row auditRow) {
	if v.now.Sub(row.at) > sealWindow {
		v.fault(row.id, "the row is not in the chain")
	}
}

func (v *auditVerifier) end() {
	if v.check.Head.Seq < v.known.Seq {
		v.fault(0, fmt.Sprintf("the chain ends at %d, but %d rows were noted", v.check.Head.Seq, v.known.Seq))
	}
}
