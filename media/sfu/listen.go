package sfu

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"lectern/media"
	"lectern/media/forward"
)

// ListenOptions say who listens backstage.
type ListenOptions struct {
	Owner  string // the login session, for Session.Owner
	Person string // who is not to hear themself
}

// monitor is how somebody backstage hears all others, on air or not: each section of sound carries one of them.
type monitor struct {
	attendee *attendee
	person   string

	mu    sync.Mutex // held while packets are handed over
	slots *forward.Slots
	at    map[*upTrack]*downTrack
}

// Listen answers the offer of somebody backstage, who gets the sound of all others. The caller has made sure that the
// person may. The errors wrap ErrOffer, ErrCodec, ErrFull or ErrClosed, or are those of ctx.
func (s *Server) Listen(ctx context.Context, room, offerSDP string, opts ListenOptions) (answer string, session *Session, err error) {
	o, err := parseOffer(offerSDP)
	if err != nil {
		return "", nil, err
	}
	r := s.Room(room)
	session = newSession(r, opts.Owner, false)
	session.offer, session.person = o, opts.Person
	a := &attendee{session: session, room: r, queue: make(chan outgoing, queueSize)}
	session.attendee = a
	if err := a.chooseSounds(o); err != nil {
		return "", nil, err
	}
	if len(a.sounds) == 0 {
		return "", nil, fmt.Errorf("%w: it receives no sound", ErrOffer)
	}
	a.monitor = &monitor{attendee: a, person: opts.Person, slots: forward.NewSlots(len(a.sounds)), at: map[*upTrack]*downTrack{}}
	answer, err = s.open(ctx, session, s.attendees, a, offerSDP, a.prepare)
	if err != nil {
		return "", nil, fmt.Errorf("listen backstage: %w", err)
	}
	return answer, session, nil
}

// addMonitor lets somebody hear what is said backstage.
func (r *Room) addMonitor(m *monitor) {
	r.programme.mu.Lock()
	all := append(slices.Clone(*r.monitors.Load()), m)
	r.monitors.Store(&all)
	r.programme.mu.Unlock()
	r.direct(time.Now())
}

func (r *Room) removeMonitor(m *monitor) {
	r.programme.mu.Lock()
	defer r.programme.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(*r.monitors.Load()), func(o *monitor) bool { return o == m })
	r.monitors.Store(&all)
}

// arrange gives each of the sounds backstage a section, the loudest when there are more.
func (m *monitor) arrange(backstage []*upTrack, now time.Time) {
	var speakers []forward.Speaker
	by := map[string]*upTrack{}
	for _, t := range backstage {
		if t.publisher.person != m.person {
			s := t.speaker(now)
			by[s.ID] = t
			speakers = append(speakers, s)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := make(map[*upTrack]*downTrack, len(by))
	for i, id := range m.slots.Assign(speakers, now) {
		t, d := by[id], m.attendee.sounds[i]
		if t == nil {
			d.begin(nil)
			continue
		}
		at[t] = d
		if m.at[t] != d {
			d.begin(t)
		}
	}
	m.at = at
}

// hear takes a packet of sound.
func (m *monitor) hear(t *upTrack, p *media.Packet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.at[t]; d != nil {
		d.write(p)
	}
}
