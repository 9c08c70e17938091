package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"lectern/storage/postgres/private"
)

// output is a terminal that may be read while a command writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// installation is a data folder and addresses of its own.
type installation struct {
	t   *testing.T
	env map[string]string
}

func install(t *testing.T) installation {
	t.Helper()
	return installation{t, map[string]string{
		"LECTERN_DATA": t.TempDir(), "LECTERN_ADDR": freeAddr(t), "LECTERN_ADMIN_ADDR": freeAddr(t),
	}}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (i installation) terminal(out io.Writer) terminal {
	return terminal{env: func(k string) string { return i.env[k] }, out: out, err: i.t.Output()}
}

// serve starts the server and returns what it prints and how to stop it, once it is ready.
func (i installation) serve(args ...string) (*output, func()) {
	i.t.Helper()
	ctx, cancel := context.WithCancel(i.t.Context())
	out := &output{}
	done := make(chan error, 1)
	go func() { done <- run(ctx, append([]string{"serve"}, args...), i.terminal(out)) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		select {
		case err := <-done:
			i.t.Fatalf("the server ended: %v", err)
		default:
		}
		res, err := http.Get("http://" + i.env["LECTERN_ADMIN_ADDR"] + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK && strings.Contains(out.String(), "is ready at") {
				break
			}
		}
		if time.Now().After(deadline) {
			i.t.Fatal("the server is not ready after a minute")
		}
	}
	return out, func() {
		i.t.Helper()
		cancel()
		if err := <-done; err != nil {
			i.t.Errorf("the server ended with %v", err)
		}
	}
}

func (i installation) command(args ...string) string {
	i.t.Helper()
	out := &output{}
	if err := run(i.t.Context(), args, i.terminal(out)); err != nil {
		i.t.Fatalf("lectern %s: %v", strings.Join(args, " "), err)
	}
	return out.String()
}

// TestServeOnceAndAgain starts on an empty folder, uses the commands beside the server and without it, starts again
// on the same data, and sees that nothing is left running.
func TestServeOnceAndAgain(t *testing.T) {
	i := install(t)
	out, stop := i.serve("-demo")
	links := regexp.MustCompile(`http://\S+/join/\S+`)
	waitFor(t, "the links of the demo", func() bool { return len(links.FindAllString(out.String(), -1)) == 4 })

	var d demoLinks
	if err := json.Unmarshal([]byte(i.command("demo", "-json")), &d); err != nil {
		t.Fatal(err)
	}
	for name, link := range map[string]string{"admin": d.Admin, "studio": d.Studio, "console": d.Console, "attend": d.Attend} {
		if !links.MatchString(link) {
			t.Errorf("%s is %q, want a link", name, link)
		}
	}
	if len(d.Codes) == 0 || d.Course == "" {
		t.Errorf("the demo has %d codes and the course %q", len(d.Codes), d.Course)
	}
	if got := getStatus(t, "http://"+i.env["LECTERN_ADDR"]+"/hls/"+d.Course+"/index.m3u8", ""); got != http.StatusUnauthorized {
		t.Errorf("HLS without a token: %d, want 401", got)
	}
	bearer := strings.TrimSpace(i.command("token", "-course", d.Course, "-role", "attendee"))
	if got := getStatus(t, "http://"+i.env["LECTERN_ADDR"]+"/hls/"+d.Course+"/index.m3u8", bearer); got != http.StatusNotFound {
		t.Errorf("HLS of a lecture that was never on air: %d, want 404", got)
	}
	stop()
	if _, err := private.Attach(t.Context(), i.env["LECTERN_DATA"]); err == nil {
		t.Error("a PostgreSQL is left running")
	}

	// The commands start the database for themselves when no server runs.
	if bearer := i.command("token", "-course", d.Course, "-role", "presenter"); len(strings.TrimSpace(bearer)) < 40 {
		t.Errorf("token %q", bearer)
	}
	if said := i.command("doctor", "audit"); !strings.Contains(said, "the audit is as it was written") {
		t.Errorf("doctor audit says\n%s", said)
	}
	out, stop = i.serve("-demo")
	waitFor(t, "a word about the data of before", func() bool { return strings.Contains(out.String(), "data of before") })
	if links.MatchString(out.String()) {
		t.Error("the second start made another demo")
	}
	stop()
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func getStatus(t *testing.T, url, bearer string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

func TestServeSaysWhatIsInTheWay(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	i := install(t)
	i.env["LECTERN_ADDR"] = l.Addr().String()
	i.env["LECTERN_MEDIA_ADDR"] = "127.0.0.1:0"
	if err := run(t.Context(), nil, i.terminal(io.Discard)); err == nil || !strings.Contains(err.Error(), "another Lectern") {
		t.Errorf("with the address in use: %v", err)
	}
	if err := os.WriteFile(filepath.Join(i.env["LECTERN_DATA"], "pgdata", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), nil, i.terminal(io.Discard)); err == nil || !strings.Contains(err.Error(), "9") {
		t.Errorf("with data of another version: %v", err)
	}
	if err := run(t.Context(), []string{"serf"}, i.terminal(io.Discard)); err == nil {
		t.Error("an unknown command was taken")
	}
}
