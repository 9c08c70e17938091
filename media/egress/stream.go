package egress

import (
	"math/rand/v2"
	"strings"
	"time"

	"lectern/media"
	"lectern/media/forward"
)

const (
	// replayLimit is the largest group of pictures, in packets, that a joiner gets from the ring.
	replayLimit = 128
	// jumpLimit is the same for who changes to another layer because of his line, jumpByHand for who asked for it.
	jumpLimit  = 24
	jumpByHand = 192
	// replayKept is how long a replayed packet may be asked for again.
	replayKept = 3 * time.Second
	// askAgain is how long to wait before asking again for a keyframe that has not come.
	askAgain = time.Second
	// complaintEvery is how often one attendee may ask for a keyframe, which costs all others bandwidth too.
	complaintEvery = time.Second
	// farAhead is the step between two packets from which on the numbers are not believed: the receiver's
	// rollover counter would go wrong (RFC 3711 section 3.3.1 guesses within 32,768).
	farAhead = 4096
	// rtxShare is the share of what is sent that may be sent again, and rtxBurst what may be at once, in bytes.
	// A line in front of which packets wait would only get fuller.
	rtxShare     = 2  // a half
	rtxShareFull = 10 // a tenth, of a line that is full
	rtxBurst     = 64 << 10
	// rtxPause is how soon the same packet is sent again once more, in percent of the round trip: round trips vary.
	rtxPause = 70
)

// stream is one section of an attendee: what he gets of one track. It belongs to his worker.
type stream struct {
	track   string
	staged  bool // shows the screen in the place of the camera while one is shared
	kind    media.Kind
	vp8     bool
	number  uint8 // payload type
	rtx     uint8
	ssrc    uint32
	rtxSSRC uint32
	in      *intake // nil while the track is not there

	present  uint8
	selector forward.Selector
	rewriter *forward.Rewriter
	pictures forward.VP8Rewriter
	history  forward.History
	lastIn   uint64 // sequence of the last packet forwarded

	losses forward.Losses
	echo   forward.Echo
	muted  bool // no picture
	thin   thinning

	started  bool
	replayed time.Time // when a group was, zero when none is remembered
	asked    time.Time
	pleaded  time.Time
	dropping bool   // TCP was congested: until the picture with the timestamp ends
	dropped  uint32 // its timestamp

	packets, octets uint32
	credit          int // bytes that may be sent again
	rtxSequence     uint16
	answers         *forward.Answers // nil until he asks for a packet
	late            shuffled
}

func newStream(p plan) stream {
	s := stream{
		track: p.track, kind: p.section.kind, vp8: p.codec.mime == mimeVP8,
		number: p.codec.number, rtx: p.codec.rtx, ssrc: p.ssrc, rtxSSRC: p.rtxSSRC,
		rewriter: forward.NewRewriter(clockRate(p.section.kind), forward.Stamp{Sequence: uint16(rand.Uint32() & 0x7fff), Timestamp: rand.Uint32()}),
		credit:   rtxBurst / 2, rtxSequence: uint16(rand.Uint32() & 0x7fff),
	}
	s.selector.Want(media.High)
	return s
}

func clockRate(k media.Kind) uint32 {
	if k == media.Audio {
		return 48000
	}
	return 90000
}

// source returns which of a room's tracks the stream shows; nil for none.
func (s *stream) source(intakes map[string]*intake) *intake {
	if in := intakes[screenTrack]; s.staged && in != nil && strings.EqualFold(in.feed.info.MimeType, mimeVP8) == s.vp8 {
		return in
	}
	return intakes[s.track]
}

// follow takes another source, or nil for none. The stream to the attendee goes on where it was.
func (s *stream) follow(in *intake) {
	if s.in == in {
		return
	}
	s.in, s.present = in, 0
	s.selector.Restart()
	s.selector.SetPresent(0)
	s.rewriter.Restart()
	s.history.Forget()
	s.lastIn, s.asked, s.thin.next = 0, time.Time{}, 0
}

// advance sends what is new.
func (s *stream) advance(w *worker, v *viewer, to *path) {
	s.release(w, v, to)
	in := s.in
	if in == nil || s.muted {
		return
	}
	if in.present != s.present {
		s.present = in.present
		s.selector.SetPresent(in.present)
	}
	if s.thin.on {
		s.trickle(w, v, to)
		return
	}
	current, active := s.selector.Current()
	if target, waiting := s.selector.Waiting(); waiting {
		lane := &in.lanes[target]
		if at := s.entry(lane); at >= 0 {
			if active {
				s.emit(w, v, to, in.lanes[current].before(lane.items[at].Arrival), false)
			}
			s.begin(w, target, lane.items[at].Packet)
			s.emit(w, v, to, lane.items[at:], true)
			return
		}
		if !s.started && s.replay(w, v, to, target) || active && s.jump(w, v, to, target) {
			return
		}
		s.ask(v, w.now)
	}
	if active {
		s.emit(w, v, to, in.lanes[current].items, false)
	}
}

// entry returns where in a lane's items to begin: at a keyframe, or with sound anywhere; -1 for not now.
func (s *stream) entry(p *pending) int {
	if s.kind == media.Audio && len(p.items) > 0 {
		return 0
	}
	return p.key
}

// begin goes on with layer l from p on.
func (s *stream) begin(w *worker, l media.Layer, p *media.Packet) {
	s.selector.Begin(l)
	s.rewriter.Switch(p, s.in.feed.clockOf(l, w.now))
	s.started, s.asked, s.lastIn = true, time.Time{}, p.Sequence
}

// replay gives a joiner the pictures since the last keyframe, of the layer he should get or of a lower one, so
// that he sees something at once; false when they are too many everywhere.
func (s *stream) replay(w *worker, v *viewer, to *path, target media.Layer) bool {
	if s.kind == media.Audio {
		return false
	}
	for l := int(target); l >= 0; l-- {
		if s.present&(1<<l) == 0 {
			continue
		}
		group := s.in.feed.lanes[l].ring.Group(s.in.lanes[l].cursor, replayLimit)
		if group == nil {
			continue
		}
		layer := media.Layer(l)
		s.selector.Begin(layer)
		s.repeat(w, v, to, group, s.rewriter.Replay(group, s.in.feed.clockOf(layer, w.now)))
		return true
	}
	return false
}

// jump goes to another layer by the pictures since its last keyframe, when they are few: the publisher gives no other keyframe
// so soon. The numbers of a VP8 payload would have to be remembered for each of them, so that one waits.
func (s *stream) jump(w *worker, v *viewer, to *path, target media.Layer) bool {
	limit := jumpLimit
	if v.wanted != media.Auto {
		limit = jumpByHand
	}
	if s.kind == media.Audio || s.vp8 {
		return false
	}
	group := s.in.feed.lanes[target].ring.Group(s.in.lanes[target].cursor, limit)
	if group == nil {
		return false
	}
	s.selector.Begin(target)
	s.repeat(w, v, to, group, s.rewriter.CatchUp(group, s.in.feed.clockOf(target, w.now)))
	return true
}

// repeat sends a group of pictures from the ring.
func (s *stream) repeat(w *worker, v *viewer, to *path, group []*media.Packet, stamps []forward.Stamp) {
	s.history.Replayed(group, stamps)
	s.started, s.asked, s.replayed, s.lastIn = true, time.Time{}, w.now, group[len(group)-1].Sequence
	for i, p := range group {
		var shift forward.VP8Shift
		if s.vp8 {
			shift = s.pictures.Next(p.Payload, i == 0)
		}
		s.send(w, v, to, item{Packet: p}, stamps[i], shift)
	}
	w.server.meters.replays.Inc()
}

// ask asks for the keyframe that is waited for.
func (s *stream) ask(v *viewer, now time.Time) {
	if s.kind == media.Video && now.Sub(s.asked) >= askAgain {
		s.asked = now
		v.room.server.meters.keyframes.Inc()
		v.room.source.RequestKeyframe(s.in.feed.info.ID)
	}
}

// emit sends packets of the current layer.
func (s *stream) emit(w *worker, v *viewer, to *path, items []item, switched bool) {
	for i, it := range items {
		p := it.Packet
		if p.Sequence <= s.lastIn && s.lastIn != 0 && !switched {
			continue // was part of the replayed group
		}
		if p.Sequence-s.lastIn > farAhead && s.lastIn != 0 {
			s.rewriter.Switch(p, s.in.feed.clockOf(p.Layer, w.now))
		}
		s.lastIn = p.Sequence
		stamp := s.rewriter.Stamp(p)
		var shift forward.VP8Shift
		if s.vp8 {
			shift = s.pictures.Next(p.Payload, switched && i == 0)
		}
		s.history.Sent(p, stamp, shift)
		s.send(w, v, to, it, stamp, shift)
	}
}

// send seals a packet and puts it into the outbox.
func (s *stream) send(w *worker, v *viewer, to *path, it item, stamp forward.Stamp, shift forward.VP8Shift) {
	if s.dropping {
		if it.Timestamp == s.dropped {
			w.congested++
			return
		}
		s.dropping = false
	}
	r := rtpPacket{number: s.number, marker: it.Marker, stamp: stamp, ssrc: s.ssrc, payload: it.Payload, shift: shift}
	if s.rtxSSRC != 0 {
		// Without a stream of its own a retransmission must equal the packet sent first to the last byte, or two
		// packets would be sealed with one nonce. So only those get padding who have one.
		r.pad = it.pad
	}
	if s.late.On() && to.tcp == nil {
		s.packets++
		s.octets += uint32(len(it.Payload))
		if it.Marker {
			s.late.Sent()
			s.withhold(w, v, to, pilot{w.now.Add(pilotLag), it.Packet, stamp, shift})
			return
		}
		s.again(&r)
	}
	n := v.sealRTP(w.out.room(), &r)
	if n == 0 {
		return
	}
	if !r.rtx {
		s.packets++
		s.octets += uint32(len(it.Payload))
	}
	s.late.Sent()
	s.credit = min(s.credit+n/v.share, rtxBurst)
	w.packets++
	w.bytes += n
	if !w.out.put(to, n) {
		w.congested++
		if s.kind == media.Video {
			s.dropping, s.dropped = true, it.Timestamp
			s.plead(v, w.now)
		}
	}
}

// resend sends a packet again that the attendee misses; false when it cannot be found or the budget is spent.
func (s *stream) resend(w *worker, v *viewer, to *path, sequence uint16) bool {
	if s.answers == nil {
		s.answers = &forward.Answers{}
	}
	if s.answers.First(sequence) {
		s.late.Asked()
	}
	origin, ok := s.history.Find(sequence)
	if !ok || s.in == nil {
		return false
	}
	p := s.in.feed.lanes[origin.Layer].ring.Get(origin.Sequence)
	if p == nil || s.credit < len(p.Payload) || !s.answers.Due(sequence, w.now, v.fit.RoundTrip()*rtxPause/100) {
		return false
	}
	r := rtpPacket{
		number: s.number, marker: p.Marker, ssrc: s.ssrc, payload: p.Payload, shift: origin.Picture,
		stamp: forward.Stamp{Sequence: sequence, Timestamp: p.Timestamp + origin.Shift},
	}
	if s.rtxSSRC != 0 {
		s.again(&r)
	}
	n := v.sealRTP(w.out.room(), &r)
	if n == 0 {
		return false
	}
	s.credit -= n
	s.answers.Given(sequence, w.now)
	return w.out.put(to, n)
}

// again makes a packet one of the stream of retransmissions (RFC 4588).
func (s *stream) again(r *rtpPacket) {
	s.rtxSequence++
	r.number, r.ssrc, r.original, r.rtx = s.rtx, s.rtxSSRC, r.stamp.Sequence, true
	r.stamp.Sequence = s.rtxSequence
}

// plead asks for a keyframe because the attendee has lost the picture, not too often.
func (s *stream) plead(v *viewer, now time.Time) {
	if s.kind == media.Video && s.in != nil && !s.muted && now.Sub(s.pleaded) >= complaintEvery {
		s.pleaded = now
		v.room.server.meters.keyframes.Inc()
		v.room.source.RequestKeyframe(s.in.feed.info.ID)
	}
}

// mute stops or resumes the picture.
func (s *stream) mute(on bool) {
	if s.muted == on {
		return
	}
	s.muted, s.asked, s.thin.next = on, time.Time{}, 0
	s.selector.Restart()
}
