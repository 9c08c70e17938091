package protocol

import (
	"fmt"
	"math"
)

// Bounds of what a client says. They are wide enough for every honest player and narrow enough that a
// hostile one cannot make a statement of the database large.
const (
	MaxTicket  = 128 // bytes of a ticket
	MinPlayer  = 8   // bytes of a player's name: fewer could be drawn twice
	MaxPlayer  = 64
	MaxSpans   = 64               // spans in one report; a player that seeks once a second for 10 s needs 10
	MaxMS      = 48 * 3600 * 1000 // no timeline is longer than two days
	MaxSeq     = 1<<53 - 1        // the largest integer that JavaScript counts exactly
	MaxRate    = 16.0             // the fastest a browser plays (Chromium's limit for playbackRate)
	MaxID      = 64               // bytes of an id of ours; a UUID has 36
	MaxMessage = 500              // bytes of the text of an Error
)

// Hello is the first message of a client and must come within five seconds. The ticket travels here and
// not in the address, because addresses end up in logs.
type Hello struct {
	Ticket string `json:"ticket"` // from POST /api/courses/{course}/ticket; good for one use within 30 s

	// Of one who comes back: how far it was told, as in Welcome and Events.
	Epoch  string `json:"epoch,omitempty"`
	Offset int64  `json:"offset,omitempty"`
}

func (*Hello) messageType() string { return "hello" }

func (h *Hello) check() error {
	if !token(h.Ticket, 1, MaxTicket) {
		return invalid("ticket", fmt.Sprintf("must be 1 to %d letters, digits, - or _", MaxTicket))
	}
	if !token(h.Epoch, 0, MaxID) || h.Offset < 0 || h.Offset > MaxSeq {
		return invalid("epoch and offset", "must be as they were said by the server")
	}
	return nil
}

// Watch says from where a span was played.
type Watch string

const (
	Live   Watch = "live"   // WebRTC, or HLS at its live edge
	DVR    Watch = "dvr"    // behind the edge of a lecture that is on air
	Replay Watch = "replay" // the recording
)

// Span is a stretch of the session timeline that was played without a jump, half open, in milliseconds.
type Span struct {
	FromMS int64 `json:"from_ms"`
	ToMS   int64 `json:"to_ms"`
	As     Watch `json:"as"` // what the player believes; the server decides
}

// Report says what a player played since its report before. Player and Seq together name it: sent twice,
// it counts once.
type Report struct {
	Player     string  `json:"player"` // random, new for each page load
	Seq        int64   `json:"seq"`    // 1, 2, 3 ... within the player
	Broadcast  string  `json:"broadcast"`
	Spans      []Span  `json:"spans"`       // may be empty: a pause, a seek
	PositionMS int64   `json:"position_ms"` // where on the session timeline the player stands now
	Rate       float64 `json:"rate"`        // playback speed, 1 is normal
	Muted      bool    `json:"muted"`
	Visible    bool    `json:"visible"` // the page is not hidden
}

func (*Report) messageType() string { return "report" }

// Check tells whether the report keeps to the bounds above; the error names the field and wraps
// ErrInvalid. DecodeClient has called it; the sendBeacon route calls it itself. Whether the claim is
// believable is for the rules in lms to say.
func (r *Report) Check() error { return r.check() }

func (r *Report) check() error {
	switch {
	case !token(r.Player, MinPlayer, MaxPlayer):
		return invalid("player", fmt.Sprintf("must be %d to %d letters, digits, - or _", MinPlayer, MaxPlayer))
	case r.Seq < 1 || r.Seq > MaxSeq:
		return invalid("seq", "must be 1 or more and exact in JavaScript")
	case !token(r.Broadcast, 1, MaxID):
		return invalid("broadcast", "must be the id of a broadcast")
	case len(r.Spans) > MaxSpans:
		return invalid("spans", fmt.Sprintf("must be at most %d; send what is left in another report", MaxSpans))
	case r.PositionMS < 0 || r.PositionMS > MaxMS:
		return invalid("position_ms", "must be on the session timeline")
	case math.IsNaN(r.Rate) || r.Rate < 0 || r.Rate > MaxRate:
		return invalid("rate", fmt.Sprintf("must be from 0 to %v", MaxRate))
	}
	for i, s := range r.Spans {
		if s.FromMS < 0 || s.ToMS > MaxMS || s.FromMS >= s.ToMS {
			return invalid(fmt.Sprintf("spans[%d]", i), "must have 0 <= from_ms < to_ms on the session timeline")
		}
		if s.As != Live && s.As != DVR && s.As != Replay {
			return invalid(fmt.Sprintf("spans[%d].as", i), `must be "live", "dvr" or "replay"`)
		}
	}
	return nil
}

// token tells whether s is least to most bytes of the URL-safe alphabet, which all our ids and tickets keep to.
func token(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
