package egress

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lectern/media"
)

const (
	// patience is how long an attendee may be without a connectivity check (media.md): browsers send one every
	// few seconds, and consent runs out after 30 s (RFC 7675 section 5.1).
	patience = 30 * time.Second
	// firstCheck is how long a session may be without its first one.
	firstCheck = 15 * time.Second
	// roomKept is how long a room without attendees goes on filling its rings for the next one.
	roomKept = 30 * time.Second
	// sweepEvery is how often the sweeper looks.
	sweepEvery = time.Second
)

// enter returns the room and takes a seat in it, which leave gives back.
func (s *Server) enter(name string, source Source) (r *Room, leave func(), err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, nil, ErrClosed
	}
	r = s.rooms[name]
	stale := (*Room)(nil)
	if r != nil && r.source != source {
		stale, r = r, nil // the forwarder made the room anew
	}
	if r == nil {
		r = newRoom(s, name, source)
		s.rooms[name] = r
	}
	if r.attendees >= maxInRoom || len(s.sessions) >= maxAttendees {
		s.mu.Unlock()
		return nil, nil, fmt.Errorf("room %s has %d attendees: %w", name, r.attendees, ErrFull)
	}
	r.attendees++
	s.mu.Unlock()
	if stale != nil {
		stale.detach()
	}
	r.attach.Do(func() {
		remove := source.AddSink(r) // tells of the tracks: no lock may be held
		s.mu.Lock()
		r.remove = remove
		s.mu.Unlock()
	})
	return r, func() { s.unseat(r) }, nil
}

func (s *Server) unseat(r *Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.attendees--; r.attendees == 0 {
		r.empty = time.Now()
	}
}

// detach ends a room's listening. Its sessions, if any, see no more packets.
func (r *Room) detach() {
	r.server.mu.Lock()
	remove := r.remove
	r.remove = nil
	r.server.mu.Unlock()
	if remove != nil {
		remove()
	}
}

// add makes an attendee known to the demultiplexer and to Session.
func (s *Server) add(a *attendee) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.sessions[a.session.id] = a
	s.tables.mu.Lock()
	s.tables.byUfrag[a.present.ufrag] = a
	s.tables.mu.Unlock()
	return nil
}

// end ends a session, once; the reason is for the log.
func (s *Server) end(a *attendee, reason string) {
	if !a.ended.CompareAndSwap(false, true) {
		return
	}
	s.tables.mu.Lock()
	a.mu.Lock()
	a.over = true
	delete(s.tables.byUfrag, a.present.ufrag)
	delete(s.tables.byUfrag, a.former.ufrag)
	p := a.path.Load()
	if p != nil && s.tables.byPath[p.key()] == a {
		delete(s.tables.byPath, p.key())
	}
	if a.pipe != nil {
		_ = a.pipe.Close()
	}
	if a.worker != nil {
		a.worker.load.Add(-1)
		a.worker.post(event{kind: leaves, viewer: a.viewer})
	}
	a.open = nil
	a.mu.Unlock()
	s.tables.mu.Unlock()
	if p != nil && p.tcp != nil {
		p.tcp.close()
	}
	s.mu.Lock()
	delete(s.sessions, a.session.id)
	s.mu.Unlock()
	s.unseat(a.room)
	close(a.session.done)
	s.log.Debug("attendee ended", "room", a.room.name, "session", a.session.id[:8], "reason", reason)
}

func (s *Server) all() []*attendee {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*attendee, 0, len(s.sessions))
	for _, a := range s.sessions {
		list = append(list, a)
	}
	return list
}

// dismissOthers ends the sessions in r that cannot decode a track that has come.
func (s *Server) dismissOthers(r *Room, info media.TrackInfo) {
	for _, a := range s.all() {
		if a.room != r {
			continue
		}
		for _, p := range a.plans {
			if p.track == info.ID && !strings.EqualFold(p.codec.mime, info.MimeType) {
				s.end(a, "the lecture has another codec now")
			}
		}
	}
}

// sweep looks after sessions that have fallen silent and rooms that are empty, until ctx ends.
func (s *Server) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		s.sweepSessions()
		s.sweepRooms(now, now.Sub(last).Seconds())
		last = now
	}
}

func (s *Server) sweepSessions() {
	now := s.now()
	for _, a := range s.all() {
		silent := time.Duration(now - a.heard.Load())
		switch {
		case a.path.Load() == nil && silent > min(firstCheck, s.patience):
			s.end(a, "no connectivity check came: is the port open?")
		case silent > s.patience:
			s.end(a, "gone silent")
		case time.Duration(now-a.created) > handshakeLimit+flightKept:
			a.mu.Lock()
			a.prove()
			a.mu.Unlock()
		}
	}
}

func (s *Server) sweepRooms(now time.Time, seconds float64) {
	s.mu.Lock()
	var stale []*Room
	for name, r := range s.rooms {
		r.measure(seconds)
		if r.attendees == 0 && now.Sub(r.empty) > roomKept {
			delete(s.rooms, name)
			stale = append(stale, r)
		}
	}
	s.mu.Unlock()
	for _, r := range stale {
		r.detach()
	}
}

func (s *Server) leaveRooms() {
	s.mu.Lock()
	rooms := s.rooms
	s.rooms = map[string]*Room{}
	s.mu.Unlock()
	for _, r := range rooms {
		r.detach()
	}
}

// leastLoaded returns the worker with the fewest attendees.
func (s *Server) leastLoaded() *worker {
	best := s.workers[0]
	for _, w := range s.workers[1:] {
		if w.load.Load() < best.load.Load() {
			best = w
		}
	}
	return best
}
