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
	info      media.TrackInfo
	publisher *publisher
	present   mask // layers that are being sent

	showing sync.RWMutex // held while the room is told, and of a track that may hide, for reading while sinks are called
	shown   atomic.Bool  // the room knows the track

	mu     sync.Mutex
	layers [media.Layers]*upLayer
	gate   forward.Gate
}

// mask is a set of layers, bit n for layer n.
type mask struct{ bits atomic.Uint32 }

func (m *mask) load() uint8         { return uint8(m.bits.Load()) }
func (m *mask) add(l media.Layer)   { m.bits.Or(1 << l) }
func (m *mask) clear(l media.Layer) { m.bits.And(^uint32(1 << l)) }

func newUpTrack(p *publisher, id string, remote *webrtc.TrackRemote) *upTrack {
	c := remote.Codec()
	t := &upTrack{publisher: p, info: media.TrackInfo{
		ID: id, Kind: media.Video, MimeType: c.MimeType, Fmtp: c.SDPFmtpLine, ClockRate: c.ClockRate, Channels: c.Channels,
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
	l := &upLayer{track: t, layer: at, remote: remote, receiver: receiver}
	if t.info.Kind == media.Audio {
		l.ring, l.order = forward.NewRing(forward.RingAudio), forward.NewReorder(forward.ReorderPackets, forward.ReorderWaitAudio)
	} else {
		l.ring, l.order = forward.NewRing(forward.RingVideo), forward.NewReorder(forward.ReorderPackets, forward.ReorderWait)
	}
	t.layers[at] = l
	return l
}

// mayHide reports whether the track comes and goes while its publisher stays.
func (t *upTrack) mayHide() bool { return t.info.ID == Screen || t.info.ID == ScreenSound }

// show makes the track known to the room before its first packet.
func (t *upTrack) show() {
	if t.shown.Load() {
		return
	}
	t.showing.Lock()
	defer t.showing.Unlock()
	if !t.shown.Load() {
		t.publisher.room.addTrack(t)
		t.shown.Store(true)
	}
}

// hide takes the track out of the room until its next packet.
func (t *upTrack) hide() {
	t.showing.Lock()
	defer t.showing.Unlock()
	if t.shown.Swap(false) {
		for _, l := range t.all() {
			t.present.clear(l.layer)
		}
		t.publisher.room.removeTrack(t)
	}
}

// sinks calls f with the sinks that know of the track. It holds hide back meanwhile, so that nothing follows
// RemoveTrack.
func (t *upTrack) sinks(f func([]media.Sink)) {
	if t.mayHide() {
		t.showing.RLock()
		defer t.showing.RUnlock()
	}
	if t.shown.Load() {
		f(*t.publisher.room.sinks.Load())
	}
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
