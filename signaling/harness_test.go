package signaling

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"lectern/lms"
	"lectern/signaling/protocol"
)

const (
	testOrigin = "https://lectern.example"
	courseA    = lms.CourseID("0197b3a2-5c1e-7c55-9f00-00000000000a")
	courseB    = lms.CourseID("0197b3a2-5c1e-7c55-9f00-00000000000b")
)

// pipes is a network in memory: in a synctest bubble time moves when all wait, also for it. Its
// connections hold no bytes, so a peer that does not read blocks the writer at once.
type pipes struct {
	incoming chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func newPipes() *pipes { return &pipes{incoming: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.incoming:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.incoming <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// ledger is the Reporter of these tests: it keeps what it is given.
type ledger struct {
	mu      sync.Mutex
	reports []*protocol.Report
	persons []lms.PersonID
	before  func(ctx context.Context, r *protocol.Report) error // may wait, fail or panic
}

func (l *ledger) SubmitReport(ctx context.Context, person lms.PersonID, r *protocol.Report) (*protocol.Ack, error) {
	if l.before != nil {
		if err := l.before(ctx, r); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reports, l.persons = append(l.reports, r), append(l.persons, person)
	return &protocol.Ack{Player: r.Player, Seq: r.Seq, WatchedS: 10 * len(l.reports), Share: .5, PositionMS: r.PositionMS}, nil
}

func (l *ledger) seqs() (seqs []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.reports {
		seqs = append(seqs, r.Seq)
	}
	return seqs
}

// world is a running hub behind a real HTTP server on pipes.
type world struct {
	t      *testing.T
	hub    *Hub
	ledger *ledger
	meters *prometheus.Registry
	net    *pipes
	stop   func() // ends Run and waits for it
}

// inWorld runs a test in a bubble. The bubble fails when a goroutine is left at its end.
func inWorld(t *testing.T, f func(t *testing.T, w *world), change ...func(*Config)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, ledger: &ledger{}, meters: prometheus.NewRegistry(), net: newPipes()}
		cfg := Config{
			Reports: w.ledger, Origins: []string{testOrigin}, Log: slog.New(slog.DiscardHandler),
			Metrics: w.meters,
		}
		for _, c := range change {
			c(&cfg)
		}
		w.hub = New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- w.hub.Run(ctx) }()
		server := &http.Server{Handler: w.hub}
		served := make(chan error, 1)
		go func() { served <- server.Serve(w.net) }()

		w.stop = sync.OnceFunc(func() {
			cancel()
			if err := <-ran; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		f(t, w)
		w.stop()
		_ = server.Close()
		<-served
	})
}

func attending(p lms.PersonID) Identity {
	return Identity{Person: p, Session: "laptop", Course: courseA, Roles: []lms.Role{lms.Attendee}}
}

func (w *world) ticket(id Identity) string {
	w.t.Helper()
	ticket, err := w.hub.Ticket(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return ticket
}

// figure is the value of a counter without labels.
func (w *world) figure(name string) float64 {
	w.t.Helper()
	families, err := w.meters.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	w.t.Fatalf("no figure %s", name)
	return 0
}

// peer is a browser: gorilla's client, and what it has received.
type peer struct {
	t    *testing.T
	conn *websocket.Conn

	mu    sync.Mutex
	got   []protocol.Message
	err   error
	ended chan struct{}
}

// dial upgrades and reads nothing yet.
func (w *world) dial(header http.Header) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{NetDialContext: w.net.dial, Subprotocols: []string{protocol.Subprotocol}}
	return d.DialContext(w.t.Context(), "ws://lectern.example/socket", header)
}

// open upgrades as a browser does, lets the test change the connection, and reads in the background.
func (w *world) open(change ...func(*websocket.Conn)) *peer {
	w.t.Helper()
	conn, _, err := w.dial(http.Header{"Origin": {testOrigin}})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range change {
		c(conn)
	}
	p := &peer{t: w.t, conn: conn, ended: make(chan struct{})}
	go p.listen()
	w.t.Cleanup(func() { _ = conn.Close() })
	return p
}

// enter opens a socket, says hello and waits for the welcome.
func (w *world) enter(id Identity, change ...func(*websocket.Conn)) *peer {
	w.t.Helper()
	p := w.open(change...)
	p.say(&protocol.Hello{Ticket: w.ticket(id)})
	synctest.Wait()
	if welcome := receivedOf[*protocol.Welcome](p); len(welcome) != 1 {
		w.t.Fatalf("got %d welcomes, error %v", len(welcome), p.lastErr())
	}
	return p
}

func (p *peer) listen() {
	defer close(p.ended)
	for {
		_, text, err := p.conn.ReadMessage()
		if err != nil {
			p.mu.Lock()
			p.err = err
			p.mu.Unlock()
			_ = p.conn.Close()
			return
		}
		m, err := protocol.DecodeServer(text)
		if err != nil {
			p.t.Errorf("the server sent %s: %v", text, err)
			continue
		}
		p.mu.Lock()
		p.got = append(p.got, m)
		if events, ok := m.(*protocol.Events); ok {
			inside, err := events.Messages()
			if err != nil {
				p.t.Errorf("the server sent %s: %v", text, err)
			}
			p.got = append(p.got, inside...)
		}
		p.mu.Unlock()
	}
}

func (p *peer) say(m protocol.Message) {
	p.t.Helper()
	text, err := protocol.Encode(m)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(string(text))
}

func (p *peer) write(text string) {
	p.t.Helper()
	if err := p.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

func (p *peer) lastErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// received returns what has arrived, and forgets it.
func (p *peer) received() []protocol.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// receivedOf returns the messages of one type that have arrived, and forgets all.
func receivedOf[M protocol.Message](p *peer) (of []M) {
	for _, m := range p.received() {
		if m, ok := m.(M); ok {
			of = append(of, m)
		}
	}
	return of
}

// wantClose waits for the end and holds that it came with this code.
func (p *peer) wantClose(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Hour): // of the bubble: pings would keep a socket that nobody closes, and the test, for ever
		p.t.Fatalf("the socket is still open, want close code %d", code)
	}
	var closed *websocket.CloseError
	if err := p.lastErr(); !errors.As(err, &closed) || closed.Code != code {
		p.t.Errorf("ended with %v, want close code %d", err, code)
	}
}

func (p *peer) leave() {
	_ = p.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	<-p.ended
	synctest.Wait()
}

func report(seq int64) *protocol.Report {
	return &protocol.Report{
		Player: "player-1", Seq: seq, Broadcast: "b", PositionMS: seq * 10_000, Rate: 1, Visible: true,
		Spans: []protocol.Span{{FromMS: (seq - 1) * 10_000, ToMS: seq * 10_000, As: protocol.Live}},
	}
}
