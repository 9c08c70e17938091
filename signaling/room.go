package signaling

import (
	"slices"
	"sync"
	"time"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// class is what a client counts as. Everybody is in exactly one, the one that sees most.
type class uint8

const (
	attendee class = 1 << iota
	presenter
	moderator
)

func classOf(roles []lms.Role) class {
	switch {
	case slices.ContainsFunc(roles, func(r lms.Role) bool { return r.Allows(lms.Moderate) }):
		return moderator
	case slices.ContainsFunc(roles, func(r lms.Role) bool { return r.Allows(lms.Present) }):
		return presenter
	}
	return attendee
}

// Audience says who in a room is told. Attendees, Presenters and Moderators do not overlap: somebody who
// holds several roles counts as a moderator first, then as a presenter, because that view contains the
// others. Admins count as moderators.
type Audience struct {
	classes class
	person  lms.PersonID // nobody else; "" for all
	but     lms.PersonID // everybody else; "" for all
}

// The audiences of a room.
var (
	Everyone   = Audience{classes: attendee | presenter | moderator}
	Attendees  = Audience{classes: attendee}
	Presenters = Audience{classes: presenter}
	Moderators = Audience{classes: moderator}
)

// Person is the audience of one person, on all their sockets in the room, whatever their roles.
func Person(id lms.PersonID) Audience { return Audience{person: id} }

// Only narrows an audience to one person: nobody is told unless they count as one of it.
func (a Audience) Only(id lms.PersonID) Audience { return Audience{classes: a.classes, person: id} }

// Except leaves one person out of an audience, on all their sockets.
func (a Audience) Except(id lms.PersonID) Audience {
	a.but = id
	return a
}

// room is what the hub knows of a course: who is there, what happened of late and what was last said of its broadcast.
type room struct {
	name string

	mu        sync.Mutex                 // guards what follows; held for moments only
	members   map[lms.PersonID][]*client // sockets of a person, the oldest first
	sockets   int
	viewers   int // persons who attend here
	elsewhere int // on other nodes
	told      int // viewers in the last presence message
	toldAt    time.Time
	emptyAt   time.Time  // when the last member left; zero while somebody is there
	broadcast *broadcast // nil until one is set
	history   history
	lanes     [3]lane

	jobs    []func() // fan-outs that wait, in their order
	working bool     // a goroutine is at them; it ends when there are none
}

func newRoom(name string, now time.Time) *room {
	return &room{
		name: name, members: map[lms.PersonID][]*client{}, emptyAt: now,
		lanes: [3]lane{{class: attendee}, {class: presenter}, {class: moderator}},
	}
}

// broadcast is the last state of a broadcast and when it was so.
type broadcast struct {
	said  protocol.Broadcast
	at    time.Time
	next  time.Time // when to repeat it as a clock
	ours  bool      // set on this node, which reminds the others of it
	renew time.Time // when to do so
}

// message is the state as it stands now: on air, the timeline moves with the clock.
func (b *broadcast) message(now time.Time) *protocol.Broadcast {
	m := b.said
	if m.State == protocol.OnAir {
		m.TimelineMS += now.Sub(b.at).Milliseconds()
	}
	m.ServerTime = protocol.At(now)
	return &m
}

// add lets a client in. r.mu is held.
func (r *room) add(c *client) {
	sockets := r.members[c.id.Person]
	if len(sockets) == 0 && c.class == attendee {
		r.viewers++
	}
	if len(sockets) >= personSockets {
		sockets[0].shut(protocol.CloseResume, "too many windows of one person")
	}
	r.members[c.id.Person] = append(sockets, c)
	r.sockets++
	r.emptyAt = time.Time{}
}

// remove lets a client go.
func (r *room) remove(c *client, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sockets := r.members[c.id.Person]
	i := slices.Index(sockets, c)
	if i < 0 {
		return
	}
	if r.sockets--; r.sockets == 0 {
		r.emptyAt = now
	}
	if len(sockets) > 1 {
		r.members[c.id.Person] = slices.Delete(sockets, i, i+1)
		return
	}
	delete(r.members, c.id.Person)
	if c.class == attendee {
		r.viewers--
	}
}

// welcome is the state of the room for one who comes in. r.mu is held.
func (r *room) welcome(c *client, now time.Time) *protocol.Welcome {
	w := &protocol.Welcome{
		Room:       r.name,
		Person:     string(c.id.Person),
		Roles:      make([]string, len(c.id.Roles)),
		Viewers:    r.viewers + r.elsewhere,
		Epoch:      r.history.epoch,
		Offset:     r.history.offset,
		ServerTime: protocol.At(now),
	}
	for i, role := range c.id.Roles {
		w.Roles[i] = string(role)
	}
	if r.broadcast != nil {
		w.Broadcast = r.broadcast.message(now)
	}
	return w
}

// tick tells the number of viewers when it has changed, and the time when it is due.
func (r *room) tick(h *Hub, now time.Time) {
	r.mu.Lock()
	here := r.viewers
	r.mu.Unlock()
	elsewhere := h.cfg.Broker.Count(r.name, here)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.elsewhere = elsewhere
	if n := r.viewers + elsewhere; n != r.told && (n < crowd || now.Sub(r.toldAt) >= crowdPresence) {
		r.told, r.toldAt = n, now
		r.shout(h, Everyone, &protocol.Presence{Viewers: n})
	}
	b := r.broadcast
	if b == nil || b.said.State != protocol.OnAir {
		return
	}
	if !now.Before(b.next) {
		b.next = now.Add(clockEvery)
		r.shout(h, Everyone, b.message(now))
	}
}
