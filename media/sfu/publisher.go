package sfu

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"lectern/media"
)

const (
	// watchEvery is how often a publisher's tracks are looked at for silence and for requests that are due.
	watchEvery = 50 * time.Millisecond
	// goneAfter is the silence after which a publisher counts as gone. Opus in silence still sends a packet
	// every 400 ms, and the audience is to see a slate within 1.5 s (trust D-08).
	goneAfter = 1200 * time.Millisecond
)

// PublishOptions say who publishes.
type PublishOptions struct {
	Owner  string // the login session or token, for Session.Owner
	Person string // whose seat is taken; "" is a person, too
	Role   Role
	// Standing is what of the person may be seen and heard; nil leaves it as it was said last.
	Standing *Standing
}

// publisher is the peer that fills a room.
type publisher struct {
	session *Session
	room    *Room
	person  string
	role    Role
	ids     map[string]string                 // track ID by mid
	layers  map[string]map[string]media.Layer // layer by mid and rid
	video   string                            // MIME type of the camera as answered, empty without one
	seated  chan struct{}                     // closed when the seat is ours
	wake    chan struct{}                     // holds one: a keyframe is wanted
	heard   atomic.Int64                      // arrival of the last packet, in nanoseconds since born
	born    time.Time
	clock   sync.Once
	ahead   uint64       // what makes a wall clock time of the publisher one of ours, in NTP's 32.32 seconds
	excess  atomic.Int64 // when the police last dropped something, like heard; 0 for never

	mu      sync.Mutex
	closed  bool
	tracks  map[string]*upTrack
	readers sync.WaitGroup
}

// Publish answers a WHIP offer. When its media can flow, the session takes the seat of its person: the one before it
// is closed, and attendees go on with the new one. Others in the room stay. The errors wrap ErrOffer, ErrCodec, ErrFull
// or ErrClosed, or are those of ctx.
func (s *Server) Publish(ctx context.Context, room, offerSDP string, opts PublishOptions) (answer string, session *Session, err error) {
	o, err := parseOffer(offerSDP)
	if err != nil {
		return "", nil, err
	}
	session = newSession(s.Room(room), opts.Owner, true)
	session.offer, session.person = o, opts.Person
	p := &publisher{
		session: session, room: session.room, person: opts.Person, role: opts.Role, seated: make(chan struct{}), wake: make(chan struct{}, 1),
		tracks: map[string]*upTrack{}, born: time.Now(),
	}
	if p.ids, p.layers = name(o); len(p.ids) == 0 {
		return "", nil, fmt.Errorf("%w: it sends neither sound nor picture", ErrOffer)
	}
	if opts.Standing != nil {
		session.room.SetStanding(opts.Person, *opts.Standing)
	}
	answer, err = s.open(ctx, session, s.publishers, p, offerSDP, p.prepare)
	if err != nil {
		return "", nil, fmt.Errorf("publish: %w", err)
	}
	return answer, session, nil
}

// open admits a session, makes its connection, answers the offer and leaves the rest to supervise.
func (s *Server) open(ctx context.Context, session *Session, api *webrtc.API, r role, offerSDP string, prepare func() error) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	free, err := s.turn(ctx)
	if err != nil {
		return "", err
	}
	defer free()
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", fmt.Errorf("make peer: %w", err)
	}
	session.pc, session.role = pc, r
	if err := s.admit(session); err != nil {
		_ = pc.Close()
		return "", err
	}
	pc.OnConnectionStateChange(session.watch)
	answer, err := func() (string, error) {
		if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offerSDP}); err != nil {
			return "", fmt.Errorf("%w: %w", ErrOffer, err)
		}
		if err := prepare(); err != nil {
			return "", err
		}
		return session.answer(ctx)
	}()
	if err != nil {
		session.finish(r)
		return "", err
	}
	go session.supervise(r)
	return answer, nil
}

// name gives each section that sends the ID of its track.
func name(o *offer) (ids map[string]string, layers map[string]map[string]media.Layer) {
	free := map[media.Kind][]string{media.Video: {Camera, Screen}, media.Audio: {Microphone, ScreenSound}}
	ids, layers = map[string]string{}, map[string]map[string]media.Layer{}
	for _, s := range o.sections {
		if names := free[s.kind]; s.sends && len(names) > 0 {
			ids[s.mid], free[s.kind] = names[0], names[1:]
			layers[s.mid] = s.layers
		}
	}
	return ids, layers
}

// prepare picks one codec for each section, so that we know what comes before it does.
func (p *publisher) prepare() error {
	pc := p.session.pc
	mime, others := p.room.VideoCodec()
	for _, t := range pc.GetTransceivers() {
		id, ok := p.ids[t.Mid()]
		if !ok {
			continue
		}
		offered := t.Receiver().GetParameters().Codecs
		codecs := choose(offered, "")
		if t.Kind() == webrtc.RTPCodecTypeVideo && others { // as the others do, if it can
			if same := choose(offered, mime); len(same) > 0 {
				codecs = same
			}
		}
		if len(codecs) == 0 {
			return fmt.Errorf("%w: send pictures as H.264 or VP8, sound as Opus", ErrCodec)
		}
		if err := t.SetCodecPreferences(codecs); err != nil {
			return fmt.Errorf("%w: %w", ErrCodec, err)
		}
		if id == Camera {
			p.video = codecs[0].MimeType
		}
	}
	pc.OnTrack(p.onTrack)
	return nil
}

// onTrack is called by pion for each layer whose first packet has come, in a goroutine of its own.
func (p *publisher) onTrack(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	l := p.layer(remote, receiver)
	if l == nil {
		return
	}
	defer p.readers.Done()
	select {
	case <-p.seated:
	case <-p.session.closing:
		return
	}
	p.readers.Go(l.readReports)
	l.read()
}

// layer returns the place of a stream among our tracks with the readers counted up, or nil when it has none.
func (p *publisher) layer(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) *upLayer {
	mid := receiver.RTPTransceiver().Mid()
	id, known := p.ids[mid]
	at, named := p.layers[mid][remote.RID()]
	if !named {
		at = media.LayerOf(remote.RID())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !known || p.closed {
		return nil
	}
	t, ok := p.tracks[id]
	if !ok {
		t = newUpTrack(p, id, remote)
		p.tracks[id] = t
	}
	l := t.addLayer(at, remote, receiver)
	if l == nil {
		p.session.server.log.Warn("a second stream for the same layer is ignored", "room", p.room.name, "track", id, "layer", at.RID())
		return nil
	}
	p.readers.Add(1)
	return l
}

// run takes the seat and watches over it.
func (p *publisher) run() {
	if !p.room.seat(p) {
		return
	}
	p.heard.Store(int64(time.Since(p.born)))
	close(p.seated)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.session.closing:
			return
		case <-p.wake:
		case <-tick.C:
		}
		p.look(time.Now())
	}
}

// look notices what has gone silent and sends the requests that are due.
func (p *publisher) look(now time.Time) {
	tracks := p.all()
	for _, t := range tracks {
		if t.mayHide() && t.shown.Load() && t.over(now.Sub(p.born)) {
			t.hide()
		}
		if t.info.Kind == media.Video {
			t.notice()
			if t.ask(now) {
				p.requestKeyframes(t)
			}
		}
	}
	silent := now.Sub(p.born) - time.Duration(p.heard.Load())
	switch {
	case silent >= goneAfter:
		p.room.setLive(p, false)
	case len(tracks) > 0: // before the first packet the seat stays as the publisher before left it
		p.room.setLive(p, true)
	}
	p.room.renew(now)
}

// all returns the tracks that have come, pictures before sounds.
func (p *publisher) all() []*upTrack {
	p.mu.Lock()
	defer p.mu.Unlock()
	tracks := make([]*upTrack, 0, len(p.tracks))
	for _, source := range [...]string{Camera, Screen, Microphone, ScreenSound} {
		if t := p.tracks[source]; t != nil {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

// ourTime moves a wall clock time of the publisher to our own clock, all of them alike, so that the sources of one
// publisher stay in step. Two presenters' computers may differ by minutes, and receivers play in step what they get.
func (p *publisher) ourTime(ntp uint64) uint64 {
	p.clock.Do(func() { p.ahead = ntpOf(time.Now()) - ntp })
	return ntp + p.ahead
}

// ntpOf is a time as sender reports write it: 32.32 seconds since 1900 (RFC 3550 section 4).
func ntpOf(t time.Time) uint64 {
	const from1900to1970 = 2_208_988_800
	return uint64(t.Unix()+from1900to1970)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// track returns one that is being sent, or nil.
func (p *publisher) track(source string) *upTrack {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.tracks[source]; t != nil && t.shown.Load() {
		return t
	}
	return nil
}

// Unshare takes the screen of a publisher's session away, at once for all who watch, until it sends another. It
// does nothing for an attendee's.
func (s *Session) Unshare() {
	p, ok := s.role.(*publisher)
	if !ok {
		return
	}
	p.mu.Lock()
	for _, t := range p.tracks {
		if t.mayHide() {
			t.leave()
		}
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// requestKeyframes asks for a keyframe of all layers in one compound packet: a browser then makes all of
// them from the same captured picture.
func (p *publisher) requestKeyframes(t *upTrack) {
	var packets []rtcp.Packet
	for _, l := range t.all() {
		packets = append(packets, &rtcp.PictureLossIndication{MediaSSRC: uint32(l.remote.SSRC())})
	}
	if err := p.session.pc.WriteRTCP(packets); err != nil {
		p.session.server.log.Debug("request keyframe", "session", p.session.short(), "err", err)
		return
	}
	p.session.server.meters.pliSent.Inc()
}

// stop waits for the readers, whose connection is closed, and takes the tracks away.
func (p *publisher) stop() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.readers.Wait()
	for _, t := range p.all() {
		t.hide()
	}
	p.room.leave(p)
}
