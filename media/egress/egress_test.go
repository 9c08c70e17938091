package egress

import (
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"lectern/media"
)

func all3(t testing.TB) *stage { return newStage(t, media.Low, media.Mid, media.High) }

func TestAttendeeGetsEverything(t *testing.T) {
	v6 := func(c *Config) { c.UDPAddr = "[::1]:0" }
	tcp := func(c *Config) { c.TCP = true }
	for name, test := range map[string]struct {
		peer   peerOptions
		change func(*Config)
	}{
		"UDP":         {peerOptions{}, func(*Config) {}},
		"without RTX": {peerOptions{noRTX: true}, func(*Config) {}},
		"IPv6":        {peerOptions{v6: true}, v6},
		"TCP":         {peerOptions{tcp: true}, tcp},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, test.change)
			if test.peer.v6 {
				test.peer.conn = listen(t, "udp6", "[::1]:0") // of itself pion does not look at ::1
			}
			v := newScreen(t, s, all3(t), test.peer)
			eventually(t, "two hundred packets of the best layer", func() bool {
				return len(v.pictures()) > 200 && v.shows(media.High) && v.sounds() > 50
			})
			checkWhole(t, v.pictures())
			eventually(t, "sender reports of both streams", func() bool {
				v.mu.Lock()
				defer v.mu.Unlock()
				ssrcs := map[uint32]bool{}
				for _, r := range v.reports {
					ssrcs[r.SSRC] = true
				}
				return len(ssrcs) == 2
			})
		})
	}
}

// TestLossIsRepaired loses every twentieth packet at the attendee, and wants all of them in the end.
func TestLossIsRepaired(t *testing.T) {
	for _, noRTX := range []bool{false, true} {
		s := serve(t)
		v := newScreen(t, s, newStage(t, media.High), peerOptions{noRTX: noRTX})
		v.drop.Store(20)
		eventually(t, "four hundred packets", func() bool { return len(v.pictures()) > 400 })
		v.drop.Store(0)
		eventually(t, "all that was lost", func() bool {
			p := v.pictures()
			p = p[:len(p)-12]
			return int(p[len(p)-1].seq-p[0].seq)+1 == len(p)
		})
		checkWhole(t, v.pictures())
	}
}

func TestLayersChangeAtKeyframes(t *testing.T) {
	s := serve(t)
	st := all3(t)
	v := newScreen(t, s, st, peerOptions{})
	for _, l := range []media.Layer{media.High, media.Low, media.Mid, media.Low, media.High} {
		if l != media.High || len(v.pictures()) > 0 {
			v.session.SetLayer(l)
		}
		eventually(t, "layer "+l.RID(), func() bool { return v.shows(l) })
	}
	st.change(func() { st.on[media.High] = false })
	eventually(t, "the best of the layers that are left", func() bool { return v.shows(media.Mid) })
	checkWhole(t, v.pictures())
}

// TestJoinerSeesTheGroupSoFar holds that a joiner need not wait for the next keyframe, nor ask for one.
func TestJoinerSeesTheGroupSoFar(t *testing.T) {
	s := serve(t)
	st := all3(t)
	first := newScreen(t, s, st, peerOptions{})
	eventually(t, "the first attendee's layer", func() bool { return first.shows(media.High) && len(first.pictures()) > 60 })
	st.wantKey.Store(true)
	var start uint32
	eventually(t, "a keyframe and some pictures", func() bool {
		for _, p := range first.pictures()[40:] {
			if p.key {
				start = p.picture
			}
		}
		return start > 0 && first.pictures()[len(first.pictures())-1].picture > start+3
	})
	second := newScreen(t, s, st, peerOptions{})
	eventually(t, "pictures", func() bool { return len(second.pictures()) > 100 })
	checkWhole(t, second.pictures())
	if got := second.pictures()[0].picture; got < start {
		t.Errorf("begins with picture %d; the group began with %d", got, start)
	}
}

// roaming is a client's socket whose address can be changed without the client knowing.
type roaming struct {
	net.PacketConn
	conns [2]net.PacketConn
	now   atomic.Int32
}

func newRoaming(t *testing.T) *roaming {
	t.Helper()
	r := &roaming{}
	for i := range r.conns {
		r.conns[i] = listen(t, "udp4", "127.0.0.1:0")
	}
	r.PacketConn = r.conns[0]
	return r
}

func listen(t testing.TB, network, address string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket(network, address)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *roaming) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		was := r.now.Load()
		n, from, err := r.conns[was].ReadFrom(b)
		if err == nil || r.now.Load() == was {
			return n, from, err
		}
	}
}

func (r *roaming) WriteTo(b []byte, to net.Addr) (int, error) {
	return r.conns[r.now.Load()].WriteTo(b, to)
}

func (r *roaming) move() {
	r.now.Store(1)
	_ = r.conns[0].SetReadDeadline(time.Unix(1, 0))
}

func TestAddressChange(t *testing.T) {
	s := serve(t)
	r := newRoaming(t)
	v := newScreen(t, s, all3(t), peerOptions{conn: r})
	eventually(t, "pictures", func() bool { return len(v.pictures()) > 50 })
	before := v.session.a.path.Load()
	r.move()
	eventually(t, "the move", func() bool { return v.session.a.path.Load() != before })
	n := len(v.pictures())
	eventually(t, "pictures at the new address", func() bool { return len(v.pictures()) > n+100 })
	if got := v.session.a.path.Load().addr.String(); got != r.conns[1].LocalAddr().String() {
		t.Errorf("path leads to %s", got)
	}
}

func TestRestartKeepsTheStream(t *testing.T) {
	s := serve(t)
	v := newScreen(t, s, all3(t), peerOptions{})
	eventually(t, "pictures", func() bool { return len(v.pictures()) > 50 })
	etag := v.session.ETag()
	answer, err := v.session.Restart(t.Context(), "a=ice-ufrag:abcdefgh\r\na=ice-pwd:0123456789012345678901\r\n")
	must(t, err)
	if v.session.ETag() == etag || !strings.Contains(answer, "a=ice-ufrag:") || !strings.Contains(answer, "a=candidate:") {
		t.Errorf("ETag %s, fragment %q", v.session.ETag(), answer)
	}
	n := len(v.pictures())
	eventually(t, "pictures by the former credentials", func() bool { return len(v.pictures()) > n+100 })
	if err := v.session.Trickle("a=ice-ufrag:abcdefgh\r\na=ice-pwd:0123456789012345678901\r\n"); err != nil {
		t.Error(err)
	}
	if err := v.session.Trickle("a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n"); !errors.Is(err, ErrOffer) {
		t.Errorf("a stranger's fragment: %v", err)
	}
	v.session.Close()
	if _, err := v.session.Restart(t.Context(), "a=ice-ufrag:abcdefgh\r\na=ice-pwd:0123456789012345678901\r\n"); !errors.Is(err, ErrClosed) {
		t.Errorf("restart after the end: %v", err)
	}
}

// TestWrongFingerprintGetsNothing is what keeps a man in the middle of the media path out.
func TestWrongFingerprintGetsNothing(t *testing.T) {
	s := serve(t)
	v := offerScreen(t, peerOptions{})
	offer := v.offer(t)
	i := strings.Index(offer, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
	flipped := "00"
	if offer[i:i+2] == flipped {
		flipped = "01"
	}
	offer = strings.ReplaceAll(offer, offer[i:i+95], flipped+offer[i+2:i+95])
	answer, session, err := s.Subscribe(t.Context(), "lecture", all3(t), offer, SubscribeOptions{})
	must(t, err)
	must(t, v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	<-session.Done()
	if n := len(v.pictures()) + v.sounds(); n != 0 {
		t.Errorf("%d packets for a stranger", n)
	}
	if session.a.viewer != nil {
		t.Error("the stranger has keys")
	}
}

func TestPublisherReturns(t *testing.T) {
	s := serve(t)
	st := all3(t)
	v := newScreen(t, s, st, peerOptions{})
	eventually(t, "pictures", func() bool { return v.shows(media.High) && len(v.pictures()) > 100 })
	st.change(func() {
		for _, sink := range st.sinks {
			sink.RemoveTrack("camera")
			st.announce(sink)
		}
		for l := range st.next {
			st.next[l] = 1<<16 + 5
		}
		st.wantKey.Store(true)
	})
	n := len(v.pictures())
	eventually(t, "pictures of the new connection", func() bool { return len(v.pictures()) > n+200 && v.shows(media.High) })
	checkWhole(t, v.pictures())
	st.change(func() {
		st.mime = mimeVP8
		for _, sink := range st.sinks {
			st.announce(sink)
		}
	})
	<-v.session.Done()
}

func TestSilentAttendeeIsSweptAway(t *testing.T) {
	s, err := New(Config{UDPAddr: "127.0.0.1:0"})
	must(t, err)
	s.patience = 4 * time.Second
	start(t, s)
	st := all3(t)
	stays, goes := newScreen(t, s, st, peerOptions{}), newScreen(t, s, st, peerOptions{})
	eventually(t, "pictures for both", func() bool { return len(stays.pictures()) > 50 && len(goes.pictures()) > 50 })
	must(t, goes.pc.Close())
	<-goes.session.Done()
	n := len(stays.pictures())
	eventually(t, "pictures for the one who stays", func() bool { return len(stays.pictures()) > n+100 })
	if _, ok := s.Session(goes.session.ID()); ok || s.Attendees("lecture") != 1 {
		t.Errorf("%d attendees, the silent one known: %v", s.Attendees("lecture"), ok)
	}
}

// TestNothingIsLeft holds that attendees have no goroutine once connected, and a server none at the end.
func TestNothingIsLeft(t *testing.T) {
	st := all3(t)
	before := runtime.NumGoroutine()
	s, err := New(Config{UDPAddr: "127.0.0.1:0", TCP: true})
	must(t, err)
	t.Run("running", func(t *testing.T) {
		start(t, s)
		eventually(t, "the server to run", func() bool { return runtime.NumGoroutine() >= before+2 })
		v := newScreen(t, s, st, peerOptions{})
		eventually(t, "pictures", func() bool { return len(v.pictures()) > 50 })
		eventually(t, "the end of the handshake", func() bool {
			buffer := make([]byte, 1<<20)
			stacks := string(buffer[:runtime.Stack(buffer, true)])
			return !strings.Contains(stacks, "egress.(*Server).secure") && !strings.Contains(stacks, "egress.(*pipe)")
		})
		must(t, v.pc.GracefulClose())
		v.session.Close()
		v.session.Close()
		<-v.session.Done()
	})
	eventually(t, "no goroutine of the server", func() bool { return runtime.NumGoroutine() <= before })
	if len(s.tables.byPath)+len(s.tables.byUfrag)+len(s.sessions)+len(s.rooms) != 0 {
		t.Errorf("left: %d paths, %d names, %d sessions, %d rooms", len(s.tables.byPath), len(s.tables.byUfrag), len(s.sessions), len(s.rooms))
	}
	if len(st.sinks) != 0 {
		t.Errorf("%d sinks left", len(st.sinks))
	}
	if _, _, err := s.Subscribe(t.Context(), "lecture", st, offerScreen(t, peerOptions{}).offer(t), SubscribeOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("subscribe after the end: %v", err)
	}
}

func TestSubscribeRefuses(t *testing.T) {
	s := serve(t)
	offer := offerScreen(t, peerOptions{}).offer(t)
	empty := &stage{}
	noTracks := silentSource{}
	for name, test := range map[string]struct {
		source Source
		offer  string
		want   error
	}{
		"nothing published": {noTracks, offer, ErrNotPublished},
		"no SDP":            {empty, "v=1", ErrOffer},
		"no media":          {empty, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", ErrOffer},
		"weak fingerprint":  {empty, strings.ReplaceAll(offer, "sha-256", "sha-1"), ErrOffer},
		"no credentials":    {empty, strings.ReplaceAll(offer, "a=ice-pwd", "a=ice-pwx"), ErrOffer},
		"sends only":        {all3(t), strings.ReplaceAll(offer, "recvonly", "sendonly"), ErrOffer},
		"no H.264":          {all3(t), strings.ReplaceAll(offer, "H264/90000", "H265/90000"), ErrCodec},
		"too large":         {empty, offer + strings.Repeat("a=x\r\n", 20000), ErrOffer},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := s.Subscribe(t.Context(), name, test.source, test.offer, SubscribeOptions{}); !errors.Is(err, test.want) {
				t.Errorf("%v; want %v", err, test.want)
			}
			if n := s.Attendees(name); n != 0 {
				t.Errorf("%d seats taken", n)
			}
		})
	}
}

// silentSource is a room in which nothing is published.
type silentSource struct{}

func (silentSource) AddSink(media.Sink) func() { return func() {} }
func (silentSource) RequestKeyframe(string)    {}
