package postgres_test

import (
	"context"
	"errors"
	"testing"

	"lectern/lms"
	"lectern/storage/postgres"
)

// TestAnotherNodeKnowsBetter lets two nodes take the reports of one person in turn: each finds what it remembers
// out of date, and both go on from what the other has written.
func TestAnotherNodeKnowsBetter(t *testing.T) {
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
	nodes := []*postgres.DB{l.db, second}
	for i := range int64(8) {
		ack, err := nodes[i%2].SubmitReport(ctx, ada.Person, l.played("player-1", i+1, i*10, i*10+10, lms.DVR))
		if err != nil || ack.WatchedS != (i+1)*10 || ack.PositionMS == nil || *ack.PositionMS != (i+1)*10_000 {
			t.Fatalf("report %d by node %d: %+v, %v", i, i%2, ack, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	var left, version int64
	l.row(&left, `select left_ms from watch_budgets`)
	l.row(&version, `select version from watch_budgets`)
	if left != 70_000 || version != 8 {
		t.Errorf("%d ms are left of a budget of 150 s less 80 s, at version %d of 8", left, version)
	}
}

// TestTurnedAway: who is remembered but may not watch any more is unknown at the next report.
func TestTurnedAway(t *testing.T) {
	l := newLecture(t)
	ada, bela := l.person("ada"), l.person("bela")
	l.at(60)
	for _, a := range []lms.Actor{ada, bela} {
		l.submit(a, l.played("player-1", 1, 0, 10, lms.Live))
	}
	l.exec(`delete from enrolments where person_id = $1`, ada.Person)
	l.exec(`delete from persons where id = $1`, bela.Person)
	for _, a := range []lms.Actor{ada, bela} {
		if err := report(l, a.Person, l.played("player-1", 2, 10, 20, lms.Live)); !errors.Is(err, lms.ErrNotFound) {
			t.Errorf("%s: %v, want %v", a.Name, err, lms.ErrNotFound)
		}
	}
	if got := l.watched(ada, lms.Live); got != "{[0,10)}" {
		t.Errorf("watched %s", got)
	}
}
