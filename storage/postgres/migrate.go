package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"lectern/storage/postgres/migrations"
)

// Migrate brings the schema, ours and that of the job queue, to what this program expects. Several nodes may
// call it at once: one works, the others wait for it and find nothing left to do.
func (db *DB) Migrate(ctx context.Context) error {
	if err := db.migrate(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

func (db *DB) migrate(ctx context.Context) (err error) {
	// A connection of its own, because a migration may take longer than a statement of the pool is allowed.
	config := db.pool.Config().ConnConfig.Copy()
	for _, limit := range timeouts {
		delete(config.RuntimeParams, limit.parameter)
	}
	pool := stdlib.OpenDB(*config)
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()

	// The lock is ours and not the provider's, because it has to hold for the job queue's steps too. Ask
	// every second, for ten minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
	if err != nil {
		return err
	}
	if err := locker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("another node is migrating and does not finish: %w", err)
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	if err := migrateOurs(ctx, pool); err != nil {
		return err
	}
	if err := db.migrateJobs(ctx); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `select protect_tables()`); err != nil {
		return fmt.Errorf("protect the tables: %w", err)
	}
	db.pool.Reset() // connections of before work as the login
	return nil
}

func migrateOurs(ctx context.Context, pool *sql.DB) error {
	provider, err := goose.NewProvider(goose.DialectPostgres, pool, migrations.Files)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

func (db *DB) migrateJobs(ctx context.Context) error {
	config := db.pool.Config() // of the login, which owns the tables
	config.AfterConnect = nil
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: library(db.log)})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// SchemaDigest names the schema that this program expects; tests key their template database with it.
func SchemaDigest() (string, error) { return migrations.Digest() }

// Migrated reports whether the schema is what this program expects; a node that finds it is not must not
// serve.
func (db *DB) Migrated(ctx context.Context) (bool, error) {
	pool := stdlib.OpenDBFromPool(db.pool)
	defer pool.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, pool, migrations.Files)
	if err != nil {
		return false, err
	}
	pending, err := provider.HasPending(ctx)
	return !pending, err
}
