package sfu

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lectern/media"
)

// What a publisher sends: the first picture of its offer is the camera, a second the screen.
const (
	Camera      = "camera"
	Screen      = "screen"
	Microphone  = "microphone"
	ScreenSound = "screen-sound" // one of Sounds to sinks
)

// Room is where the programme that publishers make reaches many sinks.
type Room struct {
	name   string
	server *Server

	publishers, attendees int            // sessions, guarded by server.mu
	knocking              map[string]int // publishers' sessions by person, guarded by server.mu

	mu         sync.Mutex
	seats      []*seat // in the order in which they were taken
	standings  map[string]Standing
	tracks     map[string]*upTrack // of the programme
	publishing bool
	changed    chan struct{}
	arrived    chan struct{} // closed and replaced when a publisher takes a seat

	programme programme
	monitors  atomic.Pointer[[]*monitor] // replaced under programme.mu, never changed

	// membership runs whatever changes tracks or sinks, one after another and without a lock. present is
	// its own.
	membership turns
	present    []present
	sinks      atomic.Pointer[[]media.Sink] // replaced, never changed
	notices    turns
}

func newRoom(s *Server, name string) *Room {
	r := &Room{
		name: name, server: s, knocking: map[string]int{}, standings: map[string]Standing{}, tracks: map[string]*upTrack{},
		changed: make(chan struct{}), arrived: make(chan struct{}),
	}
	r.programme.init()
	r.monitors.Store(&[]*monitor{})
	r.sinks.Store(&[]media.Sink{})
	return r
}

// AddSink lets a sink listen: it is told of the tracks that are present, gets their packets from now on,
// and a keyframe is asked for. After remove, calls that are under way may still arrive, no new ones.
func (r *Room) AddSink(sink media.Sink) (remove func()) {
	r.addSink(sink)
	r.membership.do(func() {
		for _, p := range r.present {
			p.from.want(p.from.present.load())
		}
	})
	return func() { r.removeSink(sink) }
}

func (r *Room) addSink(sink media.Sink) {
	r.membership.do(func() {
		for _, p := range r.present {
			sink.AddTrack(p.info)
		}
		sinks := append(slices.Clone(*r.sinks.Load()), sink)
		r.sinks.Store(&sinks)
	})
}

func (r *Room) removeSink(sink media.Sink) {
	r.membership.do(func() {
		var sinks []media.Sink
		for _, s := range *r.sinks.Load() {
			if s != sink {
				sinks = append(sinks, s)
			}
		}
		r.sinks.Store(&sinks)
	})
}

// Sharing reports whether a screen is shared, besides the camera.
func (r *Room) Sharing() bool { return r.track(Screen) != nil }

// track returns what is in the programme under an ID, or nil.
func (r *Room) track(id string) *upTrack {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tracks[id]
}

// RequestKeyframe asks for a keyframe in all layers of a track. Requests are bundled and repeated until the
// keyframes are there, so asking often is harmless.
func (r *Room) RequestKeyframe(track string) {
	if t := r.track(track); t != nil {
		t.want(t.present.load())
	}
}

// Publishing reports whether media arrives of somebody who is on air. It turns false within two seconds when it ceases.
func (r *Room) Publishing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.publishing
}

// Changed returns a channel that is closed when Publishing changes. Get it before asking Publishing.
func (r *Room) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// AwaitPublisher returns when somebody has a seat on air, so that Subscribe does not fail for want of one, or
// when ctx ends, with ctx's error.
func (r *Room) AwaitPublisher(ctx context.Context) error {
	for {
		r.mu.Lock()
		arrived := r.arrived
		r.mu.Unlock()
		if _, seated := r.VideoCodec(); seated {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// VideoCodec returns the MIME type of the picture that those on air send or will send, the first presenter's before all
// others, for every transport of attendees; false when nobody publishes who is on air.
func (r *Room) VideoCodec() (mime string, published bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var first *publisher
	for _, s := range r.seats {
		p := s.publisher
		if !r.standing(p).onAir() {
			continue
		}
		published = true
		if p.video != "" && (first == nil || p.role == Presenter && first.role != Presenter) {
			first = p
		}
	}
	switch {
	case !published:
		return "", false
	case first == nil:
		return mimeH264, true
	}
	return first.video, true
}

// turns runs functions one after another, each in the goroutine of whoever found it idle, and holds no
// lock meanwhile. A function may call do itself: what it adds comes after it.
type turns struct {
	mu    sync.Mutex
	queue []func()
	busy  bool
}

func (t *turns) do(f func()) {
	t.add(f)
	t.run()
}

func (t *turns) add(f func()) {
	t.mu.Lock()
	t.queue = append(t.queue, f)
	t.mu.Unlock()
}

func (t *turns) run() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy {
		return
	}
	t.busy = true
	for len(t.queue) > 0 {
		next := t.queue[0]
		t.queue = t.queue[1:]
		t.mu.Unlock()
		next()
		t.mu.Lock()
	}
	t.busy = false
}

// renew is called every so often by the goroutines that watch the publishers, and decides anew no more often than needed.
func (r *Room) renew(now time.Time) {
	r.programme.mu.Lock()
	due := now.Sub(r.programme.decided) >= watchEvery
	r.programme.mu.Unlock()
	if due {
		r.direct(now)
	}
}
