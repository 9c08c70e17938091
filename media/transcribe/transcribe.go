// Package transcribe turns the sound of a recording into captions, by a program outside of this one. It is off unless
// an operator names such a program. It knows nothing of lectures: sound goes in, WebVTT comes out.
package transcribe

import (
	"context"
	"io"
	"time"
)

// Recognizer hears what is said. Whisper is one.
type Recognizer interface {
	// Recognize blocks until all is heard, ctx ends or it fails. Progress is told in percent, often, and must not
	// block.
	Recognize(ctx context.Context, sound Sound, progress func(percent int)) (Heard, error)
}

// Sound is a recording to be heard.
type Sound struct {
	// Write writes the whole recording in a format that ffmpeg knows by looking at it.
	Write    func(io.Writer) error
	Length   time.Duration // as far as it is known; bounds the work
	Language string        // BCP 47, of which the first subtag counts; "" or "und" when nobody knows
}

// Heard is what was heard.
type Heard struct {
	Language string // as told or detected; "" when it was not
	WebVTT   []byte // times are those of the sound; unchecked
}
