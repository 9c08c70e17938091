package signaling

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// serve runs a hub behind a real server on the loopback interface, as middleware would wrap it.
func serve(tb testing.TB, reports Reporter) (hub *Hub, addr string) {
	tb.Helper()
	hub = New(Config{Reports: reports, Origins: []string{testOrigin}, Log: slog.New(slog.DiscardHandler), MaxClients: 1 << 20})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = hub.Run(ctx) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hub.ServeHTTP(wrapped{w}, r)
	}))
	tb.Cleanup(func() {
		cancel()
		running.Wait()
		server.Close()
	})
	return hub, server.Listener.Addr().String()
}

// wrapped is a ResponseWriter of some middleware: no Hijacker, but it can be unwrapped.
type wrapped struct{ w http.ResponseWriter }

func (w wrapped) Header() http.Header         { return w.w.Header() }
func (w wrapped) Write(b []byte) (int, error) { return w.w.Write(b) }
func (w wrapped) WriteHeader(code int)        { w.w.WriteHeader(code) }
func (w wrapped) Unwrap() http.ResponseWriter { return w.w }

// connect opens a socket, enters and reads the welcome.
func connect(tb testing.TB, hub *Hub, addr string, id Identity) *websocket.Conn {
	tb.Helper()
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, ReadBufferSize: 256, WriteBufferSize: 256}
	conn, _, err := d.Dial("ws://"+addr+"/socket", http.Header{"Origin": {testOrigin}})
	if err != nil {
		tb.Fatal(err)
	}
	ticket, err := hub.Ticket(id)
	if err != nil {
		tb.Fatal(err)
	}
	hello, _ := protocol.Encode(&protocol.Hello{Ticket: ticket})
	if err := conn.WriteMessage(websocket.TextMessage, hello); err != nil {
		tb.Fatal(err)
	}
	if _, _, err := conn.ReadMessage(); err != nil {
		tb.Fatal(err)
	}
	return conn
}

// TestHostileMessages throws mutated messages at a room over a real network. Somebody else in that room
// gets everything in order meanwhile, and nothing panics (trust S-12).
func TestHostileMessages(t *testing.T) {
	ledger := &ledger{}
	hub, addr := serve(t, ledger)
	good := connect(t, hub, addr, attending("good"))
	defer good.Close()

	var attackers sync.WaitGroup
	for a := range 8 {
		attackers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(a), 1))
			for range 12 {
				attack(t, connect(t, hub, addr, attending(lms.PersonID(fmt.Sprint("bad-", a)))), random)
			}
		})
	}
	done := make(chan struct{})
	go func() { attackers.Wait(); close(done) }()
	for i := 0; ; i++ {
		hub.Publish(string(courseA), Person("good"), &protocol.QuestionChanged{Question: protocol.Question{ID: fmt.Sprint(i), State: "x"}})
		for {
			_, text, err := good.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			m, err := protocol.DecodeServer(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if events, ok := m.(*protocol.Events); ok {
				inside, err := events.Messages()
				if q, ok := inside[0].(*protocol.QuestionChanged); !ok || err != nil || len(inside) != 1 || q.Question.ID != fmt.Sprint(i) {
					t.Fatalf("%s, %v, want question %d", text, err, i)
				}
				break
			}
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// attack sends mutations of a report until the server has had enough, and reads to the end.
func attack(t *testing.T, conn *websocket.Conn, random *rand.Rand) {
	defer conn.Close()
	read := make(chan error, 1)
	go func() {
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				read <- err
				return
			}
		}
	}()
	for range 2 * messageMax {
		text, _ := protocol.Encode(report(1 + random.Int64N(1000)))
		for range random.IntN(6) {
			switch i := random.IntN(len(text)); random.IntN(4) {
			case 0:
				text[i] = byte(random.IntN(256))
			case 1:
				text = append(text[:i], text[i:]...)
			case 2:
				text = append(text, text[:i]...)
			case 3:
				text = text[:max(i, 1)]
			}
		}
		if conn.WriteMessage(websocket.TextMessage, text) != nil {
			break
		}
	}
	var closed *websocket.CloseError
	if err := <-read; !errors.As(err, &closed) || closed.Code != protocol.CloseTooFast && closed.Code != protocol.CloseTooBig {
		t.Errorf("ended with %v", err)
	}
}

// TestHubTogether lets everything happen at once, for the race detector.
func TestHubTogether(t *testing.T) {
	hub, addr := serve(t, &ledger{})
	var all sync.WaitGroup
	for i := range 12 {
		person := lms.PersonID(fmt.Sprint("dr-", i%4))
		all.Go(func() {
			for n := range 8 {
				conn := connect(t, hub, addr, Identity{person, "s", courseA, []lms.Role{lms.Attendee}})
				text, _ := protocol.Encode(report(int64(n + 1)))
				_ = conn.WriteMessage(websocket.TextMessage, text)
				_, _, _ = conn.ReadMessage()
				_ = conn.Close()
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for n := range 12 { // all of it fits an outbox, so nobody is cut off
				hub.SetBroadcast(string(courseA), protocol.Broadcast{ID: "b", State: protocol.OnAir, TimelineMS: int64(n), Presenter: protocol.Connected})
				hub.Publish(string(courseA), Attendees, &protocol.Presence{Viewers: n})
				hub.Viewers(string(courseA))
			}
			hub.Disconnect("dr-none", "s")
		})
	}
	all.Wait()
}

// BenchmarkIdleConnection says what a socket that is idle takes: heap and stacks of this process, which holds both
// ends; the client's end is a bare network connection without a goroutine. Nothing is timed.
func BenchmarkIdleConnection(b *testing.B) {
	const connections = 2000
	hub, addr := serve(b, &ledger{})
	before := inUse()
	conns := make([]net.Conn, connections)
	for i := range conns {
		conns[i] = bareConnect(b, hub, addr, attending(lms.PersonID(fmt.Sprint("dr-", i))))
	}
	per := float64(inUse()-before) / connections
	for b.Loop() {
		_ = hub.Viewers(string(courseA))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(per/1024, "KB/conn")
	b.ReportMetric(float64(runtime.NumGoroutine())/connections, "goroutines/conn")
	for _, c := range conns {
		_ = c.Close()
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// bareConnect is a client without a library: it writes the handshake and the hello by hand.
func bareConnect(b *testing.B, hub *Hub, addr string, id Identity) net.Conn {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		addr, testOrigin, protocol.Subprotocol)
	r := bufio.NewReaderSize(conn, 512)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		b.Fatalf("%v %v", err, resp)
	}
	ticket, err := hub.Ticket(id)
	if err != nil {
		b.Fatal(err)
	}
	hello, _ := protocol.Encode(&protocol.Hello{Ticket: ticket})
	if len(hello) > 125 {
		b.Fatal("the hello needs a longer header")
	}
	frame := append([]byte{0x81, 0x80 | byte(len(hello)), 0, 0, 0, 0}, hello...) // masked with zeros
	if _, err := conn.Write(frame); err != nil {
		b.Fatal(err)
	}
	if _, err := r.ReadByte(); err != nil { // the welcome has begun to arrive
		b.Fatal(err)
	}
	return conn
}

// BenchmarkFanOut tells 1,000 sockets something b.N times and waits until all have it.
func BenchmarkFanOut(b *testing.B) {
	const n = 1000
	hub, addr := serve(b, &ledger{})
	var have sync.WaitGroup
	for i := range n {
		conn := bareConnect(b, hub, addr, attending(lms.PersonID(fmt.Sprint("dr-", i))))
		defer conn.Close()
		go func() {
			// Sizes vary with presence and welcome, so each message of the benchmark is known by a byte
			// that no other has.
			buf := make([]byte, 4096)
			for {
				k, err := conn.Read(buf)
				if err != nil {
					if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
						b.Error(err)
					}
					return
				}
				for _, c := range buf[:k] {
					if c == '@' {
						have.Done()
					}
				}
			}
		}()
	}
	b.ResetTimer()
	for range b.N {
		have.Add(n)
		hub.Publish(string(courseA), Everyone, &protocol.QuestionChanged{Question: protocol.Question{ID: "q", State: "x", Text: "@"}})
		have.Wait()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
}
