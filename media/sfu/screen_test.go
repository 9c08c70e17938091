package sfu

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"lectern/media"
)

// screenPictures is where the numbers of a shared screen's pictures begin.
const screenPictures = 1_000_000

// desktop is what a studio publishes: a camera and a microphone, and a section for the screen, in which nothing is
// sent until share.
type desktop struct {
	camera, screen *camera
	sender         *webrtc.RTPSender
}

func newDesktop(t testing.TB, s *Server, room string) *desktop {
	t.Helper()
	return newDesktopAs(t, s, room, PublishOptions{Owner: "presenter"})
}

func newDesktopAs(t testing.TB, s *Server, room string, who PublishOptions) *desktop {
	t.Helper()
	p := newPeer(t)
	d := &desktop{
		camera: &camera{peer: p, stop: make(chan struct{})},
		screen: &camera{peer: p, stop: make(chan struct{}), picture: screenPictures},
	}
	p.onClose = func() { d.camera.halt(); d.screen.halt() }
	d.screen.paused.Store(true)
	h264 := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	local := func(c webrtc.RTPCodecCapability, id string) *webrtc.TrackLocalStaticRTP {
		track, err := webrtc.NewTrackLocalStaticRTP(c, id, "studio")
		must(t, err)
		return track
	}
	d.camera.layers = []*cameraLayer{{layer: media.High, track: local(h264, "camera")}}
	d.screen.layers = []*cameraLayer{{layer: media.High, track: local(h264, "screen"), base: 1 << 30}}
	d.camera.sound, d.screen.sound = local(opus, "sound"), local(opus, "none")
	var senders []*webrtc.RTPSender
	for _, track := range []*webrtc.TrackLocalStaticRTP{d.camera.layers[0].track, d.camera.sound, d.screen.layers[0].track} {
		tr, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		must(t, err)
		senders = append(senders, tr.Sender())
	}
	answer, session, err := s.Publish(t.Context(), room, p.offer(t), who)
	must(t, err)
	p.accept(t, answer, session)
	d.sender = senders[2]
	d.camera.listen(senders[0])
	d.camera.listen(senders[1])
	d.screen.listen(senders[2])
	for _, c := range []*camera{d.camera, d.screen} {
		c.wantKey.Store(true)
		c.running.Go(c.run)
	}
	return d
}

func (d *desktop) share() { d.screen.paused.Store(false) }

// How sharing ends: as our studio says, by RTCP, or in silence.
const (
	byWord = iota
	byLeave
	bySilence
)

func (d *desktop) unshare(t testing.TB, how int) {
	d.screen.paused.Store(true)
	switch how {
	case byWord:
		d.screen.peer.session.Unshare()
	case byLeave:
		ssrc := uint32(d.sender.GetParameters().Encodings[0].SSRC)
		must(t, d.screen.peer.pc.WriteRTCP([]rtcp.Packet{&rtcp.Goodbye{Sources: []uint32{ssrc}}}))
	}
}

// newWideScreen is an attendee with a section for the screen; what arrives in it is kept apart.
func newWideScreen(t testing.TB, s *Server, room string) (camera, shared *screen) {
	t.Helper()
	camera, shared = &screen{peer: newPeer(t)}, &screen{}
	var second *webrtc.RTPTransceiver
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		tr, err := camera.peer.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(t, err)
		second = tr
	}
	camera.peer.pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		if receiver == second.Receiver() {
			shared.onTrack(track, receiver)
		} else {
			camera.onTrack(track, receiver)
		}
	})
	answer, session, err := s.Subscribe(t.Context(), room, camera.peer.offer(t), SubscribeOptions{})
	must(t, err)
	camera.peer.accept(t, answer, session)
	return camera, shared
}

// newest is the number of the last picture that arrived.
func (v *screen) newest() uint32 {
	all := v.pictures()
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].key {
			return all[i].picture
		}
	}
	return 0
}

func TestScreenComesAndGoes(t *testing.T) {
	var notices atomic.Int32
	s := serve(t, func(c *Config) { c.OnPublish = func(string, bool) { notices.Add(1) } })
	s.hidden = time.Second
	d := newDesktop(t, s, "course")
	room := s.Room("course")
	eventually(t, "the camera", func() bool { return room.track(Camera) != nil && room.Publishing() })
	sink := newListener(t)
	defer room.AddSink(sink)()
	camera, shared := newWideScreen(t, s, "course")
	one := newScreen(t, s, "course")
	eventually(t, "the camera's picture", func() bool { return camera.newest() > 0 && one.newest() > 0 })
	if room.Sharing() || len(shared.pictures()) > 0 {
		t.Error("a screen is there before it is shared")
	}
	for round, how := range []int{byWord, byLeave, bySilence, byWord} {
		before, told := len(shared.pictures()), notices.Load()
		d.share()
		eventually(t, "the screen", func() bool { return len(shared.pictures()) > before+100 && shared.newest() > screenPictures })
		eventually(t, "the stage", func() bool { return one.newest() > screenPictures })
		if !room.Sharing() || len(room.Stats().Screen) != 1 || len(room.Stats().Layers) != 1 {
			t.Errorf("round %d: stats %+v", round, room.Stats())
		}
		d.unshare(t, how)
		eventually(t, "the camera alone", func() bool {
			newest := one.newest()
			return !room.Sharing() && newest > 0 && newest < screenPictures
		})
		eventually(t, "two notices", func() bool { return notices.Load() == told+2 })
	}
	if newest := camera.newest(); newest > screenPictures {
		t.Errorf("picture %d in the camera's section", newest)
	}
	for _, v := range []*screen{camera, shared, one} {
		unbroken(t, v.pictures())
	}
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if n := len(slices.DeleteFunc(slices.Clone(sink.removed), func(id string) bool { return id != Screen })); n != 4 || !sink.tracks[Camera] {
		t.Errorf("added %v, removed %v", sink.added, sink.removed)
	}
}

// TestScreenIsThereForLateJoiners holds that who comes while a screen is shared gets both pictures.
func TestScreenIsThereForLateJoiners(t *testing.T) {
	s := serve(t)
	d := newDesktop(t, s, "course")
	d.share()
	eventually(t, "the screen", s.Room("course").Sharing)
	camera, shared := newWideScreen(t, s, "course")
	one := newScreen(t, s, "course")
	eventually(t, "all pictures", func() bool {
		return camera.newest() > 0 && shared.newest() > screenPictures && one.newest() > screenPictures
	})
	d.camera.peer.close()
	<-d.camera.peer.session.Done()
	if s.Room("course").Sharing() {
		t.Error("shared by nobody")
	}
}
