package loadtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// elsewhere is somebody else's server: pion with all its defaults, so not ICE-lite and beginning handshakes itself,
// WHIP and WHEP at addresses of its own, and a bearer token each.
type elsewhere struct {
	t        *testing.T
	api      *webrtc.API
	tracks   [2]*webrtc.TrackLocalStaticRTP // picture, sound
	arriving atomic.Int32                   // tracks that do
	posts    atomic.Int32

	mu    sync.Mutex
	peers map[string]*webrtc.PeerConnection
}

func newElsewhere(t *testing.T) *httptest.Server {
	t.Helper()
	var e webrtc.SettingEngine
	e.SetIncludeLoopbackCandidate(true)
	s := &elsewhere{t: t, api: webrtc.NewAPI(webrtc.WithSettingEngine(e)), peers: map[string]*webrtc.PeerConnection{}}
	for i, kind := range []string{webrtc.MimeTypeH264, webrtc.MimeTypeOpus} {
		var err error
		if s.tracks[i], err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: kind}, kind, "live"); err != nil {
			t.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /live/whip", s.only("Bearer presenter", s.publish))
	mux.HandleFunc("POST /live/whep", s.only("Bearer attendee", s.watch))
	mux.HandleFunc("DELETE /live/session/{id}", s.end)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.peers) > 0 {
			t.Errorf("%d sessions were not ended", len(s.peers))
		}
		for _, peer := range s.peers {
			_ = peer.Close()
		}
	})
	return server
}

func (s *elsewhere) only(who string, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != who || r.Header.Get("Content-Type") != "application/sdp" {
			http.Error(w, "not you", http.StatusUnauthorized)
			return
		}
		serve(w, r)
	}
}

func (s *elsewhere) publish(w http.ResponseWriter, r *http.Request) {
	s.open(w, r, func(peer *webrtc.PeerConnection) {
		peer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			to := s.tracks[0]
			if track.Kind() == webrtc.RTPCodecTypeAudio {
				to = s.tracks[1]
			}
			s.arriving.Add(1)
			for {
				packet, _, err := track.ReadRTP()
				if err != nil {
					return
				}
				_ = to.WriteRTP(packet)
			}
		})
	})
}

func (s *elsewhere) watch(w http.ResponseWriter, r *http.Request) {
	// Nothing to see yet, and once too many at a time.
	if s.arriving.Load() < 2 || s.posts.Add(1) == 3 {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.open(w, r, func(peer *webrtc.PeerConnection) {
		for _, track := range s.tracks {
			if _, err := peer.AddTrack(track); err != nil {
				s.t.Error(err)
			}
		}
	})
}

func (s *elsewhere) open(w http.ResponseWriter, r *http.Request, prepare func(*webrtc.PeerConnection)) {
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	peer, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		s.t.Error(err)
		return
	}
	prepare(peer)
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)}); err != nil {
		s.t.Error(err)
	}
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		s.t.Error(err)
	}
	if err := peer.SetLocalDescription(answer); err != nil {
		s.t.Error(err)
	}
	<-gathered
	id := random(8)
	s.mu.Lock()
	s.peers[id] = peer
	s.mu.Unlock()
	w.Header().Set("Location", "session/"+id)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, peer.LocalDescription().SDP)
}

func (s *elsewhere) end(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	peer := s.peers[r.PathValue("id")]
	delete(s.peers, r.PathValue("id"))
	s.mu.Unlock()
	if peer != nil {
		_ = peer.Close()
	}
}

// TestAnotherServer measures one that has nothing of ours.
func TestAnotherServer(t *testing.T) {
	server := newElsewhere(t)
	test := Forwarding{
		WHIP: server.URL + "/live/whip", WHEP: server.URL + "/live/whep", Token: "presenter", WatchToken: "attendee",
		Receivers: 5, Duration: time.Second,
	}
	got, err := test.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Connected != 5 || got.Published < 20 || got.DeliveredRatio < 0.99 || got.DelayP50 <= 0 || got.Problem != "" {
		t.Errorf("%+v", got)
	}
	if got.USPerPacket != nil || got.RSSPerAttendeeKB != nil || got.JoinCPUMS != nil {
		t.Error("there are figures of a process that nobody named")
	}
	test.WatchToken = "presenter"
	if got, err = test.Run(t.Context()); err == nil {
		t.Errorf("measured without a right to watch: %+v", got)
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	p, err := usage(os.Getpid())
	if err != nil || p.rss < 1<<20 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := usage(1 << 30); err == nil {
		t.Error("read a process that is not there")
	}
}
