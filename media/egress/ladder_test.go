package egress

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"lectern/media"
)

// lecture is a room with camera, screen and sound, one attendee, and his socket, on a clock of its own.
type lecture struct {
	t    testing.TB
	w    *worker
	r    *Room
	v    *viewer
	open *srtp.Context
	conn *net.UDPConn
	next map[string]uint64
	tick int
}

// rates are what is sent of each layer, in packets of 1,000 bytes per tick of 100 ms.
var lecturePackets = map[string][media.Layers]int{"camera": {2, 6, 20}, screenTrack: {1, 4, 12}}

func newLecture(t testing.TB, screens bool, tracks ...string) *lecture {
	t.Helper()
	s, r := testRoom(t)
	l := &lecture{t: t, w: s.workers[0], r: r, next: map[string]uint64{}}
	if screens {
		l.share(true)
	}
	l.v, l.open = testViewer(t, r)
	plans := []plan{{section: section{kind: media.Audio}, track: "microphone", codec: codec{number: 111, mime: mimeOpus}, ssrc: 9}}
	for i, track := range tracks {
		plans = append(plans, plan{section: section{kind: media.Video}, track: track, codec: codec{number: 102, mime: mimeH264}, ssrc: uint32(20 + i)})
	}
	a := l.v.a
	a.plans = plans
	l.v = newViewer(a, l.v.seal, time.Now())
	to, conn := socketPair(t, s)
	l.conn = conn
	a.path.Store(to)
	l.w.now = time.Now()
	a.alive.Store(s.now() + int64(time.Hour)) // the clock of this test runs faster than the server's
	l.w.join(l.v)
	return l
}

func (l *lecture) share(on bool) {
	if on {
		l.r.AddTrack(media.TrackInfo{ID: screenTrack, Kind: media.Video, MimeType: mimeH264, ClockRate: 90000})
	} else {
		l.r.RemoveTrack(screenTrack)
	}
}

// run lets tenths of a second pass. There is a keyframe of ten times the size every two seconds.
func (l *lecture) run(ticks int) {
	l.t.Helper()
	for range ticks {
		l.tick++
		l.w.now = l.w.now.Add(100 * time.Millisecond)
		feeds := *l.r.feeds.Load()
		for _, track := range []string{"camera", screenTrack} {
			if feeds[track] == nil {
				continue
			}
			for layer, n := range lecturePackets[track] {
				l.picture(track, media.Layer(layer), n)
			}
		}
		if l.tick%10 == 0 {
			l.r.measure(1)
		}
		l.w.round()
		l.w.out.flush()
		l.w.upkeep()
	}
}

func (l *lecture) picture(track string, layer media.Layer, n int) {
	key := l.tick%20 == 1
	if key {
		n *= 10
	}
	name := track + layer.RID()
	if l.next[name] == 0 {
		l.next[name] = 1000
	}
	for i := range n {
		p := packetAt(l.next[name], uint32(l.tick), 1000, i == n-1, key && i == 0, l.w.now)
		p.Track, p.Layer = track, layer
		p.Payload[1], p.Payload[2] = track[0], byte(layer)
		l.r.WritePacket(p)
		l.next[name]++
	}
}

// suffer reports loss for some seconds.
func (l *lecture) suffer(seconds int, share float64) {
	for range seconds {
		l.run(10)
		l.v.fit.Loss(share, l.w.now)
		l.v.fit.Estimate(10e6, l.w.now)
		l.v.fit.Trip(40*time.Millisecond, l.w.now)
	}
}

// got reads what has arrived: per stream and picture, which track and layer it shows, how many packets it has, and when.
func (l *lecture) got() (all []rtp.Packet) {
	l.t.Helper()
	buffer := make([]byte, 2000)
	for {
		_ = l.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := l.conn.Read(buffer)
		if err != nil {
			return all
		}
		if buffer[1]&0x7f >= 64 && buffer[1]&0x7f < 96 {
			continue // RTCP
		}
		clear, err := l.open.DecryptRTP(nil, buffer[:n], nil)
		must(l.t, err)
		var p rtp.Packet
		must(l.t, p.Unmarshal(clear))
		all = append(all, p)
	}
}

// shown returns which tracks and layers arrive, such as "cf" for the camera's best, and checks that numbers have no hole.
func (l *lecture) shown() (names []string) {
	l.t.Helper()
	l.got()
	l.run(3)
	last := map[uint32]uint16{}
	for _, p := range l.got() {
		if n, ok := last[p.SSRC]; ok && p.SequenceNumber != n+1 {
			l.t.Errorf("stream %d: number %d after %d", p.SSRC, p.SequenceNumber, n)
		}
		last[p.SSRC] = p.SequenceNumber
		if name := string(p.Payload[1]) + media.Layer(p.Payload[2]).RID(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (l *lecture) want(what string, names ...string) {
	l.t.Helper()
	if got := l.shown(); !slices.Equal(got, names) {
		l.t.Fatalf("%s: %v arrives, want %v (rung %d)", what, got, names, l.v.fit.Rung())
	}
}

// TestCameraGivesWayToTheScreen narrows a line step by step, then widens it.
func TestCameraGivesWayToTheScreen(t *testing.T) {
	l := newLecture(t, true, "camera", screenTrack)
	l.run(40)
	l.want("a wide line", "cf", "sf")
	var seen [][]string
	for range 12 {
		l.suffer(1, 0.12)
		l.run(21)
		if s := l.shown(); len(seen) == 0 || !slices.Equal(s, seen[len(seen)-1]) {
			seen = append(seen, s)
		}
	}
	for _, s := range seen {
		if len(s) > 0 && s[len(s)-1] != "sf" {
			t.Errorf("the screen lost its size: %v", seen)
		}
	}
	l.suffer(20, 0.12)
	l.want("a tight line", "sf")
	if !l.v.streams[1].thin.on || !l.v.a.limited.Load() {
		t.Errorf("thin %v, limited %v", l.v.streams[1].thin.on, l.v.a.limited.Load())
	}
	l.suffer(30, 0)
	l.run(21)
	l.want("a wide line again", "cf", "sf")
	if l.v.a.limited.Load() {
		t.Error("limited on a wide line")
	}
}

// TestThinScreenIsPacedKeyframes holds that single pictures come whole, one after the other, at a rate that a slow line
// takes.
func TestThinScreenIsPacedKeyframes(t *testing.T) {
	l := newLecture(t, true, "camera", screenTrack)
	l.run(40)
	l.suffer(20, 0.12)
	l.got()
	bytes, pictures := 0, map[uint32]int{}
	const ticks = 300
	for range ticks / 10 {
		l.run(10)
		for _, p := range l.got() {
			if p.SSRC == 21 {
				bytes += len(p.Payload)
				pictures[p.Timestamp]++
			}
		}
		l.v.fit.Loss(0.12, l.w.now) // no better
	}
	if rate := float64(bytes) * 8 / (ticks / 10); rate > 1.1*thinPace || rate < 0.7*thinPace {
		t.Errorf("%.0f bit/s, want %d", rate, thinPace)
	}
	whole := 0
	for _, n := range pictures {
		if n == 120 {
			whole++
		}
	}
	if whole < 3 || len(pictures)-whole > 2 {
		t.Errorf("%d of %d pictures are whole: %v", whole, len(pictures), pictures)
	}
}

// TestOnePictureShowsTheStage is for WHEP clients with one video section.
func TestOnePictureShowsTheStage(t *testing.T) {
	l := newLecture(t, false, "camera")
	l.run(30)
	l.want("no screen yet", "cf")
	l.share(true)
	l.run(21)
	l.want("a screen is shared", "sf")
	l.share(false)
	l.run(21)
	l.want("the screen has ended", "cf")
	two := newLecture(t, true, "camera", screenTrack)
	two.run(30)
	two.want("two sections", "cf", "sf")
}

func TestChosenLayers(t *testing.T) {
	l := newLecture(t, true, "camera", screenTrack)
	l.run(30)
	for _, tt := range []struct {
		layer media.Layer
		want  []string
	}{{media.Low, []string{"cq", "sq"}}, {media.Mid, []string{"ch", "sh"}}, {media.SoundOnly, nil}, {media.Auto, []string{"cf", "sf"}}} {
		l.w.inbox = []event{{kind: chooses, viewer: l.v, layer: tt.layer}}
		l.w.listen()
		l.run(21)
		l.want("chosen by hand", tt.want...)
		l.suffer(5, 0)
	}
}

// TestSilentAttendeeGetsNothing holds that nothing is sent to who is not heard, and everything again at his first word.
func TestSilentAttendeeGetsNothing(t *testing.T) {
	l := newLecture(t, false, "camera")
	l.run(30)
	l.want("heard", "cf")
	a := l.v.a
	a.worker, a.viewer = l.w, l.v
	a.alive.Store(l.w.server.now() - int64(unheard))
	l.run(1)
	l.want("unheard")
	a.live(l.w.server.now() + int64(time.Hour))
	l.w.listen()
	l.want("heard again: the group so far of the layer that is short enough", "cq")
	l.run(21)
	l.want("after the next keyframe", "cf")
}

// TestLayerByHandNeedsNoKeyframe holds that who chooses another layer soon after its keyframe gets it at once.
func TestLayerByHandNeedsNoKeyframe(t *testing.T) {
	l := newLecture(t, false, "camera")
	l.run(4) // a keyframe, and three pictures
	l.want("at first", "cf")
	for _, choice := range []media.Layer{media.Low, media.Mid, media.Low} {
		l.v.choose(choice, l.w.now)
		l.run(1)
		l.want("by hand", "c"+choice.RID())
	}
	if l.tick > 20 {
		t.Errorf("it took %d ticks, there was another keyframe", l.tick)
	}
}
