package sfu

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"lectern/media"
)

// Parameter sets of 320x180, 640x360 and 1280x720 as x264 writes them for constrained baseline.
var parameterSets = [media.Layers][2]string{
	{"6742c00dd901419f9f0110000003001000000303c0f142a480", "68cb83cb20"},
	{"6742c01ed900a02ff9700110000003001000000303c0f162e480", "68cb83cb20"},
	{"6742c01fd9005005bb0110000003001000000303c0f1832480", "68cb83cb20"},
}

// pictureEvery is the camera's picture distance.
const pictureEvery = 20 * time.Millisecond

// camera is a simulcast publisher of synthetic H.264: real parameter sets, slices that carry the layer,
// number and time of the picture instead of macroblocks, aligned keyframes on request.
type camera struct {
	peer     *peer
	layers   []*cameraLayer
	sound    *webrtc.TrackLocalStaticRTP
	wantKey  atomic.Bool
	plis     atomic.Int32
	off      [media.Layers]atomic.Bool
	slow     atomic.Int32 // send every nth picture only
	paused   atomic.Bool
	resend   atomic.Bool // probe like a browser: send old packets again
	picture  uint32
	soundSeq uint16
	level    atomic.Int32 // of the sound, 127 for silence
	levelID  uint8
	stop     chan struct{}
	running  sync.WaitGroup
}

type cameraLayer struct {
	layer    media.Layer
	track    *webrtc.TrackLocalStaticRTP
	mid, rid uint8 // header extension IDs
	midValue string
	seq      uint16
	base     uint32 // timestamp of picture 0
	history  []*rtp.Packet
}

// packetsPerPicture is for each layer; a keyframe has three times as many.
var packetsPerPicture = [media.Layers]int{1, 2, 4}

// newCamera publishes the layers of rids into a room; "" is a single layer without simulcast.
func newCamera(t testing.TB, s *Server, room string, rids ...string) *camera {
	t.Helper()
	return film(t, s, room, newPeer(t), 0, rids...)
}

// film makes a camera of a peer; its pictures are numbered from first on.
func film(t testing.TB, s *Server, room string, p *peer, first uint32, rids ...string) *camera {
	t.Helper()
	return filmAs(t, s, room, PublishOptions{Owner: "presenter"}, p, first, rids...)
}

// filmAs is film for somebody in particular.
func filmAs(t testing.TB, s *Server, room string, who PublishOptions, p *peer, first uint32, rids ...string) *camera {
	t.Helper()
	c := &camera{peer: p, stop: make(chan struct{}), picture: first}
	c.level.Store(127)
	c.peer.onClose = c.halt
	var sender *webrtc.RTPSender
	for i, rid := range rids {
		l := &cameraLayer{layer: media.LayerOf(rid), seq: uint16(65000 + 100*i), base: uint32(i+1) << 30}
		var options []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			options = append(options, webrtc.WithRTPStreamID(rid))
		}
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		}, "video", "studio", options...)
		must(t, err)
		l.track = track
		if sender == nil {
			tr, err := c.peer.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			must(t, err)
			sender = tr.Sender()
		} else {
			must(t, sender.AddEncoding(track))
		}
		c.layers = append(c.layers, l)
	}
	sound, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "audio", "studio")
	must(t, err)
	c.sound = sound
	soundTransceiver, err := c.peer.pc.AddTransceiverFromTrack(sound, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(t, err)
	answer, session, err := s.Publish(t.Context(), room, c.peer.offer(t), who)
	must(t, err)
	c.peer.accept(t, answer, session)
	for _, e := range soundTransceiver.Sender().GetParameters().HeaderExtensions {
		if e.URI == audioLevel {
			c.levelID = uint8(e.ID)
		}
	}
	c.listen(sender)
	c.listen(soundTransceiver.Sender())
	for _, l := range c.layers {
		l.midValue = c.peer.pc.GetTransceivers()[0].Mid()
		for _, e := range sender.GetParameters().HeaderExtensions {
			switch e.URI {
			case "urn:ietf:params:rtp-hdrext:sdes:mid":
				l.mid = uint8(e.ID)
			case "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id":
				l.rid = uint8(e.ID)
			}
		}
	}
	c.wantKey.Store(true)
	c.running.Go(c.run)
	return c
}

// listen obeys requests for keyframes.
func (c *camera) listen(sender *webrtc.RTPSender) {
	rids := []string{""}
	if e := sender.GetParameters().Encodings; len(e) > 1 {
		rids = nil
		for _, encoding := range e {
			rids = append(rids, encoding.RID)
		}
	}
	for _, rid := range rids {
		c.running.Go(func() {
			for {
				var packets []rtcp.Packet
				var err error
				if rid == "" {
					packets, _, err = sender.ReadRTCP()
				} else {
					packets, _, err = sender.ReadSimulcastRTCP(rid)
				}
				if err != nil {
					return
				}
				for _, p := range packets {
					if _, ok := p.(*rtcp.PictureLossIndication); ok {
						c.wantKey.Store(true)
						c.plis.Add(1)
					}
				}
			}
		})
	}
}

func (c *camera) run() {
	tick := time.NewTicker(pictureEvery)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		if c.paused.Load() || c.peer.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
			continue
		}
		c.picture++
		if n := c.slow.Load(); n > 1 && int32(c.picture)%n != 0 {
			continue
		}
		key := c.wantKey.Swap(false)
		ticks := uint32(time.Since(start) / 1000 * 90 / 1000)
		for _, l := range c.layers {
			if !c.off[l.layer].Load() {
				l.send(c.picture, ticks, key)
			}
			if c.resend.Load() {
				for _, p := range l.history[:len(l.history)/2] {
					_ = l.track.WriteRTP(p.Clone())
				}
			}
		}
		c.soundSeq++
		sound := &rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: c.soundSeq, Timestamp: ticks / 15 * 8},
			Payload: binary.BigEndian.AppendUint32([]byte{0xf8, 0xff, 0xfe}, c.picture),
		}
		if c.levelID != 0 {
			_ = sound.SetExtension(c.levelID, []byte{0x80 | byte(c.level.Load())})
		}
		_ = c.sound.WriteRTP(sound)
	}
}

// send writes a picture, taken so many ticks of 1/90,000 s after the start: for a keyframe the parameter sets in a STAP-A, then slices as FU-A.
func (l *cameraLayer) send(picture, ticks uint32, key bool) {
	var payloads [][]byte
	n, nal := packetsPerPicture[l.layer], byte(1)
	if key {
		nal, n = 5, 3*n
		stap := []byte{0x78}
		for _, set := range parameterSets[l.layer] {
			b, _ := hex.DecodeString(set)
			stap = append(binary.BigEndian.AppendUint16(stap, uint16(len(b))), b...)
		}
		payloads = append(payloads, stap)
	}
	for i := range n {
		flags := nal
		if i == 0 {
			flags |= 0x80
		}
		if i == n-1 {
			flags |= 0x40
		}
		body := binary.BigEndian.AppendUint32([]byte{0x7c, flags, byte(l.layer)}, picture)
		body = binary.BigEndian.AppendUint32(body, ticks)
		payloads = append(payloads, append(body, make([]byte, 200)...))
	}
	for i, payload := range payloads {
		p := &rtp.Packet{Header: rtp.Header{
			Version: 2, SequenceNumber: l.seq, Timestamp: l.base + ticks, Marker: i == len(payloads)-1,
		}, Payload: payload}
		l.seq++
		if rid := l.track.RID(); rid != "" && l.rid != 0 {
			_ = p.SetExtension(l.mid, []byte(l.midValue))
			_ = p.SetExtension(l.rid, []byte(rid))
		}
		l.history = append(l.history, p.Clone())
		l.history = l.history[max(0, len(l.history)-50):]
		_ = l.track.WriteRTP(p)
	}
}

func (c *camera) halt() {
	close(c.stop)
	c.running.Wait()
}

// seen is one packet as an attendee got it.
type seen struct {
	seq     uint16
	ts      uint32
	layer   media.Layer
	picture uint32
	taken   uint32 // when, in ticks since the camera's start
	key     bool
	at      time.Time
}

// screen is an attendee.
type screen struct {
	peer *peer

	mu    sync.Mutex
	video []seen
	audio []seen
	sr    []*rtcp.SenderReport
	drop  atomic.Int32 // of the RTP packets, each nth does not arrive
}

func newScreen(t testing.TB, s *Server, room string) *screen {
	t.Helper()
	v := &screen{}
	v.peer = newPeer(t, func(n int) bool {
		d := int(v.drop.Load())
		return d > 0 && n%d == 0
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		_, err := v.peer.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(t, err)
	}
	v.peer.pc.OnTrack(v.onTrack)
	answer, session, err := s.Subscribe(t.Context(), room, v.peer.offer(t), SubscribeOptions{Owner: "attendee"})
	must(t, err)
	v.peer.accept(t, answer, session)
	return v
}

func (v *screen) onTrack(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	go func() {
		for {
			packets, _, err := receiver.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if r, ok := p.(*rtcp.SenderReport); ok {
					v.mu.Lock()
					v.sr = append(v.sr, r)
					v.mu.Unlock()
				}
			}
		}
	}()
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		s := seen{seq: p.SequenceNumber, ts: p.Timestamp, at: time.Now()}
		v.mu.Lock()
		switch {
		case track.Kind() == webrtc.RTPCodecTypeAudio:
			s.picture = binary.BigEndian.Uint32(p.Payload[3:])
			v.audio = append(v.audio, s)
		case p.Payload[0]&0x1f == 28:
			s.layer, s.picture, s.taken = media.Layer(p.Payload[2]), binary.BigEndian.Uint32(p.Payload[3:]), binary.BigEndian.Uint32(p.Payload[7:])
			v.video = append(v.video, s)
		default:
			s.key, s.layer = true, media.Layers
			v.video = append(v.video, s)
		}
		v.mu.Unlock()
	}
}

func (v *screen) pictures() []seen {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.video)
}

// shows reports whether the last packet of picture is of layer l.
func (v *screen) shows(l media.Layer) bool {
	all := v.pictures()
	return len(all) > 0 && all[len(all)-1].layer == l
}

// vp8Packet is a keyframe of 320x180 in one packet.
func vp8Packet() *rtp.Packet {
	return &rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: true, SequenceNumber: uint16(time.Now().UnixMilli() / 2), Timestamp: uint32(time.Now().UnixMilli() * 90)},
		Payload: []byte{0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, 0, 0, 0},
	}
}
