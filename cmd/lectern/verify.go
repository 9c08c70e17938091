package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"time"

	"lectern/media/hls/verify"
)

// errFaults is the result of a check that found something. What it found is printed.
var errFaults = errors.New("the stream breaks rules")

// verifyHLS follows a stream for a while and prints what in it breaks players.
func verifyHLS(ctx context.Context, args []string, t terminal) error {
	fs := flag.NewFlagSet("lectern verify-hls", flag.ContinueOnError)
	fs.SetOutput(t.err)
	fs.Usage = func() {
		fmt.Fprintln(t.err, "Usage: lectern verify-hls [flags] URL")
		fs.PrintDefaults()
	}
	life := fs.Duration("dur", time.Minute, "how long to follow a live stream")
	token := fs.String("token", "", "bearer token (lectern token prints one)")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if fs.NArg() != 1 {
		fs.Usage()
		return errUsage
	}
	check := verify.Checker{URL: fs.Arg(0), Header: http.Header{}, Report: func(v verify.Violation) { fmt.Fprintln(t.out, v) }}
	if *token != "" {
		check.Header.Set("Authorization", "Bearer "+*token)
	}
	ctx, cancel := context.WithTimeout(ctx, *life)
	defer cancel()
	s, err := check.Run(ctx)
	if err != nil {
		return fmt.Errorf("verify-hls: %w", err)
	}
	fmt.Fprintf(t.out, "%d playlists, %d reloads, %d files: %d violations\n", s.Playlists, s.Reloads, s.Files, s.Violations)
	if s.Violations > 0 {
		return errFaults
	}
	return nil
}
