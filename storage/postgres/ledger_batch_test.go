package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"lectern/lms"
	"lectern/storage/postgres"
)

// TestShutdownEntersWhatWasTaken submits from many at once while the batcher is being stopped: each report is
// either acknowledged and in the ledger, or refused as worth trying again.
func TestShutdownEntersWhatWasTaken(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	l.at(3600)
	var wait sync.WaitGroup
	var taken atomic.Int64
	begun := make(chan struct{}, 200)
	for i := range int64(200) {
		wait.Go(func() {
			begun <- struct{}{}
			_, err := l.db.SubmitReport(context.Background(), ada.Person, l.played(fmt.Sprintf("player-%d", i), 1, i*2, i*2+2, lms.DVR))
			switch {
			case err == nil:
				taken.Add(2)
			case !errors.Is(err, lms.ErrTooMany):
				t.Errorf("report %d: %v", i, err)
			}
		})
	}
	for range 100 {
		<-begun
	}
	l.stopLedger()
	wait.Wait()
	resumed, err := l.db.Resume(t.Context(), ada, l.course, nil)
	if err != nil || resumed.Watched.Len() != taken.Load() {
		t.Errorf("%d s acknowledged, %d s in the ledger, %v", taken.Load(), resumed.Watched.Len(), err)
	}
	if err := report(l, ada.Person, l.played("player-x", 1, 0, 10, lms.DVR)); !errors.Is(err, lms.ErrTooMany) {
		t.Errorf("after the end: %v, want to be told to try again", err)
	}
}

// TestFullQueueRefuses fills the queue of a batcher that does not run.
func TestFullQueueRefuses(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	idle, err := postgres.Open(t.Context(), postgres.Config{URL: l.conn.Config().ConnString(), Clock: l.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(idle.Close)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	r := l.played("player-1", 1, 0, 10, lms.Live)
	for i := range postgres.QueueMax {
		if _, err := idle.SubmitReport(gone, ada.Person, r); !errors.Is(err, context.Canceled) {
			t.Fatalf("report %d: %v, want it to be taken and not waited for", i, err)
		}
	}
	_, err = idle.SubmitReport(t.Context(), ada.Person, r)
	var problem *lms.Problem
	if !errors.Is(err, lms.ErrTooMany) || !errors.As(err, &problem) || problem.Retry == 0 || problem.Message == "" {
		t.Errorf("a full queue does not say when to try again: %v", err)
	}
}

// TestSubmitterGoes: a report whose submitter has gone is entered all the same.
func TestSubmitterGoes(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	l.at(60)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.db.SubmitReport(gone, ada.Person, l.played("player-1", 1, 0, 10, lms.Live)); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if ack := l.submit(ada, l.played("player-1", 2, 10, 20, lms.Live)); ack.WatchedS != 20 {
		t.Errorf("got %+v", ack)
	}
}

// TestFailureIsNotAcknowledged breaks the last table of the statement: the report is refused as worth trying
// again, nothing of it is entered, and trying again works.
func TestFailureIsNotAcknowledged(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	l.at(10)
	r := l.played("player-1", 1, 0, 10, lms.Live)
	l.exec(`alter table watch_budgets add constraint broken check (left_ms = -1) not valid`)
	l.exec(`insert into watch_budgets (person_id, left_ms) values ($1, -1)`, ada.Person)
	if err := report(l, ada.Person, r); !errors.Is(err, lms.ErrTooMany) {
		t.Errorf("got %v, want to be told to try again", err)
	}
	if got := l.watched(ada, lms.Live); got != "{}" {
		t.Errorf("a report that was refused has entered %s", got)
	}
	l.exec(`alter table watch_budgets drop constraint broken`)
	if ack := l.submit(ada, r); ack.WatchedS != 10 {
		t.Errorf("tried again: %+v", ack)
	}
}

// TestPlayersAreForgotten opens the page more often than players are remembered.
func TestPlayersAreForgotten(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	for i := range postgres.PlayersKept + 5 {
		l.at(60 + i)
		l.submit(ada, l.played(fmt.Sprintf("player-%02d", i), 1, 0, 10, lms.Live))
	}
	var kept int
	var oldest string
	l.row(&kept, `select count(*) from players`)
	l.row(&oldest, `select min(player) from players`)
	if kept != postgres.PlayersKept || oldest != "player-05" {
		t.Errorf("%d players are kept from %s on", kept, oldest)
	}
}

// TestTwoNodes enters reports of the same person by two batchers at a time: the budget is spent once.
func TestTwoNodes(t *testing.T) {
	l := newLecture(t)
	ada := l.person("ada")
	second, err := postgres.Open(t.Context(), postgres.Config{URL: l.conn.Config().ConnString(), Clock: l.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- second.RunLedger(ctx) }()
	l.at(100)
	var wait sync.WaitGroup
	for i := range int64(40) {
		db := []*postgres.DB{l.db, second}[i%2]
		wait.Go(func() {
			if _, err := db.SubmitReport(ctx, ada.Person, l.played(fmt.Sprintf("player-%d", i), 1, i*5/2, i*5/2+10, lms.DVR)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	l.at(100)
	resumed, err := l.db.Resume(t.Context(), ada, l.course, nil)
	if err != nil || resumed.Watched.Len() != 100 {
		t.Errorf("watched %d s of 100, %v", resumed.Watched.Len(), err)
	}
	var left int64
	if l.row(&left, `select left_ms from watch_budgets`); left != 50_000 {
		t.Errorf("%d ms are left of a budget of 150 s less 100 s", left)
	}
}

// BenchmarkReports measures how many reports a second are entered, from 2000 players of as many persons.
func BenchmarkReports(b *testing.B) {
	l := newLecture(b)
	l.at(86_400)
	const viewers = 2000
	people := make([]lms.Actor, viewers)
	for i := range people {
		people[i] = l.person(fmt.Sprintf("viewer-%d", i))
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	b.ResetTimer()
	for i := range viewers {
		wait.Go(func() {
			for seq := int64(1); next.Add(1) <= int64(b.N); seq++ {
				at := seq % 8000 * 10
				if _, err := l.db.SubmitReport(context.Background(), people[i].Person, l.played("benchmark", seq, at, at+10, lms.DVR)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reports/s")
}
