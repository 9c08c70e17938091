package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/storage/postgres"
	"lectern/storage/postgres/pgtest"
)

// lecture is a course on air since 12:00 with people who may watch it, on a clock that only the test moves.
type lecture struct {
	t         testing.TB
	db        *postgres.DB
	conn      *pgx.Conn
	programme lms.ProgrammeID
	course    lms.CourseID
	broadcast lms.BroadcastID
	admin     lms.Actor

	mu  sync.Mutex
	now time.Time

	stop  context.CancelFunc // ends the batcher
	ended chan error
}

func newLecture(t testing.TB) *lecture {
	t.Helper()
	l := &lecture{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), ended: make(chan error, 1)}
	url := pgtest.New(t)
	var err error
	if l.db, err = postgres.Open(t.Context(), postgres.Config{URL: url, Pepper: pgtest.Pepper, Clock: l.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.db.Close)
	if l.conn, err = pgx.Connect(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.conn.Close(context.Background()) })
	l.row(&l.programme, `insert into programmes (title, zone, created_at, state) values ('Fertility 2026', 'Asia/Kolkata', $1, 'published') returning id`, l.now)
	l.row(&l.course, `
		insert into courses (programme_id, number, title, local_start, zone, starts_at, tzdb, minutes, created_at, scheduled_at, published_at)
		values ($1, 1, 'Ovarian reserve', '2026-11-22 17:30', 'Asia/Kolkata', $2, '2026a', 60, $2, $2, $2) returning id`, l.programme, l.now)
	l.row(&l.broadcast, `insert into broadcasts (course_id, started_at) values ($1, $2) returning id`, l.course, l.now)
	l.exec(`insert into broadcast_runs (broadcast_id, number, started_at, timeline_start_ms) values ($1, 1, $2, 0)`, l.broadcast, l.now)
	l.admin = lms.Actor{Roles: []lms.RoleGrant{{Role: lms.Admin, Programme: l.programme}}}
	l.startLedger()
	return l
}

// startLedger runs the batcher until the test ends or stopLedger.
func (l *lecture) startLedger() {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() { l.ended <- l.db.RunLedger(ctx) }()
	l.t.Cleanup(l.stopLedger)
}

func (l *lecture) stopLedger() {
	if l.stop == nil {
		return
	}
	l.stop()
	l.stop = nil
	if err := <-l.ended; err != nil {
		l.t.Errorf("the batcher ended with %v", err)
	}
}

func (l *lecture) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// at moves the clock to so many seconds after the lecture went on air.
func (l *lecture) at(seconds int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = time.Date(2026, 11, 22, 12, 0, seconds, 0, time.UTC)
}

func (l *lecture) exec(sql string, args ...any) {
	l.t.Helper()
	if _, err := l.conn.Exec(context.Background(), sql, args...); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lecture) row(into any, sql string, args ...any) {
	l.t.Helper()
	if err := l.conn.QueryRow(context.Background(), sql, args...).Scan(into); err != nil {
		l.t.Fatal(err)
	}
}

// person makes an enrolled attendee.
func (l *lecture) person(name string) lms.Actor {
	l.t.Helper()
	a := lms.Actor{Name: name, Roles: []lms.RoleGrant{{Role: lms.Attendee, Programme: l.programme}}}
	l.row(&a.Person, `insert into persons (email, name, country, created_at) values ($1, $2, 'IN', $3) returning id`,
		strings.ToLower(name)+"@example.org", name, l.clock())
	l.exec(`insert into enrolments (person_id, programme_id, enrolled_at) values ($1, $2, $3)`, a.Person, l.programme, l.clock())
	return a
}

// played makes a report of one span in seconds.
func (l *lecture) played(player string, seq int64, from, to int64, as lms.Provenance) lms.Report {
	return lms.Report{
		Player: player, Seq: seq, Broadcast: l.broadcast, Rate: 1, Visible: true, PositionMS: to * 1000,
		Spans: []lms.Played{{FromMS: from * 1000, ToMS: to * 1000, As: as}},
	}
}

// submit enters a report and fails the test when it is refused.
func (l *lecture) submit(a lms.Actor, r lms.Report) postgres.Ack {
	l.t.Helper()
	ack, err := l.db.SubmitReport(context.Background(), a.Person, r)
	if err != nil {
		l.t.Fatalf("report %d of %s: %v", r.Seq, r.Player, err)
	}
	return ack
}

// end ends the lecture now, with its recording.
func (l *lecture) end(pieces ...lms.Piece) {
	l.t.Helper()
	now := l.clock()
	l.exec(`update broadcast_runs set ended_at = $2 where broadcast_id = $1`, l.broadcast, now)
	l.exec(`update broadcasts set ended_at = $2, length_ms = extract(epoch from $2 - started_at) * 1000 where id = $1`, l.broadcast, now)
	l.exec(`insert into recordings (broadcast_id, length_ms, finished_at) values ($1, 0, $2)`, l.broadcast, now)
	for _, p := range pieces {
		l.exec(`insert into recording_edits (broadcast_id, timeline_ms, recording_ms, length_ms) values ($1, $2, $3, $4)`,
			l.broadcast, p.TimelineMS, p.RecordingMS, p.LengthMS)
	}
}

func (l *lecture) watched(a lms.Actor, as lms.Provenance) string {
	l.t.Helper()
	var text string
	l.row(&text, `select coalesce(range_agg(watched)::text, '{}') from attendance
		where person_id = $1 and broadcast_id = $2 and provenance = $3`, a.Person, l.broadcast, as)
	return text
}

// TestLeaveAt40PercentAndResume is the promise of the product: somebody watches live from 0:00 to 4:00 of
// ten minutes, in reports of 10 s, and the replay starts at 3:55.
func TestLeaveAt40PercentAndResume(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	for i := int64(1); i <= 24; i++ {
		l.at(int(i) * 10)
		ack := l.submit(ada, l.played("player-of-ada", i, i*10-10, i*10, lms.Live))
		if ack.Seq != i || ack.WatchedS != i*10 || ack.Share != 1 || ack.RefusedS != 0 {
			t.Fatalf("after report %d: %+v", i, ack)
		}
	}
	l.at(300)
	live, err := l.db.Resume(t.Context(), ada, l.course, nil)
	if err != nil || live.Mode != lms.ModeLive || live.StartMS != 300_000 || live.ContinueMS == nil || *live.ContinueMS != 235_000 {
		t.Errorf("while live: %+v, %v", live, err)
	}
	l.at(600)
	l.end(lms.Piece{LengthMS: 600_000})
	l.at(3600)
	replay, err := l.db.Resume(t.Context(), ada, l.course, nil)
	if err != nil || replay.Mode != lms.ModeReplay || replay.Reason != lms.AtContinue || replay.StartMS != 235_000 {
		t.Errorf("replay: %+v, %v", replay, err)
	}
	if got := fmt.Sprint(replay.Watched, replay.Gaps, replay.Countable); got != "{[0,240)} {[240,600)} {[0,600)}" {
		t.Errorf("watched, missing, countable: %s", got)
	}
	// Watching the same part again counts once; going on counts further.
	l.submit(ada, l.played("replay-of-ada", 1, 235, 245, lms.Replay))
	if ack := l.submit(ada, l.played("replay-of-ada", 2, 245, 255, lms.Replay)); ack.WatchedS != 255 || ack.Share != 0.425 || *ack.PositionMS != 255_000 {
		t.Errorf("after the replay: %+v", ack)
	}
	if got := l.watched(ada, lms.Live) + l.watched(ada, lms.Replay); got != "{[0,240)}{[235,255)}" {
		t.Errorf("the ledger holds %s", got)
	}
	link := int64(60_000)
	if at, err := l.db.Resume(t.Context(), ada, l.course, &link); err != nil || at.StartMS != 60_000 || at.Reason != lms.AtLink {
		t.Errorf("by a link: %+v, %v", at, err)
	}
}

// TestReportTwice sends everything twice, and the older report again after the newer.
func TestReportTwice(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	l.at(20)
	first, second := l.played("player-1", 1, 0, 10, lms.Live), l.played("player-1", 2, 10, 20, lms.Live)
	var ack postgres.Ack
	for _, r := range []lms.Report{first, first, second, first, second} {
		ack = l.submit(ada, r)
	}
	if ack.WatchedS != 20 || *ack.PositionMS != 20_000 || ack.RefusedS != 0 {
		t.Errorf("got %+v", ack)
	}
	var budget int64
	if l.row(&budget, `select left_ms from watch_budgets where person_id = $1`, ada.Person); budget != 10_000 {
		t.Errorf("20 s of play in 20 s leave a budget of %d ms, want 10000: a repetition must cost nothing", budget)
	}
}

// TestThreeTabsEarnNoMoreThanOne lets one person claim three parts of the lecture at a time.
func TestThreeTabsEarnNoMoreThanOne(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	l.at(600)
	l.submit(ada, l.played("tab-zero", 1, 0, 600, lms.DVR)) // spends what had grown
	var wait sync.WaitGroup
	l.at(3600)
	l.submit(ada, l.played("tab-zero", 2, 600, 1200, lms.DVR))
	l.at(3660)
	for tab := range int64(3) {
		wait.Go(func() {
			l.submit(ada, l.played(fmt.Sprintf("tab-%d-of-ada", tab), 1, 1200+600*tab, 1260+600*tab, lms.DVR))
		})
	}
	wait.Wait()
	resumed, err := l.db.Resume(t.Context(), ada, l.course, nil)
	// 1200 s were there; a minute at 1.5 times and 5 s of slack are 95 more.
	if err != nil || resumed.Watched.Len() != 1295 {
		t.Errorf("watched %d s, want 1295; %v", resumed.Watched.Len(), err)
	}
	var held string
	l.row(&held, `select seconds::text from attendance_withheld where person_id = $1 and reason = 'held'`, ada.Person)
	if spans, err := lms.ParseSpans(held); err != nil || spans.Len() != 85 {
		t.Errorf("held back: %s, want 85 s", held)
	}
	var refused int64
	if l.row(&refused, `select refused_s from playheads where person_id = $1`, ada.Person); refused != 85 {
		t.Errorf("refused %d s, want 85", refused)
	}
}

// TestTooFastIsStoredAndDoesNotCount plays at double speed.
func TestTooFastIsStoredAndDoesNotCount(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	l.at(100)
	r := l.played("player-1", 1, 0, 20, lms.DVR)
	r.Rate = 2
	if ack := l.submit(ada, r); ack.WatchedS != 0 || *ack.PositionMS != 20_000 {
		t.Errorf("got %+v", ack)
	}
	var fast string
	if l.row(&fast, `select seconds::text from attendance_withheld where reason = 'too_fast'`); fast != "{[0,20)}" {
		t.Errorf("too fast: %s", fast)
	}
}

// TestReportScope: nobody reports on what is not theirs to watch, and it looks like nothing at all.
func TestReportScope(t *testing.T) {
	l, other := newLecture(t), newLecture(t)
	ada := l.person("ada")
	l.at(60)
	stranger := lms.PersonID("00000000-0000-4000-8000-000000000000")
	unknown := l.played("player-1", 1, 0, 10, lms.Live)
	unknown.Broadcast = "00000000-0000-4000-8000-000000000001"
	var elsewhere lms.ProgrammeID
	l.row(&elsewhere, `insert into programmes (title, zone, created_at) values ('Another', 'UTC', $1) returning id`, l.now)
	var outsider lms.PersonID
	l.row(&outsider, `insert into persons (email, created_at) values ('eve@example.org', $1) returning id`, l.now)
	l.exec(`insert into enrolments (person_id, programme_id, enrolled_at) values ($1, $2, $3)`, outsider, elsewhere, l.now)
	l.exec(`insert into role_grants (person_id, programme_id, role, granted_at) values ($1, $2, 'admin', $3)`, outsider, elsewhere, l.now)
	for name, try := range map[string]func() error{
		"unknown person":    func() error { return report(l, stranger, l.played("player-1", 1, 0, 10, lms.Live)) },
		"unknown broadcast": func() error { return report(l, ada.Person, unknown) },
		"other programme":   func() error { return report(l, outsider, l.played("player-1", 1, 0, 10, lms.Live)) },
		"other database":    func() error { return report(l, ada.Person, other.played("player-1", 1, 0, 10, lms.Live)) },
	} {
		if err := try(); !errors.Is(err, lms.ErrNotFound) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	bad := l.played("player-1", 1, 0, 10, lms.Live)
	bad.Rate = -1
	if err := report(l, ada.Person, bad); !errors.Is(err, lms.ErrInvalid) {
		t.Errorf("an impossible report: %v", err)
	}
	var rows int
	if l.row(&rows, `select count(*) from attendance`); rows != 0 {
		t.Errorf("%d rows were written", rows)
	}
	// A presenter of this course alone may watch it.
	l.exec(`insert into role_grants (person_id, programme_id, course_id, role, granted_at) values ($1, $2, $3, 'presenter', $4)`,
		outsider, l.programme, l.course, l.now)
	if err := report(l, outsider, l.played("player-1", 1, 0, 10, lms.Live)); err != nil {
		t.Errorf("a presenter of the course: %v", err)
	}
	for name, actor := range map[string]lms.Actor{
		"nobody":          {},
		"other programme": {Person: outsider, Roles: []lms.RoleGrant{{Role: lms.Admin, Programme: elsewhere}}},
	} {
		if _, err := l.db.Resume(t.Context(), actor, l.course, nil); !errors.Is(err, lms.ErrNotFound) {
			t.Errorf("%s resumes: %v", name, err)
		}
		if _, err := l.db.Analytics(t.Context(), actor, l.course); !errors.Is(err, lms.ErrNotFound) {
			t.Errorf("%s sees figures: %v", name, err)
		}
	}
	if _, err := l.db.Analytics(t.Context(), ada, l.course); !errors.Is(err, lms.ErrForbidden) {
		t.Errorf("an attendee sees figures: %v", err)
	}
}

func report(l *lecture, person lms.PersonID, r lms.Report) error {
	_, err := l.db.SubmitReport(context.Background(), person, r)
	return err
}
