package sfu

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"lectern/media"
	"lectern/media/forward"
)

// lagging is how far the newest packet of a layer may be behind that of another before the layer counts as
// switched off. All layers send every picture, so even a still slide at one picture a second passes.
const lagging = time.Second

// A shared screen comes and goes without a new offer: its section is there from the start, and the browser sends
// when there is something to send.
const (
	// hiddenAfter is the silence after which a screen counts as no longer shared. Browsers send little or nothing of
	// a still screen, and our studio says when sharing ends, so this is for those whose word was lost.
	hiddenAfter = 15 * time.Second
	// leaveTaken is how long packets may still arrive that were on their way when sharing ended.
	leaveTaken = 300 * time.Millisecond
)

// upTrack is a source as the publisher sends it: one to three layers of a picture, or a sound.
type upTrack struct {
	source    string          // Camera, Screen, Microphone or ScreenSound
	info      media.TrackInfo // without ID: sinks know it by that of an output
	publisher *publisher
	present   mask // layers that are being sent

	showing sync.Mutex             // one at a time tells the room that the track is there or not
	shown   atomic.Bool            // it is there
	output  atomic.Pointer[output] // that carries it; nil off air
	awaited atomic.Bool            // an output waits for its keyframe
	began   atomic.Bool            // a packet has been forwarded since it is there, on air or not

	mu     sync.Mutex
	layers [media.Layers]*upLayer
	gate   forward.Gate
	voice  forward.Voice
	levels bool // its packets say how loud they are
}

// mask is a set of layers, bit n for layer n.
type mask struct{ bits atomic.Uint32 }

func (m *mask) load() uint8         { return uint8(m.bits.Load()) }
func (m *mask) add(l media.Layer)   { m.bits.Or(1 << l) }
func (m *mask) clear(l media.Layer) { m.bits.And(^uint32(1 << l)) }

func newUpTrack(p *publisher, id string, remote *webrtc.TrackRemote) *upTrack {
	c := remote.Codec()
	t := &upTrack{publisher: p, source: id, info: media.TrackInfo{
		Kind: media.Video, MimeType: c.MimeType, Fmtp: c.SDPFmtpLine, ClockRate: c.ClockRate, Channels: c.Channels,
	}}
	if remote.Kind() == webrtc.RTPCodecTypeAudio {
		t.info.Kind = media.Audio
	}
	return t
}

// addLayer returns nil when the layer is there already.
func (t *upTrack) addLayer(at media.Layer, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) *upLayer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.layers[at] != nil {
		return nil
	}
	l := &upLayer{track: t, layer: at, remote: remote, receiver: receiver, police: t.police(), level: levelExtension(receiver)}
	if t.info.Kind == media.Audio {
		l.ring, l.order = forward.NewRing(forward.RingAudio), forward.NewReorder(forward.ReorderPackets, forward.ReorderWaitAudio)
	} else {
		l.ring, l.order = forward.NewRing(forward.RingVideo), forward.NewReorder(forward.ReorderPackets, forward.ReorderWait)
	}
	t.layers[at] = l
	return l
}

// mayHide reports whether the track comes and goes while its publisher stays.
func (t *upTrack) mayHide() bool { return t.source == Screen || t.source == ScreenSound }

// show makes the track known to the room before its first packet.
func (t *upTrack) show() {
	if t.shown.Load() {
		return
	}
	t.showing.Lock()
	defer t.showing.Unlock()
	if !t.shown.Swap(true) {
		t.publisher.room.direct(time.Now())
		t.publisher.room.tellPanel()
	}
}

// hide takes the track out of the room until its next packet. When it returns, nothing more of it goes out.
func (t *upTrack) hide() {
	t.showing.Lock()
	defer t.showing.Unlock()
	if t.shown.Swap(false) {
		for _, l := range t.all() {
			t.present.clear(l.layer)
		}
		t.publisher.room.direct(time.Now())
		t.began.Store(false)
		t.publisher.room.tellPanel()
	}
}

// silent is how long nothing has come.
func (t *upTrack) silent(now time.Time) time.Duration {
	var newest int64
	for _, l := range t.all() {
		newest = max(newest, l.heard.Load())
	}
	return now.Sub(t.publisher.born) - time.Duration(newest)
}

// leave notes that the track's sender has stopped it, or says so.
func (t *upTrack) leave() {
	now := int64(time.Since(t.publisher.born))
	for _, l := range t.all() {
		l.left.Store(now)
	}
}

// over reports whether nothing of the track is sent any more: each layer took leave, or all are silent.
func (t *upTrack) over(now time.Duration) bool {
	for _, l := range t.all() {
		heard := l.heard.Load()
		if l.left.Load() <= heard && now-time.Duration(heard) < t.publisher.session.server.hidden {
			return false
		}
	}
	return true
}

func (t *upTrack) all() (layers []*upLayer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.layers {
		if l != nil {
			layers = append(layers, l)
		}
	}
	return layers
}

func (t *upTrack) at(l media.Layer) *upLayer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.layers[l]
}

// want asks for keyframes of the layers in wanted. It returns at once and may be called from a sink.
func (t *upTrack) want(wanted uint8) {
	t.mu.Lock()
	t.gate.Want(wanted)
	t.mu.Unlock()
	t.publisher.session.server.meters.keyframesWanted.Inc()
	select {
	case t.publisher.wake <- struct{}{}:
	default:
	}
}

// ask reports whether a request for keyframes is to be sent now.
func (t *upTrack) ask(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gate.Keep(t.present.load())
	return t.gate.Ask(now)
}

// notice marks the layers absent whose packets have ceased while others go on.
func (t *upTrack) notice() {
	layers := t.all()
	var newest int64
	for _, l := range layers {
		newest = max(newest, l.heard.Load())
	}
	for _, l := range layers {
		if newest-l.heard.Load() > int64(lagging) {
			t.present.clear(l.layer)
		}
	}
}
