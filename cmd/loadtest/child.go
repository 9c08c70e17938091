package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sync/errgroup"
)

// child is this program again as a server in a process of its own, so that its CPU and memory are its own.
type child struct {
	process *exec.Cmd
	input   io.Closer
	url     string
}

// startChild runs this program with other arguments; the child's end is serveChild.
func startChild(ctx context.Context, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{process: exec.CommandContext(ctx, self, args...)}
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

func (c *child) pid() int { return c.process.Process.Pid }

func (c *child) stop() {
	_ = c.input.Close()
	_ = c.process.Wait()
}

// serveChild is the whole life of a child: it runs its parts and serves pages on a port of its own until its input
// ends, so that it never outlives its parent. Its one line of output, once ready returns, is its address.
func serveChild(ctx context.Context, pages http.Handler, ready func(context.Context) error, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: pages}
	all, running := errgroup.WithContext(ctx)
	for _, part := range parts {
		all.Go(func() error { return part(running) })
	}
	all.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	all.Go(func() error {
		<-running.Done()
		return server.Close()
	})
	all.Go(func() error {
		if err := ready(running); err != nil {
			return err
		}
		fmt.Printf("http://%s\n", listener.Addr())
		return nil
	})
	return all.Wait()
}
