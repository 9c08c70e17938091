package link

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a device that is fed and read by a test.
type wire chan []byte

func (w wire) Read(b []byte) (int, error) {
	packet, open := <-w
	if !open {
		return 0, io.EOF
	}
	return copy(b, packet), nil
}

// screen notes what comes out and when.
type screen struct {
	start time.Time
	at    []time.Duration
	first []byte
}

func (s *screen) Write(b []byte) (int, error) {
	s.at = append(s.at, time.Since(s.start))
	s.first = append(s.first, b[0])
	return len(b), nil
}

func TestLineDeliversInTheOrderOfDepartures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(newModel(Conditions{Delay: 30 * time.Millisecond}, 1, 1))
		in, out := make(wire), &screen{start: time.Now()}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- l.read(in) }()
		go func() { ended <- l.write(ctx, out, func(error) bool { return false }) }()

		send := func(n byte) {
			in <- []byte{n}
			synctest.Wait()
		}

		send(1)
		send(2) // at the same moment: keeps its place
		time.Sleep(10 * time.Millisecond)
		l.change(func(m *model) { m.Delay = 5 * time.Millisecond })
		send(3) // overtakes
		l.change(func(m *model) { m.pulled = true })
		send(4)
		time.Sleep(time.Minute)
		l.change(func(m *model) { m.pulled, m.Duplicate = false, 1 })
		send(5)
		time.Sleep(time.Minute)
		cancel()
		close(in)
		for range 2 {
			if err := <-ended; !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}

		if want := []byte{3, 1, 2, 5, 5}; !slices.Equal(out.first, want) {
			t.Errorf("got %v, want %v", out.first, want)
		}
		late := time.Minute + 15*time.Millisecond
		want := []time.Duration{15 * time.Millisecond, 30 * time.Millisecond, 30 * time.Millisecond, late, late}
		if !slices.Equal(out.at, want) {
			t.Errorf("at %v, want %v", out.at, want)
		}
		if got, want := l.count(), (Counts{Received: 5, Delivered: 5, Lost: 1}); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}

func TestLineHoldsABoundedNumber(t *testing.T) {
	l := newLine(newModel(Conditions{Delay: time.Hour}, 1, 1))
	for range maxUnderway + 10 {
		l.take([]byte{0}, epoch)
	}
	if got := l.count(); got.Overflowed != 10 || len(l.underway) != maxUnderway {
		t.Errorf("%+v, %d under way", got, len(l.underway))
	}
}

// broken refuses packets, first one by one and then for good.
type broken struct{ writes int }

var errFull, errGone = errors.New("full"), errors.New("gone")

func (b *broken) Write([]byte) (int, error) {
	if b.writes++; b.writes == 3 {
		return 0, errGone
	}
	return 0, errFull
}

func TestLineEndsWithItsDeviceOnly(t *testing.T) {
	l := newLine(newModel(Conditions{}, 1, 1))
	for range 5 {
		l.take([]byte{0}, time.Now())
	}
	to := &broken{}
	err := l.write(t.Context(), to, func(err error) bool { return errors.Is(err, errGone) })
	if !errors.Is(err, errGone) || to.writes != 3 {
		t.Errorf("ended with %v after %d packets", err, to.writes)
	}
}
