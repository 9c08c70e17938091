package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"lectern/loadtest"
)

// watchScenario runs the ledger of watch reports, its batcher and a PostgreSQL of its own, in a child process, and
// reports to it for many people. With -kills it kills the one and the other in turn, under full load.
func watchScenario(ctx context.Context, args []string) (err error) {
	f := flag.NewFlagSet("watch", flag.ContinueOnError)
	n := f.Int("n", 52_000, "people who watch")
	rate := f.Float64("rate", 5200, "reports a second, of all of them")
	duration := f.Duration("dur", 20*time.Second, "how long to report")
	kills := f.Int("kills", 0, "how often to kill -9 the server or PostgreSQL with all its processes, in turn")
	asJSON := f.Bool("json", false, "print one JSON object and nothing else")
	profile := f.String("profile", "", "write the CPU profile of the server to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *n < 1 || *rate <= 0 {
		return errors.New("-n and -rate: at least one person, and reports")
	}
	dir, err := os.MkdirTemp("", "lectern-watch-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // PostgreSQL, which does not run as root, passes through
		return err
	}
	k := &keptServer{args: []string{ledgerCommand, "-dir", dir, "-n", strconv.Itoa(*n), "-profile", *profile}, dir: dir}
	if err := k.start(ctx); err != nil {
		return err
	}
	defer k.stop()
	var lecture ledgerLecture
	if err := k.get(ctx, "/lecture", &lecture); err != nil {
		return err
	}
	test := loadtest.Reporting{
		Dial: k.dial, Broadcast: lecture.Broadcast, EdgeMS: lecture.EdgeMS, Person: ledgerPerson,
		Watched: func(ctx context.Context) (watched map[string]int64, err error) {
			err = k.get(ctx, "/watched", &watched)
			return watched, err
		},
		Processes: k.pids,
		People:    *n, Rate: *rate, Duration: *duration,
	}
	var killing sync.WaitGroup
	killing.Go(func() { k.killAll(ctx, *kills, *duration) })
	result, err := test.Run(ctx)
	killing.Wait()
	if err != nil {
		return err
	}
	result.Kills, result.LongestDownMS = k.kills, k.longestDown.Milliseconds()
	return printResult(result, *asJSON)
}

// keptServer is a child that is started again whenever it ends, as a supervisor does.
type keptServer struct {
	args []string
	dir  string

	mu          sync.Mutex
	now         *child
	stopped     bool
	kills       int
	longestDown time.Duration
}

func (k *keptServer) start(ctx context.Context) error {
	c, err := startChild(ctx, k.args...)
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.now = c
	stopped := k.stopped
	k.mu.Unlock()
	if stopped {
		c.stop()
	}
	return nil
}

func (k *keptServer) stop() {
	k.mu.Lock()
	k.stopped = true
	c := k.now
	k.mu.Unlock()
	c.stop()
}

func (k *keptServer) current() *child {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// killAll spreads the kills over the time: the server first, then PostgreSQL, and so on.
func (k *keptServer) killAll(ctx context.Context, kills int, over time.Duration) {
	for i := range kills {
		select {
		case <-ctx.Done():
			return
		case <-time.After(over / time.Duration(kills+1)):
		}
		began := time.Now()
		server, database := k.pids()
		if i%2 == 0 {
			_ = syscall.Kill(server, syscall.SIGKILL)
		} else {
			killTree(database)
		}
		_ = k.current().process.Wait()
		if err := k.start(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "the server did not start again:", err)
			return
		}
		k.mu.Lock()
		k.kills++
		k.longestDown = max(k.longestDown, time.Since(began))
		k.mu.Unlock()
	}
}

// killTree kills a process and its children. They are stopped first, so that none sees the other die.
func killTree(pid int) {
	if pid == 0 {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range strings.Fields(string(children)) {
		if c, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(c, syscall.SIGKILL)
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// pids names the processes of the server and of its database: the first line of postmaster.pid.
func (k *keptServer) pids() (server, database int) {
	server = k.current().pid()
	text, err := os.ReadFile(filepath.Join(k.dir, "pgdata", "postmaster.pid"))
	if err != nil {
		return server, 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	database, _ = strconv.Atoi(line)
	return server, database
}

func (k *keptServer) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.current().url+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// dial opens a stream of reports: an HTTP connection that both sides use for lines from then on.
func (k *keptServer) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", strings.TrimPrefix(k.current().url, "http://"))
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprint(conn, "GET /reports HTTP/1.1\r\nHost: ledger\r\n\r\n"); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
