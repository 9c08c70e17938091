package sfu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"lectern/media"
	"lectern/media/forward"
)

const (
	// queueSize is how many packets may wait for one attendee's socket: a replayed group of pictures and a
	// keyframe besides. When it is full, video is dropped to the end of the picture and counted, and a
	// keyframe is asked for.
	queueSize = 512
	// queueVideo is how much of the queue video may fill; the rest is left to sound.
	queueVideo = 448
)

// SubscribeOptions say who attends.
type SubscribeOptions struct {
	Owner string // the person or token, for Session.Owner
}

// attendee is the peer that watches a room. It is a media.Sink: layers' readers stamp packets into its
// queue, and its own goroutine sends them.
type attendee struct {
	session *Session
	room    *Room
	video   *downTrack   // of the camera; nil when the offer has no picture
	screen  *downTrack   // nil when the offer has one picture, which then shows the stage
	sounds  []*downTrack // of the programme's, or of those backstage
	monitor *monitor     // of one who listens backstage and watches nothing
	staged  atomic.Bool  // video follows the screen
	queue   chan outgoing
	readers sync.WaitGroup
}

// outgoing is a packet with its stamp, or if clock is known, a sender report.
type outgoing struct {
	track   *downTrack
	stamp   forward.Stamp
	marker  bool
	payload []byte
	clock   forward.Clock
}

// Subscribe answers a WHEP offer. The errors wrap ErrNotPublished when the room has no publisher, ErrOffer,
// ErrCodec when the offer lacks what is published, ErrFull or ErrClosed, or are those of ctx. Attendees
// outlive the publisher: who takes over with the same codec is shown in the same session; with another
// codec the sessions end, so that clients subscribe anew.
func (s *Server) Subscribe(ctx context.Context, room, offerSDP string, opts SubscribeOptions) (answer string, session *Session, err error) {
	o, err := parseOffer(offerSDP)
	if err != nil {
		return "", nil, err
	}
	r := s.Room(room)
	mime, published := r.VideoCodec()
	if !published {
		return "", nil, ErrNotPublished
	}
	session = newSession(r, opts.Owner, false)
	session.offer = o
	a := &attendee{session: session, room: r, queue: make(chan outgoing, queueSize)}
	session.attendee = a
	if err := a.choose(o, mime); err != nil {
		return "", nil, err
	}
	answer, err = s.open(ctx, session, s.attendees, a, offerSDP, a.prepare)
	if err != nil {
		return "", nil, fmt.Errorf("subscribe: %w", err)
	}
	return answer, session, nil
}

// choose decides what to send for an offer.
func (a *attendee) choose(o *offer, mime string) error {
	takes := func(s section) bool { return s.takes }
	video, hasVideo := o.first(media.Video, takes)
	if err := a.chooseSounds(o); err != nil {
		return err
	}
	switch {
	case !hasVideo && len(a.sounds) == 0:
		return fmt.Errorf("%w: it receives neither sound nor picture", ErrOffer)
	case hasVideo && !video.has(mime):
		return fmt.Errorf("%w: the lecture is sent as %s, which the offer lacks (it has %s)", ErrCodec, mime, strings.Join(video.codecs, ", "))
	}
	if hasVideo {
		a.video = newDownTrack(a, media.Video, Camera, mime, 90000)
		second, ok := o.first(media.Video, func(s section) bool { return s.takes && s.mid != video.mid })
		if ok && second.has(mime) {
			a.screen = newDownTrack(a, media.Video, Screen, mime, 90000)
		}
	}
	return nil
}

// chooseSounds plans for as many sounds as there are and the offer takes.
func (a *attendee) chooseSounds(o *offer) error {
	for _, s := range o.sections {
		if s.kind != media.Audio || !s.takes || len(a.sounds) == len(Sounds) {
			continue
		}
		if !s.has(mimeOpus) {
			return fmt.Errorf("%w: the sound is sent as %s, which the offer lacks", ErrCodec, mimeOpus)
		}
		a.sounds = append(a.sounds, newDownTrack(a, media.Audio, Sounds[len(a.sounds)], mimeOpus, 48000))
	}
	return nil
}

func (a *attendee) tracks() (all []*downTrack) {
	for _, d := range append([]*downTrack{a.video, a.screen}, a.sounds...) {
		if d != nil {
			all = append(all, d)
		}
	}
	return all
}

// prepare puts our tracks into the sections of the offer, each with one codec.
func (a *attendee) prepare() error {
	for _, d := range a.tracks() {
		sender, err := a.session.pc.AddTrack(d)
		if err != nil {
			return fmt.Errorf("add %s: %w", d.id, err)
		}
		d.sender = sender
	}
	for _, t := range a.session.pc.GetTransceivers() {
		for _, d := range a.tracks() {
			if t.Sender() != d.sender {
				continue
			}
			codecs := choose(d.sender.GetParameters().Codecs, d.mime)
			if len(codecs) == 0 {
				return fmt.Errorf("%w: no form of %s that is sent", ErrCodec, d.mime)
			}
			d.payloadType = codecs[0].PayloadType
			if err := t.SetCodecPreferences(codecs); err != nil {
				return fmt.Errorf("%w: %w", ErrCodec, err)
			}
		}
	}
	return nil
}

// run sends what is queued.
func (a *attendee) run() {
	for _, d := range a.tracks() {
		a.readers.Go(d.readFeedback)
	}
	if a.monitor != nil {
		a.room.addMonitor(a.monitor)
	} else {
		a.room.addSink(a)
	}
	m := a.room.server.meters
	for {
		select {
		case o := <-a.queue:
			n, err := o.track.send(o)
			if err == nil && n > 0 {
				m.packetsOut.Inc()
				m.bytesOut.Add(float64(n))
			}
		case <-a.session.closing:
			return
		}
	}
}

func (a *attendee) stop() {
	if a.monitor != nil {
		a.room.removeMonitor(a.monitor)
	} else {
		a.room.removeSink(a)
	}
	a.readers.Wait()
}

// enqueue never blocks; false means that the queue is full and the packet was dropped.
func (a *attendee) enqueue(o outgoing) bool {
	if o.track.kind == media.Video && len(a.queue) >= queueVideo {
		return false
	}
	select {
	case a.queue <- o:
		return true
	default:
		return false
	}
}

// of returns what carries a room's track to the attendee, nil for nothing.
func (a *attendee) of(id string) *downTrack {
	switch id {
	case Camera:
		if !a.staged.Load() {
			return a.video
		}
	case Screen:
		if a.staged.Load() {
			return a.video
		}
		return a.screen
	}
	for _, d := range a.sounds {
		if d.id == id {
			return d
		}
	}
	return nil
}

// stage has the one picture of an attendee follow the screen, or the camera again.
func (a *attendee) stage(on bool) {
	if a.screen != nil || a.video == nil || a.staged.Swap(on) == on {
		return
	}
	source := Camera
	if on {
		source = Screen
	}
	a.video.begin(a.room.track(source))
}

// AddTrack implements media.Sink.
func (a *attendee) AddTrack(info media.TrackInfo) {
	if info.ID == Screen {
		a.stage(true)
	}
	d := a.of(info.ID)
	if d == nil {
		return
	}
	if !strings.EqualFold(info.MimeType, d.mime) {
		a.session.Close() // the new publisher uses another codec: the client has to subscribe anew
		return
	}
	d.begin(a.room.track(info.ID))
}

// RemoveTrack implements media.Sink.
func (a *attendee) RemoveTrack(id string) {
	if d := a.of(id); d != nil {
		d.begin(nil)
	}
	if id == Screen {
		a.stage(false)
	}
}

// WritePacket implements media.Sink.
func (a *attendee) WritePacket(p *media.Packet) {
	if d := a.of(p.Track); d != nil {
		d.write(p)
	}
}

// WriteSenderReport implements media.Sink.
func (a *attendee) WriteSenderReport(r media.SenderReport) {
	if d := a.of(r.Track); d != nil {
		d.report(r)
	}
}

// firstStamp is where a stream to an attendee begins: at random, as RFC 3550 section 5.1 asks.
func firstStamp() forward.Stamp {
	return forward.Stamp{Sequence: uint16(rand.Uint32()), Timestamp: rand.Uint32()}
}

// feedback hands what an attendee reports to his track.
func (d *downTrack) feedback(packet rtcp.Packet) {
	switch p := packet.(type) {
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		d.pictureLost()
	case *rtcp.ReceiverEstimatedMaximumBitrate:
		d.estimate(float64(p.Bitrate))
	case *rtcp.ReceiverReport:
		for _, r := range p.Reports {
			if r.SSRC == d.ssrc.Load() {
				d.received(r)
			}
		}
	}
}

// readFeedback ends with the connection.
func (d *downTrack) readFeedback() {
	for {
		packets, _, err := d.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			d.feedback(p)
		}
	}
}

var _ webrtc.TrackLocal = (*downTrack)(nil)
