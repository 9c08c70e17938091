package egress

import (
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"lectern/media"
)

// seen is one packet as an attendee got it.
type seen struct {
	seq         uint16
	ts          uint32
	layer       media.Layer
	picture     uint32
	place, all  byte // in the picture
	key, marker bool
}

// screen is an attendee: a real WebRTC peer.
type screen struct {
	pc      *webrtc.PeerConnection
	session *Session
	drop    atomic.Int32 // of the RTP packets, each nth does not arrive

	mu      sync.Mutex
	video   []seen
	audio   []seen
	reports []*rtcp.SenderReport
	ssrc    uint32
}

// peerOptions change how the peer is made.
type peerOptions struct {
	noRTX bool
	tcp   bool
	conn  net.PacketConn // its socket, to change its address
	v6    bool
}

func newScreen(t testing.TB, s *Server, source Source, o peerOptions) *screen {
	t.Helper()
	v := offerScreen(t, o)
	answer, session, err := s.Subscribe(t.Context(), "lecture", source, v.offer(t), SubscribeOptions{Owner: "attendee"})
	must(t, err)
	v.session = session
	must(t, v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	return v
}

// offerScreen makes a peer that receives sound and picture.
func offerScreen(t testing.TB, o peerOptions) *screen {
	t.Helper()
	v := &screen{}
	e := webrtc.SettingEngine{LoggerFactory: quiet{}}
	e.SetIncludeLoopbackCandidate(true)
	e.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() && (ip.To4() == nil) == o.v6 })
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.DisableSRTPReplayProtection(true) // the loss is behind the decryption, which knows what it loses
	if o.tcp {
		e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	if o.conn != nil {
		mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: o.conn, Logger: silence{}})
		e.SetICEUDPMux(mux)
		t.Cleanup(func() { _ = mux.Close() })
	}
	m := &webrtc.MediaEngine{}
	must(t, registerReceiver(m, o.noRTX))
	registry := &interceptor.Registry{}
	registry.Add(&lossy{drop: func(n int) bool {
		d := int(v.drop.Load())
		return d > 0 && n%d == 0
	}})
	must(t, webrtc.ConfigureNack(m, registry))
	must(t, webrtc.ConfigureRTCPReports(registry))
	api := webrtc.NewAPI(webrtc.WithSettingEngine(e), webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	v.pc = pc
	t.Cleanup(func() { _ = pc.GracefulClose() })
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		_, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(t, err)
	}
	pc.OnTrack(v.onTrack)
	return v
}

func registerReceiver(m *webrtc.MediaEngine, noRTX bool) error {
	if !noRTX {
		return m.RegisterDefaultCodecs()
	}
	for _, c := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "packetization-mode=1;profile-level-id=42e01f"}, PayloadType: 102},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, PayloadType: 96},
	} {
		if err := m.RegisterCodec(c, webrtc.RTPCodecTypeVideo); err != nil {
			return err
		}
	}
	return m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio)
}

func (v *screen) offer(t testing.TB) string {
	t.Helper()
	gathered := webrtc.GatheringCompletePromise(v.pc)
	offer, err := v.pc.CreateOffer(nil)
	must(t, err)
	must(t, v.pc.SetLocalDescription(offer))
	<-gathered
	return v.pc.LocalDescription().SDP
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
					v.reports = append(v.reports, r)
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
		s := seen{seq: p.SequenceNumber, ts: p.Timestamp, marker: p.Marker}
		v.mu.Lock()
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			s.picture = binary.BigEndian.Uint32(p.Payload[3:])
			v.audio = append(v.audio, s)
		} else {
			s.key = p.Payload[1]&0x1f == 5
			s.layer, s.picture = media.Layer(p.Payload[2]), binary.BigEndian.Uint32(p.Payload[3:])
			s.place, s.all = p.Payload[7], p.Payload[8]
			v.video = append(v.video, s)
			v.ssrc = uint32(track.SSRC())
		}
		v.mu.Unlock()
	}
}

// pictures returns what came, in order of the sequence numbers and each once.
func (v *screen) pictures() []seen {
	v.mu.Lock()
	all := slices.Clone(v.video)
	v.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	first := all[0].seq
	slices.SortStableFunc(all, func(a, b seen) int { return int(int16(a.seq-first)) - int(int16(b.seq-first)) })
	return slices.CompactFunc(all, func(a, b seen) bool { return a.seq == b.seq })
}

func (v *screen) sounds() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.audio)
}

// shows reports whether the newest picture is of layer l.
func (v *screen) shows(l media.Layer) bool {
	all := v.pictures()
	return len(all) > 0 && all[len(all)-1].layer == l
}

// checkWhole fails unless all pictures but the last ones are whole, in order, and each change of layer is at a
// keyframe.
func checkWhole(t *testing.T, all []seen) {
	t.Helper()
	if len(all) < 20 {
		t.Fatalf("only %d packets", len(all))
	}
	for i := 1; i < len(all)-12; i++ {
		a, b := all[i-1], all[i]
		switch {
		case b.seq != a.seq+1:
			t.Fatalf("packet %d: sequence %d after %d", i, b.seq, a.seq)
		case a.layer != b.layer && !b.key:
			t.Fatalf("packet %d: layer %d after %d without a keyframe", i, b.layer, a.layer)
		case a.layer == b.layer && a.picture == b.picture && (a.ts != b.ts || b.place != a.place+1):
			t.Fatalf("packet %d: %+v after %+v of the same picture", i, b, a)
		case a.picture != b.picture && (a.ts == b.ts || b.place != 0 || a.place != a.all-1 || !a.marker):
			t.Fatalf("packet %d: %+v after %+v of another picture", i, b, a)
		}
	}
	if !all[0].key || all[0].place != 0 {
		t.Errorf("the first packet is no keyframe's: %+v", all[0])
	}
}

// lossy loses RTP packets between the network and a client.
type lossy struct {
	interceptor.NoOp
	drop func(n int) bool
	n    atomic.Int64
}

func (l *lossy) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

func (l *lossy) BindRemoteStream(_ *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := r.Read(b, a)
			if err != nil || !l.drop(int(l.n.Add(1))) {
				return n, attributes, err
			}
		}
	})
}
