// Command loadtest measures the server with many attendees:
//
//	go run ./cmd/loadtest sfu -n 200 -dur 20s -json
//
// starts a forwarder of its own in a child process; -url measures one that runs, ours or any other that speaks
// WHIP and WHEP.
//
//	go run ./cmd/loadtest watch -n 52000 -rate 5200 -dur 20s -json
//
// reports watching to a ledger and a PostgreSQL of its own, and compares what was acknowledged with what is there.
//
//	go run ./cmd/loadtest rush -n 13000 -over 150s -json
//
// lets doctors register with the whole program, which it builds and starts with a demo.
//
//	go run ./cmd/loadtest link -loss 5 -delay 50ms -jitter 20ms -- COMMAND
//
// runs a command on a host of its own, with another host at the far end of a bad link.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"lectern/loadtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "loadtest:", err)
		stop()
		os.Exit(1)
	}
}

const usage = `usage: loadtest sfu [-n 200] [-dur 20s] [-json] [-via light|peer]
       loadtest sfu [-n 200] [-dur 20s] [-json] [-url base -course id | -whip url -whep url] [-token t] [-watch-token t] [-pid n]
       loadtest hls [-n 300] [-dur 30s] [-json] [-edge] [-url base -course id] [-token t] [-pid n] [-edge-pid n]
       loadtest watch [-n 52000] [-rate 5200] [-dur 20s] [-json] [-kills 0]
       loadtest rush [-n 13000] [-over 150s] [-json] [-url base -admin link] [-pid n]
       loadtest sockets [-n 13000] [-dur 30s] [-json] [-every 1s] [-servers 1] [-clients 1] [-drop 0] [-url base -crowd file] [-pid n]
       loadtest crowd -database-url url -secret s [-n 13000] >file
       loadtest link [-loss %] [-burst %] [-delay d] [-jitter d] [-rate kbit/s] [-block udp] ... -- COMMAND`

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "sfu":
		return sfuScenario(ctx, args[1:])
	case "hls":
		return hlsScenario(ctx, args[1:])
	case "watch":
		return watchScenario(ctx, args[1:])
	case "sockets":
		return socketsScenario(ctx, args[1:])
	case "crowd":
		return crowdScenario(ctx, args[1:])
	case peopleCommand:
		return playPeople(ctx)
	case ledgerCommand:
		return serveLedger(ctx, args[1:])
	case "rush":
		return rushScenario(ctx, args[1:])
	case originCommand:
		return serveOrigin(ctx, args[1:])
	case edgeCommand:
		return serveEdge(ctx, args[1:])
	case "link":
		return linkScenario(ctx, args[1:])
	case serverCommand:
		return serve(ctx, args[1:])
	case initCommand:
		return linkInit(args[1:])
	}
	return errors.New(usage)
}

func sfuScenario(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("sfu", flag.ContinueOnError)
	n := f.Int("n", 200, "receivers")
	duration := f.Duration("dur", 20*time.Second, "how long to measure")
	asJSON := f.Bool("json", false, "print one JSON object and nothing else")
	via := f.String("via", viaLight, "how the server we start serves attendees: light, or peer for a PeerConnection each")
	base := f.String("url", "", "a running server, of which /whip/COURSE and /whep/COURSE are used; empty starts one")
	course := f.String("course", "load", "of the running server: the lecture to present and to watch")
	whip := f.String("whip", "", "the address to publish to, instead of -url")
	whep := f.String("whep", "", "the address to watch at, instead of -url")
	token := f.String("token", "", "bearer token")
	watchToken := f.String("watch-token", "", "bearer token of those who watch, where it is another one")
	pid := f.Int("pid", 0, "process of the running server, for its CPU and memory")
	profile := f.String("profile", "", "write the CPU profile of the server we start to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case *n < 1:
		return errors.New("-n: at least one receiver")
	case *via != viaLight && *via != viaPeer:
		return errors.New("-via: light or peer")
	case (*whip == "") != (*whep == ""):
		return errors.New("-whip and -whep go together")
	}
	if *base == "" && *whip == "" {
		server, err := startChild(ctx, serverCommand, "-via", *via, "-profile", *profile)
		if err != nil {
			return err
		}
		defer server.stop()
		*base, *pid = server.url, server.pid()
	}
	if *whip == "" {
		*whip, *whep = *base+"/whip/"+*course, *base+"/whep/"+*course
	}
	if *watchToken == "" {
		*watchToken = *token
	}
	test := loadtest.Forwarding{WHIP: *whip, WHEP: *whep, Token: *token, WatchToken: *watchToken, PID: *pid, Receivers: *n, Duration: *duration}
	if !*asJSON {
		test.Progress = func(text string) { fmt.Fprintln(os.Stderr, text) }
	}
	result, err := test.Run(ctx)
	if err != nil {
		return err
	}
	return printResult(result, *asJSON)
}

// printResult prints one JSON object: on one line for programs, indented for people.
func printResult(result any, oneLine bool) error {
	out := json.NewEncoder(os.Stdout)
	if !oneLine {
		out.SetIndent("", "  ")
	}
	return out.Encode(result)
}
