package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
	"lectern/storage/postgres/pgtest"
)

// post hands notices to the test, and fails the first attempt of each when told to.
type post struct {
	notices chan lms.Notice
	fail    func(lms.Notice) error
}

func (p *post) Deliver(ctx context.Context, n lms.Notice) error {
	if p.fail != nil {
		if err := p.fail(n); err != nil {
			return err
		}
	}
	select {
	case p.notices <- n:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run works the queue until the test ends.
func (w *world) run(n postgres.Notifier) {
	w.t.Helper()
	w.db.Notify(n)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.db.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
}

func (w *world) next(p *post) lms.Notice {
	w.t.Helper()
	select {
	case n := <-p.notices:
		return n
	case <-time.After(30 * time.Second):
		w.t.Fatal("no mail came")
		return lms.Notice{}
	}
}

func TestMail(t *testing.T) {
	w := newWorld(t)
	p := &post{notices: make(chan lms.Notice, 10)}
	w.exec(`delete from river_job`) // invitations of the set-up
	w.run(p)
	w.start("stranger@hospital.example", "") // first: its job comes to nothing
	cookie := w.start("first@hospital.example", w.ours.codes[0])
	n := w.next(p)
	if n.Kind != lms.NoticeOTP || n.To != "first@hospital.example" || n.Code != w.otp(cookie) || !n.ExpiresAt.Equal(w.clock().Add(lms.OTPLife)) || n.ID == "" {
		t.Errorf("notice %+v", n)
	}
	token := must(w.db.AddStaff(t.Context(), w.ours.admin, w.ours.id, newPresenter))(t)
	n = w.next(p)
	if n.Kind != lms.NoticeLink || n.To != newPresenter.Email || n.Link != "https://lectern.example/join/"+token || n.Role != lms.Presenter || n.Programme == "" {
		t.Errorf("notice %+v", n)
	}
	// Another mail with the same code has a name of its own, or mail servers would drop it.
	if err := w.db.ResendOTP(t.Context(), cookie, from); err != nil {
		t.Fatal(err)
	}
	again := w.next(p)
	if again.Code != w.otp(cookie) || again.ID == n.ID {
		t.Errorf("notice %+v", again)
	}
}

func TestMailIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	failures := 0
	p := &post{notices: make(chan lms.Notice, 10), fail: func(n lms.Notice) error {
		if n.To == "bad@hospital.example" {
			return fmt.Errorf("mailbox unknown: %w", lms.ErrInvalid)
		}
		if failures++; failures == 1 {
			return errors.New("the mail server is restarting")
		}
		return nil
	}}
	w.run(p)
	w.start("bad@hospital.example", w.ours.codes[0])
	w.start("good@hospital.example", w.ours.codes[1])
	if n := w.next(p); n.To != "good@hospital.example" {
		t.Errorf("notice for %s", n.To)
	}
	w.eventually(`select count(*) = 1 from river_job where state = 'cancelled'`)
}

// eventually waits until a statement says true.
func (w *world) eventually(sql string) {
	w.t.Helper()
	limit := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var done bool
		if err := w.conn.QueryRow(w.t.Context(), sql).Scan(&done); err != nil {
			w.t.Fatal(err)
		}
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			w.t.Fatalf("never true: %s", sql)
		}
	}
}

func TestSweepDeletesWhatIsSpent(t *testing.T) {
	w := newWorld(t)
	w.start(email(0), w.ours.codes[0])
	w.pass(92 * 24 * time.Hour) // a personal link is good for 90 days on the device of its first use
	w.start(email(1), w.ours.codes[1])
	w.run(nil) // the sweep runs at once
	w.eventually(`select (select count(*) from challenges) = 1 and (select count(*) from sessions) = 0 and (select count(*) from join_links) = 0`)
}

func TestMailbox(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for i := range 3 {
		if err := w.db.KeepMail(ctx, email(i), "Your code", "It is here"); err != nil {
			t.Fatal(err)
		}
	}
	mails := must(w.db.Mailbox(ctx, 2))(t)
	if len(mails) != 2 || mails[0].To != lms.Email(email(2)) || mails[0].Text != "It is here" || !mails[0].At.Equal(w.clock()) {
		t.Errorf("mailbox %+v", mails)
	}
}

func TestNodesMigrateAtOnce(t *testing.T) {
	url := pgtest.New(t)
	setup := must(postgres.Open(t.Context(), postgres.Config{URL: url, Pepper: pgtest.Pepper}))(t)
	defer setup.Close()
	w := &world{t: t, db: setup}
	w.connect(url)
	w.exec(`drop schema public cascade`)
	w.exec(`create schema public`)
	n := inParallel(t, 4, nil, func(int) error {
		db, err := postgres.Open(t.Context(), postgres.Config{URL: url, Pepper: pgtest.Pepper})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.Migrate(t.Context())
	})
	if n != 4 {
		t.Errorf("%d of 4 migrated", n)
	}
	if ok := must(setup.Migrated(t.Context()))(t); !ok {
		t.Error("the schema is not complete")
	}
	if empty := must(setup.Empty(t.Context()))(t); !empty {
		t.Error("a new installation is not empty")
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, url := range []string{"nonsense://user:geheim@host", "postgres:///x?host=/nowhere&password=geheim"} {
		_, err := postgres.Open(t.Context(), postgres.Config{URL: url, Pepper: pgtest.Pepper})
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%v", err)
		}
	}
}

func TestStatementsAreBounded(t *testing.T) {
	w := newWorld(t)
	db := must(postgres.Open(t.Context(), postgres.Config{URL: w.conn.Config().ConnString() + "&statement_timeout=50", Pepper: pgtest.Pepper}))(t)
	defer db.Close()
	w.exec(`begin`)
	w.exec(`lock table programmes`)
	if _, err := db.Empty(t.Context()); err == nil {
		t.Error("a statement waits without end")
	}
	w.exec(`rollback`)
}
