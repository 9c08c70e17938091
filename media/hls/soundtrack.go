package hls

import (
	"time"

	"lectern/media"
)

// Rules of the sound track, in samples of 48 kHz unless said otherwise.
const (
	// soundTolerance is how far a packet may lie from where it is put: three quarters of a packet. A hole
	// beyond it is filled with silence, an overlap beyond it costs a packet, so the sound stays within
	// 15 ms of the picture.
	soundTolerance = opusFrame * 3 / 4
	// soundGrace is how long sound may be late before silence takes its place: more than the reordering
	// in front of us (200 ms) and the jitter of a bad line.
	soundGrace = 400 * time.Millisecond
	// soundStalled is after how long without a packet nobody is heard: more than the 400 ms between two
	// packets of an encoder that saves silence, less than what ends the picture.
	soundStalled = time.Second
	// soundJump is a hole that is not filled but starts anew: the sender's clock jumped, or it slept.
	soundJump = 15 * 48000
	// soundLimit bounds what waits to be written: 60 s.
	soundLimit = 60 * 48000 / aacFrame
)

// soundtrack turns the packets of up to three microphones into AAC frames on a fixed grid: frame n of the grid
// covers the samples [1024 n, 1024 (n+1)) of the session timeline. Places for which there is no sound
// are silence, so the track has no holes and no discontinuities of its own, whatever happens to the
// microphones or to the encoder.
//
// A lecture with one microphone has an encoder with one input. When a second comes, another encoder takes over that
// mixes three; those of them that nobody speaks into are given silence at the pace of the others.
type soundtrack struct {
	ffmpeg  string
	onError func(error)

	voices [soundInputs]voice
	heard  time.Duration // when the last packet came, on the timeline
	child  *encoder
	base   int64         // grid place of the child's first frame
	got    int64         // frames that came out of it
	first  int64         // place of the first sample that went in
	spare  time.Duration // no new child before this, after one has failed

	frames map[int64][]byte
}

// voice is one microphone.
type voice struct {
	present bool // it is published
	clock   clock
	next    int64 // place of the next sample that goes into the child
}

func samplesAt(t time.Duration) int64 {
	return int64(t/time.Second)*48000 + int64(t%time.Second)*48000/int64(time.Second)
}

func timeOfSamples(n int64) time.Duration {
	return time.Duration(n/48000)*time.Second + time.Duration(n%48000)*time.Second/48000
}

// slot returns the grid frame whose start is nearest to a time: at most 10.7 ms away.
func slot(t time.Duration) int64 { return (samplesAt(t) + aacFrame/2) / aacFrame }

// attach starts a new microphone, whose clock starts afresh.
func (s *soundtrack) attach(n int, sender *senderClock) {
	if s.child != nil && (s.present() < 2 && s.voices[n].present || n >= len(s.child.inputs)) {
		s.child.closeInput() // the only one begins anew, or one more comes than the child takes
	}
	v := &s.voices[n]
	v.present, v.clock = true, clock{rate: 48000, sender: sender}
}

// present counts the microphones.
func (s *soundtrack) present() (n int) {
	for i := range s.voices {
		if s.voices[i].present {
			n++
		}
	}
	return n
}

// detach ends a microphone. What the child still holds of the last comes out and is used.
func (s *soundtrack) detach(n int) {
	s.voices[n].present = false
	if s.child != nil && s.present() == 0 {
		s.child.closeInput()
	}
}

// detachAll ends the sound.
func (s *soundtrack) detachAll() {
	for n := range s.voices {
		s.detach(n)
	}
}

// started says whether somebody has been heard who is present.
func (s *soundtrack) started() bool {
	for i := range s.voices {
		if s.voices[i].present && s.voices[i].clock.started {
			return true
		}
	}
	return false
}

// alive says whether somebody is heard.
func (s *soundtrack) alive(now time.Duration) bool {
	return s.started() && now-s.heard < soundStalled
}

// packet takes one Opus packet of a microphone.
func (s *soundtrack) packet(n int, p *media.Packet, now time.Duration) {
	samples := opusSamples(p.Payload)
	v := &s.voices[n]
	if samples == 0 || !v.present {
		return
	}
	at := samplesAt(v.clock.at(p.Timestamp, now))
	s.heard = now
	if s.child != nil && !s.child.closed && (at-v.next > soundJump || v.next-at > soundJump) {
		s.child.closeInput()
	}
	if !s.listen(at, now) {
		return
	}
	if at-v.next <= -soundTolerance {
		return // an overlap: the place is taken
	}
	s.fill(n, at-v.next)
	if !s.child.write(n, p.Payload, samples) {
		s.child.stop() // its end is noticed by received
		return
	}
	v.next += samples
	for i := range s.child.inputs {
		if !s.voices[i].present {
			s.fill(i, v.next-s.voices[i].next)
		}
	}
}

// listen makes sure that a child listens, which starts at a sample of the timeline.
func (s *soundtrack) listen(at int64, now time.Duration) bool {
	if s.child != nil {
		return !s.child.closed // one that is ending is waited for, which takes milliseconds
	}
	first := max(at-opusLookahead, 0)
	pad := first % aacFrame
	if now < s.spare {
		return false
	}
	voices := 1
	if s.present() > 1 || !s.voices[0].present {
		voices = soundInputs
	}
	child, err := startEncoder(s.ffmpeg, pad, voices)
	if err != nil {
		s.spare = now + 5*time.Second
		s.onError(err)
		return false
	}
	s.child, s.base, s.got, s.first = child, first/aacFrame-aacPriming, 0, at
	for i := range s.voices {
		s.voices[i].next = at
	}
	return true
}

// fill puts silence into a hole of so many samples, as near as whole packets come.
func (s *soundtrack) fill(n int, hole int64) {
	for ; hole >= soundTolerance; hole -= opusFrame {
		if !s.child.write(n, opusSilence, opusFrame) {
			s.child.stop()
			return
		}
		s.voices[n].next += opusFrame
	}
}

// tick keeps the encoder going while nothing arrives, or its output would freeze.
func (s *soundtrack) tick(now time.Duration) {
	if s.child == nil || s.child.closed {
		return
	}
	for i := range s.child.inputs {
		if late := samplesAt(now-soundGrace) - s.voices[i].next; late > 0 && late < soundJump {
			s.fill(i, late+opusFrame)
		}
	}
}

// output is where frames come from, nil without a child.
func (s *soundtrack) output() <-chan []byte {
	if s.child == nil {
		return nil
	}
	return s.child.frames
}

// received takes a frame from output, or its end.
func (s *soundtrack) received(frame []byte, ok bool, now time.Duration) {
	if !ok {
		if s.child.err != nil {
			s.spare = now + time.Second
			s.onError(s.child.err)
		}
		s.child = nil
		return
	}
	place := s.base + s.got
	s.got++
	if _, taken := s.frames[place]; taken || len(s.frames) >= soundLimit {
		return
	}
	s.frames[place] = frame
}

// complete says whether all frames before a grid place are here, or never will be.
func (s *soundtrack) complete(end int64) bool {
	return s.child == nil || s.base+s.got >= end
}

// behind is how much sound the encoder holds, or has not yet got to.
func (s *soundtrack) behind() time.Duration {
	if s.child == nil {
		return 0
	}
	next := s.voices[0].next
	for i := range s.child.inputs {
		next = min(next, s.voices[i].next) // the mix waits for the last
	}
	return timeOfSamples(max(next-(s.base+s.got)*aacFrame, 0))
}

// take returns the frames of the places [from, to), silence where there is none, and forgets all
// before to.
func (s *soundtrack) take(from, to int64) [][]byte {
	out := make([][]byte, 0, max(to-from, 0))
	for n := from; n < to; n++ {
		frame, ok := s.frames[n]
		if !ok {
			frame = aacSilence
		}
		out = append(out, frame)
	}
	s.forget(to)
	return out
}

// forget drops the frames before a place.
func (s *soundtrack) forget(before int64) {
	for n := range s.frames {
		if n < before {
			delete(s.frames, n)
		}
	}
}
