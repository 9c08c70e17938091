package sfu

import (
	"time"

	"github.com/pion/webrtc/v4"

	"lectern/media"
)

// audioLevel is the header extension in which a client says how loud each packet of sound is (RFC 6464).
const audioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

// levelExtension returns the extension's ID as negotiated, 0 for none.
func levelExtension(receiver *webrtc.RTPReceiver) uint8 {
	for _, e := range receiver.GetParameters().HeaderExtensions {
		if e.URI == audioLevel && e.ID > 0 && e.ID < 256 {
			return uint8(e.ID)
		}
	}
	return 0
}

// hear takes the extension of a packet: the level in seven bits, below a bit that says whether the client takes it for a
// voice, which browsers differ in and we do not use. Who speaks without having a place among the sounds gets one soon.
func (t *upTrack) hear(extension []byte, now time.Time) {
	if len(extension) == 0 || t.info.Kind != media.Audio {
		return
	}
	t.mu.Lock()
	t.levels = true
	t.voice.Hear(extension[0]&0x7f, now)
	speaks := t.voice.Spoke().Equal(now)
	t.mu.Unlock()
	if speaks && t.output.Load() == nil {
		t.publisher.room.renew(now)
	}
}
