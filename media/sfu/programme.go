package sfu

import (
	"slices"
	"sync"
	"time"

	"lectern/media"
	"lectern/media/forward"
)

// freshWithin is the silence after which somebody else's camera is shown instead.
const freshWithin = 2 * time.Second

// Sounds are the names of the sounds of the programme. With one publisher there is the first only. Whoever attends or
// records mixes them: the server forwards up to three voices and decodes none.
var Sounds = [...]string{Microphone, "microphone-2", "microphone-3"}

// output is a track of the programme, under the ID by which sinks know it. What it carries changes.
type output struct {
	id    string
	mu    sync.RWMutex // held for reading while sinks are called, for writing while the source changes
	from  *upTrack     // guarded by mu
	since time.Time    // when from entered; what arrived before is not on air
	next  *upTrack     // enters with its keyframe; guarded by programme.mu
}

// programme decides which of the tracks of all publishers sinks get: the screen that is shared, the camera of who is
// speaking and the sounds of up to three.
type programme struct {
	mu      sync.Mutex // one decision at a time; taken before the lock of an output
	camera  output
	screen  output
	sounds  [len(Sounds)]output
	floor   forward.Floor
	slots   *forward.Slots
	decided time.Time
}

func (p *programme) init() {
	p.camera.id, p.screen.id, p.slots = Camera, Screen, forward.NewSlots(len(Sounds))
	for i := range p.sounds {
		p.sounds[i].id = Sounds[i]
	}
}

// choice is what the programme is to be.
type choice struct {
	camera, screen *upTrack
	sounds         [len(Sounds)]*upTrack
}

// direct decides anew what goes out. It is called when something has changed, and by the goroutines that watch the
// publishers; it returns when the sinks know.
func (r *Room) direct(now time.Time) {
	if r.redirect(now) {
		r.tellPanel()
	}
}

// redirect is direct, and reports whether somebody else is on stage.
func (r *Room) redirect(now time.Time) (changed bool) {
	p := &r.programme
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decided = now
	onAir, backstage := r.eligible()
	var c choice
	c.camera = p.speaking(onAir, r.codecOnAir(), now)
	c.screen = p.shared(onAir)
	p.voices(&c, onAir, now)
	before := p.camera.from
	p.steer(r, &p.camera, c.camera, onAir)
	p.steer(r, &p.screen, c.screen, onAir)
	for i, t := range c.sounds {
		r.put(&p.sounds[i], t)
	}
	for _, m := range *r.monitors.Load() {
		m.arrange(backstage, now)
	}
	return p.camera.from != before
}

// eligible returns the tracks that may be on air, and the sounds that may be heard backstage, of those who came first first.
func (r *Room) eligible() (onAir, backstage []*upTrack) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.seats {
		standing := r.standing(s.publisher)
		for _, t := range s.publisher.all() {
			if !t.shown.Load() {
				continue
			}
			if standing.allows(t.source, t.info.Kind) {
				onAir = append(onAir, t)
			}
			if t.info.Kind == media.Audio && !standing.Muted {
				backstage = append(backstage, t)
			}
		}
	}
	return onAir, backstage
}

// codecOnAir is that of the picture which attendees were promised: the first presenter's, or the first panellist's.
func (r *Room) codecOnAir() string {
	mime, _ := r.VideoCodec()
	return mime
}

// speaking returns the camera of who has the floor. A camera of another codec than the programme's is shown only when
// there is no other: those who attend would have to connect anew at each change.
func (p *programme) speaking(onAir []*upTrack, mime string, now time.Time) *upTrack {
	var cameras []*upTrack
	for _, t := range onAir {
		if t.source == Camera {
			cameras = append(cameras, t)
		}
	}
	for _, better := range []func(*upTrack) bool{
		func(t *upTrack) bool { return sameCodec(t.info.MimeType, mime) },
		func(t *upTrack) bool { return t.silent(now) < freshWithin },
	} {
		if some := slices.DeleteFunc(slices.Clone(cameras), func(t *upTrack) bool { return !better(t) }); len(some) > 0 {
			cameras = some
		}
	}
	speakers := make([]forward.Speaker, 0, len(cameras))
	for _, t := range cameras {
		s := forward.Speaker{ID: t.publisher.session.id}
		if i := slices.IndexFunc(onAir, func(o *upTrack) bool { return o.publisher == t.publisher && o.source == Microphone }); i >= 0 {
			s.Loudness = onAir[i].speaker(now).Loudness
		}
		speakers = append(speakers, s)
	}
	holder := p.floor.Decide(speakers, now)
	for _, t := range cameras {
		if t.publisher.session.id == holder {
			return t
		}
	}
	return nil
}

// shared returns the screen to be shown: the one that is, else the first.
func (p *programme) shared(onAir []*upTrack) (first *upTrack) {
	for _, t := range onAir {
		if t.source == Screen && (first == nil || t == p.screen.from) {
			first = t
		}
	}
	return first
}

// voices chooses the sounds.
func (p *programme) voices(c *choice, onAir []*upTrack, now time.Time) {
	var speakers []forward.Speaker
	by := map[string]*upTrack{}
	for _, t := range onAir {
		if t.info.Kind == media.Audio {
			s := t.speaker(now)
			by[s.ID] = t
			speakers = append(speakers, s)
		}
	}
	for i, id := range p.slots.Assign(speakers, now) {
		c.sounds[i] = by[id]
	}
}

// steer has an output of pictures follow a track: at once when the track has been on air or seen by nobody from its first packet, else
// with its next keyframe, until when the one before stays. p.mu is held.
func (p *programme) steer(r *Room, o *output, t *upTrack, onAir []*upTrack) {
	switch {
	case t == o.from:
		o.expect(nil)
	case t == nil || !t.began.Load():
		o.expect(nil)
		r.put(o, t)
	default:
		if o.from != nil && !slices.Contains(onAir, o.from) {
			r.put(o, nil)
		}
		o.expect(t)
	}
}

// expect has an output wait for the keyframe of a track, or for none. It is asked for again each time, as layers come.
func (o *output) expect(t *upTrack) {
	if o.next != nil && o.next != t {
		o.next.awaited.Store(false)
	}
	if o.next = t; t != nil {
		t.awaited.Store(true)
		t.want(t.present.load())
	}
}

// enter puts a track on air whose keyframe is the next packet.
func (r *Room) enter(t *upTrack) {
	p := &r.programme
	p.mu.Lock()
	entered := false
	for _, o := range []*output{&p.camera, &p.screen} {
		if o.next == t {
			o.expect(nil)
			r.put(o, t)
			t.want(t.present.load()) // the other layers, should theirs have been just before
			entered = true
		}
	}
	p.mu.Unlock()
	if entered {
		r.tellPanel()
	}
}

// put has an output carry a track from now on, or nothing, and returns when the sinks know. programme.mu is held.
func (r *Room) put(o *output, t *upTrack) {
	if o.from == t {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if before := o.from; before != nil {
		before.output.Store(nil)
	}
	o.from, o.since = t, time.Time{}
	if t == nil {
		r.withdraw(o.id)
		return
	}
	if t.began.Load() && t.info.Kind == media.Audio {
		o.since = time.Now() // what was said before waits in order still
	}
	t.output.Store(o)
	info := t.info
	info.ID = o.id
	r.announce(info, t)
}

// announce makes a track known and returns when all sinks know it, so that its packets may follow.
func (r *Room) announce(info media.TrackInfo, t *upTrack) {
	known := make(chan struct{})
	r.membership.do(func() {
		r.mu.Lock()
		_, there := r.tracks[info.ID]
		r.tracks[info.ID] = t
		r.mu.Unlock()
		r.present = slices.DeleteFunc(r.present, func(p present) bool { return p.info.ID == info.ID })
		r.present = append(r.present, present{info, t})
		for _, s := range *r.sinks.Load() {
			s.AddTrack(info)
		}
		close(known)
		if info.ID == Screen && !there {
			r.screenChanged()
		}
	})
	<-known
}

// withdraw says that nothing more comes under an ID.
func (r *Room) withdraw(id string) {
	r.membership.do(func() {
		r.mu.Lock()
		delete(r.tracks, id)
		r.mu.Unlock()
		r.present = slices.DeleteFunc(r.present, func(p present) bool { return p.info.ID == id })
		for _, s := range *r.sinks.Load() {
			s.RemoveTrack(id)
		}
		if id == Screen {
			r.screenChanged()
		}
	})
}

// present is a track as sinks know it.
type present struct {
	info media.TrackInfo
	from *upTrack
}

// screenChanged tells, as note does, when it is the screen that has come or gone.
func (r *Room) screenChanged() {
	tell := r.server.cfg.OnPublish
	if tell == nil {
		return
	}
	r.mu.Lock()
	on := r.publishing
	r.notices.add(func() { tell(r.name, on) })
	r.mu.Unlock()
	r.notices.run()
}
