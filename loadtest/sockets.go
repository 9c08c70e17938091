package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"lectern/signaling/protocol"
)

// Hall is a crowd of attendees, each with a socket and a report every so often.
type Hall struct {
	Bases     []string `json:"bases"` // addresses of the server's processes; the people are dealt out to them
	Course    string   `json:"course"`
	Broadcast string   `json:"broadcast"`
	Sessions  []string `json:"sessions"` // cookies, one a person
	ReportMS  int      `json:"report_ms"`
	Drop      int      `json:"drop"` // sockets that break in mid-run and come back
}

// HallResult is what a crowd saw.
type HallResult struct {
	Connected  int       `json:"connected"`
	Reconnects int       `json:"reconnects"`
	Resumed    int       `json:"resumed"` // reconnects after which nothing had to be read again
	Frames     int64     `json:"frames"`
	Frame      histogram `json:"frame"` // from the server's sending to a client
	Event      histogram `json:"event"` // from the moderator's request to a client
	Ack        histogram `json:"ack"`
	Reports    int64     `json:"reports"`
	Unacked    int64     `json:"unacked"`
	Lost       int64     `json:"lost"` // events that clients did not get, of all they should have
	Errors     int64     `json:"errors"`
	First      string    `json:"first_error,omitempty"`
}

// seat is one person with a socket.
type seat struct {
	hall    *sitting
	base    string
	session string

	mu     sync.Mutex // guards what follows, and writing
	conn   *websocket.Conn
	epoch  string
	offset int64
	edge   int64 // of the timeline when welcomed
	at     time.Time
	seq    int64
	sent   time.Time       // of the report under way; zero for none
	got    map[int]bool    // events by their number
	player string          // names its reports
	leave  context.Context // ends when it is over
}

type sitting struct {
	Hall
	client   *http.Client
	counting atomic.Bool
	ending   atomic.Bool // nothing new is said any more
	over     atomic.Bool

	mu     sync.Mutex
	result HallResult
	parsed map[uint64]*heard // frames are the same for most, and parsing one costs more than getting it
}

// heard is what is in a frame of events.
type heard struct {
	epoch  string
	offset int64
	sentAt int64
	events []marked
}

// marked is an event of ours: its number, and when it was asked for.
type marked struct {
	number int
	at     int64
}

// Sit seats everybody, calls seated, and holds until told returns the numbers of the events that everybody should have
// got: from first up to last. Everything is counted from the call of begin on.
func (h Hall) Sit(ctx context.Context, seated func(connected int), begin func(), told func() (first, last int)) (HallResult, error) {
	s := &sitting{
		Hall: h, parsed: map[uint64]*heard{},
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}},
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seats := make([]*seat, len(h.Sessions))
	for i, session := range h.Sessions {
		seats[i] = &seat{hall: s, base: h.Bases[i%len(h.Bases)], session: session, got: map[int]bool{}, player: fmt.Sprintf("load-%08x-%d", rand.Uint32(), i), leave: ctx}
	}
	s.join(seats)
	connected := 0
	for _, one := range seats {
		if one.conn != nil {
			connected++
		}
	}
	s.client.CloseIdleConnections()
	seated(connected)
	go s.report(ctx, seats)
	begin()
	s.counting.Store(true)
	if h.Drop > 0 {
		go s.dropSome(ctx, seats)
	}
	first, last := told()
	s.ending.Store(true)
	s.settle(ctx, seats, first, last)
	s.over.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Connected = connected
	for _, one := range seats {
		one.mu.Lock()
		for n := first; n <= last; n++ {
			if !one.got[n] {
				s.result.Lost++
			}
		}
		if !one.sent.IsZero() {
			s.result.Unacked++
		}
		if one.conn != nil {
			_ = one.conn.Close()
		}
		one.mu.Unlock()
	}
	return s.result, ctx.Err()
}

// settle waits until everything has arrived, or 20 s.
func (s *sitting) settle(ctx context.Context, seats []*seat, first, last int) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && ctx.Err() == nil; wait(ctx, 200*time.Millisecond) {
		open := 0
		for _, one := range seats {
			one.mu.Lock()
			if len(one.got) < last-first+1 || !one.sent.IsZero() {
				open++
			}
			one.mu.Unlock()
		}
		if open == 0 {
			return
		}
	}
}

func (s *sitting) join(seats []*seat) {
	next := make(chan *seat)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for one := range next {
				if err := one.enter(); err != nil {
					s.fail(err)
				}
			}
		})
	}
	for _, one := range seats {
		next <- one
	}
	close(next)
	all.Wait()
}

// enter gets a ticket, opens a socket and says how far it was told, as the page does. It tries for a minute.
func (c *seat) enter() (err error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && c.leave.Err() == nil; wait(c.leave, time.Duration(200+rand.IntN(800))*time.Millisecond) {
		if err = c.try(); err == nil {
			return nil
		}
	}
	return err
}

func (c *seat) try() error {
	var granted struct {
		Ticket string `json:"ticket"`
	}
	if err := call(c.leave, c.hall.client, c.base, c.session, http.MethodPost, "/api/courses/"+c.hall.Course+"/ticket", nil, &granted); err != nil {
		return err
	}
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, ReadBufferSize: 512, WriteBufferSize: 512, HandshakeTimeout: 20 * time.Second}
	conn, _, err := d.DialContext(c.leave, "ws"+strings.TrimPrefix(c.base, "http")+"/socket", http.Header{"Origin": {c.base}})
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	c.mu.Lock()
	hello, _ := protocol.Encode(&protocol.Hello{Ticket: granted.Ticket, Epoch: c.epoch, Offset: c.offset})
	c.mu.Unlock()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if err = conn.WriteMessage(websocket.TextMessage, hello); err == nil {
		var text []byte
		if _, text, err = conn.ReadMessage(); err == nil {
			err = c.welcomed(conn, text)
		}
	}
	if err != nil {
		_ = conn.Close()
		return fmt.Errorf("say hello: %w", err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	go c.listen(conn)
	return nil
}

func (c *seat) welcomed(conn *websocket.Conn, text []byte) error {
	m, err := protocol.DecodeServer(text)
	if err != nil {
		return err
	}
	w, ok := m.(*protocol.Welcome)
	if !ok {
		return fmt.Errorf("got %s instead of a welcome", text)
	}
	c.mu.Lock()
	again := c.epoch != ""
	c.conn, c.epoch, c.offset, c.at, c.sent = conn, w.Epoch, w.Offset, time.Now(), time.Time{}
	if w.Broadcast != nil {
		c.edge = w.Broadcast.TimelineMS
	}
	c.mu.Unlock()
	if !again {
		return nil
	}
	c.hall.mu.Lock()
	c.hall.result.Reconnects++
	if w.Resumed {
		c.hall.result.Resumed++
	}
	c.hall.mu.Unlock()
	if !w.Resumed {
		return c.read()
	}
	return nil
}

// read asks for the state, as a page does that cannot know what it missed.
func (c *seat) read() error {
	var list struct {
		Questions []protocol.Question `json:"questions"`
	}
	if err := call(c.leave, c.hall.client, c.base, c.session, http.MethodGet, "/api/courses/"+c.hall.Course+"/questions", nil, &list); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range list.Questions {
		if mark, ok := markOf(q.Text); ok {
			c.got[mark.number] = true
		}
	}
	return nil
}

var readers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (c *seat) listen(conn *websocket.Conn) {
	for {
		_, r, err := conn.NextReader()
		if err == nil {
			buf := readers.Get().(*bytes.Buffer)
			buf.Reset()
			if _, err = io.Copy(buf, r); err == nil {
				c.hear(buf.Bytes(), time.Now())
			}
			readers.Put(buf)
		}
		if err == nil {
			continue
		}
		_ = conn.Close()
		if c.hall.over.Load() || c.leave.Err() != nil {
			return
		}
		if err := c.enter(); err != nil {
			c.hall.fail(err)
		}
		return
	}
}

func (c *seat) hear(text []byte, at time.Time) {
	switch {
	case bytes.HasPrefix(text, []byte(`{"type":"events"`)):
		h := c.hall.parse(text)
		c.mu.Lock()
		if h.offset > 0 {
			c.epoch, c.offset = h.epoch, h.offset
		}
		for _, e := range h.events {
			c.got[e.number] = true
		}
		c.mu.Unlock()
		if !c.hall.counting.Load() || len(h.events) == 0 {
			return
		}
		c.hall.mu.Lock()
		c.hall.result.Frames++
		c.hall.result.Frame.add(at.Sub(time.UnixMilli(h.sentAt)))
		for _, e := range h.events {
			c.hall.result.Event.add(at.Sub(time.UnixMilli(e.at)))
		}
		c.hall.mu.Unlock()
	case bytes.HasPrefix(text, []byte(`{"type":"ack"`)):
		c.mu.Lock()
		took := at.Sub(c.sent)
		known := !c.sent.IsZero()
		c.sent = time.Time{}
		c.mu.Unlock()
		if known && c.hall.counting.Load() {
			c.hall.mu.Lock()
			c.hall.result.Reports++
			c.hall.result.Ack.add(took)
			c.hall.mu.Unlock()
		}
	case bytes.HasPrefix(text, []byte(`{"type":"resync"`)):
		go func() {
			wait(c.leave, rand.N(10*time.Second))
			if err := c.read(); err != nil {
				c.hall.fail(err)
			}
		}()
	case bytes.HasPrefix(text, []byte(`{"type":"error"`)):
		c.hall.fail(fmt.Errorf("told %s", text))
	}
}

var seed = maphash.MakeSeed()

func (s *sitting) parse(text []byte) *heard {
	key := maphash.Bytes(seed, text)
	s.mu.Lock()
	h := s.parsed[key]
	s.mu.Unlock()
	if h != nil {
		return h
	}
	h = &heard{}
	if m, err := protocol.DecodeServer(text); err == nil {
		frame := m.(*protocol.Events)
		h.epoch, h.offset, h.sentAt = frame.Epoch, frame.Offset, int64(frame.ServerTime)
		inside, err := frame.Messages()
		if err != nil {
			s.fail(err)
		}
		for _, m := range inside {
			if q, ok := m.(*protocol.QuestionChanged); ok {
				if mark, ok := markOf(q.Question.Text); ok {
					h.events = append(h.events, mark)
				}
			}
		}
	} else {
		s.fail(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parsed) > 256 {
		clear(s.parsed)
	}
	s.parsed[key] = h
	return h
}

// Mark is the text of a question by which the crowd knows an event.
func Mark(number int, at time.Time) string {
	return fmt.Sprintf("event %d of %d", number, at.UnixMilli())
}

func markOf(text string) (m marked, ok bool) {
	n, err := fmt.Sscanf(text, "event %d of %d", &m.number, &m.at)
	return m, n == 2 && err == nil
}

func (s *sitting) fail(err error) {
	if s.over.Load() || errors.Is(err, context.Canceled) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Errors++
	if s.result.First == "" {
		s.result.First = err.Error()
	}
}

// report sends everybody's reports, spread over the period.
func (s *sitting) report(ctx context.Context, seats []*seat) {
	period := time.Duration(s.ReportMS) * time.Millisecond
	began := time.Now()
	for n := 0; ctx.Err() == nil && !s.ending.Load(); n++ {
		due := began.Add(time.Duration(float64(period) * float64(n) / float64(len(seats))))
		if d := time.Until(due); d > 2*time.Millisecond {
			wait(ctx, d)
		}
		seats[n%len(seats)].say(period)
	}
}

// say reports the last period, unless the report before has no answer yet: then the same is sent again.
func (c *seat) say(period time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil || !c.sent.IsZero() && time.Since(c.sent) < 20*time.Second {
		return
	}
	if c.sent.IsZero() {
		c.seq++
	}
	now := c.edge + time.Since(c.at).Milliseconds()
	text, _ := protocol.Encode(&protocol.Report{
		Player: c.player, Seq: c.seq, Broadcast: c.hall.Broadcast, PositionMS: now, Rate: 1, Visible: true,
		Spans: []protocol.Span{{FromMS: max(0, now-period.Milliseconds()-500), ToMS: max(1, now-500), As: protocol.Live}},
	})
	c.sent = time.Now()
	_ = c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_ = c.conn.WriteMessage(websocket.TextMessage, text) // the reader notices what is wrong
}

// dropSome breaks sockets, one after the other, without a goodbye.
func (s *sitting) dropSome(ctx context.Context, seats []*seat) {
	for range s.Drop {
		wait(ctx, 50*time.Millisecond)
		if ctx.Err() != nil || s.over.Load() {
			return
		}
		one := seats[rand.IntN(len(seats))]
		one.mu.Lock()
		if one.conn != nil {
			_ = one.conn.NetConn().Close()
		}
		one.mu.Unlock()
	}
}

// call is a request of a signed-in page.
func call(ctx context.Context, client *http.Client, base, session, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Origin", base)
	r.Header.Set("Content-Type", "application/json")
	r.AddCookie(&http.Cookie{Name: "lectern", Value: session})
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		what, _ := io.ReadAll(io.LimitReader(res.Body, 300))
		return &Refusal{Status: res.StatusCode, Text: fmt.Sprintf("%s %s: %s %s", method, path, res.Status, what)}
	}
	if into == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// Refusal is an answer that is no success.
type Refusal struct {
	Status int
	Text   string
}

func (r *Refusal) Error() string { return r.Text }
