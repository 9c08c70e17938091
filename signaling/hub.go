// Package signaling keeps the sockets: who is in which room, what they are told, and the reports of what
// they watched on their way to the ledger. It gets an authenticated Identity and never sees a cookie or a
// database. PROTOCOL.md describes the messages.
package signaling

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// The rhythm and the bounds of the hub.
const (
	tickEvery     = time.Second      // presence is told at most this often
	clockEvery    = 10 * time.Second // a lecture on air tells its time this often
	drainWait     = 5 * time.Second  // how long clients and reports get when the server stops
	personSockets = 10               // sockets of one person in one room; the oldest gives way
	defaultMax    = 18_000           // sockets in all; a process here may open about 19,900 files
)

// Identity is who is at the other end, as the web side has verified it, for one course.
type Identity struct {
	Person  lms.PersonID
	Session string       // names the login session; not its secret
	Course  lms.CourseID // also the name of the room
	Roles   []lms.Role   // of this person in this course; kept, not copied
}

// Reporter commits what a person watched. It is called from many goroutines, in the order of one socket,
// and answers only after the commit. An error that wraps one of lms.ErrInvalid, ErrNotFound, ErrForbidden,
// ErrConflict or ErrExpired is final; after any other the client sends the report again.
type Reporter interface {
	SubmitReport(ctx context.Context, person lms.PersonID, report *protocol.Report) (*protocol.Ack, error)
}

// Config is what a Hub needs. Reports is required, the rest has defaults.
type Config struct {
	Reports    Reporter
	Origins    []string              // exact values of the Origin header that browsers may come from, "https://example.org"
	Log        *slog.Logger          // default: slog.Default()
	Metrics    prometheus.Registerer // default: none
	Clock      func() time.Time      // wall clock of tickets and messages; default: time.Now
	MaxClients int                   // sockets in all; default 18,000, then 503
}

// Hub owns all sockets of this process. Its methods may be called from any goroutine and never wait for a
// client: what a client is told goes into its queue (see client).
type Hub struct {
	cfg      Config
	origins  map[string]bool
	upgrader websocket.Upgrader
	metrics  *metrics

	reportCtx  context.Context // of reports under way; outlives the sockets they came over
	stopReport context.CancelFunc
	reports    sync.WaitGroup // goroutines that hand over reports
	complain   rate.Sometimes // keeps a database that is away from filling the log

	mu       sync.Mutex // guards what follows; taken before the lock of a room
	rooms    map[string]*room
	tickets  tickets
	clients  map[*client]struct{} // welcomed or not
	draining bool
	gone     sync.WaitGroup // read and write goroutines of the clients
}

// New returns a Hub that starts nothing. It panics when the metrics are registered twice.
func New(cfg Config) *Hub {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.MaxClients == 0 {
		cfg.MaxClients = defaultMax
	}
	h := &Hub{
		cfg:      cfg,
		origins:  make(map[string]bool, len(cfg.Origins)),
		metrics:  newMetrics(cfg.Metrics),
		rooms:    map[string]*room{},
		tickets:  newTickets(),
		clients:  map[*client]struct{}{},
		complain: rate.Sometimes{Interval: time.Second},
	}
	for _, o := range cfg.Origins {
		h.origins[o] = true
	}
	h.upgrader = newUpgrader(h)
	h.reportCtx, h.stopReport = context.WithCancel(context.Background())
	return h
}

// Run tells presence and time until ctx ends. Then it closes every socket with 1001, waits up to five
// seconds for clients and reports under way, and returns nil. Whatever commits the reports has to outlive
// Run.
func (h *Hub) Run(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			h.drain()
			return nil
		case <-tick.C:
			h.tick(h.cfg.Clock())
		}
	}
}

// Ticket lets the identity open one socket within 30 seconds. It returns lms.ErrTooMany when tickets are
// asked for faster than they are used.
func (h *Hub) Ticket(id Identity) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, err := h.tickets.issue(id, h.cfg.Clock())
	if err != nil {
		return "", fmt.Errorf("issue socket ticket: %w", err)
	}
	return t, nil
}

// Publish tells an audience of a room something. A room nobody is in hears nothing: messages are hints, the
// state is in the database.
func (h *Hub) Publish(name string, to Audience, m protocol.Message) {
	h.mu.Lock()
	r := h.rooms[name]
	h.mu.Unlock()
	if r == nil {
		return
	}
	r.publish(h, to, m)
}

// SetBroadcast keeps the state of a room's broadcast and tells everybody in it. The hub fills in ServerTime,
// repeats the state in every welcome, and every ten seconds while it is on air; until the next call it lets
// TimelineMS move with the clock.
func (h *Hub) SetBroadcast(name string, b protocol.Broadcast) {
	now := h.cfg.Clock()
	h.mu.Lock()
	r := h.room(name)
	r.mu.Lock()
	h.mu.Unlock()
	defer r.mu.Unlock()
	r.broadcast = &broadcast{said: b, at: now, next: now.Add(clockEvery)}
	r.fanOut(h, Everyone, r.broadcast.message(now))
}

// Viewers counts the attendees connected to a room, each person once. Staff do not count.
func (h *Hub) Viewers(name string) int {
	h.mu.Lock()
	r := h.rooms[name]
	h.mu.Unlock()
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.viewers
}

// Attending lists the attendees connected to a room, at most so many, in no order.
func (h *Hub) Attending(name string, most int) []lms.PersonID {
	h.mu.Lock()
	r := h.rooms[name]
	h.mu.Unlock()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var persons []lms.PersonID
	for person, sockets := range r.members {
		if len(persons) == most {
			break
		}
		if len(sockets) > 0 && sockets[0].class == attendee {
			persons = append(persons, person)
		}
	}
	return persons
}

// Disconnect closes all sockets that a person has opened in a login session with 4002, and makes its tickets
// worthless. The person's other sessions go on: whoever signs out on the phone is still watching on the
// laptop. Call it after the sign-out is committed.
func (h *Hub) Disconnect(person lms.PersonID, session string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tickets.revoke(person, session)
	for _, r := range h.rooms {
		r.mu.Lock()
		for _, c := range r.members[person] {
			if c.id.Session == session {
				c.shut(protocol.CloseSignedOut, "signed out")
			}
		}
		r.mu.Unlock()
	}
}

// room returns a room, made when it is not there. h.mu is held.
func (h *Hub) room(name string) *room {
	r := h.rooms[name]
	if r == nil {
		r = &room{name: name, members: map[lms.PersonID][]*client{}}
		h.rooms[name] = r
	}
	return r
}

// enter turns a ticket into membership and puts the welcome into the client's queue, in one step, so that
// no event falls between the state in the welcome and the events after it, and no Disconnect is missed.
func (h *Hub) enter(c *client, ticket string) bool {
	now := h.cfg.Clock()
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.tickets.redeem(ticket, now)
	if !ok {
		return false
	}
	r := h.room(string(id.Course))
	r.mu.Lock()
	defer r.mu.Unlock()
	c.join(id, r)
	r.add(c)
	c.tell(r.welcome(c, now))
	return true
}

// tick tells what has changed since a second ago and forgets what is no longer needed.
func (h *Hub) tick(now time.Time) {
	h.mu.Lock()
	h.tickets.sweep(now)
	rooms := make([]*room, 0, len(h.rooms))
	for name, r := range h.rooms {
		r.mu.Lock()
		if len(r.members) == 0 && r.broadcast == nil {
			delete(h.rooms, name)
		} else {
			rooms = append(rooms, r)
		}
		r.mu.Unlock()
	}
	h.mu.Unlock()
	for _, r := range rooms {
		r.tick(h, now)
	}
}

// drain closes all sockets and waits for what is under way, no longer than drainWait.
func (h *Hub) drain() {
	h.mu.Lock()
	h.draining = true
	for c := range h.clients {
		c.shut(protocol.CloseGoingAway, "the server stops, connect again")
	}
	h.mu.Unlock()

	force := time.AfterFunc(drainWait, func() {
		h.stopReport()
		h.mu.Lock()
		defer h.mu.Unlock()
		for c := range h.clients {
			if c.conn != nil {
				_ = c.conn.Close()
			}
		}
	})
	defer force.Stop()
	h.gone.Wait()
	h.reports.Wait()
	h.stopReport()
}
