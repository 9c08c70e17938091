package sfu

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lectern/media"
)

// The tracks of a room: the first picture that a publisher offers is the camera, a second the screen.
const (
	Camera      = "camera"
	Screen      = "screen"
	Microphone  = "microphone"
	ScreenSound = "screen-sound"
)

// Room is where one publisher's tracks reach many sinks.
type Room struct {
	name   string
	server *Server

	publishers, attendees int // sessions, guarded by server.mu

	mu         sync.Mutex
	publisher  *publisher // in the seat, or nil
	tracks     map[string]*upTrack
	publishing bool
	since      time.Time
	changed    chan struct{}
	arrived    chan struct{} // closed and replaced when a publisher takes the seat

	// membership runs whatever changes tracks or sinks, one after another and without a lock. present is
	// its own.
	membership turns
	present    []*upTrack
	sinks      atomic.Pointer[[]media.Sink] // replaced, never changed
	notices    turns
}

func newRoom(s *Server, name string) *Room {
	r := &Room{name: name, server: s, tracks: map[string]*upTrack{}, changed: make(chan struct{}), arrived: make(chan struct{})}
	r.sinks.Store(&[]media.Sink{})
	return r
}

// AddSink lets a sink listen: it is told of the tracks that are present, gets their packets from now on,
// and a keyframe is asked for. After remove, calls that are under way may still arrive, no new ones.
func (r *Room) AddSink(sink media.Sink) (remove func()) {
	r.addSink(sink)
	r.membership.do(func() {
		for _, t := range r.present {
			t.want(t.present.load())
		}
	})
	return func() { r.removeSink(sink) }
}

func (r *Room) addSink(sink media.Sink) {
	r.membership.do(func() {
		for _, t := range r.present {
			sink.AddTrack(t.info)
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

// addTrack makes a track known and returns when all sinks know it, so that its packets may follow.
func (r *Room) addTrack(t *upTrack) {
	known := make(chan struct{})
	r.membership.do(func() {
		r.mu.Lock()
		r.tracks[t.info.ID] = t
		r.mu.Unlock()
		r.present = append(r.present, t)
		for _, s := range *r.sinks.Load() {
			s.AddTrack(t.info)
		}
		close(known)
		r.screenChanged(t)
	})
	<-known
}

func (r *Room) removeTrack(t *upTrack) {
	r.membership.do(func() {
		r.mu.Lock()
		delete(r.tracks, t.info.ID)
		r.mu.Unlock()
		for i, other := range r.present {
			if other == t {
				r.present = append(r.present[:i:i], r.present[i+1:]...)
				break
			}
		}
		for _, s := range *r.sinks.Load() {
			s.RemoveTrack(t.info.ID)
		}
		r.screenChanged(t)
	})
}

// screenChanged tells, like setPublishing, when it is the screen that has come or gone.
func (r *Room) screenChanged(t *upTrack) {
	tell := r.server.cfg.OnPublish
	if t.info.ID != Screen || tell == nil {
		return
	}
	r.mu.Lock()
	on := r.publishing
	r.notices.add(func() { tell(r.name, on) })
	r.mu.Unlock()
	r.notices.run()
}

// Sharing reports whether a screen is shared, besides the camera.
func (r *Room) Sharing() bool { return r.track(Screen) != nil }

// track returns a track that is present, or nil.
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

// Publishing reports whether media arrives. It turns false within two seconds when it ceases.
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

// AwaitPublisher returns when somebody has the room's seat, so that Subscribe does not fail for want of one, or
// when ctx ends, with ctx's error.
func (r *Room) AwaitPublisher(ctx context.Context) error {
	for {
		r.mu.Lock()
		seated, arrived := r.publisher != nil, r.arrived
		r.mu.Unlock()
		if seated {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// setPublishing is called by the publisher p for as long as it has the seat.
func (r *Room) setPublishing(p *publisher, on bool) {
	r.mu.Lock()
	if r.publisher != p || r.publishing == on {
		r.mu.Unlock()
		return
	}
	r.publishing = on
	close(r.changed)
	r.changed = make(chan struct{})
	if tell := r.server.cfg.OnPublish; tell != nil {
		r.notices.add(func() { tell(r.name, on) }) // under the lock, so that the order is right
	}
	r.mu.Unlock()
	r.server.log.Info("publishing", "room", r.name, "on", on)
	r.notices.run()
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
