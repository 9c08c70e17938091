// Package pgtest gives tests a real PostgreSQL: one private server for all test processes that run at the
// same time, and in it a fresh, migrated database for each test.
//
// The first process that needs the server starts a keeper: its own binary once more, which runs the server
// for as long as any test process lives, and then removes it with its data. Nobody has to start or stop
// anything, and nothing is left. With DATABASE_URL_TEST set, that server is used instead; its role must be
// allowed to create databases.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/storage/postgres"
)

// Pepper is the key that tests use, where they have to make a stored hash themselves.
var Pepper = func() lms.Pepper {
	p, err := lms.NewPepper([]byte("a pepper for tests, of no value.."))
	if err != nil {
		panic(err)
	}
	return p
}()

// New makes a database for the test, with the schema of this version, and returns its connection string. The
// database is dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	server, err := sharedServer()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	conn, err := pgx.Connect(ctx, server.admin)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer conn.Close(ctx)
	name := "test_" + randomName()
	if _, err := conn.Exec(ctx, "create database "+name+" template "+server.template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		conn, err := pgx.Connect(ctx, server.admin)
		if err != nil {
			t.Errorf("pgtest: %v", err)
			return
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, "drop database "+name+" with (force)"); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return withDatabase(server.admin, name)
}

// Open makes a database for the test and opens it with the test's clock (nil is time.Now).
func Open(t testing.TB, clock func() time.Time) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: New(t), Pepper: Pepper, Clock: clock})
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

// server is what a test process knows of the server it uses.
type server struct {
	admin    string // connection string of a role that creates databases
	template string // database with the schema, to copy from
}

// sharedServer is found once per process.
var sharedServer = sync.OnceValues(func() (server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s := server{admin: os.Getenv("DATABASE_URL_TEST")}
	if s.admin == "" {
		var err error
		if s.admin, err = attachOrStart(ctx); err != nil {
			return s, err
		}
	}
	digest, err := postgres.SchemaDigest()
	if err != nil {
		return s, err
	}
	s.template = "template_" + digest
	return s, s.makeTemplate(ctx)
})

// makeTemplate migrates a database once for all tests on the server. The name is taken only when the work
// is done; whoever comes meanwhile waits for the lock.
func (s server) makeTemplate(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(7301)`); err != nil {
		return err
	}
	var exists bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, s.template).Scan(&exists); err != nil || exists {
		return err
	}
	half := "half_" + randomName()
	if _, err := conn.Exec(ctx, "create database "+half); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, postgres.Config{URL: withDatabase(s.admin, half), Pepper: Pepper})
	if err != nil {
		return err
	}
	err = db.Migrate(ctx)
	db.Close()
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "alter database "+half+" rename to "+s.template)
	return err
}

// withDatabase changes the database in a connection string, which has the form of a URL.
func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(fmt.Sprintf("DATABASE_URL_TEST is no URL: %v", err))
	}
	u.Path = "/" + name
	return u.String()
}

func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
