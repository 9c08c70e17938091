// Package ladder makes the layers that a presenter did not send: of VP8, which players of HLS do not know, and of a
// picture in a single layer. It stands in front of a recorder and gives it what a browser with simulcast would have
// sent. Each picture is encoded by an ffmpeg child, as long as the machine has cores to spare.
package ladder

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"lectern/media"
)

const (
	mimeH264 = "video/H264"
	mimeVP8  = "video/VP8"
)

// singleAfter is how long after its first packet a picture of which only the best layer has come counts as one that
// is sent without simulcast: browsers begin with the low layers.
const singleAfter = time.Second

// restartAfter is how long after the end of a child another is started.
const restartAfter = time.Second

// Renditions says what becomes of the presenter's picture.
type Renditions string

// What there is to show.
const (
	None  Renditions = ""      // no picture, or not known yet
	Sent  Renditions = "sent"  // the presenter sends the layers
	Made  Renditions = "made"  // we make them
	One   Renditions = "one"   // one quality for all: the machine has no core to spare, or the sender no more
	Sound Renditions = "sound" // not even that: the picture is in a codec that would have to be encoded
)

// Config is what a Ladder needs. To and Track are required.
type Config struct {
	To       media.Sink // gets one picture, Track, with layers, and everything else as it comes
	Track    string
	Keyframe func()  // asks the presenter for a keyframe; called from a goroutine of its own
	Budget   *Budget // nil: nothing is encoded
	FFmpeg   string  // "ffmpeg" when empty
	Log      *slog.Logger
}

// Ladder is a media.Sink in front of another.
type Ladder struct {
	config Config

	mu     sync.Mutex
	info   media.TrackInfo
	there  bool                 // the track is
	since  time.Time            // arrival of its first packet
	layers bool                 // it has more than one
	source source               // of pictures for the child; nil while none is wanted
	job    *job                 // under way
	spare  time.Time            // no new one before
	asked  time.Time            // when a keyframe was
	next   [media.Layers]uint64 // sequence numbers of what we make
	state  Renditions
	closed bool
	jobs   sync.WaitGroup
}

var _ media.Sink = (*Ladder)(nil)

// New returns a ladder that has encoded nothing yet.
func New(c Config) *Ladder {
	if c.FFmpeg == "" {
		c.FFmpeg = "ffmpeg"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Keyframe == nil {
		c.Keyframe = func() {}
	}
	return &Ladder{config: c}
}

// Renditions says what becomes of the picture now.
func (l *Ladder) Renditions() Renditions {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Close ends the child and waits for it. The ladder passes nothing on afterwards.
func (l *Ladder) Close() {
	l.mu.Lock()
	l.closed = true
	l.stop()
	l.mu.Unlock()
	l.jobs.Wait()
}

// AddTrack implements media.Sink.
func (l *Ladder) AddTrack(t media.TrackInfo) {
	if t.ID != l.config.Track {
		l.config.To.AddTrack(t)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
	l.info, l.there, l.layers, l.since, l.state, l.source = t, true, false, time.Time{}, None, nil
	switch t.MimeType {
	case mimeVP8:
		l.source = &vp8Source{}
	default: // what it is, the recorder judges
		l.config.To.AddTrack(t)
	}
}

// RemoveTrack implements media.Sink.
func (l *Ladder) RemoveTrack(id string) {
	if id == l.config.Track {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.stop()
		l.there, l.state = false, None
	}
	l.config.To.RemoveTrack(id)
}

// stop ends the job under way. The caller holds mu.
func (l *Ladder) stop() {
	if l.job != nil {
		l.job.cancel()
		l.job = nil
	}
}

// WriteSenderReport implements media.Sink. What we make has the timestamps of what it is made of.
func (l *Ladder) WriteSenderReport(r media.SenderReport) {
	if r.Track != l.config.Track {
		l.config.To.WriteSenderReport(r)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.there {
		return
	}
	if l.job == nil || r.Layer != media.High {
		if l.info.MimeType != mimeVP8 {
			l.config.To.WriteSenderReport(r)
		}
		return
	}
	for layer := range media.Layers {
		r.Layer = layer
		l.config.To.WriteSenderReport(r)
	}
}

// WritePacket implements media.Sink.
func (l *Ladder) WritePacket(p *media.Packet) {
	if p.Track != l.config.Track {
		l.config.To.WritePacket(p)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.there {
		return
	}
	if l.info.MimeType == mimeH264 {
		l.config.To.WritePacket(p)
		l.judge(p)
	}
	if l.source == nil || p.Layer != media.High {
		return
	}
	for _, pic := range l.source.push(p) {
		l.encode(pic, p.Arrival)
	}
	if l.source.waiting() {
		l.ask(p.Arrival)
	}
}

// askEvery is how often a keyframe is asked for: a browser ignores what comes sooner.
const askEvery = 500 * time.Millisecond

// ask asks for a keyframe. The caller holds mu, and so may whoever sends us packets hold theirs.
func (l *Ladder) ask(now time.Time) {
	if now.Sub(l.asked) >= askEvery {
		l.asked = now
		l.jobs.Go(l.config.Keyframe)
	}
}

// judge finds out whether an H.264 picture comes in layers. The caller holds mu.
func (l *Ladder) judge(p *media.Packet) {
	switch {
	case l.layers:
	case p.Layer != media.High:
		l.stop()
		l.layers, l.source, l.state = true, nil, Sent
	case l.since.IsZero():
		l.since = p.Arrival
	case l.source == nil && p.Arrival.Sub(l.since) >= singleAfter:
		l.source = &h264Source{}
	}
}

// encode gives a picture to the child, which begins with a keyframe. The caller holds mu.
func (l *Ladder) encode(pic picture, now time.Time) {
	if l.job == nil && pic.key && !now.Before(l.spare) {
		l.start(pic, now)
	}
	if l.job == nil {
		return
	}
	if !l.job.put(pic) {
		l.source.restart() // the child does not keep up: the rest of the group is lost to it
	}
}

// start admits and starts a child for the pictures from here on, of the best ladder that there is room for.
func (l *Ladder) start(pic picture, now time.Time) {
	vp8 := l.info.MimeType == mimeVP8
	for _, rungs := range choices(pic.width, pic.height, vp8) {
		free, ok := l.config.Budget.admit(costOf(rungs))
		if !ok {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		j := newJob(ctx, cancel, l, rungs, pic, free)
		if vp8 {
			info := l.info
			info.MimeType, info.Fmtp = mimeH264, ""
			l.config.To.AddTrack(info) // anew: its sequence numbers and pictures begin afresh
		}
		l.job, l.state = j, Made
		if len(rungs) == 1 && vp8 {
			l.state = One
		}
		l.jobs.Go(func() { l.ran(j, j.run()) })
		return
	}
	l.spare = now.Add(10 * time.Second) // there may be room by then
	if l.state = One; vp8 {
		l.state = Sound
	}
}

// ran takes note of a child that has ended.
func (l *Ladder) ran(j *job, err error) {
	j.free()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.job != j {
		return // it was not wanted any more
	}
	l.job, l.spare = nil, time.Now().Add(restartAfter)
	for layer := range l.next {
		l.next[layer] += 100 // a hole: what follows begins with a keyframe
	}
	l.config.Log.Error("the encoder of the picture has ended and is started again", "err", err)
}
