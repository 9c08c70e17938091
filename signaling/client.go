package signaling

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"lectern/signaling/protocol"
)

// The bounds of one client.
const (
	helloWait  = 5 * time.Second  // from the upgrade to the ticket
	pingEvery  = 25 * time.Second // plus or minus a fifth, so that 10,000 clients do not answer at once
	silence    = 45 * time.Second // longest time without a message or pong: one ping and 15 s to answer it
	writeWait  = 10 * time.Second // longest time one message may take to leave
	closeWait  = 2 * time.Second  // from our close frame to the end of the connection
	messageHz  = 20               // messages and pings a second
	messageMax = 40               // at once
	lingerMax  = 256 << 10        // bytes thrown away so that a close frame is not lost with them
)

// client is one socket. Its read goroutine (run) owns it: identity, rate and lifetime change there only.
// Everybody else posts to its outbox, which has a writer while it is not empty, and shuts it down by
// posting a close. Idle, a client costs one goroutine and no buffers but those of the connection.
type client struct {
	hub     *Hub
	conn    *websocket.Conn
	limiter rate.Limiter

	id    Identity // set once, on entry, under the locks of hub and room
	class class
	room  *room  // nil before the welcome
	since uint64 // the room's history that it need not be told any more, as class and room

	outbox
	reports reportQueue
}

func newClient(h *Hub) *client {
	return &client{hub: h, limiter: *rate.NewLimiter(messageHz, messageMax)}
}

// attach binds the connection before the client runs.
func (c *client) attach(conn *websocket.Conn) {
	c.conn = conn
	conn.SetReadLimit(protocol.MaxClientFrame)
	conn.SetPingHandler(func(data string) error {
		if !c.limiter.Allow() {
			return errTooFast
		}
		c.post(outgoing{kind: websocket.PongMessage, text: []byte(data), size: len(data)})
		return nil
	})
	conn.SetPongHandler(func(string) error {
		if !c.limiter.Allow() {
			return errTooFast
		}
		if c.room != nil { // a pong buys no time to somebody who has not said hello
			c.extend(silence)
		}
		return nil
	})
}

// join puts the client into a room. The locks of the hub and the room are held.
func (c *client) join(id Identity, r *room) {
	c.id, c.class, c.room = id, classOf(id.Roles), r
}

// run serves the socket to its end. A panic in here ends this socket and no other.
func (c *client) run() {
	c.hub.metrics.connections.Inc()
	defer c.end()
	defer c.hub.rescue("socket", func() {
		c.shut(protocol.CloseInternal, "our fault, connect again")
		c.linger()
	})

	c.extend(helloWait)
	for {
		text, err := c.read()
		switch {
		case err == nil:
		case errors.Is(err, errBinary):
			c.shut(protocol.CloseBinary, "text messages only")
			continue
		case errors.Is(err, errTooFast):
			c.apart(func() {
				c.tell(&protocol.Error{Code: protocol.CodeTooFast, Message: "Send fewer messages: 20 a second are allowed."})
			})
			c.shut(protocol.CloseTooFast, "too many messages")
			c.linger()
			return
		default:
			if errors.Is(err, websocket.ErrReadLimit) { // gorilla has sent the close frame
				c.hub.metrics.closed(protocol.CloseTooBig)
				c.linger()
			}
			return
		}
		if !c.isClosing() {
			c.apart(func() { c.take(text.Bytes()) })
		}
		readBuffers.Put(text)
	}
}

// apart does something that needs a deep stack, and waits for it: the stack of this goroutine, which there is one of for
// each socket, stays as small as waiting for a message needs it to be. A panic in there ends this socket and no other.
func (c *client) apart(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer c.hub.rescue("socket", func() { c.shut(protocol.CloseInternal, "our fault, connect again") })
		do()
	}()
	<-done
}

// take decodes a message and acts on it.
func (c *client) take(text []byte) {
	m, err := protocol.DecodeClient(text)
	if err != nil {
		c.hub.metrics.received.WithLabelValues("invalid").Inc()
		c.tell(asError(err))
		return
	}
	c.hub.metrics.received.WithLabelValues(protocol.Type(m)).Inc()
	switch hello, ok := m.(*protocol.Hello); {
	case c.room != nil:
		c.extend(silence)
		c.handle(m)
	case !ok:
		c.shut(protocol.CloseTicket, "say hello first")
	case !c.hub.enter(c, hello):
		c.shut(protocol.CloseTicket, "the ticket is not valid")
	default:
		c.extend(silence)
		c.startPings()
	}
}

var (
	errTooFast = errors.New("too many messages")
	errBinary  = errors.New("a binary message")
)

var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// read waits for the next message and counts it. The read limit of the connection bounds it. The caller puts the buffer
// back.
func (c *client) read() (*bytes.Buffer, error) {
	kind, r, err := c.conn.NextReader()
	if err != nil {
		return nil, err
	}
	buf := readBuffers.Get().(*bytes.Buffer)
	buf.Reset()
	_, err = io.Copy(buf, r)
	switch {
	case err != nil:
	case !c.limiter.Allow():
		err = errTooFast
	case kind != websocket.TextMessage:
		err = errBinary
	default:
		return buf, nil
	}
	readBuffers.Put(buf)
	return nil, err
}

// extend gives the peer until d from now to send its next message, unless the socket is closing.
func (c *client) extend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		_ = c.conn.SetReadDeadline(time.Now().Add(d))
	}
}

// startPings makes dead connections fail and keeps proxies from closing silent ones.
func (c *client) startPings() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.ping = time.AfterFunc(jitter(pingEvery), c.sendPing)
	}
}

func (c *client) sendPing() {
	if !c.post(outgoing{kind: websocket.PingMessage}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.ping.Reset(jitter(pingEvery))
	}
}

// jitter returns d plus or minus a fifth.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5)
}

// linger reads what the peer still sends, so that the operating system does not answer it with a reset that
// takes our close frame with it.
func (c *client) linger() {
	_ = c.conn.NetConn().SetReadDeadline(time.Now().Add(closeWait))
	_, _ = io.CopyN(io.Discard, c.conn.NetConn(), lingerMax)
}

// end undoes everything, on the read goroutine. The writer, if there is one, fails on the closed connection.
func (c *client) end() {
	if c.room != nil {
		c.room.remove(c, c.hub.cfg.Clock())
	}
	c.discard()
	_ = c.conn.Close()
	c.hub.metrics.connections.Dec()
	c.hub.release(c)
}

// rescue, deferred, turns a panic into a logged failure of one socket.
func (h *Hub) rescue(where string, then func()) {
	if v := recover(); v != nil {
		h.metrics.panics.Inc()
		h.cfg.Log.Error("panic in signaling", "where", where, "panic", v, "stack", string(debug.Stack()))
		then()
	}
}
