// Package signaling keeps the sockets: who is in which room, what they are told, and the reports of what
// they watched on their way to the ledger. It gets an authenticated Identity and never sees a cookie or a
// database. PROTOCOL.md describes the messages.
package signaling

import (
	"context"
	"encoding/json"
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
	crowdPresence = 5 * time.Second  // and this often to a crowd
	renewEvery    = 30 * time.Second // other nodes are reminded of what is on air
	emptyFor      = 2 * time.Minute  // a room is remembered for those who come back
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
	Broker     Broker                // default: NewLocal()
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

	joining sync.Mutex // held while a room is joined or left, so that the broker hears of both in their order; taken before mu

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
	if cfg.Broker == nil {
		cfg.Broker = NewLocal()
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
	cfg.Broker.Attach(h.deliver, h.behind)
	h.reportCtx, h.stopReport = context.WithCancel(context.Background())
	return h
}

// Run tells presence and time until ctx ends. Then it closes every socket with 1001, waits up to five
// seconds for clients and reports under way, and returns nil. Whatever commits the reports has to outlive
// Run.
func (h *Hub) Run(ctx context.Context) error {
	h.cfg.Broker.Join(controlRoom)
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

// Publish tells an audience of a room something, on every node: at once when the room has been quiet, else with what
// else happens within the room's tick. A room nobody is in hears nothing: messages are hints, the state is in the
// database.
func (h *Hub) Publish(name string, to Audience, m protocol.Message) {
	event, err := pack(to, m)
	if err != nil {
		h.cfg.Log.Error("message not sent", "err", err)
		return
	}
	h.cfg.Broker.Publish(name, event)
}

// SetBroadcast keeps the state of a room's broadcast and tells everybody in it, on every node. The hub fills in
// ServerTime, repeats the state in every welcome, and every ten seconds while it is on air; until the next call it lets
// TimelineMS move with the clock.
func (h *Hub) SetBroadcast(name string, b protocol.Broadcast) {
	now := h.cfg.Clock()
	r := h.room(name)
	r.mu.Lock()
	r.broadcast = &broadcast{said: b, at: now, next: now.Add(clockEvery), ours: true, renew: now.Add(renewEvery)}
	r.shout(h, Everyone, r.broadcast.message(now))
	r.mu.Unlock()
	h.share(name, b, now)
}

// share tells the other nodes what is on air.
func (h *Hub) share(name string, b protocol.Broadcast, at time.Time) {
	data, err := json.Marshal(b)
	if err == nil {
		data, err = json.Marshal(parcel{Type: typeBroadcast, At: at.UnixMilli(), Data: data})
	}
	if err != nil {
		h.cfg.Log.Error("broadcast not shared", "err", err)
		return
	}
	h.cfg.Broker.Publish(name, data)
}

// Viewers counts the attendees connected to a room, each person once on each node. Staff do not count.
func (h *Hub) Viewers(name string) int {
	r := h.find(name)
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.viewers + r.elsewhere
}

// Attending lists the attendees connected to a room, at most so many, in no order.
func (h *Hub) Attending(name string, most int) []lms.PersonID {
	r := h.find(name)
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

// Disconnect closes all sockets that a person has opened in a login session with 4002, on every node, and makes its
// tickets worthless. The person's other sessions go on: whoever signs out on the phone is still watching on the
// laptop. Call it after the sign-out is committed.
func (h *Hub) Disconnect(person lms.PersonID, session string) {
	h.disconnect(person, session)
	if control, err := json.Marshal(parcel{Type: typeDisconnect, Person: person, Session: session}); err == nil {
		h.cfg.Broker.Publish(controlRoom, control)
	}
}

func (h *Hub) disconnect(person lms.PersonID, session string) {
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

// Reconnect closes all sockets of a person with 4000, on every node, and makes their tickets worthless: their rights have
// changed, and a new ticket says which they are now. Call it after the change is committed.
func (h *Hub) Reconnect(person lms.PersonID) {
	h.reconnect(person)
	h.control(parcel{Type: typeReconnect, Person: person})
}

func (h *Hub) reconnect(person lms.PersonID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tickets.revokeAll(person)
	for _, r := range h.rooms {
		r.mu.Lock()
		for _, c := range r.members[person] {
			c.shut(protocol.CloseResume, "roles have changed, connect again")
		}
		r.mu.Unlock()
	}
}

// Playing tells a person on all their sockets, whatever the room and the node, on which device they watch.
func (h *Hub) Playing(person lms.PersonID, m *protocol.Playing) {
	h.playing(person, m)
	if data, err := json.Marshal(m); err == nil {
		h.control(parcel{Type: typePlaying, Person: person, Data: data})
	}
}

func (h *Hub) playing(person lms.PersonID, m *protocol.Playing) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rooms {
		r.mu.Lock()
		for _, c := range r.members[person] {
			c.tell(m)
		}
		r.mu.Unlock()
	}
}

// control tells every node something that is for no client.
func (h *Hub) control(p parcel) {
	if text, err := json.Marshal(p); err == nil {
		h.cfg.Broker.Publish(controlRoom, text)
	}
}

// find returns a room, or nil.
func (h *Hub) find(name string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[name]
}

// room returns a room, made and joined when it is not there.
func (h *Hub) room(name string) *room {
	if r := h.find(name); r != nil {
		return r
	}
	h.joining.Lock()
	defer h.joining.Unlock()
	if r := h.find(name); r != nil {
		return r
	}
	r := newRoom(name, h.cfg.Clock())
	h.mu.Lock()
	h.rooms[name] = r
	h.mu.Unlock()
	h.cfg.Broker.Join(name)
	return r
}

// enter turns a ticket into membership and puts the welcome into the client's queue, and after it what the client has
// missed, in one step, so that no event falls between the state in the welcome and the events after it, and no
// Disconnect is missed.
func (h *Hub) enter(c *client, hello *protocol.Hello) bool {
	now := h.cfg.Clock()
	h.mu.Lock()
	course := h.tickets.course(hello.Ticket)
	h.mu.Unlock()
	if course == "" {
		return false
	}
	h.room(string(course)) // waits for the broker, so before the locks
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.tickets.redeem(hello.Ticket, now)
	r := h.rooms[string(course)]
	if !ok || r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.join(id, r)
	r.add(c)
	welcome := r.welcome(c, now)
	missed, known := r.history.since(hello.Epoch, hello.Offset)
	welcome.Resumed = known
	c.tell(welcome)
	if known {
		for _, frame := range r.history.frames(missed, func(e *happened) bool { return e.concerns(id.Person, c.class) }, now) {
			c.tell(frame)
		}
	}
	c.since = r.history.seq
	return true
}

// tick tells what has changed since a second ago and forgets what is no longer needed.
func (h *Hub) tick(now time.Time) {
	h.mu.Lock()
	h.tickets.sweep(now)
	rooms := make([]*room, 0, len(h.rooms))
	var empty []*room
	for _, r := range h.rooms {
		r.mu.Lock()
		if r.forgettable(now) {
			empty = append(empty, r)
		} else {
			rooms = append(rooms, r)
		}
		r.mu.Unlock()
	}
	h.mu.Unlock()
	for _, r := range empty {
		h.leave(r, now)
	}
	for _, r := range rooms {
		r.tick(h, now)
		h.remind(r, now)
	}
}

// remind tells the other nodes again what is on air here: one of them may be new.
func (h *Hub) remind(r *room, now time.Time) {
	r.mu.Lock()
	b := r.broadcast
	due := b != nil && b.ours && b.said.State == protocol.OnAir && !now.Before(b.renew)
	var said protocol.Broadcast
	if due {
		b.renew = now.Add(renewEvery)
		said = *b.message(now)
	}
	r.mu.Unlock()
	if due {
		h.share(r.name, said, now)
	}
}

// leave forgets a room, unless somebody has come meanwhile.
func (h *Hub) leave(r *room, now time.Time) {
	h.joining.Lock()
	defer h.joining.Unlock()
	h.mu.Lock()
	r.mu.Lock()
	still := r.forgettable(now)
	if still {
		delete(h.rooms, r.name)
	}
	r.mu.Unlock()
	h.mu.Unlock()
	if still {
		h.cfg.Broker.Leave(r.name)
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
