package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/loadtest"
	"lectern/storage/postgres"
	"lectern/storage/postgres/private"
)

// ledgerCommand runs the ledger alone: storage/postgres with its batcher on a private PostgreSQL.
const ledgerCommand = "ledger-server"

// onAirFor is how long the lecture has been on air when the reporting begins: long enough that nobody's budget
// of seconds is short.
const onAirFor = 20 * time.Minute

// ledgerLecture is what everybody watches.
type ledgerLecture struct {
	Broadcast string `json:"broadcast"`
	EdgeMS    int64  `json:"edge_ms"`
}

// ledgerPerson is the id of person i.
func ledgerPerson(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", i) }

func serveLedger(ctx context.Context, args []string) (err error) {
	f := flag.NewFlagSet(ledgerCommand, flag.ContinueOnError)
	dir := f.String("dir", "", "")
	n := f.Int("n", 0, "")
	profile := f.String("profile", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *profile != "" {
		to, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer func() { _ = to.Close() }()
		if err := pprof.StartCPUProfile(to); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	server, err := private.Start(ctx, private.Config{Dir: *dir, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	db, err := postgres.Open(ctx, postgres.Config{URL: server.URL(), Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, server.URL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	l := &ledgerServer{db: db, conn: conn}
	if err := l.enrol(ctx, *n); err != nil {
		return fmt.Errorf("enrol %d people: %w", *n, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /lecture", l.lecture)
	mux.HandleFunc("GET /watched", l.watched)
	mux.HandleFunc("GET /reports", l.reports)
	return serveChild(ctx, mux, func(context.Context) error { return nil }, db.Run, func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-server.Done():
			return fmt.Errorf("PostgreSQL has ended: %w", server.Err())
		}
	})
}

type ledgerServer struct {
	db *postgres.DB

	mu   sync.Mutex // of conn
	conn *pgx.Conn  // for looking at the tables themselves
}

// enrol makes a lecture on air and everybody who may watch it, unless an earlier start has.
func (l *ledgerServer) enrol(ctx context.Context, n int) error {
	empty, err := l.db.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	demo, err := l.db.Demo(ctx, postgres.DemoSpec{Codes: 1})
	if err != nil {
		return err
	}
	tx, err := l.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	began := time.Now().Add(-onAirFor)
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{`with lecture as (insert into broadcasts (course_id, started_at) values ($1, $2) returning id)
			insert into broadcast_runs (broadcast_id, number, started_at, timeline_start_ms) select id, 1, $2, 0 from lecture`, []any{demo.Course, began}},
		{`insert into persons (id, email, name, country, created_at)
			select ('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'load-' || i || '@example.org', 'Load ' || i, 'IN', $2
			from generate_series(0, $1::int - 1) i`, []any{n, began}},
		{`insert into enrolments (person_id, programme_id, enrolled_at)
			select ('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, $2, $3 from generate_series(0, $1::int - 1) i`, []any{n, demo.Programme, began}},
	} {
		if _, err := tx.Exec(ctx, statement.sql, statement.args...); err != nil {
			return err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	_, err = l.conn.Exec(ctx, `analyze`)
	return err
}

func (l *ledgerServer) lecture(w http.ResponseWriter, r *http.Request) {
	live, err := l.db.LiveBroadcasts(r.Context())
	if err != nil || len(live) != 1 {
		http.Error(w, fmt.Sprintf("%d lectures are on air: %v", len(live), err), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(ledgerLecture{Broadcast: string(live[0].ID), EdgeMS: live[0].Timeline.Edge(time.Now())})
}

// watched counts the distinct seconds of each person in the table itself.
func (l *ledgerServer) watched(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	watched := make(map[string]int64)
	rows, err := l.conn.Query(r.Context(), `
		select person_id::text, sum(upper(part) - lower(part))
		from (select person_id, range_agg(watched) as seconds from attendance group by person_id) a, unnest(a.seconds) part
		group by person_id`)
	if err == nil {
		var person string
		var seconds int64
		_, err = pgx.ForEachRow(rows, []any{&person, &seconds}, func() error {
			watched[person] = seconds
			return nil
		})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(watched)
}

// reports takes over the connection: a report per line in, an answer per line out.
func (l *ledgerServer) reports(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = conn.Close() }()
	answers := &answerLines{out: bufio.NewWriterSize(conn, 64<<10), more: make(chan struct{}, 1)}
	go answers.flush()
	defer func() {
		answers.working.Wait()
		close(answers.more)
	}()
	in := bufio.NewScanner(buffered)
	for in.Scan() {
		var line loadtest.ReportLine
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			return
		}
		answers.working.Go(func() { answers.write(l.enter(line)) })
	}
}

func (l *ledgerServer) enter(line loadtest.ReportLine) loadtest.AckLine {
	r := line.Report
	report := lms.Report{Player: r.Player, Seq: r.Seq, Broadcast: lms.BroadcastID(r.Broadcast), PositionMS: r.PositionMS, Rate: r.Rate, Muted: r.Muted, Visible: r.Visible}
	for _, span := range r.Spans {
		report.Spans = append(report.Spans, lms.Played{FromMS: span.FromMS, ToMS: span.ToMS, As: lms.Provenance(span.As)})
	}
	answer := loadtest.AckLine{Player: r.Player, Seq: r.Seq}
	ack, err := l.db.SubmitReport(context.Background(), lms.PersonID(line.Person), report)
	switch {
	case err == nil && ack.RefusedS == 0:
		answer.OK = true
	case err == nil:
		answer.Error = fmt.Sprintf("%d seconds do not count", ack.RefusedS)
	case errors.Is(err, lms.ErrInvalid), errors.Is(err, lms.ErrNotFound):
		answer.Error = err.Error()
	default:
		answer.Again = true
	}
	return answer
}

// answerLines writes answers as they come, those of one commit together.
type answerLines struct {
	working sync.WaitGroup
	more    chan struct{} // size 1

	mu  sync.Mutex
	out *bufio.Writer
}

func (a *answerLines) write(answer loadtest.AckLine) {
	text, err := json.Marshal(answer)
	if err != nil {
		return
	}
	a.mu.Lock()
	_, _ = a.out.Write(append(text, '\n'))
	a.mu.Unlock()
	select {
	case a.more <- struct{}{}:
	default:
	}
}

// flush sends what is written until more is closed.
func (a *answerLines) flush() {
	for range a.more {
		a.mu.Lock()
		_ = a.out.Flush()
		a.mu.Unlock()
	}
}
