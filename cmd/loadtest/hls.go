package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"

	"lectern/loadtest"
	"lectern/media/hls"
)

// originCommand runs a recorder and its origin alone, with a lecture in front of it. Its first line of output is
// the address of the master playlist; it ends with its input.
const originCommand = "hls-origin"

func hlsScenario(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("hls", flag.ContinueOnError)
	n := f.Int("n", 300, "viewers")
	duration := f.Duration("dur", 30*time.Second, "how long to measure")
	asJSON := f.Bool("json", false, "print one JSON object and nothing else")
	base := f.String("url", "", "a running server; empty starts an origin of our own")
	course := f.String("course", "", "of the running server: a lecture that is on air")
	token := f.String("token", "", "bearer token")
	pid := f.Int("pid", 0, "process of the running server, for its CPU and memory")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *n < 1 {
		return errors.New("-n: at least one viewer")
	}
	test := loadtest.Watching{Master: *base + "/hls/" + *course + "/" + hls.MasterName, Token: *token, PID: *pid, Viewers: *n, Duration: *duration}
	if *base == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		origin, err := start(exec.CommandContext(ctx, self, originCommand))
		if err != nil {
			return err
		}
		defer origin.stop()
		test.Master, test.PID = origin.url, origin.process.Process.Pid
	}
	if !*asJSON {
		test.Progress = func(text string) { fmt.Fprintln(os.Stderr, text) }
	}
	result, err := test.Run(ctx)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if !*asJSON {
		out.SetIndent("", "  ")
	}
	return out.Encode(result)
}

func serveOrigin(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	l, err := newLecture(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "loadtest-hls-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	recorder, err := hls.New(hls.Config{Dir: dir, RunStart: time.Now(), RequestKeyframe: func() {}})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	origin := recorder.Origin()
	server := &http.Server{Handler: origin}
	var all errgroup.Group
	all.Go(func() error { return recorder.Run(ctx) })
	all.Go(func() error {
		l.hold(ctx, recorder)
		return server.Close()
	})
	all.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	all.Go(func() error {
		for len(recorder.Edits()) == 0 { // until there is something to list
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(100 * time.Millisecond):
			}
		}
		fmt.Printf("http://%s/%s\n", listener.Addr(), hls.MasterName)
		return nil
	})
	return all.Wait()
}
