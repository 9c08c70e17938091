package egress

import (
	"time"

	"lectern/media"
	"lectern/media/forward"
)

const (
	// pilotLag is how much later than the rest the last packet of a picture goes out to who gets packets in another order:
	// what has not come by then is lost.
	pilotLag = 50 * time.Millisecond
	// pilotsHeld is how many may wait; then the oldest goes out early.
	pilotsHeld = 8
)

// shuffled is how a stream reaches a receiver on whose line packets overtake each other. Browsers (libwebrtc) ask for such
// packets at once, which wastes the line, and regard their pictures as delayed by retransmission, from which they do not
// learn when to show a picture: on such a line it is hardly ever shown in time. But they never miss a packet that comes
// in the stream of retransmissions (RFC 4588), nor the ones before it. So all go there, except the last of each picture: that
// one comes plainly and later, and only by it the receiver sees what is missing.
type shuffled struct {
	forward.Overtaking
	losses forward.Losses // of the stream of retransmissions
	pilots []pilot
}

// pilot is the last packet of a picture that waits.
type pilot struct {
	due    time.Time
	packet *media.Packet
	stamp  forward.Stamp
	shift  forward.VP8Shift
}

// withhold keeps the last packet of a picture back.
func (s *stream) withhold(w *worker, v *viewer, to *path, p pilot) {
	if len(s.late.pilots) == pilotsHeld {
		s.launch(w, v, to, 1)
	}
	s.late.pilots = append(s.late.pilots, p)
}

// release sends the packets that were kept back long enough.
func (s *stream) release(w *worker, v *viewer, to *path) {
	n := 0
	for n < len(s.late.pilots) && (!s.late.On() || !s.late.pilots[n].due.After(w.now)) {
		n++
	}
	if n > 0 {
		s.launch(w, v, to, n)
	}
}

// launch sends the first n packets that were kept back.
func (s *stream) launch(w *worker, v *viewer, to *path, n int) {
	for _, p := range s.late.pilots[:n] {
		size := v.sealRTP(w.out.room(), &rtpPacket{
			number: s.number, marker: p.packet.Marker, stamp: p.stamp, ssrc: s.ssrc, payload: p.packet.Payload, shift: p.shift,
		})
		if size > 0 {
			w.packets++
			w.bytes += size
			w.out.put(to, size)
		}
	}
	s.late.pilots = append(s.late.pilots[:0], s.late.pilots[n:]...)
	clear(s.late.pilots[len(s.late.pilots):cap(s.late.pilots)])
}
