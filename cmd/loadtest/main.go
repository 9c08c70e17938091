// Command loadtest measures the server with many attendees:
//
//	go run ./cmd/loadtest sfu -n 200 -dur 20s -json
//
// starts a forwarder of its own in a child process; -url measures one that runs, ours or any other that speaks
// WHIP and WHEP.
//
//	go run ./cmd/loadtest link -loss 5 -delay 50ms -jitter 20ms -- COMMAND
//
// runs a command on a host of its own, with another host at the far end of a bad link.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"lectern/loadtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "loadtest:", err)
		stop()
		os.Exit(1)
	}
}

const usage = `usage: loadtest sfu [-n 200] [-dur 20s] [-json] [-via egress|peer] [-url base] [-whip url -whep url] [-token t] [-pid n]
       loadtest hls [-n 300] [-dur 30s] [-json] [-url base -course id] [-token t] [-pid n]
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
	case originCommand:
		return serveOrigin(ctx)
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
	via := f.String("via", "egress", "what serves attendees: egress, or peer for a PeerConnection each")
	base := f.String("url", "", "a running server whose /whip/load and /whep/load to use; empty starts one")
	whip := f.String("whip", "", "the address to publish to, instead of -url")
	whep := f.String("whep", "", "the address to watch at, instead of -url")
	token := f.String("token", "", "bearer token")
	pid := f.Int("pid", 0, "process of the running server, for its CPU and memory")
	profile := f.String("profile", "", "write the CPU profile of the server we start to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *n < 1 {
		return errors.New("-n: at least one receiver")
	}
	if *base == "" && *whip == "" {
		child, err := startServer(ctx, *via, *profile)
		if err != nil {
			return err
		}
		defer child.stop()
		*base, *pid = child.url, child.process.Process.Pid
	}
	if *whip == "" {
		*whip, *whep = *base+"/whip/load", *base+"/whep/load"
	}
	test := loadtest.Forwarding{WHIP: *whip, WHEP: *whep, Token: *token, PID: *pid, Receivers: *n, Duration: *duration}
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

// child is the server that we started.
type child struct {
	process *exec.Cmd
	input   io.Closer
	url     string
}

// startServer runs this program again as a server. It ends when its input does, so it never outlives us.
func startServer(ctx context.Context, via, profile string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.CommandContext(ctx, self, serverCommand, "-via", via, "-profile", profile))
}

// start runs a server whose first line of output is its address.
func start(process *exec.Cmd) (*child, error) {
	c := &child{process: process}
	c.process.Stderr = os.Stderr
	input, err := c.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.input = input
	output, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.process.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("start server: %w", err)
	}
	c.url = strings.TrimSpace(line)
	return c, nil
}

func (c *child) stop() {
	_ = c.input.Close()
	_ = c.process.Wait()
}
