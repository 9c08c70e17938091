package loadtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"lectern/signaling/protocol"
)

// Reporting reports for many people that they watch a lecture, each once a period of People/Rate seconds, on a
// schedule that does not wait for answers. What is not acknowledged is sent again until it is, as a player does, so
// at the end the ledger must hold exactly what was acknowledged.
type Reporting struct {
	// Dial opens a connection that takes a ReportLine per line and answers each with an AckLine. It is called
	// again when one breaks.
	Dial func(ctx context.Context) (net.Conn, error)

	Broadcast string
	EdgeMS    int64                                               // of the session timeline when Run is called
	Person    func(i int) string                                  // id of person i, from 0
	Watched   func(ctx context.Context) (map[string]int64, error) // distinct seconds of each person, when all is acknowledged

	// Processes names the server's process and the database's first one; nil measures no CPU.
	Processes func() (server, database int)

	People   int
	Rate     float64 // reports a second, of all
	Duration time.Duration
	Lines    int // connections; 0 is 8
}

// ReportLine is one report on its way.
type ReportLine struct {
	Person string          `json:"person"`
	Report protocol.Report `json:"report"`
}

// AckLine is what became of one: acknowledged, to be sent again, or neither, which is an error for good.
type AckLine struct {
	Player string `json:"player"`
	Seq    int64  `json:"seq"`
	OK     bool   `json:"ok,omitempty"`
	Again  bool   `json:"again,omitempty"`
	Error  string `json:"error,omitempty"`
}

// ReportingResult is what came out.
type ReportingResult struct {
	N       int   `json:"n"`
	Sent    int64 `json:"sent"` // distinct reports
	Acked   int64 `json:"acked"`
	Refused int64 `json:"refused"`
	Lost    int64 `json:"lost"`    // acknowledged, but not in the ledger
	Doubled int64 `json:"doubled"` // in the ledger beyond what was reported
	Again   int64 `json:"again"`   // sent once more, because a connection broke or the server was busy

	AckP50 float64 `json:"ack_p50_ms"` // from when a report was due to its acknowledgement
	AckP99 float64 `json:"ack_p99_ms"`

	PerSecond     float64 `json:"per_second"`
	DatabaseCPU   float64 `json:"pg_cpu_ms_per_1000,omitempty"`  // of 1,000 reports
	ServerCPU     float64 `json:"app_cpu_ms_per_1000,omitempty"` // of 1,000 reports
	WatchedS      int64   `json:"watched_s"`                     // sum over all people
	Kills         int     `json:"kills,omitempty"`
	LongestDownMS int64   `json:"longest_down_ms,omitempty"`
}

// The pace of Reporting.
const (
	reportTick  = 5 * time.Millisecond
	reportLines = 8
	redialAfter = 50 * time.Millisecond
	againAfter  = 200 * time.Millisecond
	drainWait   = 60 * time.Second // longest time for what is not acknowledged when the schedule ends
)

// Run takes Duration and as long as the last acknowledgements take.
func (w Reporting) Run(ctx context.Context) (ReportingResult, error) {
	if w.Lines == 0 {
		w.Lines = reportLines
	}
	seconds := int64(float64(w.People) / w.Rate)
	if seconds < 1 {
		return ReportingResult{}, errors.New("everybody reports at most once a second: give more people or a lower rate")
	}
	run := &reportingRun{Reporting: w, began: time.Now(), spanS: seconds, acked: make([]int64, w.People)}
	before, err := run.cpu()
	if err != nil {
		return ReportingResult{}, err
	}
	lines, stop := context.WithCancel(ctx)
	defer stop()
	run.lines = make([]*reportLine, w.Lines)
	var wait sync.WaitGroup
	for i := range run.lines {
		run.lines[i] = &reportLine{run: run, pending: make(map[int64]time.Time), wake: make(chan struct{}, 1)}
		wait.Go(func() { run.lines[i].keep(lines) })
	}
	sent := run.send(ctx)
	drained := run.drain(ctx, sent)
	stop()
	wait.Wait()
	if ctx.Err() != nil {
		return ReportingResult{}, ctx.Err()
	}
	after, err := run.cpu()
	if err != nil {
		return ReportingResult{}, err
	}
	result, err := run.result(ctx, sent)
	if err != nil {
		return result, err
	}
	if before.same(after) {
		perThousand := float64(result.Acked) / 1000
		result.ServerCPU = float64((after.server - before.server).Milliseconds()) / perThousand
		result.DatabaseCPU = float64((after.database - before.database).Milliseconds()) / perThousand
	}
	if !drained {
		return result, fmt.Errorf("%d reports were not answered within %v", sent-result.Acked-result.Refused, drainWait)
	}
	return result, nil
}

// reportingRun is one run. A report is a number: r is the report of person r%People for the period r/People.
type reportingRun struct {
	Reporting
	began time.Time
	spanS int64 // seconds in one report
	lines []*reportLine

	mu      sync.Mutex
	delays  histogram
	acked   []int64 // reports of each person
	answers int64   // of both kinds
	refused int64
	again   int64
	why     string // of the first refusal
	ended   time.Time
}

func (run *reportingRun) due(r int64) time.Time {
	return run.began.Add(time.Duration(float64(r) / run.Rate * float64(time.Second)))
}

// send hands every report to its line when it is due.
func (run *reportingRun) send(ctx context.Context) int64 {
	all := int64(run.Rate * run.Duration.Seconds())
	tick := time.NewTicker(reportTick)
	defer tick.Stop()
	next := int64(0)
	for next < all {
		select {
		case <-ctx.Done():
			return next
		case <-tick.C:
		}
		now := time.Now()
		for next < all && !run.due(next).After(now) {
			line := run.lines[next%int64(run.People)%int64(len(run.lines))]
			line.put(next)
			next++
		}
		for _, line := range run.lines {
			line.poke()
		}
	}
	return next
}

// drain waits until all are answered.
func (run *reportingRun) drain(ctx context.Context, sent int64) bool {
	deadline := time.NewTimer(drainWait)
	defer deadline.Stop()
	look := time.NewTicker(reportTick)
	defer look.Stop()
	for {
		run.mu.Lock()
		done := run.answers >= sent
		run.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-deadline.C:
			return false
		case <-look.C:
		}
	}
}

func (run *reportingRun) line(r int64) ReportLine {
	person, period := int(r%int64(run.People)), r/int64(run.People)
	from := (run.EdgeMS/1000 - run.spanS + period*run.spanS) * 1000
	to := from + run.spanS*1000
	return ReportLine{Person: run.Person(person), Report: protocol.Report{
		Player: fmt.Sprintf("load-%08d", person), Seq: period + 1, Broadcast: run.Broadcast,
		Spans: []protocol.Span{{FromMS: from, ToMS: to, As: protocol.Live}}, PositionMS: to, Rate: 1, Visible: true,
	}}
}

func (run *reportingRun) number(a AckLine) (int64, error) {
	var person int64
	if _, err := fmt.Sscanf(a.Player, "load-%d", &person); err != nil {
		return 0, fmt.Errorf("an answer for %q: %w", a.Player, err)
	}
	return (a.Seq-1)*int64(run.People) + person, nil
}

func (run *reportingRun) result(ctx context.Context, sent int64) (ReportingResult, error) {
	watched, err := run.Watched(ctx)
	if err != nil {
		return ReportingResult{}, fmt.Errorf("read the ledger: %w", err)
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	result := ReportingResult{
		N: run.People, Sent: sent, Acked: run.answers - run.refused, Refused: run.refused, Again: run.again,
		AckP50: run.delays.at(0.5), AckP99: run.delays.at(0.99),
		PerSecond: float64(run.answers) / run.ended.Sub(run.began).Seconds(),
	}
	for i, reports := range run.acked {
		got, want := watched[run.Person(i)], reports*run.spanS
		result.WatchedS += got
		result.Lost += max(0, want-got) / run.spanS
		result.Doubled += (max(0, got-want) + run.spanS - 1) / run.spanS
	}
	if run.why != "" {
		return result, fmt.Errorf("%d reports were refused, the first: %s", run.refused, run.why)
	}
	return result, nil
}

// reportingCPU is what two processes have used.
type reportingCPU struct {
	serverPID, databasePID int
	server, database       time.Duration
}

// same reports whether both figures are of the same processes, so that their difference means something.
func (c reportingCPU) same(d reportingCPU) bool {
	return c.serverPID != 0 && c.serverPID == d.serverPID && c.databasePID == d.databasePID
}

func (run *reportingRun) cpu() (c reportingCPU, err error) {
	if run.Processes == nil {
		return c, nil
	}
	c.serverPID, c.databasePID = run.Processes()
	server, err := usage(c.serverPID)
	if err != nil {
		return c, err
	}
	c.server = server.cpu
	c.database, err = treeCPU(c.databasePID)
	return c, err
}

// reportLine is one connection: reports that wait to be written, and reports that wait for their answers.
type reportLine struct {
	run  *reportingRun
	wake chan struct{}

	mu      sync.Mutex
	waiting []int64
	pending map[int64]time.Time // since it was written last
}

func (l *reportLine) put(r int64) {
	l.mu.Lock()
	l.waiting = append(l.waiting, r)
	l.mu.Unlock()
}

func (l *reportLine) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// keep holds a connection until ctx ends.
func (l *reportLine) keep(ctx context.Context) {
	for ctx.Err() == nil {
		if conn, err := l.run.Dial(ctx); err == nil {
			l.use(ctx, conn)
		}
		select {
		case <-ctx.Done():
		case <-time.After(redialAfter):
		}
	}
}

// use speaks over one connection until it breaks; what was not answered is written again over the next.
func (l *reportLine) use(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer func() {
		cancel()
		_ = conn.Close()
		reading.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		for r := range l.pending {
			l.waiting = append(l.waiting, r)
		}
		l.run.sentAgain(len(l.pending))
		clear(l.pending)
	}()
	reading.Go(func() {
		defer cancel()
		in := bufio.NewScanner(conn)
		for in.Scan() {
			if err := l.answered(in.Bytes()); err != nil {
				return
			}
		}
	})
	out := bufio.NewWriterSize(conn, 64<<10)
	enc := json.NewEncoder(out)
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for _, r := range l.take() {
			if enc.Encode(l.run.line(r)) != nil {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
	}
}

func (l *reportLine) take() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken, now := l.waiting, time.Now()
	l.waiting = nil
	for _, r := range taken {
		l.pending[r] = now
	}
	return taken
}

func (l *reportLine) answered(line []byte) error {
	var a AckLine
	if err := json.Unmarshal(line, &a); err != nil {
		return err
	}
	r, err := l.run.number(a)
	if err != nil {
		return err
	}
	l.mu.Lock()
	_, asked := l.pending[r]
	delete(l.pending, r)
	l.mu.Unlock()
	if !asked {
		return fmt.Errorf("an answer to report %d, which was not asked", r)
	}
	if a.Again {
		l.run.sentAgain(1)
		time.AfterFunc(againAfter, func() { l.put(r); l.poke() })
		return nil
	}
	l.run.done(r, a)
	return nil
}

func (run *reportingRun) sentAgain(n int) {
	run.mu.Lock()
	run.again += int64(n)
	run.mu.Unlock()
}

func (run *reportingRun) done(r int64, a AckLine) {
	now := time.Now()
	run.mu.Lock()
	defer run.mu.Unlock()
	run.ended = now
	run.answers++
	if !a.OK {
		if run.refused++; run.why == "" {
			run.why = a.Error
		}
		return
	}
	run.acked[r%int64(run.People)]++
	run.delays.add(now.Sub(run.due(r)))
}
