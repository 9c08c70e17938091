package sfu

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	// maxProbes is how many probes run at a time, maxProbesEach how many of one person: one for each way to us.
	maxProbes     = 64
	maxProbesEach = 4
	// probeLife ends a probe whatever it is doing.
	probeLife = 30 * time.Second
	// maxProbeMessage is the largest message sent back, in bytes, and maxProbeQueue how many bytes may wait for a slow
	// client: what is more is dropped, as it is with media.
	maxProbeMessage = 1200
	maxProbeQueue   = 64 << 10
	// maxProbeMessages is how many messages of one probe are sent back: 50 a second, for its life.
	maxProbeMessages = 1500
)

// probes are the path tests under way.
type probes struct {
	mu     sync.Mutex
	closed bool
	open   map[*webrtc.PeerConnection]string // and their owners
}

// add counts a probe, in running too, unless there are too many.
func (p *probes) add(pc *webrtc.PeerConnection, owner string, running *sync.WaitGroup) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	each := 0
	for _, o := range p.open {
		if o == owner {
			each++
		}
	}
	if len(p.open) >= maxProbes || each >= maxProbesEach {
		return fmt.Errorf("%d probes are running: %w", len(p.open), ErrFull)
	}
	if p.open == nil {
		p.open = map[*webrtc.PeerConnection]string{}
	}
	p.open[pc] = owner
	running.Add(1)
	return nil
}

func (p *probes) remove(pc *webrtc.PeerConnection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, pc)
}

// close ends all probes and lets no more begin.
func (p *probes) close() {
	p.mu.Lock()
	p.closed = true
	var open []*webrtc.PeerConnection
	for pc := range p.open {
		open = append(open, pc)
	}
	p.mu.Unlock()
	for _, pc := range open {
		_ = pc.Close()
	}
}

// Probe answers the offer of a data channel and sends back what comes in it, for half a minute at most: so a client finds
// out, before there is a lecture, whether media would reach us, and how fast. Owner is the person who asks. The errors
// wrap ErrOffer, ErrFull or ErrClosed, or are those of ctx.
func (s *Server) Probe(ctx context.Context, owner, offerSDP string) (answer string, err error) {
	if !strings.Contains(offerSDP, "m=application") || strings.Count(offerSDP, "\nm=") != 1 {
		return "", fmt.Errorf("%w: a probe is one data channel and nothing else", ErrOffer)
	}
	e, err := settings(s.cfg, s.mux, probeLife)
	if err != nil {
		return "", fmt.Errorf("probe: %w", err)
	}
	e.SetSCTPMaxReceiveBufferSize(maxProbeQueue)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(e), webrtc.WithMediaEngine(&webrtc.MediaEngine{})).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", fmt.Errorf("probe: %w", err)
	}
	if err := s.probes.add(pc, owner, &s.running); err != nil {
		return "", errors.Join(err, pc.Close())
	}
	ended := make(chan struct{})
	over := sync.OnceFunc(func() { close(ended) })
	pc.OnDataChannel(sendBack)
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			over()
		}
	})
	go func() {
		defer s.running.Done()
		life := time.NewTimer(probeLife)
		defer life.Stop()
		select {
		case <-ended:
		case <-life.C:
		}
		_ = pc.GracefulClose()
		s.probes.remove(pc)
	}()
	if answer, err = answerProbe(ctx, pc, offerSDP); err != nil {
		over()
		return "", fmt.Errorf("probe: %w", err)
	}
	return answer, nil
}

func answerProbe(ctx context.Context, pc *webrtc.PeerConnection, offerSDP string) (string, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offerSDP}); err != nil {
		return "", fmt.Errorf("%w: %w", ErrOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrOffer, err)
	}
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("%w: %w", ErrOffer, err)
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// sendBack is what a probe does. Messages of one channel come one after another.
func sendBack(channel *webrtc.DataChannel) {
	sent := 0
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		if len(m.Data) > maxProbeMessage || sent >= maxProbeMessages || channel.BufferedAmount() > maxProbeQueue {
			return
		}
		sent++
		// A channel that has closed needs nothing.
		if m.IsString {
			_ = channel.SendText(string(m.Data))
		} else {
			_ = channel.Send(m.Data)
		}
	})
}
