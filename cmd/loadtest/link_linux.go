package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"lectern/loadtest/link"
)

// linkScenario runs a command on the near host of a link with faults:
//
//	loadtest link -loss 5 -delay 50ms -jitter 20ms -- ping -c 10 10.99.0.2
//
// The command finds in its environment LINK_NEAR and LINK_FAR, the two addresses, LINK_FAR_NS, which
// `nsenter --net=$LINK_FAR_NS` takes to run something on the far host, and LINK_CONTROL, an address that takes the
// same flags by PUT to change the link. SIGUSR1 pulls the cable and puts it back.
func linkScenario(ctx context.Context, args []string) error {
	settings, err := parseLink(args, os.Stderr)
	if err != nil {
		return err
	}
	if len(settings.command) == 0 {
		return errors.New("link: what is to run on the near host? loadtest link -loss 5 -delay 50ms -- COMMAND")
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	l, err := link.New(link.Config{ToFar: settings.toFar, ToNear: settings.toNear, Seed: settings.seed})
	if err != nil {
		return err
	}
	defer l.Close()
	l.Pull(settings.pulled)
	control, err := serveControl(l)
	if err != nil {
		return err
	}
	defer func() { _ = control.Close() }()

	running, cancel := context.WithCancel(ctx)
	var all errgroup.Group
	all.Go(func() error { defer cancel(); return l.Run(running) })
	all.Go(func() error { pullOnSignal(running, l, settings.pulled); return nil })
	all.Go(func() error {
		defer cancel()
		return runNear(running, l, control.Addr, settings.command)
	})
	err = all.Wait()
	toFar, toNear := l.Counts()
	fmt.Fprintf(os.Stderr, "link: to far %+v, to near %+v\n", toFar, toNear)
	return err
}

func pullOnSignal(ctx context.Context, l *link.Link, pulled bool) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	defer signal.Stop(signals)
	for {
		select {
		case <-signals:
			pulled = !pulled
			l.Pull(pulled)
			fmt.Fprintln(os.Stderr, "link: pulled", pulled)
		case <-ctx.Done():
			return
		}
	}
}

// runNear runs the command in a process namespace, so that all that it starts dies with us even when we are
// killed and cannot clean up.
func runNear(ctx context.Context, l *link.Link, control string, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, self, append([]string{initCommand}, args...)...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.ExtraFiles = []*os.File{l.Far().Namespace()} // its file 3
	command.Env = append(command.Environ(),
		"LINK_NEAR="+l.Near().Addr.String(), "LINK_FAR="+l.Far().Addr.String(),
		"LINK_FAR_NS=/proc/1/fd/3", "LINK_CONTROL="+control)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = linkGrace
	if err := l.Near().Start(command); err != nil {
		return err
	}
	err = command.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// serveControl listens on the near host's loopback, which nobody else can reach.
func serveControl(l *link.Link) (*http.Server, error) {
	var listener net.Listener
	err := l.Near().Do(func() (err error) {
		listener, err = net.Listen("tcp4", "127.0.0.1:0")
		return err
	})
	if err != nil {
		return nil, err
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<10))
		if err == nil {
			err = control(l, strings.Fields(string(text)))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	server := &http.Server{Addr: "http://" + listener.Addr().String(), Handler: handler}
	go func() { _ = server.Serve(listener) }()
	return server, nil
}

func control(l *link.Link, flags []string) error {
	settings, err := parseLink(flags, io.Discard)
	if err != nil {
		return err
	}
	if len(settings.command) > 0 {
		return fmt.Errorf("%q: want flags of loadtest link only", settings.command)
	}
	if settings.farAddress.IsValid() {
		if err := l.Far().Renumber(settings.farAddress); err != nil {
			return err
		}
	}
	l.Pull(settings.pulled)
	return l.Set(settings.toFar, settings.toNear)
}
