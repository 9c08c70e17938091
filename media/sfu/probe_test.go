package sfu

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

// probe opens a data channel like a browser's: unordered and without retransmission.
func probe(t *testing.T) (*peer, *webrtc.DataChannel) {
	t.Helper()
	p := newPeer(t)
	ordered, again := false, uint16(0)
	channel, err := p.pc.CreateDataChannel("probe", &webrtc.DataChannelInit{Ordered: &ordered, MaxRetransmits: &again})
	must(t, err)
	return p, channel
}

func TestProbeSendsBack(t *testing.T) {
	s := serve(t)
	p, channel := probe(t)
	back := make(chan string, 64)
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		if !m.IsString { // browsers make something else of it
			t.Error("text comes back as bytes")
		}
		back <- string(m.Data)
	})
	open := make(chan struct{})
	channel.OnOpen(func() { close(open) })
	answer, err := s.Probe(t.Context(), "dr-rao", p.offer(t))
	must(t, err)
	must(t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	<-open
	must(t, channel.Send(make([]byte, maxProbeMessage+1)))
	for i := range 50 {
		must(t, channel.SendText(strconv.Itoa(i)))
	}
	for i := range 50 {
		if got := <-back; got != strconv.Itoa(i) {
			t.Fatalf("got %.20q, want %d", got, i)
		}
	}
	must(t, p.pc.Close())
	eventually(t, "probe ended", func() bool {
		s.probes.mu.Lock()
		defer s.probes.mu.Unlock()
		return len(s.probes.open) == 0
	})
}

func TestProbeRefuses(t *testing.T) {
	s := serve(t)
	p, _ := probe(t)
	offer := p.offer(t)
	camera := newPeer(t)
	_, err := camera.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo)
	must(t, err)
	for name, sdp := range map[string]string{
		"nothing": "", "no SDP": "m=application", "a camera": camera.offer(t),
		"more than one section": offer + offer[strings.Index(offer, "m=application"):],
		"no credentials":        strings.ReplaceAll(offer, "a=ice-ufrag", "a=x-ice-ufrag"),
	} {
		if _, err := s.Probe(t.Context(), "dr-rao", sdp); !errors.Is(err, ErrOffer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	eventually(t, "refused probes gone", func() bool {
		s.probes.mu.Lock()
		defer s.probes.mu.Unlock()
		return len(s.probes.open) == 0
	})
	for range maxProbesEach {
		_, err := s.Probe(t.Context(), "dr-rao", offer)
		must(t, err)
	}
	if _, err := s.Probe(t.Context(), "dr-rao", offer); !errors.Is(err, ErrFull) {
		t.Errorf("one more than a person may have: %v", err)
	}
	_, err = s.Probe(t.Context(), "dr-bello", offer)
	must(t, err)
	s.probes.close()
	if _, err := s.Probe(t.Context(), "dr-chen", offer); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
