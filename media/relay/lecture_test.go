package relay_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"lectern/media/relay"
	"lectern/media/sfu"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func secured(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2", "http/1.1"}}
}

// tlsDialer does what turns: asks for, with a certificate that no root vouches for.
type tlsDialer struct{}

// Dial implements proxy.Dialer.
func (tlsDialer) Dial(network, address string) (net.Conn, error) {
	return tls.Dial(network, address, &tls.Config{InsecureSkipVerify: true})
}

// peer makes a client whose only way out is the relay.
func peer(t *testing.T, ice webrtc.ICEServer, secure bool) *webrtc.PeerConnection {
	t.Helper()
	e := webrtc.SettingEngine{}
	if secure {
		e.SetICEProxyDialer(tlsDialer{})
	}
	m := &webrtc.MediaEngine{}
	must(t, m.RegisterDefaultCodecs())
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(e), webrtc.WithMediaEngine(m)).NewPeerConnection(webrtc.Configuration{
		ICEServers: []webrtc.ICEServer{ice}, ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	})
	must(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

// meet exchanges descriptions as WHIP and WHEP do.
func meet(t *testing.T, pc *webrtc.PeerConnection, open func(offer string) (string, *sfu.Session, error)) {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	must(t, err)
	gathered := webrtc.GatheringCompletePromise(pc)
	must(t, pc.SetLocalDescription(offer))
	<-gathered
	answer, _, err := open(pc.LocalDescription().SDP)
	must(t, err)
	must(t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// TestLectureThroughTheRelay has a presenter and an attendee who both get nothing through but TCP to the web site.
func TestLectureThroughTheRelay(t *testing.T) {
	for name, secure := range map[string]*tls.Config{"TCP": nil, "TLS": secured(t)} {
		t.Run(name, func(t *testing.T) {
			forwarder, err := sfu.New(sfu.Config{UDPAddr: "127.0.0.1:0"})
			must(t, err)
			server, err := relay.New(relay.Config{
				Secret: []byte("a secret that only tests have"),
				Peers:  []netip.AddrPort{netip.MustParseAddrPort(forwarder.Addr()[0])},
			})
			must(t, err)
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			must(t, err)
			port := relay.Split(l, relay.SplitConfig{TLS: secure, TURN: server.Serve})
			ctx, cancel := context.WithCancel(context.Background())
			var running sync.WaitGroup
			for _, run := range []func(context.Context) error{forwarder.Run, server.Run, port.Run} {
				running.Go(func() {
					if err := run(ctx); err != nil {
						t.Error(err)
					}
				})
			}
			t.Cleanup(func() { cancel(); running.Wait() })
			lecture(ctx, t, forwarder, func(owner string) webrtc.ICEServer {
				c := server.Credentials(owner)
				return webrtc.ICEServer{URLs: []string{fmt.Sprintf("turn:%s?transport=tcp", l.Addr())}, Username: c.Username, Credential: c.Password}
			}, secure != nil)
		})
	}
}

func lecture(ctx context.Context, t *testing.T, forwarder *sfu.Server, ice func(owner string) webrtc.ICEServer, secure bool) {
	voice, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "voice", "voice")
	must(t, err)
	presenter := peer(t, ice("presenter"), secure)
	_, err = presenter.AddTransceiverFromTrack(voice, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(t, err)
	meet(t, presenter, func(offer string) (string, *sfu.Session, error) {
		return forwarder.Publish(ctx, "room", offer, sfu.PublishOptions{Owner: "presenter"})
	})

	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	say := func() {
		select {
		case <-tick.C:
			must(t, voice.WriteSample(media.Sample{Data: []byte{0xfc, 0xff, 0xfe}, Duration: 20 * time.Millisecond}))
		case <-limit:
			t.Fatal("not within 30 s")
		}
	}
	for !forwarder.Room("room").Publishing() {
		say()
	}

	attendee := peer(t, ice("attendee"), secure)
	_, err = attendee.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	must(t, err)
	heard := make(chan struct{})
	attendee.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for range 50 {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
		}
		close(heard)
	})
	meet(t, attendee, func(offer string) (string, *sfu.Session, error) {
		return forwarder.Subscribe(ctx, "room", offer, sfu.SubscribeOptions{Owner: "attendee"})
	})

	for {
		select {
		case <-heard:
			return
		default:
			say()
		}
	}
}
