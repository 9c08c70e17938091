package egress

import (
	"runtime"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// TestPresentersShareThePort connects an ordinary peer to what is not for attendees, over UDP and TCP, while an
// attendee watches on the same port.
func TestPresentersShareThePort(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		s := serve(t, func(c *Config) { c.TCP = true })
		v := newScreen(t, s, all3(t), peerOptions{tcp: tcp})
		e := webrtc.SettingEngine{LoggerFactory: quiet{}}
		e.SetLite(true)
		e.SetIncludeLoopbackCandidate(true)
		e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
		if tcp {
			mux := ice.NewTCPMuxDefault(ice.TCPMuxParams{Listener: s.RestTCP()[0], Logger: silence{}, ReadBufferSize: 64})
			t.Cleanup(func() { _ = mux.Close() })
			e.SetICETCPMux(mux)
			e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
		} else {
			mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: s.Rest()[0], Logger: silence{}})
			t.Cleanup(func() { _ = mux.Close() })
			e.SetICEUDPMux(mux)
		}
		server, err := webrtc.NewAPI(webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
		must(t, err)
		t.Cleanup(func() { _ = server.GracefulClose() })
		client := offerScreen(t, peerOptions{tcp: tcp})
		offer := client.offer(t)
		must(t, server.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}))
		answer, err := server.CreateAnswer(nil)
		must(t, err)
		gathered := webrtc.GatheringCompletePromise(server)
		must(t, server.SetLocalDescription(answer))
		<-gathered
		must(t, client.pc.SetRemoteDescription(*server.LocalDescription()))
		eventually(t, "the presenter's connection", func() bool {
			return client.pc.ConnectionState() == webrtc.PeerConnectionStateConnected && server.ConnectionState() == webrtc.PeerConnectionStateConnected
		})
		n := len(v.pictures())
		eventually(t, "pictures for the attendee", func() bool { return len(v.pictures()) > n+100 })
	}
}

// TestSeveralSocketsOnOneAddress is how a machine with more cores serves.
func TestSeveralSocketsOnOneAddress(t *testing.T) {
	if reusePort == nil {
		return // one socket it is, on this system
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(shardsFrom))
	s := serve(t)
	if n := len(s.ports[0].shards); n < 2 {
		t.Fatalf("%d sockets", n)
	}
	st := all3(t)
	for range 4 {
		v := newScreen(t, s, st, peerOptions{})
		eventually(t, "pictures", func() bool { return len(v.pictures()) > 100 })
		checkWhole(t, v.pictures())
	}
}
