package hls

import (
	"context"
	"sync"
	"time"

	"lectern/media"
)

// Recorder is the media.Sink that records a lecture. Its methods may be called from any goroutine.
type Recorder struct {
	config  Config
	archive *archive
	inbox   *inbox
	ending  chan struct{} // closed by Finish
	endOnce sync.Once
	done    chan struct{} // closed when Run has returned

	mu      sync.Mutex
	status  Status
	ended   error         // why Finish could not end the recording
	handled int           // events worked off so far
	behind  time.Duration // how much sound is being encoded
}

// Status is what a recorder is doing.
type Status struct {
	State     State
	LastError error // the latest, if any; it may be over
	ErrorAt   time.Time
}

var _ media.Sink = (*Recorder)(nil)

// New opens the folder of a recording, or begins it. What a crash left there is repaired first, at a
// loss of half a second at most, and the recording goes on after a discontinuity. It starts nothing:
// packets queue until Run. The folder belongs to the recorder until Run has returned.
func New(c Config) (*Recorder, error) {
	c.defaults()
	a, err := c.archive()
	if err != nil {
		return nil, err
	}
	run := runRow{TimelineMS: c.TimelineStart.Milliseconds(), StartedAt: c.RunStart.UTC().Round(time.Millisecond), PictureOnly: c.PictureOnly}
	if err := a.append(run); err != nil {
		a.release()
		return nil, err
	}
	a.catalog.follow(true)
	return &Recorder{
		config: c, archive: a, inbox: newInbox(),
		ending: make(chan struct{}), done: make(chan struct{}), status: Status{State: Waiting},
	}, nil
}

// archive is where a recorder writes.
func (c *Config) archive() (*archive, error) {
	if c.Unrecorded {
		// A player that saw this lecture before the server was started again must see no number twice.
		played := c.TimelineStart + c.Clock().Sub(c.RunStart)
		return fleetingArchive(int(max(0, played) / segmentShortest)), nil
	}
	return openArchive(c.Dir, c.Mirror.follow(c.Dir))
}

// segmentShortest is what segments are longer than in the mean, even when the presenter comes and goes.
const segmentShortest = 500 * time.Millisecond

// AddTrack implements media.Sink. The first picture of the room is recorded, and up to three sounds as one.
func (r *Recorder) AddTrack(t media.TrackInfo) { r.inbox.put(event{add: &t}) }

// RemoveTrack implements media.Sink.
func (r *Recorder) RemoveTrack(id string) { r.inbox.put(event{remove: id}) }

// WriteSenderReport implements media.Sink.
func (r *Recorder) WriteSenderReport(s media.SenderReport) { r.inbox.put(event{report: &s}) }

// WritePacket implements media.Sink. It only queues, and drops to the end of the frame when the disk is
// 10 s behind.
func (r *Recorder) WritePacket(p *media.Packet) {
	if r.inbox.put(event{packet: p}) {
		r.config.Metrics.dropped.Inc()
	}
}

// Edits returns the edit list of what is recorded so far.
func (r *Recorder) Edits() []Edit {
	if r.config.Unrecorded {
		return nil
	}
	edits, _ := r.archive.catalog.edits()
	return edits
}

// Status says what the recorder is doing.
func (r *Recorder) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Origin serves the recording while it grows, and after.
func (r *Recorder) Origin() *Origin { return newOrigin(r.archive.place, r.archive.catalog) }

// tickEvery is how often the packager looks at the time when nothing arrives.
const tickEvery = 100 * time.Millisecond

// drainLimit is how long the end waits for the last sound: the encoder holds 60 ms of it.
const drainLimit = 400 * time.Millisecond

// Run records until Finish or until ctx ends, which closes the last segment but not the recording, so
// that a new Recorder can go on. It returns an error only if the end could not be written down.
func (r *Recorder) Run(ctx context.Context) error {
	defer close(r.done)
	c := r.config
	c.OnError = r.onError
	p := newPackager(r.archive, &c)
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	var events []event
	for {
		select {
		case <-r.inbox.wake:
			events = r.inbox.take(events)
			r.handle(p, events)
		case frame, ok := <-p.sound.output():
			p.sound.received(frame, ok, p.now)
		case <-ticker.C:
			p.now = max(p.now, r.place(c.Clock()))
		case <-r.ending:
			r.handle(p, r.inbox.take(events))
			r.drain(p)
			return r.end(p, endRow{})
		case <-ctx.Done():
			r.drain(p)
			return r.end(p)
		}
		p.advance()
		r.note(p, len(events))
		clear(events)
		events = events[:0]
	}
}

// place is where on the timeline an instant lies.
func (r *Recorder) place(t time.Time) time.Duration {
	return r.config.TimelineStart + t.Sub(r.config.RunStart)
}

// handle works off events, and looks after each frame whether there is something to do.
func (r *Recorder) handle(p *packager, events []event) {
	for _, e := range events {
		switch {
		case e.packet != nil:
			at := r.place(e.packet.Arrival)
			p.now = max(p.now, at)
			p.packet(e.packet, at)
			if e.packet.Marker {
				p.advance()
			}
		case e.report != nil:
			at := r.place(e.report.Arrival)
			p.now = max(p.now, at)
			p.report(e.report, at)
		case e.add != nil:
			p.addTrack(*e.add)
		default:
			p.removeTrack(e.remove)
		}
	}
}

// drain lets the sound encoder give out what it holds, and ends it.
func (r *Recorder) drain(p *packager) {
	p.sound.detachAll()
	limit := time.NewTimer(drainLimit)
	defer limit.Stop()
	for p.sound.child != nil {
		select {
		case frame, ok := <-p.sound.output():
			p.sound.received(frame, ok, p.now)
		case <-limit.C:
			p.sound.child.stop()
		}
	}
}

// end closes the last segment, writes last rows, and gives the folder back.
func (r *Recorder) end(p *packager, rows ...any) error {
	defer r.archive.release()
	p.finish()
	err := p.failure
	if len(rows) > 0 {
		if e := r.archive.append(rows...); err == nil {
			err = e
		}
	}
	r.archive.remove(r.archive.catalog.follow(false))
	r.mu.Lock()
	r.status.State, r.ended = Ended, err
	r.mu.Unlock()
	return err
}

// note makes known what the packager is doing, having worked off so many events more.
func (r *Recorder) note(p *packager, handled int) {
	state := Waiting
	switch {
	case p.failure != nil:
		state = Failing
	case p.segment != nil:
		state = Writing
	}
	r.mu.Lock()
	r.status.State = state
	r.handled += handled
	r.behind = p.sound.behind()
	r.mu.Unlock()
}

// onError notes an error, and passes it on.
func (r *Recorder) onError(err error) {
	r.mu.Lock()
	r.status.LastError, r.status.ErrorAt = err, r.config.Clock()
	r.mu.Unlock()
	r.config.Log.Error("recording", "err", err)
	r.config.OnError(err)
}

// Finish ends the recording: the playlists end at what has come until now, and are those of the replay.
// It takes the time of the last write and of the sound that the encoder still holds, well under half a
// second. What is not recorded leaves nothing. Calling it again returns the same. Run must be running or have been run.
func (r *Recorder) Finish(ctx context.Context) (Recording, error) {
	r.endOnce.Do(func() { close(r.ending) })
	select {
	case <-r.done:
	case <-ctx.Done():
		return Recording{}, ctx.Err()
	}
	r.mu.Lock()
	err := r.ended
	r.mu.Unlock()
	if _, ended := r.archive.catalog.state(); !ended && err == nil {
		err = ErrStopped
	}
	if r.config.Unrecorded {
		return Recording{}, err
	}
	edits, length := r.archive.catalog.edits()
	return Recording{LengthMS: length, Edits: edits}, err
}
