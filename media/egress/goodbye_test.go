package egress

import (
	"testing"
	"time"
)

// alerts waits for the alerts that a client sends when it closes, which are kept from the server.
func alerts(c *tapped) (found [][]byte) {
	for _, b := range c.copies() {
		if b[0] == contentAlert {
			found = append(found, b)
		}
	}
	return found
}

// TestGoodbyeEndsTheSession holds that a client's own goodbye ends his session at once, and nobody else's.
func TestGoodbyeEndsTheSession(t *testing.T) {
	s := serve(t)
	st := all3(t)
	conn := &tapped{PacketConn: listen(t, "udp4", "127.0.0.1:0"), deaf: true}
	v := newScreen(t, s, st, peerOptions{conn: conn})
	other := newScreen(t, s, st, peerOptions{})
	eventually(t, "pictures", func() bool { return len(v.pictures()) > 50 && len(other.pictures()) > 50 })
	must(t, v.pc.GracefulClose())
	eventually(t, "a goodbye", func() bool { return len(alerts(conn)) > 0 })
	bye := alerts(conn)[0]
	a, d, here := v.session.a, newDemux(s), s.ports[0].shards[0]
	from := a.path.Load().addr
	forged := func(change func(b []byte) []byte) {
		t.Helper()
		d.take(change(append([]byte(nil), bye...)), here, nil, from)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.sessions[v.session.id] == nil {
			t.Fatal("a forged goodbye ended the session")
		}
	}
	forged(func([]byte) []byte {
		return []byte{contentAlert, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, alertFatal, closeNotify}
	})
	for i := range bye {
		forged(func(b []byte) []byte { b[i] ^= 1; return b })
		forged(func(b []byte) []byte { return b[:i] })
	}
	if !d.take(bye, here, nil, from) {
		t.Error("the goodbye belongs to nobody")
	}
	select {
	case <-v.session.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the goodbye did not end the session")
	}
	n := len(other.pictures())
	eventually(t, "pictures for the other one", func() bool { return len(other.pictures()) > n+50 })
}

// FuzzGoodbye holds that no record that was not sealed with the client's key ends his session.
func FuzzGoodbye(f *testing.F) {
	f.Add(append([]byte{contentAlert, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 26}, make([]byte, 26)...))
	f.Add([]byte{contentAlert, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 0})
	keys := farewell{key: [16]byte{1, 2, 3}, nonce: [4]byte{4}}
	f.Fuzz(func(t *testing.T, b []byte) {
		if keys.check(b) == nil {
			t.Error("taken for a goodbye")
		}
	})
}
