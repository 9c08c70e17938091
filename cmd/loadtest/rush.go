package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"lectern/loadtest"
)

// rushScenario lets doctors register.
func rushScenario(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("rush", flag.ContinueOnError)
	n := f.Int("n", 13_000, "doctors")
	over := f.Duration("over", 150*time.Second, "within which they come, evenly; 0 is all at once")
	asJSON := f.Bool("json", false, "print one JSON object and nothing else")
	base := f.String("url", "", "a running server with a demo mailbox; empty starts one")
	admin := f.String("admin", "", "personal link of an admin of that server, as lectern demo prints it")
	pid := f.Int("pid", 0, "process of the running server, for its CPU")
	program := f.String("lectern", "", "the program to start; empty builds it")
	conns := f.Int("conns", 512, "most connections at once")
	profile := f.String("profile", "", "write a CPU profile of the server we start, of 20 seconds, to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case *n < 1:
		return errors.New("-n: at least one doctor")
	case (*base == "") != (*admin == ""):
		return errors.New("-url and -admin go together")
	}
	test := loadtest.Rush{URL: *base, Admin: *admin, PID: *pid, N: *n, Over: *over, Conns: *conns}
	if !*asJSON {
		test.Say = func(text string) { fmt.Fprintln(os.Stderr, text) }
	}
	if *base == "" {
		server, err := startLectern(ctx, *program)
		if err != nil {
			return err
		}
		defer server.stop()
		test.URL, test.Admin, test.PID = server.url, server.admin, server.process.Process.Pid
		if *profile != "" {
			go server.profile(ctx, *profile)
		}
	}
	result, err := test.Run(ctx)
	if err != nil {
		return err
	}
	return printResult(result, *asJSON)
}

// lectern is the real program with a demo in a folder of its own.
type lectern struct {
	process    *exec.Cmd
	folder     string
	url, admin string
	ops        string // address of its figures and profiles
}

// adminLink is the line of the demo that holds the admin's link.
var adminLink = regexp.MustCompile(`^\s*Admin\s+(\S+/join/\S+)`)

// startLectern builds the program unless it is given, starts it on free ports and waits for its greeting.
func startLectern(ctx context.Context, program string) (*lectern, error) {
	folder, err := os.MkdirTemp("", "lectern-rush-")
	if err != nil {
		return nil, err
	}
	s := &lectern{folder: folder}
	if err := s.start(ctx, program); err != nil {
		s.stop()
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return s, nil
}

func (s *lectern) start(ctx context.Context, program string) error {
	if err := os.Chmod(s.folder, 0o711); err != nil { // the private database runs as somebody else
		return err
	}
	if program == "" {
		program = filepath.Join(s.folder, "lectern")
		build := exec.CommandContext(ctx, "go", "build", "-o", program, "lectern/cmd/lectern")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
	address, ops, err := freePorts()
	if err != nil {
		return err
	}
	s.ops = ops
	s.process = exec.Command(program, "serve", "-demo", "-addr", address, "-admin-addr", ops, "-data", filepath.Join(s.folder, "data"), //nolint:gosec // the operator's program
		"-url", "http://"+address, "-database-url", "", "-smtp-url", "", "-tls", "off", "-store", "", "-polish", "off", "-mailbox", "on", "-log", "json")
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.process.Stderr = log
	out, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	s.url = "http://" + address
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := adminLink.FindStringSubmatch(lines.Text()); m != nil {
			s.admin = m[1]
			go func() { // what it prints later is nobody's
				for lines.Scan() {
				}
			}()
			return nil
		}
	}
	text, _ := os.ReadFile(filepath.Join(s.folder, "log"))
	return fmt.Errorf("it printed no link of an admin: %.2000s", text)
}

// freePorts finds two addresses that nobody listens on.
func freePorts() (pages, ops string, err error) {
	for _, to := range []*string{&pages, &ops} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", err
		}
		*to = l.Addr().String()
		defer l.Close()
	}
	return pages, ops, nil
}

// profile asks the server for a CPU profile while the doctors come.
func (s *lectern) profile(ctx context.Context, file string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.ops+"/debug/pprof/profile?seconds=20", nil)
	if err != nil {
		return
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
	}
}

func (s *lectern) stop() {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Signal(os.Interrupt)
		_ = s.process.Wait()
	}
	_ = os.RemoveAll(s.folder)
}
