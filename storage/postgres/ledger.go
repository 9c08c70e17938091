package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"lectern/lms"
)

// The batcher's limits. At 52,000 attendees who report every 10 s, 5,200 reports come in a second and 520
// are pending after batchEvery.
const (
	batchEvery = 100 * time.Millisecond
	batchMax   = 2000 // reports in one transaction
	// queueMax is how many reports may wait: 1.5 s of the largest audience. When it is full, SubmitReport
	// refuses at once with lms.ErrTooMany, and the player, which keeps what is not acknowledged, tries again.
	queueMax = 8192
	// batchTime is what one transaction may take, and also what is left for the last one at shutdown.
	batchTime = 10 * time.Second
)

// Ack says what became of a report. It is given after the commit only.
type Ack struct {
	Player     string
	Seq        int64
	WatchedS   int64   // distinct seconds that count, of all reports so far
	Share      float64 // of the seconds that count now, from 0 to 1
	PositionMS *int64  // where the person would continue; nil before 10 s of continuous play
	RefusedS   int64   // of this report: ahead of the edge, outside the recording or over the budget
}

var errBusy = &lms.Problem{
	Kind: lms.ErrTooMany, Retry: time.Second,
	Message: "What you watched could not be recorded just now. The player tries again by itself.",
}

// submitted is a report on its way. The batcher answers exactly once; answer has room for it, so that nobody
// waits for a submitter who has gone.
type submitted struct {
	person lms.PersonID
	report lms.Report
	answer chan outcome
}

type outcome struct {
	ack Ack
	err error
}

// ledger collects watch reports and enters them many at a time, because a commit costs the same for one and
// for a thousand.
type ledger struct {
	db    *DB
	log   *slog.Logger
	queue chan submitted // size queueMax

	memory *memory

	mu     sync.RWMutex // held for reading while sending to queue
	closed bool         // nothing is taken in any more
}

func newLedger(db *DB) *ledger {
	return &ledger{db: db, log: db.log, queue: make(chan submitted, queueMax), memory: newMemory()}
}

// SubmitReport enters a watch report of the person into the ledger and returns after the commit. The same
// report may be submitted again. Errors: lms.ErrInvalid for a report that no player sends; lms.ErrNotFound
// when there is no such broadcast or it is not the person's to watch; lms.ErrTooMany when the ledger cannot
// keep up or is shutting down, so that it is worth trying again. When ctx ends first, the report may or may
// not have been entered.
func (db *DB) SubmitReport(ctx context.Context, person lms.PersonID, report lms.Report) (Ack, error) {
	if err := report.Validate(); err != nil {
		return Ack{}, err
	}
	s := submitted{person: person, report: report, answer: make(chan outcome, 1)}
	if !db.ledger.take(s) {
		return Ack{}, errBusy
	}
	select {
	case out := <-s.answer:
		return out.ack, out.err
	case <-ctx.Done():
		return Ack{}, fmt.Errorf("submit report: %w", ctx.Err())
	}
}

// take queues a report, or reports false when the queue is full or closed.
func (l *ledger) take(s submitted) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return false
	}
	select {
	case l.queue <- s:
		return true
	default:
		return false
	}
}

// run enters reports until ctx ends, and then those that are waiting.
func (l *ledger) run(ctx context.Context) error {
	for {
		batch := l.collect(ctx)
		if ctx.Err() != nil {
			l.shut(batch)
			return nil
		}
		l.enter(ctx, batch)
	}
}

// collect waits for a report and then for batchEvery, or until the batch is full.
func (l *ledger) collect(ctx context.Context) []submitted {
	var batch []submitted
	select {
	case s := <-l.queue:
		batch = append(batch, s)
	case <-ctx.Done():
		return nil
	}
	timer := time.NewTimer(batchEvery)
	defer timer.Stop()
	for len(batch) < batchMax {
		select {
		case s := <-l.queue:
			batch = append(batch, s)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// shut refuses new reports and enters those that were taken.
func (l *ledger) shut(batch []submitted) {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), batchTime)
	defer cancel()
	for {
		for len(batch) < batchMax && len(l.queue) > 0 {
			batch = append(batch, <-l.queue)
		}
		if len(batch) == 0 {
			return
		}
		l.enter(ctx, batch)
		batch = nil
	}
}

// enter runs one transaction for the batch and answers everybody in it.
func (l *ledger) enter(ctx context.Context, batch []submitted) {
	// A shutdown lets the transaction that has begun finish.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchTime)
	defer cancel()
	outcomes, err := l.enterReports(ctx, batch)
	if err != nil {
		l.log.Error("watch reports not entered", "reports", len(batch), "err", err)
		busy := fmt.Errorf("enter report: %w", errors.Join(errBusy, err))
		for _, s := range batch {
			s.answer <- outcome{err: busy}
		}
		return
	}
	for i, s := range batch {
		s.answer <- outcomes[i]
	}
}
