// Package loadtest measures a running server from outside: it publishes, watches as many attendees do, and
// tells what came through and what it cost. It knows the server by WHIP, WHEP and its process number alone.
package loadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Forwarding says how to measure the forwarding of one lecture.
type Forwarding struct {
	WHIP, WHEP string // addresses to post offers to
	Token      string // bearer token of the publisher; empty for none
	WatchToken string // bearer token of the receivers; empty for none
	PID        int    // of the server, for its CPU and memory; 0 when it runs elsewhere
	Receivers  int
	Duration   time.Duration
	Progress   func(string) // may be nil
}

// Result is what came out; the names are those of issue and README. What the server used is nil without its PID.
type Result struct {
	N                int      `json:"n"`
	Connected        int      `json:"connected"`
	DeliveredRatio   float64  `json:"delivered_ratio"`     // packets received, each once, of those published for each receiver
	USPerPacket      *float64 `json:"us_per_packet"`       // server CPU for each packet received
	RSSPerAttendeeKB *float64 `json:"rss_per_attendee_kb"` // growth of the server's memory
	JoinCPUMS        *float64 `json:"join_cpu_ms"`         // server CPU for each join, media paused
	DelayP50         float64  `json:"delay_ms_p50"`        // one way, publisher to receiver
	DelayP99         float64  `json:"delay_ms_p99"`
	SeqLost          int64    `json:"seq_lost"` // packets that never came, retransmissions counted in
	Recovered        int64    `json:"recovered"`
	Packets          int64    `json:"packets"`
	Published        int64    `json:"published"`
	ServerCores      *float64 `json:"server_cores"`
	JoinSeconds      float64  `json:"join_s"`
	Mbps             float64  `json:"mbps"`
	Seconds          float64  `json:"seconds"`
	Cipher           string   `json:"cipher"`
	Problem          string   `json:"problem,omitempty"` // why the first receiver that failed to connect did
}

const (
	// prelude is what is published before the receivers come: the server has to know the tracks, and what a room keeps
	// of the last seconds is none of its attendees' memory.
	prelude = 7 * time.Second
	// drain is what packets under way and retransmissions get.
	drain = 700 * time.Millisecond
	// warmers is how many receivers come and go before those that count.
	warmers = 2 * joinAtOnce
)

// Run measures. It returns an error when nothing could be measured; receivers that fail to connect are in the
// Result.
func (f Forwarding) Run(ctx context.Context) (Result, error) {
	r := Result{N: f.Receivers}
	say := f.Progress
	if say == nil {
		say = func(string) {}
	}
	p, err := publish(ctx, f.WHIP, f.Token)
	if err != nil {
		return r, fmt.Errorf("publish: %w", err)
	}
	defer p.close()
	p.resume()
	wait(ctx, prelude)
	if err := f.warm(ctx); err != nil {
		return r, fmt.Errorf("warm up: %w", err)
	}
	p.pause()
	say("published, receivers join")
	before, err := usage(f.PID)
	if err != nil {
		return r, err
	}
	began := time.Now()
	crowd, err := newCrowd(f.WHEP, f.WatchToken)
	if err != nil {
		return r, err
	}
	defer crowd.close()
	r.Connected = crowd.join(ctx, f.Receivers)
	r.JoinSeconds = time.Since(began).Seconds()
	if r.Connected == 0 {
		return r, fmt.Errorf("no receiver connected: %w", crowd.firstError())
	}
	joined, err := usage(f.PID)
	if err != nil {
		return r, err
	}
	if err := crowd.firstError(); err != nil {
		r.Problem = err.Error()
	}
	say(fmt.Sprintf("%d of %d connected in %.1f s", r.Connected, f.Receivers, r.JoinSeconds))
	wait(ctx, drain) // joiners are sent the last pictures again, which are none of those that count
	start := time.Now()
	crowd.count(true)
	p.resume()
	wait(ctx, f.Duration)
	p.pause()
	wait(ctx, drain)
	after, err := usage(f.PID)
	if err != nil {
		return r, err
	}
	r.Seconds = time.Since(start).Seconds()
	crowd.count(false)
	r.fill(p, crowd)
	if f.PID != 0 {
		r.charge(before, joined, after)
	}
	return r, ctx.Err()
}

// warm lets some receivers come and go, so that what the server needs once, such as the pages of its program
// that handshakes touch, is not taken for the cost of attendees.
func (f Forwarding) warm(ctx context.Context) error {
	c, err := newCrowd(f.WHEP, f.WatchToken)
	if err != nil {
		return err
	}
	defer c.close()
	if c.join(ctx, warmers) == 0 {
		return c.firstError()
	}
	wait(ctx, drain)
	return nil
}

// fill takes over what came through.
func (r *Result) fill(p *publisher, c *crowd) {
	sum := c.sum()
	r.Cipher = c.cipher()
	r.Packets, r.SeqLost, r.Recovered = sum.packets, sum.lost, sum.recovered
	r.Published = p.sent()
	if r.Published > 0 {
		r.DeliveredRatio = float64(sum.packets) / float64(r.Published*int64(r.Connected))
	}
	r.Mbps = float64(sum.bytes) * 8 / 1e6 / r.Seconds
	r.DelayP50, r.DelayP99 = sum.delays.at(0.50), sum.delays.at(0.99)
}

// charge takes over what it cost the server: before anybody came, when all had, and at the end.
func (r *Result) charge(before, joined, after process) {
	join := (joined.cpu - before.cpu).Seconds() * 1000 / float64(r.Connected)
	memory := float64(after.rss-before.rss) / 1024 / float64(r.Connected)
	cpu := (after.cpu - joined.cpu).Seconds()
	cores := cpu / r.Seconds
	r.JoinCPUMS, r.RSSPerAttendeeKB, r.ServerCores = &join, &memory, &cores
	if r.Packets > 0 {
		packet := cpu * 1e6 / float64(r.Packets)
		r.USPerPacket = &packet
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// histogram counts delays by half milliseconds up to five seconds.
type histogram struct{ counts [10001]int64 }

func (h *histogram) add(d time.Duration) {
	h.counts[min(max(0, int(d/(500*time.Microsecond))), len(h.counts)-1)]++
}

// MarshalJSON writes what was counted only, as [half milliseconds, count, ...].
func (h *histogram) MarshalJSON() ([]byte, error) {
	list := []int64{}
	for i, n := range h.counts {
		if n > 0 {
			list = append(list, int64(i), n)
		}
	}
	return json.Marshal(list)
}

func (h *histogram) UnmarshalJSON(text []byte) error {
	var list []int64
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	for i := 0; i+1 < len(list); i += 2 {
		h.counts[list[i]] += list[i+1]
	}
	return nil
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
}

// at returns the delay in milliseconds below which a share of them is.
func (h *histogram) at(share float64) float64 {
	var all, seen int64
	for _, n := range h.counts {
		all += n
	}
	for i, n := range h.counts {
		seen += n
		if seen > 0 && float64(seen) >= share*float64(all) {
			return float64(i) / 2
		}
	}
	return 0
}
