package sfu

import "errors"

// The errors that callers tell apart. Each message says what to do; what went wrong exactly is wrapped
// around it.
var (
	// ErrNotPublished: the room has no publisher. Try again when it has.
	ErrNotPublished = errors.New("nothing is published in this room yet: try again in a second")
	// ErrOffer: the SDP offer cannot be used.
	ErrOffer = errors.New("the session description cannot be used")
	// ErrCodec: the two sides have no codec in common.
	ErrCodec = errors.New("no codec in common")
	// ErrFull: the room or the server has as many sessions as it takes.
	ErrFull = errors.New("too many sessions: try again later")
	// ErrClosed: the session or the server has ended.
	ErrClosed = errors.New("the session has ended: open a new one")
)
