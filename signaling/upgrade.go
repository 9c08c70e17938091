package signaling

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"lectern/signaling/protocol"
)

// bufferSize is what a connection reads and writes at a time. Most messages are shorter; longer ones take
// more system calls, which costs less than 10,000 buffers that are idle.
const bufferSize = 512

// newUpgrader returns the upgrader of a hub. Compression stays off: it would cost 40 KB a connection, and
// without it no small frame can inflate to a large one.
func newUpgrader(h *Hub) websocket.Upgrader {
	return websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second,
		ReadBufferSize:   bufferSize,
		WriteBufferSize:  bufferSize,
		WriteBufferPool:  &sync.Pool{},
		Subprotocols:     []string{protocol.Subprotocol},
		CheckOrigin:      h.mayConnect,
	}
}

// mayConnect is the guard against foreign pages that open a socket with the visitor's cookies. A browser
// always names its origin, in one spelling, so anything but one exact value of the list is refused. A
// client without Origin is no browser and is let in as long as it carries no cookie; the ticket decides.
func (h *Hub) mayConnect(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return len(r.Header.Values("Cookie")) == 0
	}
	return len(origins) == 1 && h.origins[origins[0]]
}

// ServeHTTP upgrades GET /socket and returns; the socket lives on in a goroutine of its own, because that
// of the HTTP server holds on to its buffers and a larger stack. The request carries no secret: the client
// has five seconds to send its ticket.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !slices.Contains(websocket.Subprotocols(r), protocol.Subprotocol) {
		http.Error(w, "Ask for the WebSocket subprotocol "+protocol.Subprotocol+"; an older page has to be reloaded.", http.StatusBadRequest)
		return
	}
	c := newClient(h)
	if !h.reserve(c) {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "This server takes no more sockets at the moment. Try again in a few seconds.", http.StatusServiceUnavailable)
		return
	}
	conn, err := h.upgrader.Upgrade(hijackable{w}, r, nil)
	if err != nil {
		h.release(c)
		h.metrics.refused.Inc() // the upgrader has answered
		return
	}
	if !h.begin(c, conn) {
		h.release(c)
		_ = conn.Close()
		return
	}
	go c.run()
}

// reserve makes room for a client, or says that there is none.
func (h *Hub) reserve(c *client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining || len(h.clients) >= h.cfg.MaxClients {
		return false
	}
	h.clients[c] = struct{}{}
	h.gone.Add(1)
	return true
}

// begin gives the client its connection, unless the hub has begun to drain in the meantime.
func (h *Hub) begin(c *client, conn *websocket.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return false
	}
	c.attach(conn)
	return true
}

// release takes a client off the books, as the last thing that happens to it.
func (h *Hub) release(c *client) {
	h.mu.Lock()
	delete(h.clients, c)
	h.mu.Unlock()
	h.gone.Done()
}

// hijackable lets the upgrader take over the connection through middleware that wraps the ResponseWriter
// and can be unwrapped.
type hijackable struct{ http.ResponseWriter }

func (w hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}
