package pgtest

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	a, b := New(t), New(t)
	if a == b {
		t.Fatal("one database for two tests")
	}
	for _, url := range []string{a, b} {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		var n int
		if err := conn.QueryRow(t.Context(), `select count(*) from programmes`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d programmes, %v", n, err)
		}
		if _, err := conn.Exec(t.Context(), `insert into programmes (title, zone, created_at) values ('x', 'UTC', now())`); err != nil {
			t.Error(err)
		}
	}
}

func TestDatabaseIsDroppedAfterTheTest(t *testing.T) {
	var url string
	t.Run("a test", func(t *testing.T) { url = New(t) })
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		conn.Close(t.Context())
		t.Error("the database is still there")
	}
}

func TestOpen(t *testing.T) {
	ok, err := Open(t, nil).Migrated(t.Context())
	if err != nil || !ok {
		t.Errorf("Migrated = %v, %v", ok, err)
	}
}
