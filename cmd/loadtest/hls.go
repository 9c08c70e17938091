package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"lectern/loadtest"
	"lectern/media/hls"
)

// originCommand runs a recorder and its origin alone, with a lecture in front of it.
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
		origin, err := startChild(ctx, originCommand)
		if err != nil {
			return err
		}
		defer origin.stop()
		test.Master, test.PID = origin.url+"/"+hls.MasterName, origin.pid()
	}
	if !*asJSON {
		test.Progress = func(text string) { fmt.Fprintln(os.Stderr, text) }
	}
	result, err := test.Run(ctx)
	if err != nil {
		return err
	}
	return printResult(result, *asJSON)
}

func serveOrigin(ctx context.Context) error {
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
	listed := func(ctx context.Context) error {
		for len(recorder.Edits()) == 0 { // until there is something to list
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
		return nil
	}
	hold := func(ctx context.Context) error {
		l.hold(ctx, recorder)
		return nil
	}
	return serveChild(ctx, recorder.Origin(), listed, recorder.Run, hold)
}
