// Package verify reads an HLS stream as players do, across reloads, and tells what in it breaks players. It
// knows nothing of who makes the stream.
package verify

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Violation is one fault of a stream.
type Violation struct{ URL, Rule, Detail string }

// Checker says what to check. URL is required.
type Checker struct {
	URL    string       // a master or media playlist
	Header http.Header  // sent with every request; for a token
	Client *http.Client // http.DefaultClient when nil
	// Report is told each violation once, by one goroutine at a time. May be nil.
	Report func(Violation)
}

// Summary is what was looked at.
type Summary struct{ Playlists, Reloads, Files, Violations int }

// maxBody bounds what is read of one file: 100 MB is more than any segment has.
const maxBody = 100 << 20

// run is one check in progress.
type run struct {
	Checker
	mu      sync.Mutex
	seen    map[Violation]bool
	summary Summary
	lists   []*history
}

// Run follows all playlists until they end or ctx does, which is no error. It returns an error when there is
// nothing to check.
func (c Checker) Run(ctx context.Context) (Summary, error) {
	if c.Client == nil {
		c.Client = http.DefaultClient
	}
	r := &run{Checker: c, seen: map[Violation]bool{}}
	status, body, err := r.get(ctx, c.URL)
	if err != nil {
		return r.summary, err
	}
	if status != http.StatusOK {
		return r.summary, fmt.Errorf("%s: status %d", c.URL, status)
	}
	master, _, err := Parse(string(body))
	if err != nil {
		return r.summary, fmt.Errorf("%s: %w", c.URL, err)
	}
	lists := []string{""} // the address itself
	if master != nil {
		lists = master.Playlists
	}
	var all errgroup.Group
	for _, uri := range lists {
		at, err := resolve(c.URL, uri)
		if err != nil {
			r.report(c.URL, RuleParse, "%q is no address", uri)
			continue
		}
		h := newHistory()
		r.lists = append(r.lists, h)
		all.Go(func() error { return r.follow(ctx, at, h) })
	}
	err = all.Wait()
	r.summary.Playlists = len(r.lists)
	for _, h := range r.lists[min(1, len(r.lists)):] {
		checkAligned(r.lists[0], h, func(rule, format string, args ...any) { r.report(c.URL, rule, format, args...) })
	}
	return r.summary, err
}

func resolve(base, uri string) (string, error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	u, err := b.Parse(uri)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

func (r *run) report(at, rule, format string, args ...any) {
	v := Violation{at, rule, fmt.Sprintf(format, args...)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[v] {
		return
	}
	r.seen[v] = true
	r.summary.Violations++
	if r.Report != nil {
		r.Report(v)
	}
}

func (r *run) get(ctx context.Context, at string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return 0, nil, err
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	res, err := r.Client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxBody))
	return res.StatusCode, body, err
}

// follow reloads one media playlist until it ends.
func (r *run) follow(ctx context.Context, at string, h *history) error {
	found := func(rule, format string, args ...any) { r.report(at, rule, format, args...) }
	files := &files{run: r, found: found, base: at, known: map[string]span{}, ends: map[int]time.Duration{}}
	query, failures := "", 0
	for reload := 0; ; reload++ {
		status, body, err := r.get(ctx, at+query)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil, status == http.StatusServiceUnavailable:
			if failures++; failures > 5 {
				return fmt.Errorf("%s: status %d after %d tries: %w", at, status, failures, err)
			}
			if !pause(ctx, time.Second) {
				return nil
			}
			query = ""
			continue
		case status != http.StatusOK:
			found(RuleMissing, "the playlist is %d", status)
			return nil
		}
		failures = 0
		_, p, err := Parse(string(body))
		if err != nil || p == nil {
			found(RuleParse, "%v", err)
			return nil
		}
		r.mu.Lock()
		r.summary.Reloads++
		r.mu.Unlock()
		checkAlone(p, found)
		checkAnswer(query, p, found)
		h.add(p, found)
		files.look(ctx, p)
		if p.Ended {
			return nil
		}
		if query = next(p, reload); query == "" && !pause(ctx, max(p.Target/2, 100*time.Millisecond)) {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// next is what a low-latency player asks for after a playlist: the next part, every other time as a delta.
func next(p *Playlist, reload int) string {
	if !p.Blocks {
		return ""
	}
	query := fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d", p.First+p.Skipped+len(p.Segments), len(p.Open))
	if p.PartTarget == 0 {
		query = fmt.Sprintf("?_HLS_msn=%d", p.First+p.Skipped+len(p.Segments))
	}
	if p.SkipUntil > 0 && reload%2 == 1 {
		query += "&_HLS_skip=YES"
	}
	return query
}

// checkAnswer says whether a blocking reload brought what it asked for.
func checkAnswer(query string, p *Playlist, found faults) {
	var msn, part int
	if n, _ := fmt.Sscanf(query, "?_HLS_msn=%d&_HLS_part=%d", &msn, &part); n == 0 || p.Ended {
		return
	}
	if !strings.Contains(query, "_HLS_part") {
		part = math.MaxInt // the whole segment
	}
	whole := p.First + p.Skipped + len(p.Segments)
	if whole < msn || whole == msn && len(p.Open) <= part {
		found(RuleBlocking, "asked for part %d of segment %d, got up to part %d of segment %d", part, msn, len(p.Open)-1, whole)
	}
}
