package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lectern/loadtest"
	"lectern/storage/postgres"
	"lectern/storage/postgres/private"
)

// house is an installation: one or more servers on a PostgreSQL of their own and, when there are several, a Redis.
type house struct {
	bases    []string
	admins   []string
	crowd    postgres.Crowd
	dir      string
	database *private.Server
	redis    *exec.Cmd
	servers  []*exec.Cmd
	pids     []int
}

func quietLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// open starts everything, or takes what runs.
func (p socketsPlan) open(ctx context.Context) (h *house, err error) {
	h = &house{}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if p.url != "" {
		h.bases = []string{p.url}
		if p.pid != 0 {
			h.pids = []int{p.pid}
		}
		if h.crowd, err = readCrowd(p.crowd); err == nil && len(h.crowd.Attendees) < p.n {
			err = fmt.Errorf("-crowd: there are %d attendees", len(h.crowd.Attendees))
		}
		return h, err
	}
	if h.dir, err = os.MkdirTemp("", "loadtest-sockets-"); err != nil {
		return h, err
	}
	if err := os.Chmod(h.dir, 0o711); err != nil { // PostgreSQL does not run as root
		return h, err
	}
	if p.binary == "" {
		p.binary = filepath.Join(h.dir, "lectern")
		p.say("building the server")
		build := exec.CommandContext(ctx, "go", "build", "-o", p.binary, "lectern/cmd/lectern")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return h, fmt.Errorf("build the server, or name one with -server: %w", err)
		}
	}
	if h.database, err = private.Start(ctx, private.Config{Dir: filepath.Join(h.dir, "database"), Log: quietLog(), Settings: map[string]string{"max_connections": "200"}}); err != nil {
		return h, err
	}
	secret := rand.Text() + rand.Text()
	p.say("signing %d attendees in", p.n)
	if h.crowd, err = gather(ctx, h.database.URL(), secret, p.n); err != nil {
		return h, err
	}
	redis := ""
	if p.servers > 1 {
		if redis, err = h.startRedis(ctx); err != nil {
			return h, err
		}
	}
	for i := range p.servers {
		if err := h.startServer(ctx, p.binary, i, secret, redis); err != nil {
			return h, err
		}
	}
	return h, nil
}

// freeAddress is one that nobody listens on at this moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func (h *house) startRedis(ctx context.Context) (url string, err error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(address)
	h.redis = exec.CommandContext(ctx, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", h.dir)
	if err := h.redis.Start(); err != nil {
		h.redis = nil
		return "", fmt.Errorf("start redis-server (.ci/need redis-server installs it): %w", err)
	}
	return "redis://" + address, await(ctx, "redis-server", func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

func (h *house) startServer(ctx context.Context, binary string, i int, secret, redis string) error {
	var addresses [2]string
	for k := range addresses {
		var err error
		if addresses[k], err = freeAddress(); err != nil {
			return err
		}
	}
	base := "http://" + addresses[0]
	args := []string{
		"serve", "-addr", addresses[0], "-admin-addr", addresses[1], "-url", base, "-data", filepath.Join(h.dir, "data"+strconv.Itoa(i)),
		"-database-url", h.database.URL(), "-secret", secret, "-polish", "off", "-mailbox", "off",
	}
	if redis != "" {
		args = append(args, "-redis-url", redis)
	}
	server := exec.Command(binary, args...) // ended by close, gently
	log, err := os.Create(filepath.Join(h.dir, "server"+strconv.Itoa(i)+".log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		return err
	}
	h.servers, h.pids = append(h.servers, server), append(h.pids, server.Process.Pid)
	h.bases, h.admins = append(h.bases, base), append(h.admins, "http://"+addresses[1])
	err = await(ctx, "the server", func() error {
		res, err := http.Get("http://" + addresses[1] + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				err = errors.New(res.Status)
			}
		}
		return err
	})
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w; it says:\n%s", err, text)
	}
	return nil
}

// await tries for a minute.
func await(ctx context.Context, what string, try func() error) (err error) {
	for range 600 {
		if err = try(); err == nil {
			return nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s does not come up: %w", what, err)
}

// profile has the first server write its CPU profile in the background.
func (h *house) profile(ctx context.Context, path string, d time.Duration) {
	if path == "" || len(h.admins) == 0 {
		return
	}
	for name, kind := range map[string]string{"": "profile?seconds=" + strconv.Itoa(int(d.Seconds())), ".heap": "heap", ".metrics": "../../metrics"} {
		go func() {
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.admins[0]+"/debug/pprof/"+kind, nil)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				return
			}
			defer func() { _ = res.Body.Close() }()
			if to, err := os.Create(path + name); err == nil {
				_, _ = io.Copy(to, res.Body)
				_ = to.Close()
			}
		}()
	}
}

type houseUsage struct{ servers, database, redis loadtest.Usage }

func (h *house) usage() (u houseUsage) {
	for _, pid := range h.pids {
		u.servers.Add(loadtest.UsageOf(pid))
	}
	if h.database != nil {
		u.database = loadtest.UsageOfFamily(h.database.PID())
	}
	if h.redis != nil {
		u.redis = loadtest.UsageOf(h.redis.Process.Pid)
	}
	return u
}

func (h *house) close() {
	for _, server := range h.servers {
		_ = server.Process.Signal(syscall.SIGTERM)
	}
	for _, server := range h.servers {
		kill := time.AfterFunc(20*time.Second, func() { _ = server.Process.Kill() })
		_ = server.Wait()
		kill.Stop()
	}
	if h.redis != nil {
		_ = h.redis.Process.Kill()
		_ = h.redis.Wait()
	}
	if h.database != nil {
		_ = h.database.Stop()
	}
	if h.dir != "" {
		_ = os.RemoveAll(h.dir)
	}
}

// people are the processes that play attendees.
type people struct {
	processes []*exec.Cmd
	in        []io.WriteCloser
	out       []*bufio.Reader
}

func startPeople(ctx context.Context, n int, hall loadtest.Hall) (*people, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := &people{}
	for i := range n {
		c := exec.CommandContext(ctx, self, peopleCommand)
		c.Stderr = os.Stderr
		in, err := c.StdinPipe()
		if err != nil {
			return all, err
		}
		out, err := c.StdoutPipe()
		if err != nil {
			return all, err
		}
		if err := c.Start(); err != nil {
			return all, err
		}
		all.processes, all.in, all.out = append(all.processes, c), append(all.in, in), append(all.out, bufio.NewReader(out))
		share := hall
		share.Sessions = hall.Sessions[len(hall.Sessions)*i/n : len(hall.Sessions)*(i+1)/n]
		if err := json.NewEncoder(in).Encode(share); err != nil {
			all.stop()
			return all, err
		}
	}
	return all, nil
}

// seated waits until everybody has a socket, and returns how many have.
func (p *people) seated() (n int, err error) {
	for _, out := range p.out {
		line, err := out.ReadString('\n')
		if err != nil {
			return n, fmt.Errorf("the attendees have gone: %w", err)
		}
		k, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

func (p *people) tell(word string) error {
	for _, in := range p.in {
		if _, err := fmt.Fprintln(in, word); err != nil {
			return err
		}
	}
	return nil
}

// end says which events everybody should have got, and returns what they saw.
func (p *people) end(first, last int) (all loadtest.HallResult, err error) {
	if err := p.tell(fmt.Sprintf("end %d %d", first, last)); err != nil {
		return all, err
	}
	for _, out := range p.out {
		var one loadtest.HallResult
		if err := json.NewDecoder(out).Decode(&one); err != nil {
			return all, err
		}
		all.Merge(&one)
	}
	return all, nil
}

func (p *people) usage() (cpu time.Duration) {
	for _, c := range p.processes {
		cpu += loadtest.UsageOf(c.Process.Pid).CPU
	}
	return cpu
}

func (p *people) stop() {
	for i, c := range p.processes {
		_ = p.in[i].Close()
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}
