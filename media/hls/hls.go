// Package hls records one lecture as it is being held, and serves the recording. The layers that the
// presenter's browser encodes become the renditions of an HLS presentation without transcoding; only
// the sound passes through an ffmpeg child, from Opus to AAC. The same folder is the live stream, the
// recording of it a second later, and what a crash leaves to go on with.
package hls

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ErrInUse says that another recorder, maybe of another process, writes into the folder.
var ErrInUse = errors.New("the recording's folder is in use")

// ErrStopped says that the recorder no longer runs.
var ErrStopped = errors.New("the recorder has stopped")

// Codecs that are recorded, as media types of the IANA registry.
const (
	mimeH264 = "video/H264"
	mimeOpus = "audio/opus"
)

// CodecError says that a track is not recorded, because players of HLS do not know its codec.
type CodecError struct{ Track, MimeType string }

func (e *CodecError) Error() string {
	return fmt.Sprintf("the %s sends %s, which cannot be recorded; the rest of the lecture is. "+
		"Present from a browser that sends video/H264 and audio/opus (Chrome, Edge, Safari, Firefox with OpenH264), "+
		"or choose H.264 in the encoder", e.Track, e.MimeType)
}

// editTolerance is how far recording and timeline may drift apart within one row of the edit list.
const editTolerance = EditTolerance

// EditTolerance is editTolerance, for those who put pieces together.
const EditTolerance = 100 * time.Millisecond

// Edit is one row of the edit list: a stretch of the session timeline and where it lies in the
// recording, that is in the sum of the playlist's durations, all in milliseconds.
type Edit struct {
	TimelineMS  int64
	RecordingMS int64
	LengthMS    int64
}

// Recording is a recording so far. LengthMS is its playing time.
type Recording struct {
	LengthMS int64
	Edits    []Edit
}

// State is what a recorder is doing.
type State string

// The states of a recorder.
const (
	Waiting State = "waiting" // nobody is seen or heard
	Writing State = "recording"
	Failing State = "failing" // the disk refuses; tried again every two seconds
	Ended   State = "ended"
)

// Config is what a recorder needs. Dir, unless Unrecorded, RunStart and RequestKeyframe are required.
type Config struct {
	Dir             string        // folder of this one recording, made when absent
	RunStart        time.Time     // when this run went on air, by the server's clock
	TimelineStart   time.Duration // where on the session timeline that was
	RequestKeyframe func()        // asks the presenter for a keyframe on all layers; called often, must not block
	PictureOnly     bool          // sound is neither recorded nor listed: another recording of the lecture has it
	// Unrecorded keeps a minute of the lecture in memory for the players at its live edge, and nothing on disk.
	Unrecorded bool
	Mirror     *Mirror // of the folder's parent; nil for none
	FFmpeg     string  // path of ffmpeg; "ffmpeg" when empty
	Log        *slog.Logger
	Metrics    *Metrics
	OnError    func(error)      // what the presenter should hear of; must not block
	Clock      func() time.Time // time.Now when nil
}

func (c *Config) defaults() {
	if c.FFmpeg == "" {
		c.FFmpeg = "ffmpeg"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
}

// Metrics counts what recorders do; one value serves all of them.
type Metrics struct {
	segments, keyframes, dropped, errors prometheus.Counter
}

// NewMetrics registers the counters, unless the registerer is nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "lectern", Subsystem: "recording", Name: name, Help: help})
	}
	m := &Metrics{
		segments:  counter("segments_total", "Segments written; one counts for all renditions."),
		keyframes: counter("keyframe_requests_total", "Keyframes asked of presenters to cut segments."),
		dropped:   counter("dropped_packets_total", "Packets lost because the recorder did not keep up."),
		errors:    counter("errors_total", "Errors of the disk and of sound encoders."),
	}
	if reg != nil {
		reg.MustRegister(m.segments, m.keyframes, m.dropped, m.errors)
	}
	return m
}
