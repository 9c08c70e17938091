package loadtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	stream "lectern/media/hls/verify"
)

// Watching says how to measure a live lecture that is served by HLS.
type Watching struct {
	Master   string // address of the master playlist
	Token    string // bearer token; empty for none
	Cookie   string // for an edge; empty for none
	PID      int    // of the server, for its CPU and memory; 0 when it runs elsewhere
	EdgePID  int    // of the edge between; 0 for none
	Viewers  int
	Duration time.Duration
	Progress func(string) // may be nil
}

// WatchResult is what came out; the names are those of issue and README.
type WatchResult struct {
	N               int     `json:"n"`
	LagP50          float64 `json:"availability_lag_ms_p50"` // from when a part's last picture was due to when a viewer has it
	LagP99          float64 `json:"availability_lag_ms_p99"`
	Errors          int     `json:"errors"` // answers that were not what was asked for
	FirstError      string  `json:"first_error,omitempty"`
	CoresPer1000    float64 `json:"origin_cores_per_1000"` // beyond what the server uses without viewers
	RSSMB           float64 `json:"rss_mb"`
	EdgePer1000     float64 `json:"edge_cores_per_1000,omitempty"`
	EdgeRSSMB       float64 `json:"edge_rss_mb,omitempty"`
	IdleCores       float64 `json:"idle_cores"` // recording and nobody watching
	Cores           float64 `json:"cores"`
	Requests        int     `json:"requests"`
	Mbps            float64 `json:"mbps"`
	PartsPerSecond  float64 `json:"parts_per_viewer_s"` // picture and sound: four, for parts of half a second
	Seconds         float64 `json:"seconds"`
	PlaylistMeanLen int     `json:"playlist_bytes"` // on the wire, compressed
	ViewersCores    float64 `json:"viewers_cores"`  // what the viewers used themselves, on the same machine
}

const (
	idleTime = 4 * time.Second // without viewers
	joinTime = 3 * time.Second // over which they come
	warmTime = 3 * time.Second // before anything counts
)

// Run measures. Errors of viewers are in the result; the error is that nothing could be measured.
func (w Watching) Run(ctx context.Context) (WatchResult, error) {
	r := WatchResult{N: w.Viewers}
	say := w.Progress
	if say == nil {
		say = func(string) {}
	}
	a := &audience{token: w.Token, cookie: w.Cookie, parsed: map[string]*stream.Playlist{}}
	idle, err := w.cores(ctx, idleTime)
	if err != nil {
		return r, err
	}
	lists, err := a.lists(ctx, w.Master)
	if err != nil {
		return r, err
	}
	say(fmt.Sprintf("%.3f cores without viewers; %d viewers join", idle, w.Viewers))
	watching, leave := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range w.Viewers {
		for _, list := range lists {
			all.Go(func() {
				wait(watching, joinTime*time.Duration(i)/time.Duration(w.Viewers))
				a.watch(watching, list)
			})
		}
	}
	wait(ctx, joinTime+warmTime)
	a.count()
	began := time.Now()
	own, edge := mustUsage(os.Getpid()), mustUsage(w.EdgePID)
	cores, err := w.cores(ctx, w.Duration)
	seconds := time.Since(began).Seconds()
	r.ViewersCores = (mustUsage(os.Getpid()).cpu - own.cpu).Seconds() / seconds
	if now := mustUsage(w.EdgePID); w.EdgePID != 0 {
		r.EdgePer1000 = (now.cpu - edge.cpu).Seconds() / seconds * 1000 / float64(w.Viewers)
		r.EdgeRSSMB = float64(now.rss) / (1 << 20)
	}
	a.mu.Lock()
	got := a.got
	a.mu.Unlock()
	leave()
	all.Wait()
	if err != nil {
		return r, err
	}
	used, err := usage(w.PID)
	if err != nil {
		return r, err
	}
	r.LagP50, r.LagP99 = got.lags.at(0.5), got.lags.at(0.99)
	r.Errors, r.FirstError = got.errors, got.first
	r.IdleCores, r.Cores, r.CoresPer1000 = idle, cores, (cores-idle)*1000/float64(w.Viewers)
	r.RSSMB, r.Requests, r.Seconds = float64(used.rss)/(1<<20), got.requests, seconds
	r.Mbps = float64(got.bytes) * 8 / 1e6 / seconds
	r.PartsPerSecond = float64(got.parts) / seconds / float64(w.Viewers)
	r.PlaylistMeanLen = got.listBytes / max(got.requests-got.parts, 1)
	return r, ctx.Err()
}

// cores is how much the server uses in a while.
func (w Watching) cores(ctx context.Context, d time.Duration) (float64, error) {
	before, err := usage(w.PID)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	wait(ctx, d)
	after, err := usage(w.PID)
	return (after.cpu - before.cpu).Seconds() / time.Since(began).Seconds(), err
}

// mustUsage is usage of a process that is there, or nothing.
func mustUsage(pid int) process {
	p, _ := usage(pid)
	return p
}

// audience is all viewers and what they got.
type audience struct {
	token, cookie string

	mu     sync.Mutex
	got    received
	parsed map[string]*stream.Playlist // by path and ETag: all viewers get the same, and parsing it costs more than to get it
}

// parsedKept bounds the memory of playlists that were parsed.
const parsedKept = 256

type received struct {
	counting                bool
	lags                    histogram
	requests, parts, errors int
	bytes, listBytes        int
	first                   string
}

// count begins anew.
func (a *audience) count() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = received{counting: true}
}

// lists are the playlists that a viewer of the middle quality follows: one of pictures, and the sound.
func (a *audience) lists(ctx context.Context, master string) ([]string, error) {
	base, err := url.Parse(master)
	if err != nil {
		return nil, err
	}
	wire := newWire(base, a.token, a.cookie)
	defer wire.close()
	var body bytes.Buffer
	res, _, err := wire.get(ctx, base.RequestURI(), false, &body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", master, res.Status)
	}
	m, _, err := stream.Parse(body.String())
	if err != nil || m == nil || len(m.Playlists) < 2 {
		return nil, fmt.Errorf("%s: no master playlist of picture and sound: %v", master, err)
	}
	var out []string
	for _, uri := range []string{m.Playlists[0], m.Playlists[len(m.Playlists)/2]} { // the sound comes first, as it is named before the variants
		at, err := base.Parse(uri)
		if err != nil {
			return nil, err
		}
		out = append(out, at.String())
	}
	return out, nil
}

// watch follows one playlist as low-latency players do: it asks for the next part, as a delta, and gets the
// parts that are new.
func (a *audience) watch(ctx context.Context, list string) {
	base, err := url.Parse(list)
	if err != nil {
		return
	}
	wire := newWire(base, a.token, a.cookie)
	defer wire.close()
	query := ""
	number, part := -1, 0 // the next part to get
	for ctx.Err() == nil {
		p, err := a.playlist(ctx, wire, base.EscapedPath()+query)
		if err != nil {
			a.fail(ctx, err)
			wait(ctx, time.Second)
			query = ""
			continue
		}
		if p.Ended {
			return
		}
		open := p.First + p.Skipped + len(p.Segments)
		if number < 0 {
			number, part = open, max(len(p.Open)-3, 0)
		}
		for ; number < open; number, part = number+1, 0 {
			if i := number - p.First - p.Skipped; i >= 0 {
				a.take(ctx, wire, base, p.Segments[i].Date, p.Segments[i].Parts, part)
			}
		}
		a.take(ctx, wire, base, p.OpenDate, p.Open, part)
		part = max(part, len(p.Open))
		query = fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d&_HLS_skip=YES", open, len(p.Open))
	}
}

// take gets parts of a segment from an index on.
func (a *audience) take(ctx context.Context, wire *wire, base *url.URL, date time.Time, parts []stream.Part, from int) {
	for i, p := range parts {
		date = date.Add(p.Duration)
		if i < from {
			continue
		}
		at, err := base.Parse(p.URI)
		if err == nil {
			_, err = a.get(ctx, wire, at.EscapedPath(), false, nil)
		}
		if err != nil {
			a.fail(ctx, err)
			continue
		}
		a.mu.Lock()
		if a.got.counting {
			a.got.parts++
			a.got.lags.add(time.Since(date))
		}
		a.mu.Unlock()
	}
}

func (a *audience) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got.errors++
	if a.got.first == "" {
		a.got.first = err.Error()
	}
}

// playlist gets a playlist, compressed, as browsers ask for them.
func (a *audience) playlist(ctx context.Context, wire *wire, path string) (*stream.Playlist, error) {
	var body bytes.Buffer
	res, err := a.get(ctx, wire, path, true, &body)
	if err != nil {
		return nil, err
	}
	key := path + " " + res.Header.Get("ETag")
	a.mu.Lock()
	p := a.parsed[key]
	a.mu.Unlock()
	if p != nil && res.Header.Get("ETag") != "" {
		return p, nil
	}
	text := body.Bytes()
	if res.Header.Get("Content-Encoding") == "gzip" {
		if text, err = unzip(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if _, p, err = stream.Parse(string(text)); err != nil || p == nil {
		return nil, fmt.Errorf("%s: no playlist: %w", path, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.parsed) >= parsedKept {
		clear(a.parsed)
	}
	a.parsed[key] = p
	return p, nil
}

// get reads one file and counts it.
func (a *audience) get(ctx context.Context, wire *wire, path string, list bool, to io.Writer) (*http.Response, error) {
	res, n, err := wire.get(ctx, path, list, to)
	a.mu.Lock()
	a.got.requests++
	a.got.bytes += int(n)
	if list {
		a.got.listBytes += int(n)
	}
	a.mu.Unlock()
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, res.Status)
	}
	return res, err
}

func unzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
