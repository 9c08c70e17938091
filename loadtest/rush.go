package loadtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rush says how to let a crowd of doctors register: each opens the sign-in page, sends an access code, waits for the mail
// with the one-time code, types it, says who they are and opens the player's page.
type Rush struct {
	URL   string        // of a server with a demo mailbox
	Admin string        // a personal link of an admin, for the codes
	PID   int           // of the server, for its CPU and that of its children; 0 when it runs elsewhere
	N     int           // doctors
	Over  time.Duration // within which they come, evenly; 0 is all at once
	Conns int           // most connections at once; 0 is 512
	Say   func(string)  // progress; may be nil
}

// RushResult is what came out. Times are milliseconds. A step's time is that of the one request that carried it through,
// from when the doctor wanted to send it; when all come at once, from when a connection was free.
type RushResult struct {
	N         int     `json:"n"`
	Completed int     `json:"completed"`
	Errors    int     `json:"errors"`
	PerSecond float64 `json:"per_second"`

	RegisterP50 float64 `json:"register_p50_ms"`
	RegisterP99 float64 `json:"register_p99_ms"`
	VerifyP50   float64 `json:"verify_p50_ms"`
	VerifyP99   float64 `json:"verify_p99_ms"`
	PlayerP99   float64 `json:"player_p99_ms"`
	MailP50     float64 `json:"mail_p50_ms"` // from asking for the one-time code to reading its mail
	MailP99     float64 `json:"mail_p99_ms"`

	CPU         *float64 `json:"server_cpu_ms_per_registration"`   // of the server and its database
	DatabaseCPU *float64 `json:"database_cpu_ms_per_registration"` // the database's part of it

	Waited     int            `json:"waited"`        // doctors who were asked to wait at the door
	Refused    int            `json:"too_many"`      // answers of 429
	WaitP50    float64        `json:"wait_p50_s"`    // at the door, of those who waited
	WaitMax    float64        `json:"wait_max_s"`    //
	OutOfOrder int            `json:"out_of_order"`  // doctors who were let in before somebody who came 5 s before them
	Statuses   map[string]int `json:"statuses"`      // of all answers
	Server5xx  int            `json:"server_errors"` // answers of 500 and above
	Seconds    float64        `json:"seconds"`
	Problem    string         `json:"problem,omitempty"` // the first error
}

// Run lets them come. It returns an error when the crowd could not be let loose at all; doctors who fail are in the result.
func (r Rush) Run(ctx context.Context) (RushResult, error) {
	if r.Conns == 0 {
		r.Conns = 512
	}
	if r.Say == nil {
		r.Say = func(string) {}
	}
	crowd := newRushCrowd(r)
	defer crowd.client.CloseIdleConnections()
	if err := crowd.prepare(ctx); err != nil {
		return RushResult{}, err
	}
	r.Say(fmt.Sprintf("%d codes are made, the doctors come", r.N))
	before, err := usageOfAll(r.PID)
	if err != nil {
		return RushResult{}, err
	}
	reading, stop := context.WithCancel(ctx)
	var mail sync.WaitGroup
	mail.Go(func() { crowd.readMail(reading) })
	start := time.Now()
	var doctors sync.WaitGroup
	for i := range r.N {
		if due := time.Duration(i) * r.Over / time.Duration(r.N); r.Over > 0 {
			wait(ctx, time.Until(start.Add(due)))
		}
		doctors.Go(func() { crowd.visit(ctx, i) })
		if i > 0 && i%max(r.N/10, 1) == 0 {
			r.Say(fmt.Sprintf("%d have come, %d are through", i, crowd.through()))
		}
	}
	doctors.Wait()
	took := time.Since(start)
	stop()
	mail.Wait()
	after, err := usageOfAll(r.PID)
	if err != nil {
		return RushResult{}, err
	}
	result := crowd.result(took)
	if r.PID != 0 && result.Completed > 0 {
		all := ms(after.cpu-before.cpu) / float64(result.Completed)
		database := ms(after.children-before.children) / float64(result.Completed)
		result.CPU, result.DatabaseCPU = &all, &database
	}
	return result, ctx.Err()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// rushCrowd is what the doctors share.
type rushCrowd struct {
	Rush
	client *http.Transport
	slots  chan struct{} // one for each connection
	course string
	codes  []string

	mailMu  sync.Mutex
	waiting map[string]chan string // by address

	mu                                          sync.Mutex
	registered, verified, opened, mailed, stood []time.Duration
	entries                                     []rushEntry
	statuses                                    map[int]int
	completed, waited                           int
	failed                                      []error
}

// rushEntry is when somebody came and when they were let in.
type rushEntry struct{ came, in time.Time }

func newRushCrowd(r Rush) *rushCrowd {
	return &rushCrowd{
		Rush: r, slots: make(chan struct{}, r.Conns), waiting: map[string]chan string{}, statuses: map[int]int{},
		client: &http.Transport{MaxIdleConns: r.Conns, MaxIdleConnsPerHost: r.Conns, MaxConnsPerHost: r.Conns, DisableCompression: true, IdleConnTimeout: time.Minute},
	}
}

func (c *rushCrowd) through() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.completed
}

// visit is the whole way of one doctor.
func (c *rushCrowd) visit(ctx context.Context, i int) {
	d := &rushDoctor{crowd: c, number: i, email: fmt.Sprintf("rush-%d-%s@hospital.example", i, strings.ToLower(c.codes[i][:4]))}
	err := d.visit(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed = append(c.failed, fmt.Errorf("doctor %d: %w", i, err))
		return
	}
	c.completed++
}

// note keeps the time of a step.
func (c *rushCrowd) note(where *[]time.Duration, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*where = append(*where, took)
}

func (c *rushCrowd) result(took time.Duration) RushResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := RushResult{
		N: c.N, Completed: c.completed, Errors: len(c.failed), Seconds: took.Seconds(), PerSecond: float64(c.completed) / took.Seconds(),
		Waited: c.waited, Statuses: map[string]int{},
	}
	for status, n := range c.statuses {
		r.Statuses[strconv.Itoa(status)] = n
		if status >= http.StatusInternalServerError {
			r.Server5xx += n
		}
	}
	r.Refused = c.statuses[http.StatusTooManyRequests]
	r.RegisterP50, r.RegisterP99 = quantile(c.registered, 0.5), quantile(c.registered, 0.99)
	r.VerifyP50, r.VerifyP99 = quantile(c.verified, 0.5), quantile(c.verified, 0.99)
	r.MailP50, r.MailP99 = quantile(c.mailed, 0.5), quantile(c.mailed, 0.99)
	r.PlayerP99 = quantile(c.opened, 0.99)
	r.WaitP50, r.WaitMax = quantile(c.stood, 0.5)/1000, quantile(c.stood, 1)/1000
	r.OutOfOrder = overtaken(c.entries)
	if len(c.failed) > 0 {
		r.Problem = c.failed[0].Error()
	}
	return r
}

// overtaken counts who was let in before somebody who had come more than five seconds before them: who asks again has to
// wait for the time that they were told, so places close to each other may change.
func overtaken(entries []rushEntry) (n int) {
	slices.SortFunc(entries, func(a, b rushEntry) int { return a.in.Compare(b.in) })
	var earliest time.Time // arrival of anybody who was let in later
	for _, e := range slices.Backward(entries) {
		if !earliest.IsZero() && e.came.After(earliest.Add(5*time.Second)) {
			n++
		}
		if earliest.IsZero() || e.came.Before(earliest) {
			earliest = e.came
		}
	}
	return n
}

// quantile is in milliseconds.
func quantile(all []time.Duration, share float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return ms(all[int(share*float64(len(all)-1))])
}

var errRush = errors.New("unexpected answer")
