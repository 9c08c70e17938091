package sfu

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"lectern/media"
	"lectern/media/forward"
)

// replayLimit is the largest group of pictures, in packets, that a joiner gets from the ring. A longer one
// would fill his link for longer than a new keyframe takes.
const replayLimit = 256

// complaintEvery is how often one attendee may ask for a keyframe, which costs all others bandwidth too.
const complaintEvery = time.Second

// retryEvery is how often it is seen whether a picture that was taken away may come back.
const retryEvery = 250 * time.Millisecond

// downTrack is one stream to one attendee. Readers of the publisher's layers write to it, each in its own
// goroutine; what they share is under mu, which is never held while waiting.
type downTrack struct {
	attendee    *attendee
	kind        media.Kind
	id          string // of the room's track
	mime        string
	rate        uint32
	sender      *webrtc.RTPSender
	payloadType webrtc.PayloadType // as negotiated

	writer      atomic.Pointer[bound] // set once the answer is given
	ssrc        atomic.Uint32
	packetsSent uint32 // these two belong to the attendee's goroutine
	octetsSent  uint32

	mu       sync.Mutex
	source   *upTrack // nil while nothing is published
	present  uint8    // as the selector knows it
	selector forward.Selector
	rewriter *forward.Rewriter
	pictures forward.VP8Rewriter
	fit      forward.Fit
	losses   forward.Losses
	echo     forward.Echo
	wanted   media.Layer // as the attendee has chosen
	muted    bool        // no picture, by choice or because his line is too slow for one
	retried  time.Time
	started  bool // something was forwarded: no replay any more
	tried    bool // replay was tried
	asked    bool // for the keyframe of askedFor
	askedFor media.Layer
	dropping bool   // the queue was full: until the picture with the timestamp ends
	dropped  uint32 // its timestamp
	pleaded  time.Time
}

// bound is what pion gave us to write to.
type bound struct {
	to          webrtc.TrackLocalWriter
	payloadType uint8
	ssrc        uint32
}

func newDownTrack(a *attendee, kind media.Kind, id, mime string, rate uint32) *downTrack {
	d := &downTrack{
		attendee: a, kind: kind, id: id, mime: mime, rate: rate,
		rewriter: forward.NewRewriter(rate, firstStamp()), fit: forward.NewFit(time.Now()), wanted: media.Auto,
	}
	d.selector.Want(media.High)
	return d
}

// Bind implements webrtc.TrackLocal.
func (d *downTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, codec := range c.CodecParameters() {
		if codec.PayloadType == d.payloadType {
			d.ssrc.Store(uint32(c.SSRC()))
			d.writer.Store(&bound{c.WriteStream(), uint8(codec.PayloadType), uint32(c.SSRC())})
			return codec, nil
		}
	}
	return webrtc.RTPCodecParameters{}, fmt.Errorf("%w: %s", ErrCodec, d.mime)
}

// Unbind implements webrtc.TrackLocal.
func (d *downTrack) Unbind(webrtc.TrackLocalContext) error {
	d.writer.Store(nil)
	return nil
}

// ID implements webrtc.TrackLocal.
func (d *downTrack) ID() string { return d.id }

// RID implements webrtc.TrackLocal: an attendee gets one layer and does not know of others.
func (d *downTrack) RID() string { return "" }

// StreamID implements webrtc.TrackLocal. Tracks with one stream ID are played in step.
func (d *downTrack) StreamID() string { return "lectern" }

// Kind implements webrtc.TrackLocal.
func (d *downTrack) Kind() webrtc.RTPCodecType {
	if d.kind == media.Audio {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

// begin follows another source, or nil. The stream to the attendee goes on where it was.
func (d *downTrack) begin(source *upTrack) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.source, d.present = source, 0
	d.selector.Restart()
	d.selector.SetPresent(0)
	d.rewriter.Restart()
	d.asked, d.dropping = false, false
}

// write takes the next packet of one of the source's layers.
func (d *downTrack) write(p *media.Packet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.source == nil || d.muted {
		d.retry(p.Arrival)
		return
	}
	if present := d.source.present.load(); present != d.present {
		d.present = present
		d.selector.SetPresent(present)
	}
	// Any packet of sound can be the first; of a picture only a keyframe.
	forwarded, switched := d.selector.Next(p.Layer, p.Keyframe || d.kind == media.Audio)
	if switched {
		d.start(p)
	}
	if forwarded {
		d.forward(p, switched)
	}
	d.seek(p)
}

// start continues the numbers for p, the first packet of a layer.
func (d *downTrack) start(p *media.Packet) {
	clock := d.source.at(p.Layer).lastClock()
	d.rewriter.Switch(p, clock)
	d.started, d.asked, d.dropping = true, false, false
	d.tell(clock)
}

// seek does what gets us to the layer we want: a joiner is given the pictures since the last keyframe if
// they are few, else the keyframe is asked for.
func (d *downTrack) seek(p *media.Packet) {
	target, waiting := d.selector.Waiting()
	if !waiting || d.kind == media.Audio {
		return
	}
	if !d.started && !d.tried && p.Layer == target {
		d.tried = true
		if d.replay(p) {
			return
		}
	}
	if !d.started && !d.tried {
		return // the first packet of the target will tell
	}
	if !d.asked || d.askedFor != target {
		d.asked, d.askedFor = true, target
		d.source.want(1 << target)
	}
}

// replay queues the group of pictures up to p, the newest packet; false when there is none that is short
// enough.
func (d *downTrack) replay(p *media.Packet) bool {
	layer := d.source.at(p.Layer)
	group := layer.ring.Group(p.Sequence, replayLimit)
	if group == nil {
		return false
	}
	d.selector.Begin(p.Layer)
	d.started = true
	clock := layer.lastClock()
	stamps := d.rewriter.Replay(group, clock)
	for i, g := range group {
		d.put(g, stamps[i], i == 0)
	}
	d.tell(clock)
	return true
}

// forward queues a packet of the current layer.
func (d *downTrack) forward(p *media.Packet, switched bool) {
	stamp := d.rewriter.Stamp(p)
	if d.dropping {
		if p.Timestamp == d.dropped {
			d.attendee.room.server.meters.dropped.WithLabelValues("queue").Inc()
			return
		}
		d.dropping = false
	}
	d.put(p, stamp, switched)
}

// put queues a packet, and if it cannot, sees that the rest of its picture is dropped too: the numbers of
// what was dropped stay free, so that the receiver knows of the loss.
func (d *downTrack) put(p *media.Packet, stamp forward.Stamp, switched bool) {
	payload := p.Payload
	if d.mime == mimeVP8 {
		payload = d.pictures.Rewrite(payload, switched)
	}
	if d.attendee.enqueue(outgoing{track: d, stamp: stamp, marker: p.Marker, payload: payload}) {
		return
	}
	d.attendee.room.server.meters.dropped.WithLabelValues("queue").Inc()
	if d.kind == media.Video {
		d.dropping, d.dropped = true, p.Timestamp
		d.source.want(1 << p.Layer)
	}
}

// report passes a sender report of the current layer on, in the attendee's timestamps.
func (d *downTrack) report(r media.SenderReport) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if current, ok := d.selector.Current(); ok && current == r.Layer && d.source != nil {
		d.tell(forward.Clock{NTP: r.NTP, Timestamp: r.Timestamp, Known: true})
	}
}

// tell queues a sender report, from which the attendee learns how sound and picture belong together.
func (d *downTrack) tell(c forward.Clock) {
	if c = d.rewriter.Report(c); c.Known {
		d.attendee.enqueue(outgoing{track: d, clock: c})
	}
}

// send writes to the network. It returns the bytes of the RTP packet, 0 for a report.
func (d *downTrack) send(o outgoing) (int, error) {
	w := d.writer.Load()
	if w == nil {
		return 0, nil
	}
	if o.clock.Known {
		d.mu.Lock()
		d.echo.Sent(o.clock.NTP, time.Now())
		d.mu.Unlock()
		return 0, d.attendee.session.pc.WriteRTCP([]rtcp.Packet{&rtcp.SenderReport{
			SSRC: w.ssrc, NTPTime: o.clock.NTP, RTPTime: o.clock.Timestamp, PacketCount: d.packetsSent, OctetCount: d.octetsSent,
		}})
	}
	d.packetsSent++
	d.octetsSent += uint32(len(o.payload))
	return w.to.WriteRTP(&rtp.Header{
		Version: 2, Marker: o.marker, PayloadType: w.payloadType, SSRC: w.ssrc,
		SequenceNumber: o.stamp.Sequence, Timestamp: o.stamp.Timestamp,
	}, o.payload)
}

// setLayer fixes the layer, takes the picture away, or with media.Auto lets the attendee's reports decide.
func (d *downTrack) setLayer(l media.Layer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l == d.wanted {
		return
	}
	d.wanted, d.fit = l, forward.NewFit(time.Now())
	d.mute(l == media.SoundOnly)
	d.selector.Want(min(l, media.High))
}

// mute stops or resumes the picture.
func (d *downTrack) mute(on bool) {
	if d.muted != on {
		d.muted, d.asked, d.dropping = on, false, false
		d.selector.Restart()
	}
}

// layer returns what is wanted of the track, what is sent of it, and whether the attendee's line is why that is not more.
func (d *downTrack) layer() (wanted, shown media.Layer, limited bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	shown = media.SoundOnly
	if current, active := d.selector.Current(); active && d.source != nil {
		shown = current
	}
	target, _ := d.selector.Target()
	return d.wanted, shown, d.wanted == media.Auto && d.source != nil && (d.muted || d.present>>(target+1) != 0)
}

// pictureLost asks for a keyframe of what the attendee sees.
func (d *downTrack) pictureLost() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if current, ok := d.selector.Current(); ok && d.source != nil && now.Sub(d.pleaded) >= complaintEvery {
		d.pleaded = now
		d.source.want(1 << current)
	}
}

// received takes what the attendee's report says of the track.
func (d *downTrack) received(r rtcp.ReceptionReport) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if trip, ok := d.echo.Heard(r.LastSenderReport, r.Delay, now); ok {
		d.fit.Trip(trip, now)
	}
	if share, ok := d.losses.Report(r.TotalLost, r.LastSequenceNumber, now); ok {
		d.fit.Loss(share, now)
	}
	d.decide(now)
}

// estimate takes what the attendee believes his link carries, in bit/s.
func (d *downTrack) estimate(available float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	d.fit.Estimate(available, now)
	d.decide(now)
}

// retry is decide while no picture is sent, of which there are no reports then.
func (d *downTrack) retry(now time.Time) {
	if now.Sub(d.retried) >= retryEvery {
		d.retried = now
		d.decide(now)
	}
}

// decide chooses the layer that the attendee's link carries. A screen has its full size or nothing.
func (d *downTrack) decide(now time.Time) {
	if d.kind != media.Video || d.wanted != media.Auto || d.source == nil {
		return
	}
	var layers []media.Layer
	var rates []float64
	present := d.source.present.load()
	for l := range media.Layers {
		if present&(1<<l) != 0 && (d.source.info.ID != Screen || present>>(l+1) == 0) {
			layers, rates = append(layers, l), append(rates, d.source.at(l).reading().BitsPerSecond)
		}
	}
	if !d.fit.Decide(rates, 0, now) {
		return
	}
	rung := d.fit.Rung()
	d.mute(rung == 0)
	if rung > 0 {
		d.selector.Want(layers[rung-1])
	}
}
