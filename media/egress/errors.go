package egress

import "errors"

// The errors that callers tell apart. They mean what those of the same name in media/sfu mean.
var (
	// ErrNotPublished: the room has nothing to show. Try again when it has.
	ErrNotPublished = errors.New("nothing is published in this room yet: try again in a second")
	// ErrOffer: the SDP offer or fragment cannot be used.
	ErrOffer = errors.New("the session description cannot be used")
	// ErrCodec: the offer lacks the codec of what is published.
	ErrCodec = errors.New("no codec in common")
	// ErrFull: the room or the server has as many attendees as it takes.
	ErrFull = errors.New("too many sessions: try again later")
	// ErrClosed: the session or the server has ended.
	ErrClosed = errors.New("the session has ended: open a new one")
)
