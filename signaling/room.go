package signaling

import (
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

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

// room is what the hub knows of a course: who is there and what was last said of its broadcast.
type room struct {
	name string

	mu        sync.Mutex                 // guards what follows; held while a message is put into the queues, so all see one order
	members   map[lms.PersonID][]*client // sockets of a person, the oldest first
	viewers   int                        // persons who attend
	told      int                        // viewers in the last presence message
	broadcast *broadcast                 // nil until one is set
}

// broadcast is the last state of a broadcast and when it was so.
type broadcast struct {
	said protocol.Broadcast
	at   time.Time
	next time.Time // when to repeat it as a clock
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
}

// remove lets a client go.
func (r *room) remove(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sockets := r.members[c.id.Person]
	i := slices.Index(sockets, c)
	if i < 0 {
		return
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
		Viewers:    r.viewers,
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

func (r *room) publish(h *Hub, to Audience, m protocol.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fanOut(h, to, m)
}

// fanOut encodes a message once and puts it into the queue of everybody in the audience. r.mu is held; no
// queue makes it wait.
func (r *room) fanOut(h *Hub, to Audience, m protocol.Message) {
	text, err := protocol.Encode(m)
	if err != nil {
		h.cfg.Log.Error("message not sent", "err", err)
		return
	}
	shared, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		h.cfg.Log.Error("message not sent", "type", protocol.Type(m), "err", err)
		return
	}
	out := outgoing{kind: websocket.TextMessage, shared: shared, size: len(text)}
	sent := 0
	post := func(sockets []*client) {
		for _, c := range sockets {
			if to.classes == 0 || c.class&to.classes != 0 {
				c.post(out)
				sent++
			}
		}
	}
	if to.person != "" {
		post(r.members[to.person])
	} else {
		for person, sockets := range r.members {
			if person != to.but {
				post(sockets)
			}
		}
	}
	h.metrics.sent.WithLabelValues(protocol.Type(m)).Add(float64(sent))
}

// tick tells the number of viewers when it has changed, and the time when it is due.
func (r *room) tick(h *Hub, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.viewers != r.told {
		r.told = r.viewers
		r.fanOut(h, Everyone, &protocol.Presence{Viewers: r.viewers})
	}
	if b := r.broadcast; b != nil && b.said.State == protocol.OnAir && !now.Before(b.next) {
		b.next = now.Add(clockEvery)
		r.fanOut(h, Everyone, b.message(now))
	}
}
