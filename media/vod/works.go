package vod

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/media/hls"
)

// Kind is what is to be done with a recording.
type Kind string

// The kinds of tasks.
const (
	MakingPictures Kind = "pictures"
	MakingLadder   Kind = "ladder"
	Copying        Kind = "copy"
	Retiring       Kind = "retire"
	Removing       Kind = "remove"
)

// Task is one piece of work on a recording. Whoever has claimed it holds a lease on it.
type Task struct {
	ID        int64
	Kind      Kind
	Broadcast string
	Shown     Shown // of the version that is shown
}

// Result is what a task has made.
type Result struct {
	Storyboard bool
	Poster     string
	Bytes      int64 // deleted
}

// Queue hands out tasks. It is declared here because media must not know the database; web has the one implementation.
type Queue interface {
	Claim(ctx context.Context, kinds []Kind) (Task, bool, error)
	// Progress renews the lease; false says that it is lost, and that the work must stop.
	Progress(ctx context.Context, id int64, done, total int) (bool, error)
	// Done ends a claim. The error is why the work failed; context.Canceled gives it back untried, and ErrLater puts it off.
	Done(ctx context.Context, t Task, r Result, failure error) error
}

// Desk is where recordings lie, and tells which lectures are on air.
type Desk interface {
	Folder(broadcast string) (string, error)
	Airing() int
	// Changed has the recording opened anew by the next who asks for it.
	Changed(broadcast string)
	Remove(broadcast string) (int64, error)
	// Store is the second place of recordings, nil for none.
	Store() hls.Uploader
	// LayersRead is when a file that the ladder replaces was last asked for.
	LayersRead(broadcast string) time.Time
}

// WorksConfig is what Works needs. Queue and Desk are required.
type WorksConfig struct {
	Queue    Queue
	Desk     Desk
	FFmpeg   string // path of ffmpeg; "ffmpeg" when empty
	NoLadder bool   // recordings are not encoded anew
	Cores    int    // of the machine; those that are there when 0
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// Works works on recordings after the lecture, one at a time.
type Works struct {
	config WorksConfig
	wake   chan struct{} // of 1
	tasks  *prometheus.CounterVec
}

// Rules of the work.
const (
	// lookEvery is how often somebody looks for work who was not woken.
	lookEvery = 10 * time.Second
	// renewEvery is how often a lease of 90 s is renewed, and how often it is asked whether there is room for work.
	renewEvery = 2 * time.Second
	// lastWord bounds how long the end of a task may take to be written down when the program stops.
	lastWord = 5 * time.Second
	// coresPerLecture is what a lecture on air may want for itself: forwarding, packaging and the database.
	coresPerLecture = 2
)

// NewWorks returns works that rest until Run.
func NewWorks(c WorksConfig) *Works {
	if c.FFmpeg == "" {
		c.FFmpeg = "ffmpeg"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Cores == 0 {
		c.Cores = runtime.NumCPU()
	}
	w := &Works{config: c, wake: make(chan struct{}, 1), tasks: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "lectern", Subsystem: "recording", Name: "tasks_total", Help: "Work on recordings after the lecture, by kind and outcome.",
	}, []string{"kind", "outcome"})}
	if c.Metrics != nil {
		c.Metrics.MustRegister(w.tasks)
	}
	return w
}

// Wake says that there may be work. It never blocks.
func (w *Works) Wake() {
	select {
	case w.wake <- struct{}{}:
	default: // it has been woken already
	}
}

// mayEncode says whether there is CPU for what takes minutes: none that a lecture on air may want, and one core besides.
func (w *Works) mayEncode() bool {
	airing := w.config.Desk.Airing()
	return airing == 0 || w.config.Cores >= airing*coresPerLecture+1
}

// kinds are the tasks that may be begun now.
func (w *Works) kinds() []Kind {
	kinds := []Kind{Removing, Retiring, Copying}
	if w.mayEncode() {
		kinds = append(kinds, MakingPictures)
		if !w.config.NoLadder {
			kinds = append(kinds, MakingLadder)
		}
	}
	return kinds
}

// Run works until ctx ends. What is interrupted goes on when somebody runs again.
func (w *Works) Run(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for ctx.Err() == nil {
		t, found, err := w.config.Queue.Claim(ctx, w.kinds())
		switch {
		case err != nil && ctx.Err() == nil:
			w.config.Log.ErrorContext(ctx, "no work on recordings", "err", err)
		case found:
			w.do(ctx, t)
			continue
		}
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-look.C:
		}
	}
	return nil
}

// do works on a task, keeps its lease, and tells how it ended.
func (w *Works) do(ctx context.Context, t Task) {
	working, stop := context.WithCancel(ctx)
	defer stop()
	var done, total atomic.Int64
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		w.keep(working, stop, t, &done, &total)
	}()
	result, err := w.work(working, t, func(d, of int) {
		done.Store(int64(d))
		total.Store(int64(of))
	})
	stop()
	<-kept
	outcome := "done"
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrLater):
		outcome = "interrupted"
	case err != nil:
		outcome = "failed"
		w.config.Log.ErrorContext(ctx, "work on a recording failed", "kind", t.Kind, "broadcast", t.Broadcast, "err", err)
	}
	w.tasks.WithLabelValues(string(t.Kind), outcome).Inc()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	if err := w.config.Queue.Done(end, t, result, err); err != nil {
		w.config.Log.ErrorContext(ctx, "end of work on a recording not written down", "kind", t.Kind, "broadcast", t.Broadcast, "err", err)
	}
}

// keep renews the lease of a task until its context ends, and stops the work when the lease is lost or a lecture wants the
// CPU.
func (w *Works) keep(ctx context.Context, stop func(), t Task, done, total *atomic.Int64) {
	renew := time.NewTicker(renewEvery)
	defer renew.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
		}
		if (t.Kind == MakingLadder || t.Kind == MakingPictures) && !w.mayEncode() {
			stop()
			return
		}
		mine, err := w.config.Queue.Progress(ctx, t.ID, int(done.Load()), int(total.Load()))
		if err == nil && !mine {
			stop()
			return
		}
	}
}

// work does what a task asks for.
func (w *Works) work(ctx context.Context, t Task, progress func(done, total int)) (r Result, err error) {
	dir, err := w.config.Desk.Folder(t.Broadcast)
	if err != nil {
		return r, err
	}
	switch t.Kind {
	case MakingPictures:
		p, err := MakePictures(ctx, dir, w.config.FFmpeg, t.Shown)
		w.config.Desk.Changed(t.Broadcast)
		if errors.Is(err, ErrNoPictures) {
			err = nil
		}
		return Result{Storyboard: len(p.Thumbs) > 0, Poster: p.Poster.Name}, err
	case MakingLadder:
		err := MakeLadder(ctx, dir, w.config.FFmpeg, progress)
		w.config.Desk.Changed(t.Broadcast)
		if errors.Is(err, ErrNoPictures) {
			err = nil
		}
		return r, err
	case Retiring:
		if time.Since(w.config.Desk.LayersRead(t.Broadcast)) < unread {
			return r, ErrLater
		}
		r.Bytes, err = Retire(ctx, dir, t.Broadcast, w.config.Desk.Store())
		return r, err
	case Copying:
		if store := w.config.Desk.Store(); store != nil {
			err = Copy(ctx, dir, t.Broadcast, store, progress)
		}
		return r, err
	case Removing:
		r.Bytes, err = w.config.Desk.Remove(t.Broadcast)
		return r, err
	}
	return r, errors.New("a task of a version to come")
}
