package signaling

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"lectern/signaling/protocol"
)

// The bounds of an outbox. A client that falls this far behind is closed with 4000 and loses what was
// queued: it comes back and reads the state, which is shorter than the backlog.
const (
	outboxMessages = 64
	outboxBytes    = 256 << 10
)

// outgoing is one frame to be written: a message shared by many clients, or one of this client's own.
type outgoing struct {
	kind   int // as in gorilla: TextMessage, PingMessage, PongMessage or CloseMessage
	shared *websocket.PreparedMessage
	text   []byte
	size   int // bytes that count against outboxBytes
}

// outbox is the queue of a client. Posting never waits.
type outbox struct {
	mu      sync.Mutex
	queue   []outgoing
	bytes   int
	writing bool        // a writer goroutine is at work; it ends when the queue is empty
	closing bool        // a close frame is the last thing in the queue, or everything is over
	ping    *time.Timer // nil before the welcome
}

// post queues a frame and starts the writer when there is none. It returns false when the socket is
// closing or has fallen too far behind, which closes it.
func (c *client) post(out outgoing) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	if len(c.queue) >= outboxMessages || c.bytes+out.size > outboxBytes {
		c.queue, c.bytes = nil, 0
		c.hub.metrics.overflows.Inc()
		c.shutLocked(protocol.CloseResume, "read too slowly, connect again")
		return false
	}
	c.push(out)
	return true
}

// tell queues a message for this client alone.
func (c *client) tell(m protocol.Message) {
	text, err := protocol.Encode(m)
	if err != nil {
		c.hub.cfg.Log.Error("message not sent", "err", err)
		return
	}
	c.hub.metrics.sent.WithLabelValues(protocol.Type(m)).Inc()
	c.post(outgoing{kind: websocket.TextMessage, text: text, size: len(text)})
}

// shut ends the socket: what is queued, then a close frame, then two seconds for the peer to answer. Only
// the first call counts. It may be called from anywhere and does not wait.
func (c *client) shut(code int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.shutLocked(code, reason)
	}
}

func (c *client) shutLocked(code int, reason string) {
	c.hub.metrics.closed(code)
	c.closing = true
	if c.ping != nil {
		c.ping.Stop()
	}
	if c.conn == nil { // not upgraded yet: begin will refuse
		return
	}
	// A write under way and the reader get this long, too. The reader does not move its deadline any more.
	deadline := time.Now().Add(closeWait)
	_ = c.conn.NetConn().SetWriteDeadline(deadline)
	_ = c.conn.NetConn().SetReadDeadline(deadline)
	c.push(outgoing{kind: websocket.CloseMessage, text: websocket.FormatCloseMessage(code, reason)})
}

// push appends to the queue and sees to a writer. c.mu is held.
func (c *client) push(out outgoing) {
	c.queue = append(c.queue, out)
	c.bytes += out.size
	if !c.writing {
		c.writing = true
		c.hub.gone.Go(c.write)
	}
}

// write empties the queue and ends. It lives for the few microseconds that most messages take, so an idle
// client has no writer.
func (c *client) write() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.queue, c.writing = nil, false
			c.mu.Unlock()
			return
		}
		out := c.queue[0]
		c.queue[0] = outgoing{}
		c.queue = c.queue[1:]
		c.bytes -= out.size
		wait := writeWait
		if c.closing {
			wait = closeWait
		}
		c.mu.Unlock()
		if err := c.put(out, time.Now().Add(wait)); err != nil {
			c.discard()
			_ = c.conn.Close() // wakes the reader, which ends the client
		}
	}
}

func (c *client) put(out outgoing, deadline time.Time) error {
	switch {
	case out.shared != nil:
		_ = c.conn.SetWriteDeadline(deadline)
		return c.conn.WritePreparedMessage(out.shared)
	case out.kind == websocket.TextMessage:
		_ = c.conn.SetWriteDeadline(deadline)
		return c.conn.WriteMessage(out.kind, out.text)
	}
	return c.conn.WriteControl(out.kind, out.text, deadline)
}

// discard drops the queue and takes nothing more.
func (c *client) discard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	c.queue, c.bytes = nil, 0
	if c.ping != nil {
		c.ping.Stop()
	}
}

func (c *client) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}
