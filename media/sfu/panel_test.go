package sfu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"lectern/media"
)

// perPerson is how far the numbers of pictures and sounds of the people of a panel are apart.
const perPerson = 1_000_000

// whose says who sent what has a number: 0 is the presenter.
func whose(number uint32) int { return int(number / perPerson) }

// tape is a sink that counts what it gets of whom.
type tape struct {
	sound, picture [8]atomic.Int32
	mu             sync.Mutex
	tracks         []string // that were added
}

func (t *tape) AddTrack(info media.TrackInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tracks = append(t.tracks, info.ID)
}

func (*tape) RemoveTrack(string)                   {}
func (*tape) WriteSenderReport(media.SenderReport) {}

func (t *tape) WritePacket(p *media.Packet) {
	switch {
	case slices.Contains(Sounds[:], p.Track):
		t.sound[whose(binary.BigEndian.Uint32(p.Payload[3:]))].Add(1)
	case p.Payload[0]&0x1f == 28:
		t.picture[whose(binary.BigEndian.Uint32(p.Payload[3:]))].Add(1)
	}
}

// heard counts what an attendee or a listener backstage has heard of somebody.
func (v *screen) heard(person int) (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.audio {
		if whose(s.picture) == person {
			n++
		}
	}
	return n
}

// shown counts the packets of pictures of somebody.
func (v *screen) shown(person int) (n int) {
	for _, s := range v.pictures() {
		if !s.key && whose(s.picture) == person {
			n++
		}
	}
	return n
}

// onStage is whose picture came last.
func (v *screen) onStage() int { return whose(v.newest()) }

// receiver has so many sections of a kind in its offer.
func (v *screen) receive(t testing.TB, kind webrtc.RTPCodecType, sections int) {
	t.Helper()
	for range sections {
		_, err := v.peer.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(t, err)
	}
}

// newHall is an attendee who hears everybody on air.
func newHall(t testing.TB, s *Server, room string) *screen {
	t.Helper()
	v := &screen{peer: newPeer(t)}
	v.receive(t, webrtc.RTPCodecTypeVideo, 1)
	v.receive(t, webrtc.RTPCodecTypeAudio, len(Sounds))
	v.peer.pc.OnTrack(v.onTrack)
	answer, session, err := s.Subscribe(t.Context(), room, v.peer.offer(t), SubscribeOptions{Owner: "attendee"})
	must(t, err)
	v.peer.accept(t, answer, session)
	return v
}

// newEar is somebody who listens backstage.
func newEar(t testing.TB, s *Server, room, person string) *screen {
	t.Helper()
	v := &screen{peer: newPeer(t)}
	v.receive(t, webrtc.RTPCodecTypeAudio, len(Sounds))
	v.peer.pc.OnTrack(v.onTrack)
	answer, session, err := s.Listen(t.Context(), room, v.peer.offer(t), ListenOptions{Owner: person, Person: person})
	must(t, err)
	v.peer.accept(t, answer, session)
	return v
}

// panellist publishes as person number n, with nothing on air yet.
func panellist(t testing.TB, s *Server, room string, n int) *camera {
	t.Helper()
	return filmAs(t, s, room, PublishOptions{
		Owner: fmt.Sprint("login of ", n), Person: fmt.Sprint(n), Role: Panellist, Standing: &Standing{OffAir: AllSources},
	}, newPeer(t), uint32(n)*perPerson, "")
}

func TestBackstageStaysBackstage(t *testing.T) {
	s := serve(t)
	room := s.Room("course")
	record := &tape{}
	defer room.AddSink(record)()
	presenter := film(t, s, "course", newPeer(t), 0, "")
	eventually(t, "publishing", room.Publishing)
	hall, moderator := newHall(t, s, "course"), newEar(t, s, "course", "moderator")
	guest := panellist(t, s, "course", 1)
	own, other := newEar(t, s, "course", "1"), newEar(t, s, "course", "")
	eventually(t, "the moderator hears both", func() bool { return moderator.heard(0) > 100 && moderator.heard(1) > 100 })
	eventually(t, "each hears the other", func() bool { return own.heard(0) > 50 && other.heard(1) > 50 })
	eventually(t, "the lecture goes on", func() bool { return hall.heard(0) > 200 && hall.shown(0) > 200 })
	if own.heard(1) > 0 || other.heard(0) > 0 {
		t.Error("somebody hears themself")
	}
	if hall.heard(1) > 0 || hall.shown(1) > 0 || record.sound[1].Load() > 0 || record.picture[1].Load() > 0 {
		t.Errorf("of what is backstage the attendee got %d and %d packets, the recorder %d and %d",
			hall.heard(1), hall.shown(1), record.sound[1].Load(), record.picture[1].Load())
	}

	room.SetStanding("1", Standing{})
	eventually(t, "both are heard at once", func() bool { return hall.heard(1) > 50 && record.sound[1].Load() > 50 })

	// What was set holds from the moment it is set: a sink gets not one packet more.
	frozen := func(what string, count func() int32) {
		t.Helper()
		at, presenter := count(), record.sound[0].Load()
		eventually(t, "the lecture goes on", func() bool { return record.sound[0].Load() > presenter+50 })
		if now := count(); now != at {
			t.Errorf("%s: %d packets more", what, now-at)
		}
	}
	room.SetStanding("1", Standing{Muted: true})
	frozen("muted", record.sound[1].Load)
	before := moderator.heard(1)
	frozen("muted backstage", func() int32 { return int32(moderator.heard(1) - before) })
	room.SetStanding("1", Standing{OffAir: AllSources})
	frozen("off air", func() int32 { return record.sound[1].Load() + record.picture[1].Load() })
	before = moderator.heard(1)
	eventually(t, "heard backstage again", func() bool { return moderator.heard(1) > before+20 })

	guest.peer.session.Close()
	<-guest.peer.session.Done()
	if list := room.Participants(); len(list) != 1 || list[0].Person != "" || !list[0].OnStage {
		t.Errorf("left: %+v", list)
	}
	if !room.Publishing() {
		t.Error("the presenter has gone, too")
	}
	presenter.peer.session.Close()
	<-presenter.peer.session.Done()
	room.mu.Lock()
	defer room.mu.Unlock()
	if len(room.tracks) != 0 || len(room.seats) != 0 {
		t.Errorf("left over: %v, %v", room.tracks, room.seats)
	}
}

func TestStageFollowsWhoSpeaks(t *testing.T) {
	var told atomic.Int32
	s := serve(t, func(c *Config) { c.OnPanel = func(string) { told.Add(1) } })
	room := s.Room("course")
	presenter, _ := lecture(t, s)
	presenter.level.Store(30)
	sink := newListener(t)
	defer room.AddSink(sink)()
	hall := newHall(t, s, "course")
	eventually(t, "the presenter's picture", func() bool { return hall.shown(0) > 50 })
	guest := filmAs(t, s, "course", PublishOptions{Person: "1", Role: Panellist}, newPeer(t), perPerson, "q", "h", "f")
	eventually(t, "two on the panel", func() bool {
		return len(room.Participants()) == 2 && room.Participants()[1].Sends == CameraSource|MicrophoneSource
	})
	for _, turn := range []struct {
		name           string
		speaks, silent *camera
		number         int
	}{{"guest", guest, presenter, 1}, {"presenter", presenter, guest, 0}, {"guest again", guest, presenter, 1}} {
		before := told.Load()
		turn.silent.level.Store(127)
		turn.speaks.level.Store(25)
		eventually(t, turn.name+" is on stage", func() bool { return hall.onStage() == turn.number })
		eventually(t, turn.name+" in full", func() bool { return hall.shows(media.High) })
		list := room.Participants()
		if !list[turn.number].OnStage || list[1-turn.number].OnStage || !list[turn.number].Speaking || told.Load() == before {
			t.Errorf("%s: %+v", turn.name, list)
		}
	}
	unbroken(t, hall.pictures())
	inOrder(t, hall.pictures())
	guest.peer.session.Close()
	eventually(t, "the presenter again", func() bool { return hall.onStage() == 0 })
	unbroken(t, hall.pictures())
}

// inOrder checks that each change of the stage begins with a keyframe.
func inOrder(t *testing.T, packets []seen) {
	t.Helper()
	last, key := -1, false
	for _, p := range packets {
		if p.key {
			key = true
			continue
		}
		if who := whose(p.picture); who != last {
			if !key {
				t.Errorf("picture %d of another person without a keyframe", p.picture)
			}
			last = who
		}
		key = false
	}
}

func TestScreenOfAPanellist(t *testing.T) {
	s := serve(t)
	room := s.Room("course")
	film(t, s, "course", newPeer(t), 0, "")
	eventually(t, "publishing", room.Publishing)
	d := newDesktopAs(t, s, "course", PublishOptions{Person: "1", Role: Panellist, Standing: &Standing{OffAir: AllSources}})
	d.share()
	eventually(t, "the screen comes", func() bool { list := room.Participants(); return len(list) == 2 && list[1].Sends&ScreenSource != 0 })
	if room.Sharing() {
		t.Error("a screen backstage is on air")
	}
	one := newScreen(t, s, "course")
	room.SetStanding("1", Standing{OffAir: CameraSource | MicrophoneSource})
	eventually(t, "the screen on stage", func() bool { return one.newest() > screenPictures })
	room.SetStanding("1", Standing{OffAir: AllSources})
	if room.Sharing() {
		t.Error("off air and still shared")
	}
	eventually(t, "the presenter's camera", func() bool { return one.newest() < screenPictures })
	unbroken(t, one.pictures())
}

// TestTakeoverIsOfOnesOwnSeat holds that a second device of one person ends the first, and nobody else.
func TestTakeoverIsOfOnesOwnSeat(t *testing.T) {
	s := serve(t)
	room := s.Room("course")
	first := film(t, s, "course", newPeer(t), 0, "")
	guest := filmAs(t, s, "course", PublishOptions{Person: "1", Role: Panellist}, newPeer(t), perPerson, "")
	eventually(t, "two", func() bool {
		list := room.Participants()
		return len(list) == 2 && list[0].Live && list[1].Live
	})
	film(t, s, "course", newPeer(t), 0, "")
	<-first.peer.session.Done()
	eventually(t, "two again", func() bool { list := room.Participants(); return len(list) == 2 && list[0].Live && list[1].Live })
	select {
	case <-guest.peer.session.Done():
		t.Error("the guest was ended")
	default:
	}
	if !room.Publishing() || !room.Seated("1") || room.Seated("2") {
		t.Error("seats")
	}
}

// TestPolice holds that a publisher who sends a flood is cut down to what he may, and others lose nothing.
func TestPolice(t *testing.T) {
	s := serve(t)
	room := s.Room("course")
	film(t, s, "course", newPeer(t), 0, "")
	eventually(t, "publishing", room.Publishing)
	record := newListener(t)
	defer room.AddSink(record)()
	guest := filmAs(t, s, "course", PublishOptions{Person: "1", Role: Panellist}, newPeer(t), perPerson, "")
	eventually(t, "both are heard", func() bool { return record.count(record.packets, Microphone+"/f", Sounds[1]+"/f") > 50 })
	if room.Own("1").Policed || room.Participants()[1].Policed {
		t.Error("policed for nothing")
	}
	guest.paused.Store(true)
	dropped := s.meters.dropped.WithLabelValues("policed")
	seq := uint16(30_000)
	eventually(t, "the police", func() bool {
		for range 200 {
			seq++
			_ = guest.sound.WriteRTP(&rtp.Packet{
				Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960}, Payload: make([]byte, 20),
			})
		}
		return value(t, dropped) > 500
	})
	if !room.Participants()[1].Policed || !room.Own("1").Policed || room.Participants()[0].Policed {
		t.Errorf("the wrong one is policed: %+v", room.Participants())
	}
	before := record.count(record.packets, "camera/f")
	eventually(t, "the presenter goes on", func() bool { return record.count(record.packets, "camera/f") > before+100 })
	if list := room.Participants(); !list[0].Live {
		t.Errorf("%+v", list)
	}
}

func TestRoomIsFull(t *testing.T) {
	s := serve(t)
	publish := func(i int) error {
		_, _, err := s.Publish(t.Context(), "course", chrome(t, "publish"), PublishOptions{Person: fmt.Sprint(i), Role: Panellist})
		return err
	}
	for i := range maxPublishers + maxConnecting {
		must(t, publish(i))
	}
	if err := publish(100); !errors.Is(err, ErrFull) {
		t.Errorf("error %v, want ErrFull", err)
	}
}

// TestUnreadableStreamEndsItsSession holds that a stream which nobody reads any more does not go on as a still picture: the
// client is to open another session. Others stay.
func TestUnreadableStreamEndsItsSession(t *testing.T) {
	s := serve(t)
	room := s.Room("course")
	film(t, s, "course", newPeer(t), 0, "")
	guest := filmAs(t, s, "course", PublishOptions{Person: "1", Role: Panellist}, newPeer(t), perPerson, "")
	eventually(t, "two", func() bool { list := room.Participants(); return len(list) == 2 && list[0].Live && list[1].Live })
	guest.paused.Store(true)
	seq := uint16(30_000)
	eventually(t, "the end of the session", func() bool {
		for range 10 {
			seq++ // more padding than there is payload
			_ = guest.sound.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, Padding: true, SequenceNumber: seq}, Payload: []byte{1, 2, 3, 255}})
		}
		select {
		case <-guest.peer.session.Done():
			return true
		default:
			return false
		}
	})
	if list := room.Participants(); len(list) != 1 || !list[0].Live {
		t.Errorf("%+v", list)
	}
}
