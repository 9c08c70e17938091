package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"lectern/loadtest/link"
)

// runLink starts `loadtest link` with flags and a shell script; wait gives its output once every process that
// holds it has ended, so also what the script left running.
func runLink(t *testing.T, script string, flags ...string) (command *exec.Cmd, lines *bufio.Reader) {
	t.Helper()
	command = program(t, append(append([]string{"link"}, flags...), "--", "sh", "-c", script)...)
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	command.Stdout, command.Stderr = in, in
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	_ = out.SetReadDeadline(time.Now().Add(30 * time.Second))
	return command, bufio.NewReader(out)
}

// needRoot holds that an ordinary user is told, and tells whether there is more to test.
func needRoot(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() == 0 {
		return true
	}
	command, out := runLink(t, "true")
	text, _ := io.ReadAll(out)
	if err := command.Wait(); err == nil || !strings.Contains(string(text), "root") {
		t.Errorf("without root: %v\n%s", err, text)
	}
	return false
}

func TestLinkRunsACommand(t *testing.T) {
	if !needRoot(t) {
		return
	}
	command, out := runLink(t, `
		test "$LINK_NEAR $LINK_FAR" = "10.99.0.1 10.99.0.2" && echo addresses
		nsenter --net=$LINK_FAR_NS grep -o link0 /proc/net/dev
		echo control "$LINK_CONTROL"
		exit 3`, "-delay", "5ms")
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"addresses\n", "link0\n", "control http://127.0.0.1:", "status 3\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if err := command.Wait(); err == nil {
		t.Error("a command that failed is no success")
	}
}

func TestLinkChangesByControl(t *testing.T) {
	if !needRoot(t) {
		return
	}
	l, err := link.New(link.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server, err := serveControl(l)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	client := http.Client{Transport: &http.Transport{DialContext: func(_ context.Context, network, address string) (c net.Conn, err error) {
		err = l.Near().Do(func() error { c, err = net.Dial(network, address); return err })
		return c, err
	}}}
	defer client.CloseIdleConnections()
	for flags, want := range map[string]int{"-loss 50 -to far": 200, "": 200, "-pulled": 200, "-loss 500": 400, "-loss 5 true": 400} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.Addr, strings.NewReader(flags))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if _ = response.Body.Close(); response.StatusCode != want {
			t.Errorf("%q: status %d, want %d", flags, response.StatusCode, want)
		}
	}
}

// TestLinkLeavesNothing ends it in each way while a child of its command runs on. The output ends when the last
// process is gone.
func TestLinkLeavesNothing(t *testing.T) {
	if !needRoot(t) {
		return
	}
	for _, by := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT} {
		t.Run(by.String(), func(t *testing.T) {
			command, out := runLink(t, `setsid sleep 3600 & nsenter --net=$LINK_FAR_NS setsid sleep 3600 & echo ready; wait`)
			if line, err := out.ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("%q, %v", line, err)
			}
			if err := command.Process.Signal(by); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(out); err != nil {
				t.Errorf("something still runs: %v", err)
			}
			_ = command.Wait()
		})
	}
}

func TestCableIsPulledBySignal(t *testing.T) {
	if !needRoot(t) {
		return
	}
	command, out := runLink(t, `echo ready; exec sleep 3600`)
	_, _ = out.ReadString('\n')
	for _, want := range []string{"link: pulled true\n", "link: pulled false\n"} {
		if err := command.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		if line, err := out.ReadString('\n'); err != nil || line != want {
			t.Fatalf("got %q, %v, want %q", line, err, want)
		}
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
}

func TestLinkFlags(t *testing.T) {
	s, err := parseLink(strings.Fields("-loss 5 -burst 10 -burst-length 3 -rate 300 -delay 50ms -block udp,tcp/443 -to far -seed 7 -- a b"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c := s.toFar
	if c.Loss != 0.05 || c.BurstLoss != 0.1 || c.BurstLength != 3 || c.Rate != 300_000 || c.Delay != 50*time.Millisecond ||
		len(c.Block) != 2 || s.seed != 7 || s.pulled || strings.Join(s.command, " ") != "a b" {
		t.Errorf("got %+v", s)
	}
	if s.toNear.Loss != 0 {
		t.Errorf("the other direction got %+v", s.toNear)
	}
	for _, wrong := range []string{"-to nowhere", "-loss 101", "-block icmp", "-loss"} {
		if _, err := parseLink(strings.Fields(wrong), io.Discard); err == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
}
