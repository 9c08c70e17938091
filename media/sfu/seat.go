package sfu

import (
	"slices"
	"time"

	"lectern/media"
	"lectern/media/forward"
)

// Role is what a publisher is in the room.
type Role uint8

// The roles. Each person has one seat; who comes with a second device takes it over from the first.
const (
	Presenter Role = iota // on air unless taken off
	Panellist             // an attendee who was asked in: on air once put there
	Stagehand             // a moderator: heard backstage only
)

// Sources is a set of what somebody sends.
type Sources uint8

// The sources.
const (
	CameraSource Sources = 1 << iota
	MicrophoneSource
	ScreenSource // and its sound
	AllSources   = CameraSource | MicrophoneSource | ScreenSource
)

// sourceOf is the bit of a track.
func sourceOf(track string) Sources {
	switch track {
	case Camera:
		return CameraSource
	case Microphone:
		return MicrophoneSource
	}
	return ScreenSource
}

// Standing is what of a person may be seen and heard: all, in the zero value. What is off air is heard backstage; who is
// muted is heard nowhere.
type Standing struct {
	OffAir Sources
	Muted  bool
}

// onAir reports whether anything may be in the programme.
func (s Standing) onAir() bool { return s.OffAir&AllSources != AllSources }

// allows reports whether a track may be in the programme.
func (s Standing) allows(track string, kind media.Kind) bool {
	return s.OffAir&sourceOf(track) == 0 && !(kind == media.Audio && s.Muted)
}

// seat is a person's place in a room. It is there as long as somebody publishes in it. All of it is guarded by room.mu.
type seat struct {
	person    string
	publisher *publisher // the newest
	since     time.Time
	live      bool // media arrives
}

// seat gives p the place of its person and returns when the publisher before has gone entirely; false if p is to go, too.
func (r *Room) seat(p *publisher) bool {
	r.mu.Lock()
	i := slices.IndexFunc(r.seats, func(s *seat) bool { return s.person == p.person })
	if i < 0 {
		i = len(r.seats)
		r.seats = append(r.seats, &seat{person: p.person})
	}
	s := r.seats[i]
	before := s.publisher
	s.publisher, s.since = p, time.Now()
	r.announceArrival()
	r.mu.Unlock()
	if before != nil {
		r.server.log.Info("publisher taken over", "room", r.name, "from", before.session.short(), "by", p.session.short())
		before.session.Close()
		<-before.session.done
	}
	r.tellPanel()
	select {
	case <-p.session.closing:
		return false
	default:
		return true
	}
}

// announceArrival wakes those who wait for a publisher. r.mu is held.
func (r *Room) announceArrival() {
	close(r.arrived)
	r.arrived = make(chan struct{})
}

func (r *Room) leave(p *publisher) {
	r.setLive(p, false)
	r.mu.Lock()
	r.seats = slices.DeleteFunc(r.seats, func(s *seat) bool { return s.publisher == p })
	r.mu.Unlock()
	r.tellPanel()
}

// setLive is called by the publisher p for as long as it has a seat.
func (r *Room) setLive(p *publisher, on bool) {
	r.mu.Lock()
	i := slices.IndexFunc(r.seats, func(s *seat) bool { return s.publisher == p })
	changed := i >= 0 && r.seats[i].live != on
	if changed {
		r.seats[i].live = on
		r.note()
	}
	r.mu.Unlock()
	if changed {
		r.notices.run()
		r.direct(time.Now())
		r.tellPanel()
	}
}

// note compares what is said of the room with how it is, and queues what there is to tell. r.mu is held.
func (r *Room) note() {
	on := slices.ContainsFunc(r.seats, func(s *seat) bool { return s.live && r.standing(s.publisher).onAir() })
	if on == r.publishing {
		return
	}
	r.publishing = on
	close(r.changed)
	r.changed = make(chan struct{})
	r.notices.add(func() { r.server.log.Info("publishing", "room", r.name, "on", on) })
	if tell := r.server.cfg.OnPublish; tell != nil {
		r.notices.add(func() { tell(r.name, on) }) // under the lock, so that the order is right
	}
}

// tellPanel tells that participants have come, gone or changed.
func (r *Room) tellPanel() {
	if tell := r.server.cfg.OnPanel; tell != nil {
		r.notices.do(func() { tell(r.name) })
	}
}

// standing is what was said last of the person of p. r.mu is held.
func (r *Room) standing(p *publisher) Standing {
	if p.role == Stagehand {
		return Standing{OffAir: AllSources, Muted: r.standings[p.person].Muted}
	}
	return r.standings[p.person]
}

// SetStanding says what of a person may be seen and heard from now on, in this session and those that follow. When it
// returns, nothing more goes out that may not.
func (r *Room) SetStanding(person string, s Standing) {
	r.mu.Lock()
	r.standings[person] = s
	r.note()
	r.announceArrival()
	r.mu.Unlock()
	r.notices.run()
	r.direct(time.Now())
	r.tellPanel()
}

// Participant is somebody who publishes, as the panel sees one.
type Participant struct {
	Person   string
	Role     Role
	Standing Standing
	Since    time.Time
	Live     bool    // media arrives
	Sends    Sources // what is being sent
	Loudness float64 // 0 to 1
	Speaking bool    // within the last second
	OnStage  bool    // the one picture of the programme is this person's
	Policed  bool    // sent far too much within the last seconds; what was too much was dropped
}

// Participants lists who publishes, in the order in which they came.
func (r *Room) Participants() []Participant {
	now := time.Now()
	onStage := r.track(Camera)
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Participant, 0, len(r.seats))
	for _, s := range r.seats {
		p := s.publisher
		one := Participant{
			Person: s.person, Role: p.role, Standing: r.standing(p), Since: s.since, Live: s.live,
			OnStage: onStage != nil && onStage.publisher == p, Policed: p.policed(now),
		}
		for _, t := range p.all() {
			if !t.shown.Load() {
				continue
			}
			one.Sends |= sourceOf(t.source)
			if t.source == Microphone {
				voice := t.speaker(now)
				one.Loudness, one.Speaking = voice.Loudness/127, now.Sub(voice.Spoke) < time.Second
			}
		}
		list = append(list, one)
	}
	return list
}

// Seated reports whether the person publishes here.
func (r *Room) Seated(person string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.seats, func(s *seat) bool { return s.person == person })
}

// Own measures what a person sends; the zero value when they do not.
func (r *Room) Own(person string) RoomStats {
	r.mu.Lock()
	i := slices.IndexFunc(r.seats, func(s *seat) bool { return s.person == person })
	if i < 0 {
		r.mu.Unlock()
		return RoomStats{}
	}
	s := r.seats[i]
	stats := RoomStats{Publishing: s.live, Since: s.since}
	p := s.publisher
	r.mu.Unlock()
	stats.Policed = p.policed(time.Now())
	stats.measure(p.track(Camera), p.track(Screen), p.track(Microphone))
	return stats
}

// speaker is the track's source of sound for the rules of speech. One whose packets say no levels, such as OBS's, counts
// as speaking, so that it keeps its place, and never takes the floor.
func (t *upTrack) speaker(now time.Time) forward.Speaker {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := forward.Speaker{ID: t.publisher.session.id + " " + t.source, Loudness: t.voice.Loudness(now), Spoke: t.voice.Spoke()}
	if !t.levels {
		s.Spoke = now
	}
	return s
}
