// Package postgres keeps all state that matters. One method is one use case is one transaction, which asks
// lms for the decision; the scope (programme, course, person) stands in the WHERE clause of every statement.
//
// Methods return lms's errors: ErrNotFound for what is not there or not the caller's to know of, ErrConflict
// for a version that has moved on, and so on. Everything else is a failure of the database.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"lectern/lms"
)

// Config says where the database is and what the use cases need besides it.
type Config struct {
	URL      string           // connection string for pgx; more than one host is fine (target_session_attrs)
	Pepper   lms.Pepper       // key of all stored hashes
	Clock    func() time.Time // nil is time.Now
	Log      *slog.Logger     // nil discards
	MaxConns int32            // of the pool; 0 is 16

	Site string // public address without a final slash, for links in mail
}

// Notifier sends what is due. It is asked again for the same notice after a failure or a crash, unless its
// error wraps lms.ErrInvalid. It is declared here because lms/notify must not be imported: its mailbox is kept
// by this database.
type Notifier interface {
	Deliver(ctx context.Context, n lms.Notice) error
}

// DB is the database. It is safe for concurrent use.
type DB struct {
	pool   *pgxpool.Pool
	pepper lms.Pepper
	clock  func() time.Time
	log    *slog.Logger
	random io.Reader
	ledger *ledger               // takes watch reports; Run runs it
	jobs   *river.Client[pgx.Tx] // inserts only; Run has one that works
	site   string

	notifier Notifier // nil leaves mail in the queue
	drawer   Drawer   // nil leaves certificates in the queue
	signer   signer
}

// timeouts bound what one statement, one wait for a lock and one transaction left open may take, so that
// a slow statement costs its caller and not the pool.
var timeouts = []struct{ parameter, value string }{
	{"statement_timeout", "10s"},
	{"lock_timeout", "5s"},
	{"idle_in_transaction_session_timeout", "15s"},
}

// Open makes the pool and checks that the database answers. It starts no work; Migrate comes next, then Run.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("the address of the database (DATABASE_URL) cannot be read: give it like postgres://user@host/name")
	}
	pc.MaxConns = 16
	if cfg.MaxConns > 0 {
		pc.MaxConns = cfg.MaxConns
	}
	pc.MaxConnLifetime = time.Hour
	pc.MaxConnIdleTime = 5 * time.Minute
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	params := pc.ConnConfig.RuntimeParams
	params["application_name"] = "lectern"
	params["timezone"] = "UTC"
	for _, limit := range timeouts {
		if _, set := params[limit.parameter]; !set {
			params[limit.parameter] = limit.value
		}
	}
	pc.AfterConnect = becomeService
	db := &DB{pepper: cfg.Pepper, clock: cfg.Clock, log: cfg.Log, random: rand.Reader, site: cfg.Site}
	if db.clock == nil {
		db.clock = time.Now
	}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	db.ledger = newLedger(db)
	if db.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if db.jobs, err = river.NewClient(riverpgxv5.New(db.pool), &river.Config{Logger: library(db.log)}); err != nil {
		db.pool.Close()
		return nil, fmt.Errorf("make the job queue: %w", err)
	}
	if err := db.Ping(ctx); err != nil {
		db.pool.Close()
		return nil, err
	}
	return db, nil
}

// Notify says who sends outgoing mail. It is called before Run, and not part of Config, because a notifier may
// itself keep its mail in this database (KeepMail).
func (db *DB) Notify(n Notifier) { db.notifier = n }

// Close gives the connections back. Run must have returned.
func (db *DB) Close() { db.pool.Close() }

// Empty reports whether there is no programme yet, as in a new installation.
func (db *DB) Empty(ctx context.Context) (bool, error) {
	var empty bool
	if err := db.pool.QueryRow(ctx, `select not exists (select from programmes)`).Scan(&empty); err != nil {
		return false, fmt.Errorf("look for programmes: %w", err)
	}
	return empty, nil
}

// Ping reports whether the database answers, for /readyz.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.pool.Ping(ctx); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}

// now is the moment of a use case: one per transaction, and no finer than the database keeps it.
func (db *DB) now() time.Time { return db.clock().UTC().Truncate(time.Microsecond) }

// tx runs one use case in one transaction and gives it its moment. The error of the use case comes back as
// it is, prefixed with what was being done.
func (db *DB) tx(ctx context.Context, doing string, use func(tx pgx.Tx, now time.Time) error) error {
	begin, err := beginQuery(ctx)
	if err == nil {
		err = pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error { return use(tx, db.now()) })
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == pgerrcodeInvalidText {
		err = lms.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// pgerrcodeInvalidText is invalid_text_representation: an identifier that is no UUID, and so names nothing.
const pgerrcodeInvalidText = "22P02"

// found turns "no rows" into the domain's word for it.
func found(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return lms.ErrNotFound
	}
	return err
}
