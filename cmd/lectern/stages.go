package main

import (
	"context"
	"fmt"
)

// stage is a long-lived part of the program: run blocks until its context ends or it fails.
type stage struct {
	name string
	run  func(context.Context) error
}

// runStages starts all stages and waits until ctx ends or one of them does. Then it stops them from the last to
// the first, each only after the one behind it has ended, so that nobody loses what it still stands on: the
// listeners go first, the database goes last. It returns the error of the stage that ended by itself, or the first
// error met while stopping.
func runStages(ctx context.Context, stages []stage) error {
	type running struct {
		stop context.CancelFunc
		done chan error
	}
	// Stages outlive ctx: it says when to begin to stop, not that all stop at once.
	lasting := context.WithoutCancel(ctx)
	ended := make(chan error, len(stages))
	parts := make([]running, len(stages))
	for i, s := range stages {
		c, stop := context.WithCancel(lasting)
		parts[i] = running{stop: stop, done: make(chan error, 1)}
		go func() {
			err := s.run(c)
			if err == nil && c.Err() == nil {
				err = fmt.Errorf("%s ended by itself", s.name)
			} else if err != nil {
				err = fmt.Errorf("%s: %w", s.name, err)
			}
			parts[i].done <- err
			ended <- err
		}()
	}
	var first error
	select {
	case <-ctx.Done():
	case first = <-ended:
	}
	for i := len(parts) - 1; i >= 0; i-- {
		parts[i].stop()
		if err := <-parts[i].done; first == nil {
			first = err
		}
	}
	return first
}
