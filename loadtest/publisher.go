package loadtest

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// The lecture: 720p at 30 pictures a second and 1.7 Mbit/s, Opus at 32 kbit/s.
const (
	pictureRate   = 30
	videoBits     = 1_700_000
	packetPayload = 1180 // bytes, as libwebrtc fills them
	audioEvery    = 20 * time.Millisecond
	audioPayload  = 80
	keyframeTimes = 6 // a keyframe is so many times as large as another picture
	keyframeEvery = 10 * time.Second
	askedAgain    = 500 * time.Millisecond
)

// stampAt is where in each payload the time of sending stands, in nanoseconds of the wall clock.
const stampAt = 2

// publisher sends a synthetic lecture by a real peer connection.
type publisher struct {
	pc      *webrtc.PeerConnection
	session string
	token   string
	video   *webrtc.TrackLocalStaticRTP
	audio   *webrtc.TrackLocalStaticRTP
	on      atomic.Bool
	wantKey atomic.Bool
	counted atomic.Int64 // packets since the last resume
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func publish(ctx context.Context, whip, token string) (p *publisher, err error) {
	p = &publisher{token: token}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		return p, err
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(m, registry); err != nil {
		return p, err
	}
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(e))
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return p, err
	}
	ctx, p.cancel = context.WithCancel(ctx)
	if err := p.addTracks(); err != nil {
		return p, err
	}
	connected := make(chan struct{})
	var once sync.Once
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	gathered := webrtc.GatheringCompletePromise(p.pc)
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return p, err
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return p, err
	}
	<-gathered
	var answer string
	if answer, p.session, err = exchange(ctx, whip, token, p.pc.LocalDescription().SDP); err != nil {
		return p, err
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return p, err
	}
	select {
	case <-connected:
	case <-ctx.Done():
		return p, ctx.Err()
	case <-time.After(15 * time.Second):
		return p, errors.New("no connection within 15 s")
	}
	p.running.Go(func() { p.film(ctx) })
	p.running.Go(func() { p.speak(ctx) })
	return p, nil
}

func (p *publisher) addTracks() (err error) {
	h264 := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}
	if p.video, err = webrtc.NewTrackLocalStaticRTP(h264, "video", "load"); err != nil {
		return err
	}
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	if p.audio, err = webrtc.NewTrackLocalStaticRTP(opus, "audio", "load"); err != nil {
		return err
	}
	for _, t := range []webrtc.TrackLocal{p.video, p.audio} {
		tr, err := p.pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return err
		}
		p.running.Go(func() { p.listen(tr.Sender()) })
	}
	return nil
}

// listen obeys requests for keyframes until the connection is closed.
func (p *publisher) listen(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, r := range packets {
			switch r.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				p.wantKey.Store(true)
			}
		}
	}
}

// resume begins to send, with a keyframe, and counts anew.
func (p *publisher) resume() {
	p.counted.Store(0)
	p.wantKey.Store(true)
	p.on.Store(true)
}

func (p *publisher) pause()      { p.on.Store(false) }
func (p *publisher) sent() int64 { return p.counted.Load() }

// film sends pictures as browsers do: cut into packets of nearly one size.
func (p *publisher) film(ctx context.Context) {
	tick := time.NewTicker(time.Second / pictureRate)
	defer tick.Stop()
	var sequence uint16
	var lastKey time.Time
	start := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !p.on.Load() {
			continue
		}
		size, nal := videoBits/8/pictureRate, byte(1)
		now := time.Now()
		asked := p.wantKey.Load() && now.Sub(lastKey) >= askedAgain
		if asked || now.Sub(lastKey) >= keyframeEvery {
			p.wantKey.Store(false)
			lastKey = now
			size, nal = keyframeTimes*size, 5
		}
		n := (size + packetPayload - 1) / packetPayload
		timestamp := uint32(now.Sub(start).Microseconds() * 9 / 100)
		for i := range n {
			payload := make([]byte, size/n+i%2)
			payload[0], payload[1] = 0x7c, nal
			if i == 0 {
				payload[1] |= 0x80
			}
			if i == n-1 {
				payload[1] |= 0x40
			}
			binary.BigEndian.PutUint64(payload[stampAt:], uint64(time.Now().UnixNano()))
			sequence++
			if p.video.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: sequence, Timestamp: timestamp, Marker: i == n-1}, Payload: payload}) == nil {
				p.counted.Add(1)
			}
		}
	}
}

// speak sends sound.
func (p *publisher) speak(ctx context.Context) {
	tick := time.NewTicker(audioEvery)
	defer tick.Stop()
	var sequence uint16
	start := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !p.on.Load() {
			continue
		}
		payload := make([]byte, audioPayload)
		payload[0] = 0xf8
		binary.BigEndian.PutUint64(payload[stampAt:], uint64(time.Now().UnixNano()))
		sequence++
		timestamp := uint32(time.Since(start).Microseconds() * 48 / 1000)
		if p.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: sequence, Timestamp: timestamp}, Payload: payload}) == nil {
			p.counted.Add(1)
		}
	}
}

func (p *publisher) close() {
	if p.cancel != nil {
		p.cancel()
	}
	leave(p.session, p.token)
	if p.pc != nil {
		_ = p.pc.GracefulClose()
	}
	p.running.Wait()
}
