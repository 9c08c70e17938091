package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"lectern/storage/postgres"
)

// errAudit makes the command fail after it has said what it found.
var errAudit = errors.New("the audit was tampered with; restore it from a backup and find out who had access to the database")

// faultsShown bounds what is printed of a chain that does not hold at all, as with the key of another installation.
const faultsShown = 100

// doctor examines an installation. "lectern doctor audit" reads the audit along its chain of hashes.
func doctor(ctx context.Context, args []string, t terminal) error {
	if len(args) == 0 || args[0] != "audit" {
		return errors.New(`doctor examines one thing at a time: "lectern doctor audit"`)
	}
	var known postgres.AuditHead
	c, err := configure("doctor audit", args[1:], t, func(fs *flag.FlagSet, _ *config) {
		fs.Int64Var(&known.Seq, "rows", 0, `with -head: "rows" of a line "audit sealed" of an old log`)
		fs.StringVar(&known.Hash, "head", "", `with -rows: "head" of that line, so that a chain that was cut off is found`)
	})
	if err != nil {
		return err
	}
	if (known.Seq == 0) != (known.Hash == "") {
		return errors.New("give -rows and -head of the same line of the log, or none of them")
	}
	return withDatabase(ctx, c, quiet(t), func(db *postgres.DB) error {
		check, err := db.VerifyAudit(ctx, known)
		if err != nil {
			return err
		}
		for i, fault := range check.Faults {
			if i == faultsShown {
				fmt.Fprintf(t.out, "and %d more\n", len(check.Faults)-i)
				break
			}
			fmt.Fprintf(t.out, "row %d: %s\n", fault.Row, fault.What)
		}
		fmt.Fprintf(t.out, "%d rows in the chain, head %s\n", check.Head.Seq, check.Head.Hash)
		if len(check.Faults) > 0 {
			return errAudit
		}
		_, err = fmt.Fprintln(t.out, "the audit is as it was written")
		return err
	})
}
