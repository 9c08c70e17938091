package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// limit bounds how often something may be asked for within a window of time. The counters are in the
// database because they have to hold over restarts and over several nodes.
type limit struct {
	name   string
	window time.Duration
	most   int
}

// The limits of signing in. Those by address of mail are hard: with five tries per code, twenty codes a day
// leave somebody who guesses a chance of 1 in 10,000 (trust S-04). They hold for all strangers together, and for one
// network among them a part of that, so that nobody uses up alone what the owner of the address needs on a new device.
// A browser in which the address was proved before has a budget of its own. By network alone nothing but failures is
// counted here, because a hospital or a mobile carrier puts thousands behind one address.
var (
	codesPerDevice      = limit{"codes per device", 15 * time.Minute, 6}
	codesPerDeviceDaily = limit{"codes per device daily", 24 * time.Hour, 20}
	codesPerAsker       = limit{"codes per asker", 15 * time.Minute, 6}
	codesPerAskerDaily  = limit{"codes per asker daily", 24 * time.Hour, 8}
	codesPerEmailDaily  = limit{"codes per email daily", 24 * time.Hour, 20}
	wrongPerNetwork     = limit{"wrong codes per network", 15 * time.Minute, 1500}
	mailsPerChallenge   = limit{"mails per challenge", lms.OTPLife, 4}
)

// counted is one more of what a limit bounds for a subject.
type counted struct {
	limit
	subject []string
}

// count counts one more for each subject and returns lms.ErrTooMany beyond a limit. It is a transaction of
// its own, because a refusal has to be counted too. A crash may forget the last moments of it, which spares it the wait
// for the disk.
func (db *DB) count(ctx context.Context, all ...counted) error {
	now := db.now()
	type row struct {
		counted
		hash   []byte
		starts time.Time
	}
	rows := make([]row, 0, len(all))
	for _, c := range all {
		rows = append(rows, row{c, db.pepper.Hash(lms.ForRemote, append([]string{c.name}, c.subject...)...), now.Truncate(c.window)})
	}
	// Whoever counts the same subjects locks them in the same order.
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.hash, b.hash) })
	var hashes [][]byte
	var starts, ends []time.Time
	for _, r := range rows {
		hashes, starts, ends = append(hashes, r.hash), append(starts, r.starts), append(ends, r.starts.Add(r.window))
	}
	counts := map[string]int{}
	var batch pgx.Batch // a batch without begin is one transaction
	batch.Queue(`set local synchronous_commit = off`)
	batch.Queue(`
		insert into limits (subject, starts, ends) select * from unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[])
		on conflict (subject, starts) do update set count = limits.count + 1
		returning subject, count`, hashes, starts, ends).Query(func(found pgx.Rows) error {
		var subject []byte
		var n int
		_, err := pgx.ForEachRow(found, []any{&subject, &n}, func() error { counts[string(subject)] = n; return nil })
		return err
	})
	if err := db.pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("count %s: %w", all[0].name, err)
	}
	for _, r := range rows {
		if counts[string(r.hash)] > r.most {
			return &lms.Problem{
				Kind: lms.ErrTooMany, Code: "limit",
				Retry: r.starts.Add(r.window).Sub(now),
			}
		}
	}
	return nil
}

// overdone returns lms.ErrTooMany for a subject that has reached a limit, without counting.
func (db *DB) overdone(ctx context.Context, c counted) error {
	now := db.now()
	starts := now.Truncate(c.window)
	var over bool
	err := db.pool.QueryRow(ctx, `select exists (select from limits where subject = $1 and starts = $2 and count >= $3)`,
		db.pepper.Hash(lms.ForRemote, append([]string{c.name}, c.subject...)...), starts, c.most).Scan(&over)
	if err != nil {
		return fmt.Errorf("look at %s: %w", c.name, err)
	}
	if over {
		return &lms.Problem{
			Kind: lms.ErrTooMany, Code: "limit",
			Retry: starts.Add(c.window).Sub(now),
		}
	}
	return nil
}

// network is what is counted of an address: the /24 of IPv4, the /48 of IPv6, which one household or hospital
// is given.
func network(remote netip.Addr) string {
	remote = remote.Unmap()
	bits := 48
	if remote.Is4() {
		bits = 24
	}
	prefix, err := remote.Prefix(bits)
	if err != nil {
		return "unknown" // the zero address, of a caller that has none
	}
	return prefix.String()
}
