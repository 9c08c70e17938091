package sfu

import (
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"lectern/media"
	"lectern/media/forward"
)

const (
	// glance is how long a reader that waits for a missing packet sleeps: retransmissions come on a stream
	// of their own, which is looked at before each read.
	glance = 20 * time.Millisecond
	// maxBadReads is how many packets in a row may be unreadable before the session is given up.
	maxBadReads = 100
)

// upLayer is one RTP stream of a track. One goroutine reads it and makes all calls of sinks for it.
type upLayer struct {
	track    *upTrack
	layer    media.Layer
	remote   *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
	ring     *forward.Ring
	heard    atomic.Int64                       // arrival of the newest packet, in nanoseconds since publisher.born
	left     atomic.Int64                       // when its sender took leave, like heard; older than heard once it is back
	report   atomic.Pointer[media.SenderReport] // not yet told to the sinks
	clock    atomic.Pointer[forward.Clock]      // of the newest report
	level    uint8                              // ID of the header extension with the loudness, 0 for none

	police   *forward.Police // these belong to the reader
	order    *forward.Reorder
	counted  forward.ReorderCounts
	keyframe uint32 // timestamp of the last keyframe
	keyed    bool

	mu            sync.Mutex
	meter         forward.Meter
	width, height int
}

// read forwards the stream until the connection is closed.
func (l *upLayer) read() {
	buffer := make([]byte, receiveMTU)
	var header rtp.Header
	hurried := false
	for bad := 0; bad < maxBadReads; {
		if _, waiting := l.order.Deadline(); waiting {
			hurried = true
			_ = l.remote.SetReadDeadline(time.Now().Add(glance))
		} else if hurried {
			hurried = false
			_ = l.remote.SetReadDeadline(time.Time{})
		}
		n, _, err := l.remote.Read(buffer)
		var late net.Error
		switch {
		case err == nil && l.push(&header, buffer[:n]):
			bad = 0
		case errors.As(err, &late) && late.Timeout():
		case l.closed():
			return
		default:
			bad++
		}
		l.forward()
	}
	// Nobody would read this stream again, while the rest of the session goes on: a picture that stands still for ever.
	// The client opens another session within a second.
	l.track.publisher.session.server.log.Warn("a stream cannot be read: the session ends", "room", l.track.publisher.room.name,
		"session", l.track.publisher.session.short(), "track", l.track.source, "layer", l.layer.RID())
	l.track.publisher.session.Close()
}

func (l *upLayer) closed() bool {
	select {
	case <-l.track.publisher.session.closing:
		return true
	default:
		return false
	}
}

// push takes one RTP packet into order; false if it is malformed or of another codec.
func (l *upLayer) push(h *rtp.Header, packet []byte) bool {
	n, err := h.Unmarshal(packet)
	if err != nil || webrtc.PayloadType(h.PayloadType) != l.remote.PayloadType() {
		return false
	}
	payload := packet[n:]
	if h.Padding && len(payload) > 0 {
		padding := int(payload[len(payload)-1])
		if padding == 0 || padding > len(payload) {
			return false
		}
		payload = payload[:len(payload)-padding]
	}
	now := time.Now()
	m := l.track.publisher.session.server.meters
	if !l.police.Take(len(packet), now) {
		m.dropped.WithLabelValues("policed").Inc()
		l.track.publisher.exceeded(now)
		return true // well formed, and not to be the end of the stream
	}
	m.packetsIn.Inc()
	m.bytesIn.Add(float64(len(packet)))
	l.order.Push(h.SequenceNumber, forward.Received{
		Timestamp: h.Timestamp, Marker: h.Marker, Payload: append([]byte(nil), payload...), Arrival: now,
	})
	if l.level != 0 {
		l.track.hear(h.GetExtension(l.level), now)
	}
	since := int64(now.Sub(l.track.publisher.born))
	if left := l.left.Load(); left == 0 || since-left > int64(leaveTaken) {
		l.heard.Store(since)
		l.track.show()
	}
	l.track.publisher.heard.Store(since)
	if l.track.shown.Load() {
		l.track.present.add(l.layer)
	}
	return true
}

// forward gives the packets that are in order to the ring and the sinks.
func (l *upLayer) forward() {
	now := time.Now()
	for {
		o, ok := l.order.Pop(now)
		if !ok {
			break
		}
		p := &media.Packet{
			Track: l.track.source, Layer: l.layer, Sequence: o.Sequence, Timestamp: o.Timestamp,
			Marker: o.Marker, Keyframe: l.startsKeyframe(o), Arrival: o.Arrival, Payload: o.Payload,
		}
		l.measure(p)
		l.deliver(p)
	}
	l.count(now)
}

// deliver gives a packet to those who may have it: backstage, and if it is on air, to the sinks.
func (l *upLayer) deliver(p *media.Packet) {
	t := l.track
	if p.Keyframe && t.awaited.Load() {
		t.publisher.room.enter(t)
	}
	if t.shown.Load() { // not what was on its way when it ended
		t.began.Store(true)
	}
	if t.info.Kind == media.Audio {
		for _, m := range *t.publisher.room.monitors.Load() {
			m.hear(t, p)
		}
	}
	o := t.output.Load()
	if o == nil {
		l.ring.Push(p)
		return
	}
	p.Track = o.id
	l.ring.Push(p)
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.from == t && !p.Arrival.Before(o.since) {
		l.give(p, *t.publisher.room.sinks.Load())
	}
}

// give hands a packet to the sinks, after the report that came before it.
func (l *upLayer) give(p *media.Packet, sinks []media.Sink) {
	if report := l.report.Swap(nil); report != nil {
		said := *report
		said.Track = p.Track
		for _, s := range sinks {
			s.WriteSenderReport(said)
		}
	}
	for _, s := range sinks {
		s.WritePacket(p)
	}
}

// startsKeyframe is true for the first packet of a keyframe only.
func (l *upLayer) startsKeyframe(o forward.Ordered) bool {
	if l.track.info.Kind != media.Video || l.keyed && l.keyframe == o.Timestamp || !forward.Keyframe(l.track.info.MimeType, o.Payload) {
		return false
	}
	l.keyed, l.keyframe = true, o.Timestamp
	return true
}

func (l *upLayer) measure(p *media.Packet) {
	l.mu.Lock()
	l.meter.Packet(p.Arrival, len(p.Payload), p.Marker)
	if p.Keyframe {
		if w, h, ok := forward.Size(l.track.info.MimeType, p.Payload); ok {
			l.width, l.height = w, h
		}
	}
	l.mu.Unlock()
	if p.Keyframe {
		l.track.mu.Lock()
		l.track.gate.Arrived(l.layer, p.Arrival)
		l.track.mu.Unlock()
	}
}

// count adds what Reorder has dropped since the last time to the metrics.
func (l *upLayer) count(now time.Time) {
	c := l.order.Counts
	if c == l.counted {
		return
	}
	m := l.track.publisher.session.server.meters
	m.dropped.WithLabelValues("duplicate").Add(float64(c.Duplicate - l.counted.Duplicate))
	m.dropped.WithLabelValues("padding").Add(float64(c.Padding - l.counted.Padding))
	if lost := c.Lost - l.counted.Lost; lost > 0 {
		m.dropped.WithLabelValues("lost").Add(float64(lost))
		l.mu.Lock()
		l.meter.Lost(now, int(min(lost, 1<<16)))
		l.mu.Unlock()
	}
	l.counted = c
}

// readReports keeps the newest sender report for the reader. Reading is also what lets the interceptors
// see the reports.
func (l *upLayer) readReports() {
	for {
		packets, err := l.rtcp()
		if err != nil {
			return
		}
		for _, p := range packets {
			if bye, ok := p.(*rtcp.Goodbye); ok && slices.Contains(bye.Sources, uint32(l.remote.SSRC())) {
				l.left.Store(int64(time.Since(l.track.publisher.born)))
			}
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == uint32(l.remote.SSRC()) {
				sr.NTPTime = l.track.publisher.ourTime(sr.NTPTime)
				l.clock.Store(&forward.Clock{NTP: sr.NTPTime, Timestamp: sr.RTPTime, Known: true})
				l.report.Store(&media.SenderReport{
					Track: l.track.source, Layer: l.layer, NTP: sr.NTPTime, Timestamp: sr.RTPTime, Arrival: time.Now(),
				})
			}
		}
	}
}

func (l *upLayer) rtcp() (packets []rtcp.Packet, err error) {
	if rid := l.remote.RID(); rid != "" {
		packets, _, err = l.receiver.ReadSimulcastRTCP(rid)
		return packets, err
	}
	packets, _, err = l.receiver.ReadRTCP()
	return packets, err
}

// reading returns the layer's rates of the last two seconds.
func (l *upLayer) reading() forward.Reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.meter.Read(time.Now())
}

func (l *upLayer) lastClock() forward.Clock {
	if c := l.clock.Load(); c != nil {
		return *c
	}
	return forward.Clock{}
}
