package lms

import (
	"math"
	"time"
)

// Provenance is how a second was watched, or why it does not count.
type Provenance string

// The provenances. A player claims one of the first three. TooFast and Held are stored, so that the
// reason can be shown and an admin can decide, but they count for nothing.
const (
	Live    Provenance = "live"     // within 60 s of the live edge
	DVR     Provenance = "dvr"      // on air, further back
	Replay  Provenance = "replay"   // from the recording
	TooFast Provenance = "too_fast" // played faster than MaxRate
	Held    Provenance = "held"     // more than the person can have watched in the time
)

// The limits of a report (lms.md 1.6).
const (
	// MaxRate is the fastest speed at which a second counts.
	MaxRate = 1.5
	// LiveWindow is how far from the live edge still counts as live.
	LiveWindow = 60 * time.Second
	// reportGrace is how old the first second of a report may be besides: reports are sent every 10 s,
	// and a connection may take a little to come back.
	reportGrace = 30 * time.Second
	// MaxSpans is how many played spans one report may hold.
	MaxSpans = 64
	// maxSpan is the longest span, and maxTimelineMS the longest timeline: a week fits the seconds of a
	// Span with room to spare.
	maxSpanMS     = int64(12 * time.Hour / time.Millisecond)
	maxTimelineMS = int64(7 * 24 * time.Hour / time.Millisecond)
	// continuousMS is how long somebody has to play without a break for the position to follow.
	continuousMS = 10_000
	// seamMS is how far the start of a span may be from the end of the last one and still continue it.
	seamMS = 1_000
	// edgeSlackMS is by how much a player may run ahead of the server's edge, which it estimates.
	edgeSlackMS = 2_000
)

// Played is a stretch of the session timeline that was played without a break.
type Played struct {
	FromMS, ToMS int64
	As           Provenance // what the player says: Live, DVR or Replay
}

// Report is what a player says it has played. It carries no time of day: the client's clock is never
// asked. The player numbers its reports from 1 and sends one again until it is acknowledged.
type Report struct {
	Player     string // random name of the tab or device, drawn by the player
	Seq        int64
	Broadcast  BroadcastID
	Spans      []Played // in the order played, since the last report
	PositionMS int64    // where the player stands
	Rate       float64  // speed of playing
	Muted      bool
	Visible    bool
}

// Validate checks the form of a report and returns ErrInvalid when no well-behaved player could have
// sent it.
func (r Report) Validate() error {
	switch {
	case len(r.Player) < 8 || len(r.Player) > 64 || !isWord(r.Player):
		return invalid("player", "A player's name has 8 to 64 letters, digits, - and _.")
	case r.Seq < 1 || r.Seq > 1<<53:
		return invalid("seq", "Reports are numbered from 1.")
	case !isUUID(string(r.Broadcast)):
		return ErrNotFound
	case len(r.Spans) > MaxSpans:
		return invalid("spans", "A report holds at most 64 spans.")
	case math.IsNaN(r.Rate) || r.Rate < 0 || r.Rate > 16:
		return invalid("rate", "The rate of playing is between 0 and 16.")
	case r.PositionMS < 0 || r.PositionMS > maxTimelineMS:
		return invalid("position_ms", "A position is in ms from the start of the lecture.")
	}
	for _, s := range r.Spans {
		if s.FromMS < 0 || s.ToMS <= s.FromMS || s.ToMS-s.FromMS > maxSpanMS || s.ToMS > maxTimelineMS {
			return invalid("spans", "A span runs from from_ms to a later to_ms, at most 12 hours.")
		}
		if s.As != Live && s.As != DVR && s.As != Replay {
			return invalid("spans", "A span is played as live, dvr or replay.")
		}
	}
	return nil
}

// isWord reports whether s consists of letters, digits, - and _.
func isWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// Session is the broadcast that a report is about.
type Session struct {
	Timeline Timeline
	Edits    EditList // of the recording, once it is known
	Version  int      // of the recording: every cut counts one up; 0 without one
	Deleted  bool     // the recording cannot be watched any more; what it showed still counts
}

// confirm returns the provenance that the server can vouch for: a claim to have watched live is kept
// while the seconds are near the edge, and becomes the weaker claim otherwise. Reports that arrive long
// after the end prove the watching, but not when it was.
func (s Session) confirm(p Played, now time.Time) Provenance {
	off := s.Timeline.offFor(now)
	age := time.Duration(s.Timeline.Edge(now)-p.FromMS)*time.Millisecond + off
	switch {
	case p.As == Live && age <= LiveWindow+reportGrace:
		return Live
	case p.As == Replay && !s.Timeline.OnAir():
		return Replay
	case off <= LiveWindow+reportGrace:
		return DVR
	}
	return Replay
}

// Countable returns the seconds of the session that count at the time.
func (s Session) Countable(now time.Time) Spans {
	return Countable(s.Timeline.OnAir(), s.Timeline.Edge(now), s.Edits)
}
