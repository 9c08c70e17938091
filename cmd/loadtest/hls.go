package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime/pprof"
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
	through := f.Bool("edge", false, "fetch through an edge: that of the running server, or one of our own")
	edgePID := f.Int("edge-pid", 0, "process of the running edge, for its CPU and memory")
	profile := f.String("profile", "", "write the CPU profile of the origin we start to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *n < 1 {
		return errors.New("-n: at least one viewer")
	}
	test := loadtest.Watching{Master: *base + "/hls/" + *course + "/" + hls.MasterName, Token: *token, PID: *pid, EdgePID: *edgePID, Viewers: *n, Duration: *duration}
	if *through && *duration > grantLasts {
		return fmt.Errorf("-dur: an edge lets us in for %v", grantLasts)
	}
	switch {
	case *base != "" && *through:
		var err error
		if test.Master, test.Cookie, err = loadtest.Admit(ctx, *base, *course, *token); err != nil {
			return err
		}
	case *base == "":
		origin, err := startChild(ctx, originCommand, "-profile", *profile)
		if err != nil {
			return err
		}
		defer origin.stop()
		test.Master, test.PID = origin.url+"/"+hls.MasterName, origin.pid()
		if *through {
			edge, cookie, err := startEdge(ctx, origin.url)
			if err != nil {
				return err
			}
			defer edge.stop()
			test.Master, test.Cookie, test.EdgePID = edge.url+edgePath+hls.MasterName, cookie, edge.pid()
		}
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

func serveOrigin(ctx context.Context, args []string) error {
	f := flag.NewFlagSet(originCommand, flag.ContinueOnError)
	profile := f.String("profile", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *profile != "" {
		to, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer func() { _ = to.Close() }()
		if err := pprof.StartCPUProfile(to); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
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
	pages := http.NewServeMux()
	pages.Handle("/", recorder.Origin())
	pages.HandleFunc("POST /edge/viewers", func(w http.ResponseWriter, _ *http.Request) { // nobody is out
		_, _ = fmt.Fprint(w, `{"viewers": []}`)
	})
	return serveChild(ctx, pages, listed, recorder.Run, hold)
}
