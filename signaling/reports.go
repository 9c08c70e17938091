package signaling

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// The bounds of reports.
const (
	reportsWaiting = 8                // of one client, with the one under way; one more is answered "busy"
	reportWait     = 10 * time.Second // longest time to commit one
)

// reportQueue holds the reports of a client until they are committed, one after the other, so that the
// ledger receives them in the order of playing. A goroutine works on it while it is not empty. What is in
// here when the socket ends is committed all the same.
type reportQueue struct {
	mu      sync.Mutex
	waiting []arrived
	working bool
}

type arrived struct {
	report *protocol.Report
	at     time.Time
}

// takeReport queues a report for the ledger. The acknowledgement comes when it is committed.
func (c *client) takeReport(r *protocol.Report) {
	start, ok := c.reports.push(arrived{r, time.Now()})
	if !ok {
		c.tell(&protocol.Error{
			Code: protocol.CodeBusy, Player: r.Player, Seq: r.Seq,
			Message: "Too many reports under way. Send this one again when others are acknowledged.",
		})
	}
	if start {
		c.hub.reports.Go(c.commitReports)
	}
}

// push refuses when the queue is full, and says whether somebody has to start working on it.
func (q *reportQueue) push(a arrived) (start, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= reportsWaiting {
		return false, false
	}
	q.waiting = append(q.waiting, a)
	start, q.working = !q.working, true
	return start, true
}

// first returns the oldest report and leaves it in its place, so that it counts until it is done. When
// there is none, the work has ended.
func (q *reportQueue) first() (a arrived, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting, q.working = nil, false
		return arrived{}, false
	}
	return q.waiting[0], true
}

func (q *reportQueue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = q.waiting[1:]
}

// commitReports hands over what is queued and answers each report. The client may be gone by then; its
// outbox then takes nothing.
func (c *client) commitReports() {
	for {
		a, ok := c.reports.first()
		if !ok {
			return
		}
		c.commit(a)
		c.reports.done()
	}
}

func (c *client) commit(a arrived) {
	h, r := c.hub, a.report
	outcome := "failed"
	defer func() { h.metrics.reports.WithLabelValues(outcome).Observe(time.Since(a.at).Seconds()) }()
	defer h.rescue("report", func() {
		c.tell(&protocol.Error{Code: protocol.CodeRefused, Message: "This report could not be read.", Player: r.Player, Seq: r.Seq})
	})

	ctx, cancel := context.WithTimeout(h.reportCtx, reportWait)
	defer cancel()
	ack, err := h.cfg.Reports.SubmitReport(ctx, c.id.Person, r)
	if err == nil {
		outcome = "committed"
		c.tell(ack)
		return
	}
	e := asError(err)
	e.Player, e.Seq = r.Player, r.Seq
	if e.Code == protocol.CodeUnavailable {
		h.complain.Do(func() { h.cfg.Log.Error("watch report not committed", "err", err) })
	} else {
		outcome = "refused"
	}
	c.tell(e)
}

// codes is the one table from errors to the codes of the socket. What is not in it is a fault of ours, and
// worth another try.
var codes = []struct {
	is   error
	code string
}{
	{protocol.ErrMalformed, protocol.CodeMalformed},
	{protocol.ErrUnknownType, protocol.CodeUnknownType},
	{protocol.ErrInvalid, protocol.CodeInvalid},
	{lms.ErrInvalid, protocol.CodeRefused},
	{lms.ErrNotFound, protocol.CodeRefused},
	{lms.ErrForbidden, protocol.CodeRefused},
	{lms.ErrConflict, protocol.CodeRefused},
	{lms.ErrExpired, protocol.CodeRefused},
	{lms.ErrTooMany, protocol.CodeUnavailable},
}

// asError is what a client is told of an error: the rule it broke, never the inside of ours.
func asError(err error) *protocol.Error {
	e := &protocol.Error{Code: protocol.CodeUnavailable, Message: "This cannot be saved at the moment. Try again."}
	for _, row := range codes {
		if errors.Is(err, row.is) {
			e.Code = row.code
			break
		}
	}
	var p *lms.Problem
	switch {
	case errors.As(err, &p):
		e.Message = p.Message
	case e.Code == protocol.CodeRefused:
		e.Message = "This report does not belong to a lecture of yours."
	case e.Code != protocol.CodeUnavailable:
		e.Message = err.Error()
	}
	if len(e.Message) > protocol.MaxMessage {
		e.Message = strings.ToValidUTF8(e.Message[:protocol.MaxMessage], "")
	}
	return e
}
