// Package broadcast knows which lectures are on air in this process, and ties the room of each to the
// recorder of its folder.
package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/media"
	"lectern/media/hls"
	"lectern/media/ladder"
	"lectern/media/sfu"
)

// Errors of a Desk.
var (
	// ErrClosed says that the desk no longer runs.
	ErrClosed = errors.New("broadcasts are being stopped")
	// ErrBusy says that another broadcast of the course is on air: end it first.
	ErrBusy = errors.New("another broadcast of this course is on air")
	// ErrNoRecording says that nothing is kept of a broadcast.
	ErrNoRecording = errors.New("no recording of this broadcast")
)

// Config is what a Desk needs. Dir and Rooms are required.
type Config struct {
	Dir     string // holds one folder for each broadcast
	Rooms   *sfu.Server
	FFmpeg  string // path of ffmpeg; "ffmpeg" when empty
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Mirror copies recordings to Store, from which those are served that are no longer here. Both may be nil.
	Mirror *hls.Mirror
	Store  hls.Uploader
	// RemoveCopy deletes what Store has below a prefix; nil without a store.
	RemoveCopy func(ctx context.Context, prefix string) error
	// Marks tells the chapters of a broadcast. It is asked when one begins or is opened, and by MarksChanged. May be nil.
	Marks func(ctx context.Context, broadcast string) ([]hls.Mark, error)
	// OnError is told what goes wrong with the recording of a course, for its presenter to see. It must not
	// block. May be nil.
	OnError func(course string, err error)
}

// Run is one stretch on air of a broadcast.
type Run struct {
	Course          string // also the name of the room, unless Room names another
	Room            string // whose media is recorded when it is not that of Course: a rehearsal has a name of its own
	Broadcast       string // also the name of the folder
	StartedAt       time.Time
	TimelineStartMS int64 // place of StartedAt on the session timeline
	Unrecorded      bool  // nothing of it is kept; players of HLS find the last minute in memory
}

// room names the room whose media a run records.
func (r Run) room() string {
	if r.Room != "" {
		return r.Room
	}
	return r.Course
}

// Result is what a broadcast leaves. LengthMS is the playing time of the recording.
type Result struct {
	LengthMS int64
	Edits    []hls.Edit
	Segments []hls.Edit // the same by segments, which are where it can be cut
}

// Status is a broadcast on air. Recording tells whether it is being recorded, and what went wrong. Edits is the
// edit list of the stage so far.
type Status struct {
	Run
	Recording hls.Status
	Edits     []hls.Edit
	// Renditions says what becomes of the picture on stage: whether its layers are those of the presenter.
	Renditions ladder.Renditions
	Stopped    bool // there is no recorder: Start tries again
}

// Desk keeps the broadcasts of this process.
type Desk struct {
	config  Config
	metrics *hls.Metrics
	archive *shelf
	budget  *ladder.Budget // of all pictures that are encoded here

	running chan struct{} // closed when Run has begun
	turn    sync.Mutex    // one Start or End at a time, which may wait for the disk

	mu      sync.Mutex // guards what follows, for moments
	ctx     context.Context
	closed  bool
	onAir   map[string]*onAir // by course
	ended   map[string]Run    // the last of each course that was ended here
	working sync.WaitGroup    // recorders
}

// onAir is a broadcast and its recorder, which is nil when it could not be started.
type onAir struct {
	Run
	recorder *hls.Recorder
	origin   *hls.Origin
	ladder   *ladder.Ladder
	speaker  *hls.Recorder // of the camera beside a shared screen; nil when it could not be started
	aside    *hls.Origin   // what it records
	leave    func()        // the room
	failure  error         // why there is no recorder
	failedAt time.Time
}

// New returns a desk with nothing on air, and starts nothing.
func New(c Config) (*Desk, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnError == nil {
		c.OnError = func(string, error) {}
	}
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("folder of recordings: %w", err)
	}
	return &Desk{
		config: c, metrics: hls.NewMetrics(c.Metrics), archive: newShelf(), budget: ladder.NewBudget(0), running: make(chan struct{}),
		onAir: map[string]*onAir{}, ended: map[string]Run{},
	}, nil
}

// Run lets recorders work until ctx ends, then waits until each has closed its last segment. What was on
// air goes on when it is started again, by another process too.
func (d *Desk) Run(ctx context.Context) error {
	d.mu.Lock()
	d.ctx = ctx
	d.mu.Unlock()
	close(d.running)
	<-ctx.Done()
	d.mu.Lock()
	d.closed = true
	for _, b := range d.onAir {
		if b.leave != nil {
			b.leave()
		}
	}
	d.mu.Unlock()
	d.working.Wait()
	return nil
}

// Start puts a broadcast on air, or takes it up again: its folder may hold a recording that ended or that
// a crash interrupted, which then continues. It waits for Run. Starting what is on air changes nothing.
// When the recorder cannot start, the error says why, the broadcast is on air all the same, and starting
// it again tries again.
func (d *Desk) Start(ctx context.Context, run Run) error {
	select {
	case <-d.running:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !isName(run.Broadcast) {
		return fmt.Errorf("start broadcast: %q cannot name a folder", run.Broadcast)
	}
	d.turn.Lock()
	defer d.turn.Unlock()
	d.mu.Lock()
	now, closed := d.onAir[run.Course], d.closed
	if !closed {
		d.working.Add(1) // Run waits for us
		defer d.working.Done()
	}
	d.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case now != nil && now.Broadcast != run.Broadcast:
		return ErrBusy
	case now != nil && now.recorder != nil:
		return nil
	}
	b := &onAir{Run: run}
	if err := d.record(b); err != nil {
		b.failure, b.failedAt = fmt.Errorf("start recording: %w", err), time.Now()
	}
	d.mu.Lock()
	d.onAir[run.Course] = b
	delete(d.ended, run.Course)
	d.mu.Unlock()
	return b.failure
}

// record starts the recorders of a broadcast: that of the stage, without which there is no recording, and that
// of the speaker, without which there is no camera beside a shared screen.
func (d *Desk) record(b *onAir) error {
	room := d.config.Rooms.Room(b.room())
	var shown *stage // the recorders ask nothing before Run
	recorder, err := hls.New(d.recorderConfig(b.Run, d.folder(b.Broadcast), func() { shown.requestKeyframe() }))
	if err != nil {
		return err
	}
	d.archive.drop(b.Broadcast)
	b.recorder, b.origin = recorder, d.readThrough(recorder.Origin(), b.Broadcast)
	d.mark(d.ctx, b.Broadcast, b.origin)
	aside := d.recorderConfig(b.Run, d.folder(speakerName(b.Broadcast)), func() { shown.requestSpeakerKeyframe() })
	aside.PictureOnly, aside.OnError = true, nil // the stage has told already
	var speaker media.Sink = silence{}
	if b.speaker, err = hls.New(aside); err != nil {
		d.config.Log.Error("speaker not recorded", "course", b.Course, "broadcast", b.Broadcast, "err", err)
	} else {
		d.archive.drop(speakerName(b.Broadcast))
		b.aside, speaker = d.readThrough(b.speaker.Origin(), speakerName(b.Broadcast)), b.speaker
	}
	b.ladder = d.ladder(recorder, func() { shown.requestKeyframe() })
	beside := d.ladder(speaker, func() { shown.requestSpeakerKeyframe() })
	shown = newStage(b.ladder, beside, room.RequestKeyframe)
	leave := room.AddSink(shown)
	b.leave = func() {
		leave()
		b.ladder.Close()
		beside.Close()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range []*hls.Recorder{b.recorder, b.speaker} {
		if r == nil {
			continue
		}
		d.working.Go(func() { // when the desk has closed in the meantime, it ends at once
			if err := r.Run(d.ctx); err != nil {
				d.config.Log.Error("recording ended badly", "course", b.Course, "broadcast", b.Broadcast, "err", err)
			}
		})
	}
	return nil
}

// ladder stands in front of a recorder and makes the layers that the presenter does not send.
func (d *Desk) ladder(to media.Sink, keyframe func()) *ladder.Ladder {
	return ladder.New(ladder.Config{
		To: to, Track: stageTrack, Keyframe: keyframe, Budget: d.budget, FFmpeg: d.config.FFmpeg, Log: d.config.Log,
	})
}

// recorderConfig is what both recorders of a run have in common.
func (d *Desk) recorderConfig(run Run, folder string, keyframe func()) hls.Config {
	return hls.Config{
		Dir: folder, RunStart: run.StartedAt, TimelineStart: time.Duration(run.TimelineStartMS) * time.Millisecond,
		Unrecorded: run.Unrecorded, RequestKeyframe: keyframe, FFmpeg: d.config.FFmpeg, Metrics: d.metrics, Mirror: d.config.Mirror,
		Log:     d.config.Log.With("course", run.Course, "broadcast", run.Broadcast),
		OnError: func(err error) { d.config.OnError(run.Course, err) },
	}
}

// End takes a course off air. The recording is complete when it returns, well within a second. A course
// that is not on air, or was never recorded, ends with what its folder holds, maybe nothing, so calling
// End again after an error elsewhere returns the same. The only error is that of ctx.
func (d *Desk) End(ctx context.Context, course string) (Result, error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	d.mu.Lock()
	b, was := d.onAir[course], d.ended[course]
	d.mu.Unlock()
	if b == nil {
		return d.kept(was.Broadcast), nil
	}
	result := Result{}
	if b.recorder == nil {
		result = d.kept(b.Broadcast)
	} else {
		b.leave()
		recording, err := b.recorder.Finish(ctx)
		if ctx.Err() != nil && err != nil {
			return Result{}, fmt.Errorf("finish recording: %w", err)
		}
		if err != nil {
			d.config.Log.Error("recording ended badly", "course", course, "broadcast", b.Broadcast, "err", err)
		}
		result = Result{recording.LengthMS, recording.Edits, b.recorder.Segments()}
		if b.Unrecorded {
			result = Result{}
		}
		d.endSpeaker(ctx, b)
	}
	d.mu.Lock()
	delete(d.onAir, course)
	d.ended[course] = b.Run
	d.mu.Unlock()
	d.archive.drop(b.Broadcast) // somebody may have opened it half done
	return result, nil
}

// endSpeaker finishes the recording of the camera, which a lecture can do without.
func (d *Desk) endSpeaker(ctx context.Context, b *onAir) {
	if b.speaker == nil {
		return
	}
	if _, err := b.speaker.Finish(ctx); err != nil {
		d.config.Log.Error("recording of the speaker ended badly", "course", b.Course, "broadcast", b.Broadcast, "err", err)
	}
	d.archive.drop(speakerName(b.Broadcast))
}

// kept is what the folder of a broadcast holds.
func (d *Desk) kept(broadcast string) Result {
	replay, err := d.Replay(broadcast)
	if err != nil {
		return Result{}
	}
	r := replay.Recording()
	return Result{r.LengthMS, r.Edits, replay.Cuts()}
}

// OnAir returns what a course is doing, false when it is not on air here.
func (d *Desk) OnAir(course string) (Status, bool) {
	d.mu.Lock()
	b := d.onAir[course]
	d.mu.Unlock()
	if b == nil {
		return Status{}, false
	}
	status := b.status()
	if b.recorder != nil {
		status.Edits = b.recorder.Edits()
	}
	return status, true
}

// Statuses returns what all courses on air here are doing, without their edit lists.
func (d *Desk) Statuses() []Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Status, 0, len(d.onAir))
	for _, b := range d.onAir {
		all = append(all, b.status())
	}
	return all
}

func (b *onAir) status() Status {
	if b.recorder == nil {
		return Status{Run: b.Run, Stopped: true, Recording: hls.Status{State: hls.Failing, LastError: b.failure, ErrorAt: b.failedAt}}
	}
	return Status{Run: b.Run, Recording: b.recorder.Status(), Renditions: b.ladder.Renditions()}
}

// folder is where a broadcast is recorded.
func (d *Desk) folder(broadcast string) string { return filepath.Join(d.config.Dir, broadcast) }

// speakerName is the speaker's recording of a broadcast, as a folder within that of the broadcast.
func speakerName(broadcast string) string { return filepath.Join(broadcast, "speaker") }

// isName says whether a broadcast's ID is safe as the name of a folder: those of the database are UUIDs.
func isName(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == ""
}
