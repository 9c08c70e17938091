package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"lectern/lms"
	"lectern/lms/notify"
	"lectern/storage/postgres"
	"lectern/storage/postgres/private"
)

// openDatabase opens the database at url with the key of the keyed hashes and the way outgoing mail takes.
func openDatabase(ctx context.Context, c config, url string, log *slog.Logger) (*postgres.DB, error) {
	key, err := secret(c)
	if err != nil {
		return nil, err
	}
	pepper, err := lms.NewPepper(key)
	if err != nil {
		return nil, fmt.Errorf("LECTERN_SECRET: %w", err)
	}
	db, err := postgres.Open(ctx, postgres.Config{URL: url, Pepper: pepper, Site: c.URL, Log: log})
	if err != nil {
		return nil, err
	}
	switch {
	case c.SMTP != "":
		smtp, err := notify.NewSMTP(c.SMTP, c.MailFrom)
		if err != nil {
			db.Close()
			return nil, fmt.Errorf("LECTERN_SMTP_URL: %w", err)
		}
		db.Notify(notify.New(smtp, c.URL))
	case c.Mailbox == "on":
		db.Notify(notify.New(notify.NewMailbox(db), c.URL))
	default:
		log.Warn("outgoing mail waits in the queue: set LECTERN_SMTP_URL, without which nobody receives a one-time code")
	}
	return db, nil
}

// withDatabase runs use on the database of the running server, or, when none runs, on one that is started for
// it.
func withDatabase(ctx context.Context, c config, log *slog.Logger, use func(*postgres.DB) error) error {
	if c.Database == "" {
		url, err := private.Attach(ctx, c.Data)
		switch {
		case err == nil:
			db, err := openDatabase(ctx, c, url, log)
			if err != nil {
				return err
			}
			defer db.Close()
			return use(db)
		case !errors.Is(err, private.ErrNotRunning):
			return err
		}
	}
	s, err := openState(ctx, c, log)
	if err != nil {
		return err
	}
	defer s.close()
	return use(s.db)
}
