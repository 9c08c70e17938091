package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/storage/postgres"
	"lectern/storage/postgres/pgtest"
)

// world is a database with two programmes that know nothing of each other, on a clock that only the test
// moves. Each has an admin, a presenter, a moderator, an attendee, a course and a question.
type world struct {
	t    testing.TB
	db   *postgres.DB
	conn *pgx.Conn
	url  string

	mu  sync.Mutex
	now time.Time

	ours, theirs programme
}

// programme is one of the two.
type programme struct {
	id                                    lms.ProgrammeID
	course                                lms.CourseID
	batch                                 lms.BatchID
	question                              lms.QuestionID
	admin, presenter, moderator, attendee lms.Actor
	codes                                 []lms.AccessCode
}

var from = netip.MustParseAddr("192.0.2.7")

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	w.url = pgtest.New(t)
	var err error
	if w.db, err = postgres.Open(t.Context(), postgres.Config{URL: w.url, Pepper: pgtest.Pepper, Clock: w.clock, Site: "https://lectern.example"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	w.connect(w.url)
	w.ours, w.theirs = w.programme("ours"), w.programme("theirs")
	return w
}

// connect opens the test's own connection, for looking behind the use cases.
func (w *world) connect(url string) {
	w.t.Helper()
	var err error
	if w.conn, err = pgx.Connect(w.t.Context(), url); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.conn.Close(context.Background()) })
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass moves the clock.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// programme makes one by the use cases themselves.
func (w *world) programme(name string) programme {
	w.t.Helper()
	d := must(w.db.Demo(w.t.Context(), postgres.DemoSpec{Codes: 3}))(w.t)
	p := programme{id: d.Programme, course: d.Course, codes: d.Codes}
	p.admin, p.presenter, p.moderator = w.join(d.Admin), w.join(d.Studio), w.join(d.Console)
	p.attendee = w.join(d.Attend[0])
	view := must(w.db.Programme(w.t.Context(), p.admin, p.id))(w.t)
	p.batch = view.Batches[0].ID
	q := must(w.db.AskQuestion(w.t.Context(), p.attendee, p.course, postgres.NewQuestion{Text: "A question of " + name}))(w.t)
	p.question = q.ID
	return p
}

// join signs somebody in by their personal link.
func (w *world) join(token string) lms.Actor {
	w.t.Helper()
	session, _, err := w.db.RedeemJoinLink(w.t.Context(), token, "", "test")
	if err != nil {
		w.t.Fatal(err)
	}
	return must(w.db.SessionPerson(w.t.Context(), session.Token))(w.t)
}

// otp is the code that is mailed for a challenge, whether or not the mail is really sent.
func (w *world) otp(cookie string) lms.OTP {
	w.t.Helper()
	var id string
	var round int
	err := w.conn.QueryRow(w.t.Context(), `select id, round from challenges where hash = $1`, pgtest.Pepper.Hash(lms.ForChallenge, cookie)).Scan(&id, &round)
	if err != nil {
		w.t.Fatal(err)
	}
	return pgtest.Pepper.OTP(id, round)
}

// wrongOTP is some other code.
func (w *world) wrongOTP(cookie string) lms.OTP {
	if right := w.otp(cookie); right != "123456" {
		return "123456"
	}
	return "654321"
}

// start begins a sign-in.
func (w *world) start(email string, code lms.AccessCode) (cookie string) {
	w.t.Helper()
	c := must(w.db.StartSignIn(w.t.Context(), postgres.StartSignIn{Email: lms.Email(email), Code: code, Remote: from}))(w.t)
	return c.Cookie
}

// signIn goes through both steps.
func (w *world) signIn(email string, code lms.AccessCode) (lms.Actor, error) {
	w.t.Helper()
	cookie := w.start(email, code)
	session, err := w.db.VerifyOTP(w.t.Context(), cookie, w.otp(cookie), from, "test")
	if err != nil {
		return lms.Actor{}, err
	}
	return w.db.SessionPerson(w.t.Context(), session.Token)
}

// number runs a statement that returns one number.
func (w *world) number(sql string, args ...any) int {
	w.t.Helper()
	var n int
	if err := w.conn.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// show lets the audience of a programme see the courses that were added to it, as publishing does.
func (w *world) show(id lms.ProgrammeID) {
	w.t.Helper()
	w.exec(`update programmes set state = 'published', published = greatest(published, 1) where id = $1`, id)
	w.exec(`update courses set published_at = created_at where programme_id = $1 and published_at is null`, id)
}

// exec runs a statement.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.conn.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

// codes makes more codes in our programme.
func (w *world) codes(count, uses int) []lms.AccessCode {
	w.t.Helper()
	_, codes, err := w.db.CreateCodes(w.t.Context(), w.ours.admin, w.ours.id, postgres.NewBatch{Label: "more", Count: count, Uses: uses})
	if err != nil {
		w.t.Fatal(err)
	}
	return codes
}

// must unwraps the answer of a use case that has to succeed.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantKind checks which of lms's errors a use case gave.
func wantKind(t testing.TB, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got %v, want %v", what, err, kind)
	}
}

// inParallel calls do n times at once and counts those that succeed; other errors than the expected one fail
// the test.
func inParallel(t testing.TB, n int, expected error, do func(i int) error) (succeeded int) {
	t.Helper()
	errs := make([]error, n)
	ready := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-ready
			errs[i] = do(i)
		})
	}
	close(ready)
	group.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
			succeeded++
		case !errors.Is(err, expected):
			t.Errorf("number %d: %v", i, err)
		}
	}
	return succeeded
}

func email(i int) string { return fmt.Sprintf("doctor%d@hospital.example", i) }

func hashOf(code lms.AccessCode) []byte { return pgtest.Pepper.Hash(lms.ForAccessCode, string(code)) }

func isInvalid(err error) bool { return errors.Is(err, lms.ErrInvalid) }

// again is the actor with the roles of now.
func (w *world) again(a lms.Actor) lms.Actor {
	w.t.Helper()
	return must(w.signIn(string(a.Email), ""))(w.t)
}
