package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStagesStopFromTheLastToTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		part := func(name string, slow time.Duration) stage {
			return stage{name, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(slow) // what is still in flight
				order = append(order, name)
				return nil
			}}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := runStages(ctx, []stage{part("database", 0), part("rooms", time.Second), part("listener", 3*time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"listener", "rooms", "database"}; !slices.Equal(order, want) {
			t.Errorf("stopped in the order %v, want %v", order, want)
		}
	})
}

func TestStagesStopWhenOneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
		broken := errors.New("disk gone")
		err := runStages(t.Context(), []stage{
			{"database", wait},
			{"rooms", func(context.Context) error { time.Sleep(time.Minute); return broken }},
			{"listener", wait},
		})
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "rooms") {
			t.Errorf("got %v, want the failure of rooms", err)
		}
	})
}

func TestStageThatEndsByItselfIsAFailure(t *testing.T) {
	wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
	err := runStages(t.Context(), []stage{{"database", wait}, {"rooms", func(context.Context) error { return nil }}})
	if err == nil || !strings.Contains(err.Error(), "rooms ended by itself") {
		t.Errorf("got %v", err)
	}
}
