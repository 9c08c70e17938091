package egress

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"lectern/media"
	"lectern/media/forward"
)

// cname names us as the one source of sound and picture, which are played in step (RFC 3550 section 6.5.1).
const cname = "lectern"

// reportEvery is how often an attendee gets sender reports.
const reportEvery = time.Second

// viewer is what a worker has of an attendee. Nobody else touches it.
type viewer struct {
	a       *attendee
	room    *Room
	seal    *srtp.Context
	header  rtp.Header // scratch for seal
	streams []stream   // pictures first, so that a shorter packet of sound ends their run
	station *station   // nil before he joins and after he leaves
	place   int        // where in station.viewers
	told    time.Time  // when the last sender report went out
	fit     forward.Fit
	wanted  media.Layer // as the attendee has chosen
	silent  bool        // nothing is sent because nothing is heard of him
	share   int         // one part in so many of what is sent may be sent again
}

func newViewer(a *attendee, seal *srtp.Context, now time.Time) *viewer {
	v := &viewer{a: a, room: a.room, seal: seal, fit: forward.NewFit(now), wanted: media.Auto, share: rtxShare}
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		for _, p := range a.plans {
			if p.track != "" && p.section.kind == kind {
				v.streams = append(v.streams, newStream(p))
			}
		}
	}
	if pictures := count(v.streams, media.Video); pictures == 1 {
		v.streams[0].staged = true
	}
	return v
}

func count(streams []stream, kind media.Kind) (n int) {
	for i := range streams {
		if streams[i].kind == kind {
			n++
		}
	}
	return n
}

// rtpPacket is a packet to be sealed.
type rtpPacket struct {
	number   uint8
	marker   bool
	rtx      bool
	pad      uint8
	original uint16 // the sequence number that rtx repeats (RFC 4588 section 4)
	stamp    forward.Stamp
	ssrc     uint32
	payload  []byte
	shift    forward.VP8Shift
}

// rtpHeader is the size of a header without extensions, in bytes.
const rtpHeader = 12

// sealRTP writes a sealed packet into the room at dst and returns its size, 0 when it does not fit.
func (v *viewer) sealRTP(dst []byte, r *rtpPacket) int {
	n := rtpHeader + len(r.payload) + int(r.pad)
	if r.rtx {
		n += 2
	}
	if n > readMTU+2+padMost {
		return 0
	}
	b := dst[:n]
	b[0] = 0x80
	b[1] = r.number
	if r.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], r.stamp.Sequence)
	binary.BigEndian.PutUint32(b[4:], r.stamp.Timestamp)
	binary.BigEndian.PutUint32(b[8:], r.ssrc)
	body := b[rtpHeader:]
	if r.rtx {
		binary.BigEndian.PutUint16(body, r.original)
		body = body[2:]
	}
	copy(body, r.payload)
	r.shift.Apply(body[:len(r.payload)])
	if r.pad > 0 {
		b[0] |= 0x20
		clear(body[len(r.payload):])
		b[n-1] = r.pad
	}
	sealed, err := v.seal.EncryptRTP(b, b, &v.header)
	if err != nil || &sealed[0] != &b[0] {
		return 0
	}
	return len(sealed)
}

// advance sends what is new in all streams.
func (v *viewer) advance(w *worker) {
	to := v.a.path.Load()
	if to == nil || v.silent {
		return
	}
	for i := range v.streams {
		v.streams[i].advance(w, v, to)
	}
}

// hear follows the attendee's feedback.
func (v *viewer) hear(w *worker, f *feedback) {
	to := v.a.path.Load()
	if to == nil {
		return
	}
	m := w.server.meters
	for _, n := range f.missing {
		m.nacks.Inc()
		if s := v.stream(n.ssrc); s != nil && s.resend(w, v, to, n.sequence) {
			w.resent++
		}
	}
	for _, ssrc := range f.lost {
		if s := v.stream(ssrc); s != nil {
			s.plead(v, w.now)
		}
	}
	for i := range f.received {
		v.weigh(&f.received[i], w.now)
	}
	if f.estimate > 0 {
		v.fit.Estimate(f.estimate, w.now)
	}
}

// weigh takes what a receiver report says of a stream, or of its retransmissions.
func (v *viewer) weigh(r *rtcp.ReceptionReport, now time.Time) {
	s, plain := v.stream(r.SSRC), true
	if s == nil {
		if s, plain = v.stream(r.SSRC^rtxBit), false; s == nil || s.rtxSSRC != r.SSRC {
			return
		}
	}
	losses := &s.losses
	if !plain {
		losses = &s.late.losses
	} else if trip, ok := s.echo.Heard(r.LastSenderReport, r.Delay, now); ok {
		v.fit.Trip(trip, now)
	}
	share, ok := losses.Report(r.TotalLost, r.LastSequenceNumber, now)
	// What is counted is the stream in which most of the packets go.
	if ok && s.kind == media.Video && s.late.On() != plain {
		s.late.Lost(share)
		v.fit.Loss(share, now)
	}
}

func (v *viewer) stream(ssrc uint32) *stream {
	for i := range v.streams {
		if v.streams[i].ssrc == ssrc {
			return &v.streams[i]
		}
	}
	return nil
}

// upkeep decides on layers and sends reports when they are due.
func (v *viewer) upkeep(w *worker) {
	if v.silent {
		return
	}
	if v.a.silentSince(w.server.now()) {
		v.fallSilent()
	}
	v.decide(w)
	v.share = rtxShare
	if v.fit.Queued(w.now) {
		v.share = rtxShareFull
	}
	for i := range v.streams {
		s := &v.streams[i]
		v.reconsider(w, s)
		if !s.replayed.IsZero() && w.now.Sub(s.replayed) > replayKept {
			s.history.EndReplay()
			s.replayed = time.Time{}
		}
	}
	if w.now.Sub(v.told) >= reportEvery {
		v.report(w)
	}
}

// reconsider sees whether packets overtake each other on the way to him.
func (v *viewer) reconsider(w *worker, s *stream) {
	if s.kind != media.Video || s.rtxSSRC == 0 {
		return
	}
	if s.late.Judge(w.now) {
		s.losses, s.late.losses = forward.Losses{}, forward.Losses{}
	}
	if to := v.a.path.Load(); to != nil {
		s.release(w, v, to)
	}
}

// report sends the publisher's clock in the attendee's timestamps, by which sound and picture are played in step.
func (v *viewer) report(w *worker) {
	to := v.a.path.Load()
	if to == nil {
		return
	}
	var packets []rtcp.Packet
	var names rtcp.SourceDescription
	for i := range v.streams {
		s := &v.streams[i]
		l, active := s.selector.Current()
		if !active || s.in == nil {
			continue
		}
		c := s.rewriter.Report(s.in.feed.clockOf(l, w.now))
		if !c.Known {
			continue
		}
		s.echo.Sent(c.NTP, w.now)
		packets = append(packets, &rtcp.SenderReport{SSRC: s.ssrc, NTPTime: c.NTP, RTPTime: c.Timestamp, PacketCount: s.packets, OctetCount: s.octets})
		names.Chunks = append(names.Chunks, rtcp.SourceDescriptionChunk{
			Source: s.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: cname}},
		})
	}
	if len(packets) == 0 {
		return
	}
	v.told = w.now
	clear, err := rtcp.Marshal(append(packets, &names))
	if err != nil {
		return
	}
	b := w.out.room()
	b = append(b, clear...)
	sealed, err := v.seal.EncryptRTCP(b, b, nil)
	if err != nil || &sealed[0] != &b[0] {
		return
	}
	w.out.put(to, len(sealed))
}
