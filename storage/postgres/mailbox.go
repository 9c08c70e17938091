package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// mailboxKeeps is how many mails the mailbox holds; older ones go.
const mailboxKeeps = 1000

// Mail is a message as the mailbox shows it.
type Mail struct {
	To      lms.Email
	Subject string
	Text    string
	At      time.Time
}

// KeepMail puts a message into the mailbox instead of sending it, for installations without a mail server.
func (db *DB) KeepMail(ctx context.Context, recipient, subject, body string) error {
	return db.tx(ctx, "keep mail", func(tx pgx.Tx, now time.Time) error {
		var b pgx.Batch
		b.Queue(`insert into mailbox (recipient, subject, body, at) values ($1, $2, $3, $4)`, recipient, subject, body, now)
		b.Queue(`delete from mailbox where id <= (select max(id) from mailbox) - $1`, mailboxKeeps)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// Mailbox returns the newest messages, at most limit. It is shown in demos only, where it takes the place of
// everybody's mail.
func (db *DB) Mailbox(ctx context.Context, limit int) ([]Mail, error) {
	rows, err := db.pool.Query(ctx, `select recipient, subject, body, at from mailbox order by id desc limit $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	mails, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Mail])
	if err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	return mails, nil
}
