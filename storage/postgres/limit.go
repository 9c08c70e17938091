package postgres

import (
	"context"
	"fmt"
	"net/netip"
	"time"

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
// leave somebody who guesses a chance of 1 in 10,000 (trust S-04). Those by network are soft, because a
// hospital or a mobile carrier puts thousands behind one address.
var (
	codesPerEmail      = limit{"codes per email", 15 * time.Minute, 6}
	codesPerEmailDaily = limit{"codes per email daily", 24 * time.Hour, 20}
	startsPerNetwork   = limit{"starts per network", 15 * time.Minute, 600}
	triesPerNetwork    = limit{"tries per network", 15 * time.Minute, 1500}
	mailsPerChallenge  = limit{"mails per challenge", lms.OTPLife, 4}
)

// count counts one more for the subject and returns lms.ErrTooMany beyond the limit. It is a transaction of
// its own, because a refusal has to be counted too, and because the counter of a large network should be
// locked for no longer than that.
func (db *DB) count(ctx context.Context, l limit, subject string) error {
	now := db.now()
	starts := now.Truncate(l.window)
	var n int
	err := db.pool.QueryRow(ctx, `
		insert into limits (subject, starts, ends) values ($1, $2, $3)
		on conflict (subject, starts) do update set count = limits.count + 1
		returning count`,
		db.pepper.Hash(lms.ForRemote, l.name, subject), starts, starts.Add(l.window)).Scan(&n)
	if err != nil {
		return fmt.Errorf("count %s: %w", l.name, err)
	}
	if n > l.most {
		return &lms.Problem{
			Kind: lms.ErrTooMany, Code: "limit",
			Retry: starts.Add(l.window).Sub(now),
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
