package forward

import (
	"math"
	"time"
)

const (
	// voiceSmooth is the time over which loudness is averaged: a syllable is heard, a click is not.
	voiceSmooth = 300 * time.Millisecond
	// voiceQuiet is the level, in -dBov as RFC 6464 counts, beyond which nobody speaks: a quiet room is at 60 and
	// more, speech at arm's length between 20 and 40.
	voiceQuiet = 50
	// voiceGone is after how long without a packet somebody is silent. Opus that saves silence sends one every 400 ms.
	voiceGone = 500 * time.Millisecond

	// floorMargin is how much louder than who has the floor somebody must be who takes it, in dB.
	floorMargin = 6
	// floorRise is for how long, and floorHold how long the floor is kept: a picture that changes at every "yes"
	// shows nobody.
	floorRise = 600 * time.Millisecond
	floorHold = 2 * time.Second

	// slotIdle is the silence after which a place may go to somebody who speaks, and slotTalks how recent his word must be.
	slotIdle  = 800 * time.Millisecond
	slotTalks = 200 * time.Millisecond
)

// Voice is how loud a source has been lately, by the level in its packets (RFC 6464). The zero value has said nothing.
type Voice struct {
	loud  float64 // smoothed, 0 for silence to 127 for the loudest
	heard time.Time
	spoke time.Time
}

// Hear takes the level of one packet, 0 for the loudest to 127 for silence.
func (v *Voice) Hear(level uint8, now time.Time) {
	loud := float64(127 - min(level, 127))
	weight := 1.0
	if elapsed := now.Sub(v.heard); elapsed < voiceGone {
		weight = 1 - math.Exp(-max(0, elapsed.Seconds())/voiceSmooth.Seconds())
	}
	v.loud += weight * (loud - v.loud)
	v.heard = now
	if level <= voiceQuiet {
		v.spoke = now
	}
}

// Loudness returns the smoothed loudness, 0 to 127.
func (v *Voice) Loudness(now time.Time) float64 {
	if v.heard.IsZero() || now.Sub(v.heard) >= voiceGone {
		return 0
	}
	return v.loud
}

// Spoke returns when the source was last loud enough to be a voice; zero for never.
func (v *Voice) Spoke() time.Time { return v.spoke }

// Speaker is somebody who may have the floor, or a place among those who are heard.
type Speaker struct {
	ID       string
	Loudness float64
	Spoke    time.Time
}

// Floor decides who is speaking. The zero value is ready.
type Floor struct {
	holder string
	since  time.Time
	rival  string
	rose   time.Time
}

// Decide returns the ID of who has the floor, of those present; "" when nobody is. Who has it keeps it while
// nobody is clearly louder for a while. When the holder goes, the loudest has it at once, of equals the first.
func (f *Floor) Decide(present []Speaker, now time.Time) string {
	var holder, loudest *Speaker
	for i := range present {
		s := &present[i]
		switch {
		case s.ID == f.holder:
			holder = s
		case loudest == nil || s.Loudness > loudest.Loudness:
			loudest = s
		}
	}
	if holder == nil {
		if loudest == nil {
			*f = Floor{}
			return ""
		}
		*f = Floor{holder: loudest.ID, since: now}
		return f.holder
	}
	rival := ""
	if loudest != nil && loudest.Loudness >= 127-voiceQuiet && loudest.Loudness >= holder.Loudness+floorMargin {
		rival = loudest.ID
	}
	if rival != f.rival {
		f.rival, f.rose = rival, now
	}
	if rival != "" && now.Sub(f.rose) >= floorRise && now.Sub(f.since) >= floorHold {
		*f = Floor{holder: rival, since: now}
	}
	return f.holder
}

// Slots gives a few places to many sources of sound: more than three voices at once nobody can follow.
type Slots struct{ held []string }

// NewSlots returns n free places.
func NewSlots(n int) *Slots { return &Slots{held: make([]string, n)} }

// Assign returns who is in which place, "" for nobody. Whoever has a place keeps it until somebody without one speaks
// and he has been silent for a while; who was silent longest goes first. The result must not be changed.
func (s *Slots) Assign(present []Speaker, now time.Time) []string {
	by := make(map[string]*Speaker, len(present))
	for i := range present {
		by[present[i].ID] = &present[i]
	}
	placed := make(map[string]bool, len(s.held))
	for i, id := range s.held {
		if by[id] == nil {
			s.held[i] = ""
		} else {
			placed[id] = true
		}
	}
	for i := range present {
		p := &present[i]
		if placed[p.ID] {
			continue
		}
		place := s.place(by, now)
		if place < 0 || s.held[place] != "" && now.Sub(p.Spoke) > slotTalks {
			continue
		}
		delete(placed, s.held[place])
		s.held[place], placed[p.ID] = p.ID, true
	}
	return s.held
}

// place returns the first free place, else that of who was silent longest and long enough, else -1.
func (s *Slots) place(by map[string]*Speaker, now time.Time) int {
	best := -1
	for i, id := range s.held {
		if id == "" {
			return i
		}
		spoke := by[id].Spoke
		if now.Sub(spoke) >= slotIdle && (best < 0 || spoke.Before(by[s.held[best]].Spoke)) {
			best = i
		}
	}
	return best
}
