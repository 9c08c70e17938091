package hls

import (
	"slices"
	"time"

	"lectern/media"
)

// Rules of the segment clock.
const (
	segmentTarget = 2 * time.Second         // so long after a cut a keyframe is asked for
	segmentMin    = time.Second             // a keyframe sooner than this is no cut
	segmentForced = 3200 * time.Millisecond // without a keyframe the cut comes at the next picture,
	segmentMax    = 3450 * time.Millisecond // which must be no later than this, to round to 3 s
	partTarget    = 500 * time.Millisecond

	// targetDuration is EXT-X-TARGETDURATION. It never changes, or players stop.
	targetDuration = 3 * time.Second

	keyframeRetry = 300 * time.Millisecond  // a browser ignores requests closer together
	settled       = 700 * time.Millisecond  // a layer without pictures for so long is not waited for
	stalled       = 1500 * time.Millisecond // without pictures of any layer for so long, there is none
	cutWait       = 300 * time.Millisecond  // how long a cut waits for the keyframes of other layers
	pictureLength = 33 * time.Millisecond   // of the last picture before a stop
	freezeLimit   = 500 * time.Millisecond  // a layer that stops for longer is not whole

	// Keyframes of two layers show the same captured picture when they are this near: half a picture at
	// 30 a second by sender reports, by arrival a good deal less than two keyframes are apart.
	nearReported = 16 * time.Millisecond
	nearArrived  = 150 * time.Millisecond
)

// packager turns what a room says into segments. It is the state of one goroutine, moves only by its
// methods, and knows no clock but the times that it is given.
type packager struct {
	archive  *archive
	metrics  *Metrics
	keyframe func() // asks the presenter for one on every layer
	onError  func(error)

	now         time.Duration       // on the timeline: the latest that anything said
	camera      string              // the track that is recorded, "" while there is none
	mics        [soundInputs]string // the same of sounds
	publication int                 // of the camera, counted
	sender      senderClock
	layers      layers
	retired     layers // of the publication before, whose last pictures may still have to be cut
	sound       *soundtrack
	asked       time.Duration // when a keyframe was last asked for

	segment *segment      // being written; nil while nobody is heard or seen
	cut     *cut          // decided, not yet made
	waiting time.Duration // since when something waits for a first segment; negative when nothing does
	last    struct {      // about the segments so far
		maps        [slate + 1]string // initialisation section of each feed
		publication int
		slate       bool
	}
	broken  bool // the next segment does not follow from the last one
	retry   time.Duration
	failure error // why nothing is recorded at the moment; nil when all is well
}

func newPackager(a *archive, c *Config) *packager {
	p := &packager{
		archive: a, metrics: c.Metrics, keyframe: c.RequestKeyframe, onError: c.OnError,
		broken: true, waiting: -1, asked: -keyframeRetry,
		sound: &soundtrack{ffmpeg: c.FFmpeg, onError: c.OnError, frames: map[int64][]byte{}},
	}
	p.renewLayers()
	return p
}

// layers are those of one publication of the camera.
type layers [media.Layers]*layer

// renewLayers begins a publication of the camera.
func (p *packager) renewLayers() {
	p.publication++
	p.retired = p.layers
	for _, l := range p.retired {
		if l != nil {
			l.ended = true
		}
	}
	for i := range p.layers {
		p.layers[i] = &layer{publication: p.publication, clock: clock{rate: 90000, sender: &p.sender}}
	}
}

// addTrack begins a source anew. The first picture of a room is recorded, and up to three sounds are mixed.
func (p *packager) addTrack(t media.TrackInfo) {
	switch {
	case t.Kind == media.Audio:
		n := p.microphone(t.ID)
		if n < 0 {
			n = p.microphone("")
		}
		if n < 0 {
			return
		}
		if t.MimeType != mimeOpus {
			p.onError(&CodecError{Track: t.ID, MimeType: t.MimeType})
			return
		}
		if p.sound.present() == 0 || p.mics[n] != "" && p.sound.present() == 1 {
			p.sender = senderClock{}
		}
		p.mics[n] = t.ID
		p.sound.attach(n, &p.sender)
	case t.Kind == media.Video && (p.camera == "" || p.camera == t.ID):
		p.removeTrack(t.ID)
		if t.MimeType != mimeH264 {
			p.onError(&CodecError{Track: t.ID, MimeType: t.MimeType})
			return
		}
		p.camera, p.sender = t.ID, senderClock{}
	}
}

// microphone returns which of the recorded sounds a track is, -1 for none. "" asks for a free place.
func (p *packager) microphone(id string) int { return slices.Index(p.mics[:], id) }

// removeTrack ends a source.
func (p *packager) removeTrack(id string) {
	switch n := p.microphone(id); {
	case id == "":
	case n >= 0:
		p.mics[n] = ""
		p.sound.detach(n)
	case id == p.camera:
		p.camera = ""
		p.renewLayers()
	}
}

// packet takes one packet, which arrived at a place of the timeline: now, or earlier when it waited in the queue.
func (p *packager) packet(pk *media.Packet, at time.Duration) {
	switch n := p.microphone(pk.Track); {
	case n >= 0:
		p.sound.packet(n, pk, at)
	case pk.Track == p.camera:
		if pk.Layer < media.Layers && !p.layers[pk.Layer].push(pk, at) {
			p.ask()
		}
	}
}

// report takes one sender report, in the same way.
func (p *packager) report(r *media.SenderReport, at time.Duration) {
	switch n := p.microphone(r.Track); {
	case n >= 0:
		p.sound.voices[n].clock.report(r.NTP, r.Timestamp, at)
	case r.Track == p.camera:
		if r.Layer < media.Layers {
			p.layers[r.Layer].clock.report(r.NTP, r.Timestamp, at)
		}
	}
}

// ask asks for a keyframe unless that was done a moment ago.
func (p *packager) ask() {
	if p.camera != "" && p.now-p.asked >= keyframeRetry {
		p.asked = p.now
		p.metrics.keyframes.Inc()
		p.keyframe()
	}
}

// advance does all that the time and the inputs so far allow.
func (p *packager) advance() {
	p.sound.tick(p.now)
	for p.step() {
	}
	if err := p.flush(); err != nil {
		p.fail(err)
	}
	switch l := p.leader(); {
	case l == nil:
		p.ask()
	case p.cut == nil && l.last() >= p.segment.start+segmentTarget:
		p.ask()
	}
}

// step does one thing, and says whether there may be another.
func (p *packager) step() bool {
	if p.segment == nil {
		return p.now >= p.retry && p.begin()
	}
	if p.cut == nil {
		p.cut = p.findCut()
	}
	if p.cut == nil || !p.cutReady() {
		return false
	}
	p.makeCut()
	return true
}

// leader is the layer whose keyframes cut the open segment: the best one in it that is alive.
func (p *packager) leader() *layer {
	if p.segment == nil {
		return nil
	}
	return p.segment.layers.best(func(l *layer) bool { return l.live(p.now) })
}

// best is the best layer of which something is true, or nil.
func (ls *layers) best(is func(*layer) bool) *layer {
	for i := len(ls) - 1; i >= 0; i-- {
		if ls[i] != nil && is(ls[i]) {
			return ls[i]
		}
	}
	return nil
}

// candidate is the best layer outside of the open segment that could begin the next one, with the index
// of its keyframe.
func (p *packager) candidate(after time.Duration) (*layer, int) {
	for i := len(p.layers) - 1; i >= 0; i-- {
		l := p.layers[i]
		if l.joined || !l.live(p.now) {
			continue
		}
		for k, f := range l.frames {
			if f.key && f.at >= after {
				return l, k
			}
		}
	}
	return nil, 0
}

// near is how far apart two keyframes of one captured picture may be.
func near(a, b *layer) time.Duration {
	if a.clock.settled() && b.clock.settled() {
		return nearReported
	}
	return nearArrived
}

// finish closes all that has come. The sound has been drained before.
func (p *packager) finish() {
	for p.segment != nil {
		if p.cut == nil {
			p.cut = p.findCut()
		}
		if p.cut == nil {
			last, _ := p.lastPicture()
			p.cut = p.newStop(last)
		}
		p.makeCut()
	}
}

// fail gives the open segment up after an error of the disk. Recording goes on with the next keyframe
// in a while; the lecture is not disturbed.
func (p *packager) fail(err error) {
	if p.failure == nil {
		p.onError(err)
	}
	p.metrics.errors.Inc()
	p.failure, p.broken, p.cut = err, true, nil
	p.retry = p.now + segmentTarget
	p.archive.catalog.abandon()
	if s := p.segment; s != nil {
		for _, o := range s.outputs {
			if o != nil {
				p.archive.discard(o)
			}
		}
		for _, l := range s.layers {
			if l != nil {
				l.skip(p.now)
			}
		}
		p.segment = nil
	}
}
