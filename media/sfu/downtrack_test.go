package sfu

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"lectern/media"
	"lectern/media/forward"
)

// stalled is an attendee whose socket takes nothing, and the source that he watches.
func stalled(t testing.TB) (*attendee, *upLayer) {
	t.Helper()
	s := serve(t)
	room := s.Room("course")
	p := &publisher{session: newSession(room, "", true), room: room, wake: make(chan struct{}, 1), born: time.Now()}
	source := &upTrack{publisher: p, source: Camera, info: media.TrackInfo{Kind: media.Video, MimeType: mimeH264, ClockRate: 90000}}
	layer := &upLayer{track: source, layer: media.High, ring: forward.NewRing(forward.RingVideo)}
	source.layers[media.High] = layer
	source.present.add(media.High)
	a := &attendee{session: newSession(room, "", false), room: room, queue: make(chan outgoing, queueSize)}
	a.video = newDownTrack(a, media.Video, Camera, mimeH264, 90000)
	a.sounds = []*downTrack{newDownTrack(a, media.Audio, Microphone, mimeOpus, 48000)}
	a.video.begin(source)
	return a, layer
}

// value reads a counter.
func value(t testing.TB, c prometheus.Metric) float64 {
	t.Helper()
	var m dto.Metric
	must(t, c.Write(&m))
	return m.GetCounter().GetValue()
}

// feed writes n packets, ten to a picture, the first of all a keyframe's.
func (l *upLayer) feed(a *attendee, from, n int) {
	for i := from; i < from+n; i++ {
		p := &media.Packet{
			Track: Camera, Layer: l.layer, Sequence: uint64(1000 + i), Timestamp: uint32(i/10) * 3000, Marker: i%10 == 9,
			Keyframe: i == 0, Arrival: time.Now(), Payload: []byte{0x41, byte(i)},
		}
		l.ring.Push(p)
		a.WritePacket(p)
	}
}

func TestFullQueueDropsToTheEndOfThePicture(t *testing.T) {
	a, layer := stalled(t)
	layer.feed(a, 0, 1000)
	if len(a.queue) != queueVideo {
		t.Fatalf("%d packets wait, want %d", len(a.queue), queueVideo)
	}
	if !layer.track.ask(time.Now()) {
		t.Error("no keyframe was asked for")
	}
	dropped := value(t, a.room.server.meters.dropped.WithLabelValues("queue"))
	if dropped != 1000-queueVideo {
		t.Errorf("%g dropped, want %d", dropped, 1000-queueVideo)
	}
	// Room for one packet in the middle of a picture: it is not begun.
	first := <-a.queue
	layer.feed(a, 1000, 1)
	middle := a.video.dropped
	<-a.queue
	a.video.mu.Lock()
	a.video.dropping, a.video.dropped = true, 1001/10*3000
	a.video.mu.Unlock()
	layer.feed(a, 1001, 9)
	if len(a.queue) != queueVideo-1 {
		t.Errorf("%d packets wait in mid-picture (dropping %d), want %d", len(a.queue), middle, queueVideo-1)
	}
	layer.feed(a, 1010, 1)
	if len(a.queue) != queueVideo {
		t.Errorf("%d packets wait after the next picture began, want %d", len(a.queue), queueVideo)
	}
	var last outgoing
	for len(a.queue) > 0 {
		last = <-a.queue
	}
	if gap := last.stamp.Sequence - first.stamp.Sequence; gap != 1010 {
		t.Errorf("the numbers went on by %d, want 1010: what was dropped must show as loss", gap)
	}
}

func TestSoundHasItsShareOfTheQueue(t *testing.T) {
	a, layer := stalled(t)
	sound := &upTrack{publisher: layer.track.publisher, info: media.TrackInfo{ID: Microphone, Kind: media.Audio, MimeType: mimeOpus, ClockRate: 48000}}
	sound.layers[media.High] = &upLayer{track: sound, layer: media.High}
	sound.present.add(media.High)
	a.sounds[0].begin(sound)
	layer.feed(a, 0, 1000)
	for i := range 1000 {
		a.WritePacket(&media.Packet{Track: Microphone, Layer: media.High, Sequence: uint64(i + 1), Timestamp: uint32(i) * 960, Arrival: time.Now(), Payload: []byte{1}})
	}
	if len(a.queue) != queueSize {
		t.Errorf("%d packets wait, want %d", len(a.queue), queueSize)
	}
}

func TestComplaintsOfOneAttendeeAreLimited(t *testing.T) {
	a, layer := stalled(t)
	layer.feed(a, 0, 20)
	before := value(t, a.room.server.meters.keyframesWanted)
	for range 100 {
		a.video.pictureLost()
	}
	if n := value(t, a.room.server.meters.keyframesWanted) - before; n != 1 {
		t.Errorf("%g wishes for keyframes, want 1", n)
	}
}

func TestMetricsAreRegistered(t *testing.T) {
	registry := prometheus.NewRegistry()
	serve(t, func(c *Config) { c.Metrics = registry })
	if families, err := registry.Gather(); err != nil || len(families) < 7 {
		t.Errorf("%d metrics, error %v", len(families), err)
	}
	if _, err := New(Config{UDPAddr: "127.0.0.1:0", Metrics: registry}); err == nil {
		t.Error("registered twice without an error")
	}
}

// BenchmarkForward is the cost of one packet for one attendee up to his queue, and of taking it out again.
func BenchmarkForward(b *testing.B) {
	a, layer := stalled(b)
	layer.feed(a, 0, 1)
	p := &media.Packet{Track: Camera, Layer: media.High, Payload: make([]byte, 1100), Arrival: time.Now()}
	n := uint64(1001)
	for b.Loop() {
		p.Sequence, p.Timestamp = n, uint32(n/10)*3000
		a.WritePacket(p)
		<-a.queue
		n++
	}
}
