package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// mailboxKeeps is how many mails the mailbox holds at least; older ones go, some hundreds at a time.
const (
	mailboxKeeps  = 2000
	mailboxSweeps = 500
)

// Mail is a message as the mailbox shows it.
type Mail struct {
	ID      int64 // rises with each mail
	To      lms.Email
	Subject string
	Text    string
	At      time.Time
}

// KeepMail puts a message into the mailbox instead of sending it, for installations without a mail server.
func (db *DB) KeepMail(ctx context.Context, recipient, subject, body string) error {
	return db.tx(ctx, "keep mail", func(tx pgx.Tx, now time.Time) error {
		var id int64
		err := tx.QueryRow(ctx, `insert into mailbox (recipient, subject, body, at) values ($1, $2, $3, $4) returning id`,
			recipient, subject, body, now).Scan(&id)
		if err != nil || id%mailboxSweeps != 0 {
			return err
		}
		_, err = tx.Exec(ctx, `delete from mailbox where id <= $1`, id-mailboxKeeps)
		return err
	})
}

// Mailbox returns the newest messages, at most limit. It is shown in demos only, where it takes the place of
// everybody's mail.
func (db *DB) Mailbox(ctx context.Context, limit int) ([]Mail, error) {
	rows, err := db.pool.Query(ctx, `select id, recipient, subject, body, at from mailbox order by id desc limit $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	mails, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Mail])
	if err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	return mails, nil
}

// MailboxSince returns the messages after the one with an id, oldest first, at most limit.
func (db *DB) MailboxSince(ctx context.Context, after int64, limit int) ([]Mail, error) {
	rows, err := db.pool.Query(ctx, `select id, recipient, subject, body, at from mailbox where id > $1 order by id limit $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	mails, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Mail])
	if err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	return mails, nil
}
