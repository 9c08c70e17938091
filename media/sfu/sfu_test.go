package sfu

import (
	"context"
	"errors"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"lectern/media"
)

// lecture starts a camera with three layers in the room "course" and waits until all arrive.
func lecture(t testing.TB, s *Server) (*camera, *Room) {
	t.Helper()
	c := newCamera(t, s, "course", "q", "h", "f")
	room := s.Room("course")
	eventually(t, "three layers with their sizes", func() bool {
		layers := room.Stats().Layers
		return len(layers) == 3 && !slices.ContainsFunc(layers, func(l LayerStats) bool { return l.Width == 0 })
	})
	return c, room
}

// unbroken reports gaps and steps back in what an attendee got, once all that was lost has been sent again.
func unbroken(t *testing.T, packets []seen) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if b.seq != a.seq+1 {
			t.Errorf("packet %d: sequence %d after %d", i, b.seq, a.seq)
		}
		if int32(b.ts-a.ts) < 0 {
			t.Errorf("packet %d: timestamp %d after %d", i, b.ts, a.ts)
		}
	}
}

func TestLecture(t *testing.T) {
	s := serve(t)
	_, room := lecture(t, s)
	eventually(t, "publishing", room.Publishing)
	v := newScreen(t, s, "course")
	eventually(t, "the full picture", func() bool { return v.shows(media.High) && len(v.pictures()) > 200 })
	eventually(t, "sound", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return len(v.audio) > 30 })
	got := v.pictures()
	if !got[0].key {
		t.Error("the first packet is not a keyframe's")
	}
	unbroken(t, got)
	v.mu.Lock()
	unbroken(t, v.audio)
	v.mu.Unlock()
	stats := room.Stats()
	for i, want := range []LayerStats{{RID: "f", Width: 1280, Height: 720}, {RID: "h", Width: 640, Height: 360}, {RID: "q", Width: 320, Height: 180}} {
		l := stats.Layers[i]
		if l.RID != want.RID || l.Width != want.Width || l.Height != want.Height || l.Kbps <= 0 || l.FPS <= 0 {
			t.Errorf("layer %d: %+v, want like %+v", i, l, want)
		}
	}
	if stats.Subscribers != 1 || stats.AudioKbps <= 0 || time.Since(stats.Since) > time.Minute {
		t.Errorf("stats %+v", stats)
	}
}

func TestJoinerGetsTheGroupSoFar(t *testing.T) {
	s := serve(t)
	c, room := lecture(t, s)
	c.off[media.High].Store(true)
	c.off[media.Mid].Store(true) // a group of the low layer stays short for five seconds
	eventually(t, "one layer", func() bool { return len(room.Stats().Layers) == 1 })
	before := c.plis.Load()
	room.RequestKeyframe(Camera)
	eventually(t, "a keyframe", func() bool { return c.plis.Load() > before && !c.wantKey.Load() })
	eventually(t, "the wish is fulfilled", func() bool {
		l := room.track(Camera).at(media.Low)
		return l.ring.Group(l.ring.Newest(), 20) != nil
	})
	before = c.plis.Load()
	v := newScreen(t, s, "course")
	eventually(t, "pictures", func() bool { return len(v.pictures()) > 100 })
	got := v.pictures()
	unbroken(t, got)
	if !got[0].key || got[1].layer != media.Low {
		t.Errorf("begins with %+v, %+v", got[0], got[1])
	}
	if n := c.plis.Load() - before; n != 0 {
		t.Errorf("%d keyframes were asked for", n)
	}
	if gap := got[5].ts - got[4].ts; gap != 90 {
		t.Errorf("replayed pictures are %d ticks apart, want 90", gap)
	}
}

func TestLateJoinerAsksForAKeyframe(t *testing.T) {
	s := serve(t)
	c, room := lecture(t, s)
	eventually(t, "a group too long to replay", func() bool {
		l := room.track(Camera).at(media.High)
		newest := l.ring.Newest()
		return l.ring.Group(newest, replayLimit) == nil && newest > 400
	})
	before := c.plis.Load()
	v := newScreen(t, s, "course")
	eventually(t, "the full picture", func() bool { return v.shows(media.High) })
	if c.plis.Load() == before || !v.pictures()[0].key {
		t.Errorf("asked %d times, first packet %+v", c.plis.Load()-before, v.pictures()[0])
	}
}

func TestLayerSwitch(t *testing.T) {
	s := serve(t)
	c, _ := lecture(t, s)
	v := newScreen(t, s, "course")
	eventually(t, "the full picture", func() bool { return v.shows(media.High) })
	eventually(t, "a sender report of each layer", func() bool {
		return !slices.ContainsFunc(s.Room("course").track(Camera).all(), func(l *upLayer) bool { return !l.lastClock().Known })
	})
	for _, l := range []media.Layer{media.Low, media.Mid, media.High, media.Low} {
		v.peer.session.SetLayer(l)
		eventually(t, "layer "+l.RID(), func() bool { return v.shows(l) })
	}
	v.peer.session.SetLayer(media.Auto)
	eventually(t, "the best layer again", func() bool { return v.shows(media.High) })
	c.off[media.High].Store(true)
	eventually(t, "the next layer when the best is switched off", func() bool { return v.shows(media.Mid) })
	c.off[media.High].Store(false)
	eventually(t, "the best when it is back", func() bool { return v.shows(media.High) })
	got := v.pictures()
	unbroken(t, got)
	// The timestamps follow the pictures through all switches, within 50 ms that the test's reports may be off.
	got = slices.DeleteFunc(got, func(p seen) bool { return p.key })
	got = got[slices.IndexFunc(got, func(p seen) bool { return p.layer == media.Low }):] // without the replayed group
	last := got[len(got)-1]
	for _, p := range got {
		if off := int32(p.ts - last.ts - (p.taken - last.taken)); off < -4500 || off > 4500 {
			t.Fatalf("picture %d of layer %d is %d ticks off", p.picture, p.layer, off)
		}
	}
	if c.plis.Load() > 3*20 {
		t.Errorf("%d requests for keyframes", c.plis.Load())
	}
}

func TestTakeOver(t *testing.T) {
	var mu sync.Mutex
	var notices []bool
	s := serve(t, func(c *Config) {
		c.OnPublish = func(room string, on bool) {
			mu.Lock()
			defer mu.Unlock()
			notices = append(notices, on)
		}
	})
	first, _ := lecture(t, s)
	v := newScreen(t, s, "course")
	eventually(t, "the first publisher", func() bool { return v.shows(media.High) })
	second := film(t, s, "course", newPeer(t), 1_000_000, "q", "h", "f")
	<-first.peer.session.Done()
	eventually(t, "the second publisher", func() bool {
		all := v.pictures()
		return v.shows(media.High) && all[len(all)-1].picture > 1_000_000
	})
	got := v.pictures()
	unbroken(t, got)
	change := slices.IndexFunc(got, func(p seen) bool { return p.picture > 1_000_000 })
	if !got[change-1].key {
		t.Error("the second publisher does not begin with a keyframe")
	}
	if first.peer.session == second.peer.session || first.peer.session.ID() == second.peer.session.ID() {
		t.Error("both have the same session")
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(notices, []bool{true}) {
		t.Errorf("notices %v, want on only", notices)
	}
}

func TestAnotherCodecEndsTheAttendees(t *testing.T) {
	s := serve(t)
	lecture(t, s)
	v := newScreen(t, s, "course")
	eventually(t, "a picture", func() bool { return v.shows(media.High) })
	p := newPeer(t)
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "video", "obs")
	must(t, err)
	tr, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(t, err)
	must(t, tr.SetCodecPreferences([]webrtc.RTPCodecParameters{{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}}}))
	answer, session, err := s.Publish(t.Context(), "course", p.offer(t), PublishOptions{})
	must(t, err)
	p.accept(t, answer, session)
	eventually(t, "the attendee's end", func() bool {
		_ = track.WriteRTP(vp8Packet())
		select {
		case <-v.peer.session.Done():
			return true
		default:
			return false
		}
	})
	if !strings.Contains(chrome(t, "subscribe"), "VP8/90000") {
		t.Fatal("the test needs an offer with VP8")
	}
	if _, _, err := s.Subscribe(t.Context(), "course", strings.ReplaceAll(chrome(t, "subscribe"), "VP8/90000", "VP7/90000"), SubscribeOptions{}); !errors.Is(err, ErrCodec) || !strings.Contains(err.Error(), "VP8") {
		t.Errorf("an offer without VP8: error %v", err)
	}
}

func TestPublisherGoneAndBack(t *testing.T) {
	s := serve(t)
	room := s.Room("course")
	changed := room.Changed()
	c, _ := lecture(t, s)
	<-changed
	changed = room.Changed()
	if !room.Publishing() {
		t.Error("not publishing")
	}
	paused := time.Now()
	c.paused.Store(true)
	<-changed
	if took := time.Since(paused); room.Publishing() || took < time.Second {
		t.Errorf("publishing %v after %v of silence", room.Publishing(), took)
	}
	changed = room.Changed()
	c.paused.Store(false)
	<-changed
	if !room.Publishing() {
		t.Error("not publishing again")
	}
	changed = room.Changed()
	c.peer.session.Close()
	<-changed
	<-c.peer.session.Done()
	if room.Publishing() || !room.Stats().Since.IsZero() {
		t.Errorf("stats after the end: %+v", room.Stats())
	}
}

func TestAwaitPublisher(t *testing.T) {
	s := serve(t)
	room := s.Room("course")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := room.AwaitPublisher(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("without a publisher: %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- room.AwaitPublisher(t.Context()) }()
	newCamera(t, s, "course", "")
	must(t, <-waited)
	newScreen(t, s, "course") // fails when the room has no publisher
}

func TestSubscribeNeedsAPublisher(t *testing.T) {
	s := serve(t)
	if _, _, err := s.Subscribe(t.Context(), "course", chrome(t, "subscribe"), SubscribeOptions{}); !errors.Is(err, ErrNotPublished) {
		t.Errorf("error %v, want ErrNotPublished", err)
	}
	c, room := lecture(t, s)
	v := newScreen(t, s, "course")
	eventually(t, "a picture", func() bool { return v.shows(media.High) })
	c.peer.close() // as a browser does when its page goes
	<-c.peer.session.Done()
	if _, _, err := s.Subscribe(t.Context(), "course", chrome(t, "subscribe"), SubscribeOptions{}); !errors.Is(err, ErrNotPublished) {
		t.Errorf("after the end: error %v, want ErrNotPublished", err)
	}
	film(t, s, "course", newPeer(t), 1_000_000, "q", "h", "f")
	eventually(t, "the attendee sees the next publisher", func() bool {
		all := v.pictures()
		return all[len(all)-1].picture > 1_000_000
	})
	if room.Stats().Subscribers != 1 {
		t.Errorf("%d subscribers", room.Stats().Subscribers)
	}
}

func TestSingleLayerPublisher(t *testing.T) {
	s := serve(t)
	newCamera(t, s, "course", "")
	eventually(t, "publishing", s.Room("course").Publishing)
	v := newScreen(t, s, "course")
	eventually(t, "its picture", func() bool { return len(v.pictures()) > 50 && v.shows(media.High) })
	unbroken(t, v.pictures())
	if layers := s.Room("course").Stats().Layers; len(layers) != 1 || layers[0].Layer != media.High {
		t.Errorf("layers %+v", layers)
	}
}

var credentials = regexp.MustCompile(`a=ice-(ufrag|pwd):\S+`)

func TestRestart(t *testing.T) {
	s := serve(t)
	lecture(t, s)
	v := newScreen(t, s, "course")
	eventually(t, "a picture", func() bool { return v.shows(media.High) })
	session := v.peer.session
	etag := session.ETag()
	offer, err := v.peer.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	must(t, err)
	must(t, v.peer.pc.SetLocalDescription(offer))
	fragment := strings.Join(credentials.FindAllString(offer.SDP, 2), "\r\n")
	if err := session.Trickle(fragment); !errors.Is(err, ErrOffer) {
		t.Errorf("trickle of another ICE session: error %v", err)
	}
	reply, err := session.Restart(t.Context(), fragment)
	must(t, err)
	if !strings.Contains(reply, "a=candidate:") || !strings.Contains(reply, "a=ice-lite") {
		t.Errorf("fragment:\n%s", reply)
	}
	if session.ETag() == etag {
		t.Error("the ETag is the same")
	}
	must(t, session.Trickle(fragment))
	fresh := credentials.FindAllString(reply, 2)
	answer := credentials.ReplaceAllStringFunc(v.peer.pc.CurrentRemoteDescription().SDP, func(old string) string {
		return fresh[slices.IndexFunc(fresh, func(f string) bool { return f[:8] == old[:8] })]
	})
	must(t, v.peer.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	before := len(v.pictures())
	eventually(t, "pictures go on", func() bool { return len(v.pictures()) > before+100 })
	if _, err := session.Restart(t.Context(), "nonsense"); !errors.Is(err, ErrOffer) {
		t.Errorf("restart with nonsense: error %v", err)
	}
	session.Close()
	<-session.Done()
	if _, err := session.Restart(t.Context(), fragment); !errors.Is(err, ErrClosed) {
		t.Errorf("restart of an ended session: error %v", err)
	}
}

func TestHandshakeTimesOut(t *testing.T) {
	s := serve(t)
	s.handshake = 50 * time.Millisecond
	_, session, err := s.Publish(t.Context(), "course", chrome(t, "publish"), PublishOptions{})
	must(t, err)
	<-session.Done()
}

func TestTooManyPublishersConnecting(t *testing.T) {
	s := serve(t)
	var sessions []*Session
	for range maxConnecting + 1 {
		_, session, err := s.Publish(t.Context(), "course", chrome(t, "publish"), PublishOptions{})
		must(t, err)
		sessions = append(sessions, session)
	}
	if _, _, err := s.Publish(t.Context(), "course", chrome(t, "publish"), PublishOptions{}); !errors.Is(err, ErrFull) {
		t.Errorf("error %v, want ErrFull", err)
	}
	sessions[0].Close()
	<-sessions[0].Done()
	_, _, err := s.Publish(t.Context(), "course", chrome(t, "publish"), PublishOptions{})
	must(t, err)
}

func TestServerEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := New(Config{UDPAddr: "127.0.0.1:0"})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	c, room := lecture(t, s)
	v := newScreen(t, s, "course")
	eventually(t, "a picture", func() bool { return v.shows(media.High) })
	cancel()
	must(t, <-ended)
	if room.Publishing() {
		t.Error("still publishing")
	}
	if _, _, err := s.Publish(t.Context(), "course", chrome(t, "publish"), PublishOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("publish after the end: error %v", err)
	}
	c.peer.close()
	v.peer.close()
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+1 })
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1", ":0", "nowhere.invalid:1"} {
		if _, err := New(Config{UDPAddr: bad}); err == nil || !strings.Contains(err.Error(), "media address") {
			t.Errorf("address %q: error %v", bad, err)
		}
	}
	s := serve(t, func(c *Config) { c.AdvertiseIPs = []string{"192.0.2.7"} })
	answer, _, err := s.Publish(t.Context(), "course", chrome(t, "publish"), PublishOptions{})
	must(t, err)
	for _, want := range []string{" 192.0.2.7 ", " 127.0.0.1 "} {
		if !strings.Contains(answer, want) {
			t.Errorf("no candidate with %s:\n%s", want, answer)
		}
	}
}
