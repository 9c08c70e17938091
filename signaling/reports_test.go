package signaling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// TestReportIsAcknowledgedAfterItsCommit holds the order of things: no acknowledgement before the ledger
// has answered, one report after the other, each under the name of the ticket's person.
func TestReportIsAcknowledgedAfterItsCommit(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		commit := make(chan struct{})
		w.ledger.before = func(context.Context, *protocol.Report) error { <-commit; return nil }
		p := w.enter(attending("dr-a"))
		for seq := range int64(5) {
			p.say(report(seq + 1))
		}
		synctest.Wait()
		if got := p.received(); len(got) != 0 {
			t.Fatalf("told %+v before the commit", got)
		}
		for seq := int64(1); seq <= 5; seq++ {
			commit <- struct{}{}
			synctest.Wait()
			got := receivedOf[*protocol.Ack](p)
			if len(got) != 1 || got[0].Seq != seq || got[0].Player != "player-1" {
				t.Fatalf("after commit %d: %+v", seq, got)
			}
		}
		if got := w.ledger.seqs(); !slices.Equal(got, []int64{1, 2, 3, 4, 5}) || w.ledger.persons[4] != "dr-a" {
			t.Errorf("the ledger has %v of %v", got, w.ledger.persons)
		}
	})
}

func TestTooManyReportsUnderWay(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		commit := make(chan struct{})
		w.ledger.before = func(context.Context, *protocol.Report) error { <-commit; return nil }
		p := w.enter(attending("dr-a"))
		for seq := range int64(reportsWaiting + 2) {
			p.say(report(seq + 1))
		}
		synctest.Wait()
		got := receivedOf[*protocol.Error](p)
		if len(got) != 2 || got[0].Code != protocol.CodeBusy || got[0].Seq != reportsWaiting+1 || got[0].Player != "player-1" {
			t.Errorf("got %+v", got)
		}
		close(commit)
		synctest.Wait()
		p.say(report(reportsWaiting + 1))
		synctest.Wait()
		if n := len(receivedOf[*protocol.Ack](p)); n != reportsWaiting+1 {
			t.Errorf("%d acknowledged", n)
		}
	})
}

// TestReportErrors holds which errors a client may try again, and that ours stay with us.
func TestReportErrors(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("submit report of dr-a: %w", err) }
	for name, row := range map[string]struct {
		err     error
		code    string
		message string
	}{
		"a rule":           {wrap(&lms.Problem{Kind: lms.ErrInvalid, Message: "This was never played."}), protocol.CodeRefused, "This was never played."},
		"another's course": {wrap(lms.ErrNotFound), protocol.CodeRefused, "This report does not belong to a lecture of yours."},
		"not allowed":      {wrap(lms.ErrForbidden), protocol.CodeRefused, "This report does not belong to a lecture of yours."},
		"too many":         {wrap(&lms.Problem{Kind: lms.ErrTooMany, Message: "Later."}), protocol.CodeUnavailable, "Later."},
		"database away":    {wrap(errors.New("dial tcp 10.0.0.7:5432")), protocol.CodeUnavailable, "This cannot be saved at the moment. Try again."},
		"too long":         {wrap(&lms.Problem{Kind: lms.ErrInvalid, Message: strings.Repeat("é", 400)}), protocol.CodeRefused, strings.Repeat("é", 250)},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.ledger.before = func(context.Context, *protocol.Report) error { return row.err }
				p := w.enter(attending("dr-a"))
				p.say(report(7))
				synctest.Wait()
				got := receivedOf[*protocol.Error](p)
				if len(got) != 1 || *got[0] != (protocol.Error{Code: row.code, Message: row.message, Player: "player-1", Seq: 7}) {
					t.Errorf("got %+v", got)
				}
			})
		})
	}
}

// TestSlowLedger holds that a commit gets ten seconds and then the client may try again.
func TestSlowLedger(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ledger.before = func(ctx context.Context, _ *protocol.Report) error { <-ctx.Done(); return ctx.Err() }
		p := w.enter(attending("dr-a"))
		p.say(report(1))
		time.Sleep(reportWait)
		synctest.Wait()
		if got := receivedOf[*protocol.Error](p); len(got) != 1 || got[0].Code != protocol.CodeUnavailable {
			t.Errorf("got %+v", got)
		}
	})
}

// TestReportOutlivesItsSocket holds that closing the page does not lose what had arrived.
func TestReportOutlivesItsSocket(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		commit := make(chan struct{})
		w.ledger.before = func(context.Context, *protocol.Report) error { <-commit; return nil }
		p := w.enter(attending("dr-a"))
		p.say(report(1))
		p.say(report(2))
		p.leave()
		close(commit)
		synctest.Wait()
		if got := w.ledger.seqs(); !slices.Equal(got, []int64{1, 2}) {
			t.Errorf("the ledger has %v", got)
		}
	})
}

// TestPanicStaysWithItsReport holds that a fault of ours costs one report, is counted, and harms nobody else.
func TestPanicStaysWithItsReport(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ledger.before = func(_ context.Context, r *protocol.Report) error {
			if r.Seq == 1 {
				panic("fault")
			}
			return nil
		}
		p := w.enter(attending("dr-a"))
		p.say(report(1))
		p.say(report(2))
		synctest.Wait()
		if got := p.received(); len(got) != 2 || protocol.Type(got[0]) != "error" || protocol.Type(got[1]) != "ack" {
			t.Errorf("got %+v", got)
		}
		if n := w.figure("lectern_socket_panics_total"); n != 1 {
			t.Errorf("%v panics counted", n)
		}
	})
}
