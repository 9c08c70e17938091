package signaling

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// TestOrigins tries the forms in which a foreign page could name itself (trust S-10).
func TestOrigins(t *testing.T) {
	for _, row := range []struct {
		name   string
		header http.Header
		ok     bool
	}{
		{"our page", http.Header{"Origin": {"https://lectern.example"}}, true},
		{"our page with its cookie", http.Header{"Origin": {"https://lectern.example"}, "Cookie": {"session=x"}}, true},
		{"no browser", http.Header{}, true},
		{"absent, with a cookie", http.Header{"Cookie": {"session=x"}}, false},
		{"empty", http.Header{"Origin": {""}}, false},
		{"null", http.Header{"Origin": {"null"}}, false},
		{"other host", http.Header{"Origin": {"https://evil.example"}}, false},
		{"ours as a prefix", http.Header{"Origin": {"https://lectern.example.evil.example"}}, false},
		{"ours as a suffix", http.Header{"Origin": {"https://evillectern.example"}}, false},
		{"subdomain", http.Header{"Origin": {"https://a.lectern.example"}}, false},
		{"parent domain", http.Header{"Origin": {"https://example"}}, false},
		{"other port", http.Header{"Origin": {"https://lectern.example:8443"}}, false},
		{"default port written out", http.Header{"Origin": {"https://lectern.example:443"}}, false},
		{"other scheme", http.Header{"Origin": {"http://lectern.example"}}, false},
		{"upper case", http.Header{"Origin": {"https://LECTERN.example"}}, false},
		{"trailing dot", http.Header{"Origin": {"https://lectern.example."}}, false},
		{"path", http.Header{"Origin": {"https://lectern.example/"}}, false},
		{"user", http.Header{"Origin": {"https://lectern.example@evil.example"}}, false},
		{"look-alike letter", http.Header{"Origin": {"https://l\u0435ctern.example"}}, false},
		{"look-alike letter in ASCII", http.Header{"Origin": {"https://xn--lctern-3nf.example"}}, false},
		{"two in one", http.Header{"Origin": {"https://lectern.example, https://evil.example"}}, false},
		{"twice", http.Header{"Origin": {"https://lectern.example", "https://evil.example"}}, false},
		{"extension", http.Header{"Origin": {"chrome-extension://lectern.example"}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				conn, resp, err := w.dial(row.header)
				if err == nil {
					defer conn.Close()
				}
				if (err == nil) != row.ok || !row.ok && resp.StatusCode != http.StatusForbidden {
					t.Errorf("error %v, response %v", err, resp)
				}
			})
		})
	}
}

func TestUpgradeRefusals(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d := websocket.Dialer{NetDialContext: w.net.dial, Subprotocols: []string{"lectern.v0"}}
		_, resp, err := d.DialContext(t.Context(), "ws://lectern.example/socket", http.Header{"Origin": {testOrigin}})
		if err == nil || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("another subprotocol: %v %v", err, resp)
		}
		w.open()
		_, resp, err = w.dial(http.Header{"Origin": {testOrigin}})
		if err == nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("more than MaxClients: %v %v", err, resp)
		}
	}, func(c *Config) { c.MaxClients = 1 })
}

func TestTickets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		used := w.ticket(attending("dr-a"))
		first := w.open()
		first.say(&protocol.Hello{Ticket: used})
		synctest.Wait() // the server has it: else the second might be the first there
		again := w.open()
		again.say(&protocol.Hello{Ticket: used})
		again.wantClose(protocol.CloseTicket)
		unknown := w.open()
		unknown.say(&protocol.Hello{Ticket: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
		unknown.wantClose(protocol.CloseTicket)

		fresh, stale := w.ticket(attending("dr-a")), w.ticket(attending("dr-a"))
		time.Sleep(ticketLife - time.Second)
		in := w.open()
		in.say(&protocol.Hello{Ticket: fresh})
		time.Sleep(time.Second)
		late := w.open()
		late.say(&protocol.Hello{Ticket: stale})
		late.wantClose(protocol.CloseTicket)
		if first.lastErr() != nil || in.lastErr() != nil {
			t.Errorf("good tickets: %v, %v", first.lastErr(), in.lastErr())
		}
	})
}

func TestTicketsAreBounded(t *testing.T) {
	now := time.Now()
	tickets := newTickets()
	for range ticketsAPerson {
		if _, err := tickets.issue(attending("dr-a"), now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tickets.issue(attending("dr-a"), now); !errors.Is(err, lms.ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := tickets.issue(attending("dr-b"), now); err != nil {
		t.Errorf("another person: %v", err)
	}
	tickets.sweep(now.Add(ticketLife))
	if len(tickets.open)+len(tickets.persons)+len(tickets.expiry) != 0 {
		t.Errorf("left after their life: %+v", tickets)
	}
}

// TestHelloInTime holds that a socket which does not say hello ends after five seconds, whatever else it
// says.
func TestHelloInTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		start := time.Now()
		silent, chatty := w.open(), w.open()
		for range 9 {
			time.Sleep(500 * time.Millisecond)
			chatty.write(`{"type":"weather","data":{}}`)
			_ = chatty.conn.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second))
		}
		<-silent.ended
		<-chatty.ended
		if d := time.Since(start); d != helloWait {
			t.Errorf("ended after %v", d)
		}
		early := w.open()
		early.say(report(1))
		early.wantClose(protocol.CloseTicket)
		if n := len(w.ledger.seqs()); n != 0 {
			t.Errorf("%d reports of nobody", n)
		}
	})
}

func TestSecondHelloIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.enter(attending("dr-a"))
		ticket := w.ticket(attending("dr-b"))
		p.say(&protocol.Hello{Ticket: ticket})
		synctest.Wait()
		if got := receivedOf[*protocol.Error](p); len(got) != 1 || got[0].Code != protocol.CodeUnexpected {
			t.Errorf("got %+v", got)
		}
		p.say(report(1))
		synctest.Wait()
		if w.ledger.persons[0] != "dr-a" {
			t.Errorf("the socket became %s", w.ledger.persons[0])
		}
		other := w.open()
		other.say(&protocol.Hello{Ticket: ticket})
		synctest.Wait()
		if len(receivedOf[*protocol.Welcome](other)) != 1 {
			t.Error("the ticket of the second hello was used up")
		}
	})
}

func TestBadMessagesAreAnswered(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.enter(attending("dr-a"))
		for text, code := range map[string]string{
			`{`:                           protocol.CodeMalformed,
			"\xff":                        protocol.CodeMalformed,
			`{"type":"poll","data":{}}`:   protocol.CodeUnknownType,
			`{"type":"report","data":{}}`: protocol.CodeInvalid,
		} {
			p.write(text)
			synctest.Wait()
			if got := receivedOf[*protocol.Error](p); len(got) != 1 || got[0].Code != code || got[0].Message == "" {
				t.Errorf("%q: got %+v, want %s", text, got, code)
			}
		}
		if p.lastErr() != nil {
			t.Error(p.lastErr())
		}
	})
}

func TestTooBig(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		other := w.enter(attending("dr-b"))
		p := w.enter(attending("dr-a"))
		p.write(strings.Repeat(" ", protocol.MaxClientFrame))
		synctest.Wait()
		if p.lastErr() != nil {
			t.Fatalf("the longest message: %v", p.lastErr())
		}
		_ = p.conn.WriteMessage(websocket.TextMessage, make([]byte, protocol.MaxClientFrame+1))
		p.wantClose(protocol.CloseTooBig)

		binary := w.enter(attending("dr-a"))
		_ = binary.conn.WriteMessage(websocket.BinaryMessage, []byte(`{}`))
		binary.wantClose(protocol.CloseBinary)
		if other.lastErr() != nil {
			t.Error(other.lastErr())
		}
	})
}

// TestRate holds that twenty messages a second go on for ever, and that a flood ends after its burst, be
// it of messages, pings or pongs.
func TestRate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		steady := w.enter(attending("dr-a"))
		for i := range 60 * messageHz {
			steady.say(report(int64(i + 1)))
			time.Sleep(time.Second / messageHz)
		}
		if n := len(receivedOf[*protocol.Ack](steady)); n != 60*messageHz || steady.lastErr() != nil {
			t.Errorf("%d acknowledged, error %v", n, steady.lastErr())
		}
		for name, flood := range map[string]func(*websocket.Conn) error{
			"messages": func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, []byte("{}")) },
			"pings":    func(c *websocket.Conn) error { return c.WriteControl(websocket.PingMessage, nil, time.Time{}) },
			"pongs":    func(c *websocket.Conn) error { return c.WriteControl(websocket.PongMessage, nil, time.Time{}) },
		} {
			p := w.enter(attending("dr-b"))
			for range 2 * messageMax {
				if flood(p.conn) != nil {
					break
				}
			}
			p.wantClose(protocol.CloseTooFast)
			errs := receivedOf[*protocol.Error](p)
			if len(errs) == 0 || errs[len(errs)-1].Code != protocol.CodeTooFast {
				t.Errorf("%s: no last word: %+v", name, errs)
			}
		}
	})
}

// TestSlowReader holds that a client which does not read is cut off at 64 messages or 256 KiB, that the
// others get everything meanwhile, and that it is told so when it reads again in time.
func TestSlowReader(t *testing.T) {
	for name, text := range map[string]string{"messages": "short", "bytes": strings.Repeat("long", 2000)} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				quick := w.enter(attending("dr-a"))
				slow, _, err := w.dial(http.Header{"Origin": {testOrigin}})
				if err != nil {
					t.Fatal(err)
				}
				defer slow.Close()
				hello, _ := protocol.Encode(&protocol.Hello{Ticket: w.ticket(attending("dr-b"))})
				if err := slow.WriteMessage(websocket.TextMessage, hello); err != nil {
					t.Fatal(err)
				}
				if _, _, err := slow.ReadMessage(); err != nil {
					t.Fatal(err)
				}
				const n = 100
				for i := range n {
					// States are told at once, unlike events, which wait for the tick.
					w.hub.SetBroadcast(string(courseA), protocol.Broadcast{ID: fmt.Sprint(text, i), State: protocol.Ended, Presenter: protocol.Gone})
					synctest.Wait()
				}
				if got := len(receivedOf[*protocol.Broadcast](quick)); got != n {
					t.Errorf("the quick one got %d of %d", got, n)
				}
				var closed *websocket.CloseError
				for read := 0; ; read++ {
					_, _, err := slow.ReadMessage()
					if err == nil {
						continue
					}
					if !errors.As(err, &closed) || closed.Code != protocol.CloseResume {
						t.Errorf("ended with %v", err)
					}
					if read > 2 {
						t.Errorf("%d messages of the backlog were sent before the close", read)
					}
					return
				}
			})
		})
	}
}

// TestStuckReader holds that a peer which never reads again is gone two seconds after it was cut off.
func TestStuckReader(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		stuck, _, err := w.dial(http.Header{"Origin": {testOrigin}})
		if err != nil {
			t.Fatal(err)
		}
		defer stuck.Close()
		hello, _ := protocol.Encode(&protocol.Hello{Ticket: w.ticket(attending("dr-a"))})
		if err := stuck.WriteMessage(websocket.TextMessage, hello); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range outboxMessages + 2 { // the welcome and one more are with the writer
			w.hub.SetBroadcast(string(courseA), protocol.Broadcast{ID: "b", State: protocol.Ended, Presenter: protocol.Gone})
		}
		synctest.Wait()
		if n := w.hub.Viewers(string(courseA)); n != 1 {
			t.Fatalf("%d viewers before", n)
		}
		time.Sleep(closeWait)
		synctest.Wait()
		if n := w.hub.Viewers(string(courseA)); n != 0 {
			t.Errorf("%d viewers after", n)
		}
	})
}

// TestSilence holds that a peer which answers pings stays, and one that does not goes within 45 seconds.
func TestSilence(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		alive := w.enter(attending("dr-a"))
		dead := w.enter(attending("dr-b"), func(c *websocket.Conn) {
			c.SetPingHandler(func(string) error { return nil })
		})
		start := time.Now()
		<-dead.ended
		if d := time.Since(start); d > silence {
			t.Errorf("ended after %v", d)
		}
		time.Sleep(10 * time.Minute)
		if alive.lastErr() != nil {
			t.Errorf("ended: %v", alive.lastErr())
		}
		if n := w.hub.Viewers(string(courseA)); n != 1 {
			t.Errorf("%d viewers", n)
		}
	})
}
