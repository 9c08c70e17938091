package signaling

import (
	"encoding/json"
	"runtime"
	"time"

	"github.com/gorilla/websocket"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// How often a room tells what happened. In a quiet one an event goes out at once; the next ones within the tick go out
// together. A crowd is told less often, because telling it takes longer.
const (
	staffTick = 250 * time.Millisecond
	hallTick  = 250 * time.Millisecond
	crowdTick = time.Second
	huge      = 20_000 // sockets
	crowd     = 5_000
	hugeTick  = 2 * time.Second

	slice = 128 // sockets that get a message before the writers have their turn
)

// lane is how far one class of a room's members has been told.
type lane struct {
	class   class
	told    uint64 // seq of the last event
	at      time.Time
	pending bool // a flush is due
}

func (r *room) tickOf(l *lane) time.Duration {
	switch {
	case l.class != attendee:
		return staffTick
	case r.sockets > huge:
		return hugeTick
	case r.sockets > crowd:
		return crowdTick
	}
	return hallTick
}

// deliver takes what the broker brings.
func (h *Hub) deliver(name, epoch string, offset int64, event []byte) {
	var p parcel
	if event != nil {
		if err := json.Unmarshal(event, &p); err != nil {
			h.cfg.Log.Error("event of another node not read", "err", err)
			return
		}
	}
	if name == controlRoom {
		h.obey(p)
		return
	}
	r := h.find(name)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if event == nil || offset != 0 && epoch != r.history.epoch {
		stand := offset
		if event != nil {
			stand--
		}
		early := r.history.epoch == "" && r.sockets > 0 // somebody read the state before we heard of its changes
		if r.history.stand(epoch, stand) || early {
			r.shout(h, Everyone, &protocol.Resync{})
		}
	}
	switch {
	case event == nil:
	case p.Type == typeBroadcast:
		r.history.skip(offset)
		r.learn(h, &p)
	default:
		r.history.add(offset, &p)
		r.wake(h, Audience{p.Classes, p.Person, p.But})
	}
}

// behind has the members of a room read its state again.
func (h *Hub) behind(name string) {
	if r := h.find(name); r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.shout(h, Everyone, &protocol.Resync{})
	}
}

// learn takes what another node says is on air. What was set here is known already. r.mu is held.
func (r *room) learn(h *Hub, p *parcel) {
	var said protocol.Broadcast
	if json.Unmarshal(p.Data, &said) != nil {
		return
	}
	at := time.UnixMilli(p.At)
	if b := r.broadcast; b != nil {
		same := b.said.ID == said.ID && b.said.State == said.State && b.said.Presenter == said.Presenter && b.said.Sharing == said.Sharing
		if b.at.After(at) || same {
			return
		}
	}
	now := h.cfg.Clock()
	r.broadcast = &broadcast{said: said, at: at, next: now.Add(clockEvery)}
	r.shout(h, Everyone, r.broadcast.message(now))
}

// wake sees to it that the lanes of an audience are told. r.mu is held.
func (r *room) wake(h *Hub, to Audience) {
	for i := range r.lanes {
		l := &r.lanes[i]
		if l.pending || to.classes != 0 && to.classes&l.class == 0 {
			continue
		}
		l.pending = true
		time.AfterFunc(time.Until(l.at.Add(r.tickOf(l))), func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.do(h, func() { r.flush(h, l) })
		})
	}
}

// do queues a fan-out behind those under way, and starts a goroutine when there is none. r.mu is held.
func (r *room) do(h *Hub, job func()) {
	r.jobs = append(r.jobs, job)
	if r.working {
		return
	}
	r.working = true
	go func() {
		for {
			r.mu.Lock()
			if len(r.jobs) == 0 {
				r.jobs, r.working = nil, false
				r.mu.Unlock()
				return
			}
			job := r.jobs[0]
			r.jobs = r.jobs[1:]
			r.mu.Unlock()
			func() {
				defer h.rescue("fan-out", func() {})
				job()
			}()
		}
	}()
}

// flush tells one class what it has not been told yet.
func (r *room) flush(h *Hub, l *lane) {
	now := h.cfg.Clock()
	r.mu.Lock()
	events := r.history.after(l.told)
	l.told, l.at, l.pending = r.history.seq, time.Now(), false
	special := map[lms.PersonID]bool{}
	common := false
	for i := range events {
		e := &events[i]
		switch {
		case e.to.classes != 0 && e.to.classes&l.class == 0:
		case e.personal():
			special[e.to.person], special[e.to.but] = true, true
			common = common || e.to.person == ""
		default:
			common = true
		}
	}
	// Those who are told something of their own, each with frames of their own; the others share theirs.
	type letter struct {
		to     []*client
		frames []*protocol.Events
	}
	var letters []letter
	for person := range special {
		to := r.of(person, l.class)
		if person == "" || len(to) == 0 {
			continue
		}
		frames := r.history.frames(events, func(e *happened) bool { return e.concerns(person, l.class) }, now)
		letters = append(letters, letter{to, frames})
	}
	if common {
		frames := r.history.frames(events, func(e *happened) bool { return e.to.person == "" && e.concerns("", l.class) }, now)
		var to []*client
		for person, sockets := range r.members {
			if special[person] {
				continue
			}
			for _, c := range sockets {
				if c.class == l.class && c.since < l.told {
					to = append(to, c)
				}
			}
		}
		letters = append(letters, letter{to, frames})
	}
	r.mu.Unlock()
	for _, letter := range letters {
		for _, frame := range letter.frames {
			h.post(letter.to, frame)
		}
	}
}

// of returns a person's sockets of a class. r.mu is held.
func (r *room) of(person lms.PersonID, of class) (to []*client) {
	for _, c := range r.members[person] {
		if c.class == of {
			to = append(to, c)
		}
	}
	return to
}

// shout tells an audience a state, which has no place in the history: whoever comes later gets it in the welcome.
// r.mu is held.
func (r *room) shout(h *Hub, to Audience, m protocol.Message) {
	r.do(h, func() {
		r.mu.Lock()
		clients := make([]*client, 0, r.sockets)
		for _, sockets := range r.members {
			for _, c := range sockets {
				if c.class&to.classes != 0 {
					clients = append(clients, c)
				}
			}
		}
		r.mu.Unlock()
		h.post(clients, m)
	})
}

// post encodes a message once and puts it into the queues of clients, a slice at a time, so that the writers of one
// slice are done and their stacks free before the next. No queue makes it wait.
func (h *Hub) post(to []*client, m protocol.Message) {
	if len(to) == 0 {
		return
	}
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
	for i, c := range to {
		c.post(out)
		if i%slice == slice-1 {
			runtime.Gosched()
		}
	}
	h.metrics.sent.WithLabelValues(protocol.Type(m)).Add(float64(len(to)))
}

// forgettable tells whether nobody is there, nobody is expected back, and nothing is on air. r.mu is held.
func (r *room) forgettable(now time.Time) bool {
	return r.sockets == 0 && r.broadcast == nil && !r.emptyAt.IsZero() && now.Sub(r.emptyAt) >= emptyFor
}

// obey does what another node asks of all.
func (h *Hub) obey(p parcel) {
	switch p.Type {
	case typeDisconnect:
		h.disconnect(p.Person, p.Session)
	case typeReconnect:
		h.reconnect(p.Person)
	case typePlaying:
		var m protocol.Playing
		if json.Unmarshal(p.Data, &m) == nil {
			h.playing(p.Person, &m)
		}
	}
}
