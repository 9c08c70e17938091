package lms

import (
	"maps"
	"time"
)

// Player is what the ledger knows of one tab or device: the last report, and the stretch that it has
// been playing without a break, across reports.
type Player struct {
	Seq          int64 // of the newest report; 0 before the first
	FromMS, ToMS int64 // the stretch; equal when there is none
}

// Viewer is what the ledger knows of a person watching one broadcast with one player. Accept is the only
// rule that changes it.
type Viewer struct {
	Seconds    map[Provenance]Spans
	PositionMS *int64 // the last played moment; nil when there is none
	Player     Player
	Budget     Budget // shared by all that the person watches
}

// Watched returns the distinct seconds that count: live, DVR and replay.
func (v Viewer) Watched() Spans {
	return v.Seconds[Live].Union(v.Seconds[DVR], v.Seconds[Replay])
}

// Accept returns the viewer after a valid report that reached the server at now, and how many of the
// reported seconds were refused: ahead of the live edge, outside the recording, or more than the budget
// allows. The same report twice has the effect of once, and an older one than the last still adds its
// seconds but does not move the position. Too fast and unaffordable seconds are kept under their own
// provenance.
func (v Viewer) Accept(s Session, r Report, now time.Time) (after Viewer, refused int64) {
	newer := r.Seq > v.Player.Seq
	v.Seconds = maps.Clone(v.Seconds)
	if v.Seconds == nil {
		v.Seconds = make(map[Provenance]Spans, 3)
	}
	if len(s.Timeline) > 0 {
		v.Budget = v.Budget.grown(s.Timeline[0].StartedAt, now)
	}
	for _, p := range r.Spans {
		if edge := s.Timeline.Edge(now); p.ToMS > edge {
			if p.ToMS > edge+edgeSlackMS {
				refused += SecondsPlayed(max(p.FromMS, edge), p.ToMS).Len()
			}
			p.ToMS = edge
		}
		if p.ToMS <= p.FromMS {
			continue
		}
		asked := SecondsPlayed(p.FromMS, p.ToMS).Len()
		from := p.FromMS
		if newer {
			from = v.Player.play(p)
		}
		credited := v.credit(s, p, SecondsPlayed(from, p.ToMS), r.Rate, now)
		refused += max(0, asked-credited)
		if newer && (credited > 0 || asked == 0) && v.Player.ToMS-v.Player.FromMS >= continuousMS {
			at := p.ToMS
			if r.PositionMS >= p.FromMS && r.PositionMS < p.ToMS {
				at = r.PositionMS
			}
			v.PositionMS = &at
		}
	}
	if newer {
		v.Player.Seq = r.Seq
	}
	return v, refused
}

// play lengthens the player's stretch by a span, or begins a new one, and returns where on the timeline
// the span's seconds are counted from: a second that two reports share is counted with the later one, unless
// so much is missing between them that it was not played.
func (pl *Player) play(p Played) (fromMS int64) {
	fromMS = p.FromMS
	gap := p.FromMS - pl.ToMS
	if pl.ToMS > pl.FromMS && gap <= seamMS && gap >= -seamMS && p.ToMS > pl.ToMS {
		if gap <= 1000-secondPlayed {
			begun := pl.ToMS / 1000 * 1000 // the second in which the last span ended
			fromMS = min(fromMS, max(pl.FromMS, begun))
		}
		pl.ToMS = p.ToMS
		return fromMS
	}
	pl.FromMS, pl.ToMS = p.FromMS, p.ToMS
	return fromMS
}

// credit enters the seconds of one span and returns how many of them were not refused. Those watched
// before cost nothing.
func (v *Viewer) credit(s Session, p Played, seconds Spans, rate float64, now time.Time) int64 {
	as := s.confirm(p, now)
	if as == Replay {
		seconds = seconds.Intersect(s.Edits.Kept())
	}
	if rate > MaxRate {
		v.enter(TooFast, seconds)
		return seconds.Len()
	}
	budget, _, refused := v.Budget.spend(seconds.Subtract(v.Watched()))
	v.Budget = budget
	v.enter(Held, refused)
	seconds = seconds.Subtract(refused)
	v.enter(as, seconds)
	return seconds.Len()
}

// enter adds seconds to a provenance.
func (v *Viewer) enter(as Provenance, seconds Spans) {
	if len(seconds) > 0 {
		v.Seconds[as] = v.Seconds[as].Union(seconds)
	}
}
