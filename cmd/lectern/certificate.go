package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"lectern/lms/certificate"
	"lectern/lms/credential"
	"lectern/storage/postgres"
)

// Limits of a check.
const (
	maxCertificateFile = 2 << 20
	maxKeySet          = 1 << 20
	keysWithin         = 15 * time.Second
)

// errEdited is the result of a check whose proofs hold and whose page is another.
var errEdited = errors.New("the proofs are genuine, but the file is not as issued: read the paper against the fields above")

// verifyCertificate checks the PDF of a certificate without any database: with the public keys of its issuer, from a file or
// from the issuer's site.
func verifyCertificate(ctx context.Context, args []string, t terminal) error {
	fs := flag.NewFlagSet("lectern verify", flag.ContinueOnError)
	fs.SetOutput(t.err)
	fs.Usage = func() {
		fmt.Fprintln(t.err, "Usage: lectern verify -keys FILE|URL certificate.pdf")
		fs.PrintDefaults()
	}
	from := fs.String("keys", "", "the issuer's public keys: a file, or https://HOST/.well-known/jwks.json of a host you trust")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if fs.NArg() != 1 || *from == "" {
		fs.Usage()
		return errUsage
	}
	raw, err := readKeys(ctx, *from)
	if err != nil {
		return err
	}
	keys, err := credential.ParseJWKS(raw)
	if err != nil {
		return err
	}
	file, err := readSome(fs.Arg(0), maxCertificateFile)
	if err != nil {
		return err
	}
	fonts, err := certificate.NewFonts(certificate.FontDirs...)
	if err != nil {
		return err
	}
	checked, err := fonts.Check(file, keys)
	if err != nil {
		return fmt.Errorf("verify %s: %w", fs.Arg(0), err)
	}
	f := checked.Fields
	for _, line := range [][2]string{
		{"number", f.Number.String()},
		{"awarded to", f.Name},
		{"for", f.Activity},
		{"programme", f.Programme},
		{"credit", f.Amount.String() + " " + f.CreditName},
		{"given by", credential.IssuerName(f)},
		{"earned by", credential.How(f)},
		{"held", f.HeldOn},
		{"issued", f.IssuedOn},
		{"issuer", checked.Badge.Issuer},
		{"status", "ask " + checked.Badge.ID},
	} {
		if line[1] != "" {
			fmt.Fprintf(t.out, "%-11s %s\n", line[0], line[1])
		}
	}
	if !checked.Unchanged {
		return errEdited
	}
	_, err = fmt.Fprintln(t.out, "The signatures are genuine, and the page reads exactly as issued.")
	return err
}

func readKeys(ctx context.Context, from string) ([]byte, error) {
	if !strings.HasPrefix(from, "https://") && !strings.HasPrefix(from, "http://") {
		return readSome(from, maxKeySet)
	}
	ctx, cancel := context.WithTimeout(ctx, keysWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch the keys: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch the keys: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch the keys from %s: %s", from, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxKeySet))
}

// readSome reads a file that must not be larger than most.
func readSome(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return raw, err
}

// keys makes a new signing key: "lectern keys rotate".
func keys(ctx context.Context, args []string, t terminal) error {
	if len(args) == 0 || args[0] != "rotate" {
		return errors.New(`keys does one thing: "lectern keys rotate"`)
	}
	c, err := configure("keys rotate", args[1:], t, nil)
	if err != nil {
		return err
	}
	return withDatabase(ctx, c, quiet(t), func(db *postgres.DB) error {
		if err := db.RotateSigningKey(ctx, false); err != nil {
			return err
		}
		_, err := fmt.Fprintln(t.out, "A new key signs certificates from the next minute on. What earlier keys have signed stays good.")
		return err
	})
}
