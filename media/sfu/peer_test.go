package sfu

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that other goroutines bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(limit) {
			buffer := make([]byte, 1<<16)
			t.Fatalf("%s: not within 30 s\n%s", what, buffer[:runtime.Stack(buffer, true)])
		}
	}
}

// serve runs a server on a loopback port until the test ends.
func serve(t testing.TB, change ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{UDPAddr: "127.0.0.1:0"}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// peer is a client's connection.
type peer struct {
	pc      *webrtc.PeerConnection
	session *Session
	onClose func()
	once    sync.Once
}

// newPeer makes a client on loopback. A drop function gets the number of each RTP packet that comes in and
// says whether it is lost on the way.
func newPeer(t testing.TB, drop ...func(n int) bool) *peer {
	t.Helper()
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	e.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() && ip.To4() != nil })
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.DisableSRTPReplayProtection(true) // lossy sits behind the decryption, which knows what it loses
	m := &webrtc.MediaEngine{}
	must(t, registerCodecs(m, false)) // without RTX, which pion sends with the rid of the stream it repairs
	must(t, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: audioLevel}, webrtc.RTPCodecTypeAudio))
	registry := &interceptor.Registry{}
	for _, d := range drop {
		registry.Add(&lossy{drop: d})
	}
	must(t, webrtc.ConfigureNack(m, registry))
	must(t, webrtc.ConfigureRTCPReports(registry))
	must(t, webrtc.ConfigureSimulcastExtensionHeaders(m))
	api := webrtc.NewAPI(webrtc.WithSettingEngine(e), webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	p := &peer{pc: pc}
	t.Cleanup(p.close)
	return p
}

func (p *peer) close() {
	p.once.Do(func() {
		_ = p.pc.GracefulClose()
		if p.onClose != nil {
			p.onClose()
		}
	})
}

func (p *peer) offer(t testing.TB) string {
	t.Helper()
	gathered := webrtc.GatheringCompletePromise(p.pc)
	offer, err := p.pc.CreateOffer(nil)
	must(t, err)
	must(t, p.pc.SetLocalDescription(offer))
	<-gathered
	return p.pc.LocalDescription().SDP
}

func (p *peer) accept(t testing.TB, answer string, session *Session) {
	t.Helper()
	p.session = session
	must(t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// lossy loses RTP packets between a client and the network, in both directions.
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

func (l *lossy) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if l.drop(int(l.n.Add(1))) {
			return len(payload), nil
		}
		return w.Write(h, payload, a)
	})
}
