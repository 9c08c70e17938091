package broadcast

import (
	"sync"

	"lectern/media"
	"lectern/media/sfu"
)

// stageTrack is the one picture that is recorded.
const stageTrack = "stage"

// stage stands between a room and its recorder, which records one picture: the screen while one is shared, else
// the camera. A change of source is to the recorder what a new publication of the same track is: a new
// initialisation section and a discontinuity. It changes to the screen with the screen's first keyframe, so that
// the camera fills the time until then, and back at once.
type stage struct {
	to       media.Sink
	keyframe func(track string) // asks the presenter for one

	mu     sync.Mutex
	tracks map[string]media.TrackInfo // pictures that are present, by ID
	source string                     // the one on stage, "" for none
}

func newStage(to media.Sink, keyframe func(track string)) *stage {
	return &stage{to: to, keyframe: keyframe, tracks: map[string]media.TrackInfo{}}
}

// requestKeyframe asks for a keyframe of what is on stage, and of what waits to be.
func (s *stage) requestKeyframe() {
	s.mu.Lock()
	wanted := s.source
	if _, shared := s.tracks[sfu.Screen]; shared {
		wanted = sfu.Screen
	}
	s.mu.Unlock()
	if wanted != "" {
		s.keyframe(wanted)
	}
}

// AddTrack implements media.Sink.
func (s *stage) AddTrack(t media.TrackInfo) {
	if t.Kind == media.Audio {
		if t.ID == sfu.Microphone {
			s.to.AddTrack(t)
		}
		return
	}
	s.mu.Lock()
	s.tracks[t.ID] = t
	if s.source == t.ID || s.source == "" && t.ID != sfu.Screen {
		s.enter(t.ID)
	}
	s.mu.Unlock()
	if t.ID == sfu.Screen {
		s.keyframe(t.ID)
	}
}

// enter puts a track on stage. The caller holds mu.
func (s *stage) enter(id string) {
	info := s.tracks[id]
	info.ID = stageTrack
	s.source = id
	s.to.AddTrack(info)
}

// RemoveTrack implements media.Sink.
func (s *stage) RemoveTrack(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, picture := s.tracks[id]; !picture {
		if id == sfu.Microphone {
			s.to.RemoveTrack(id)
		}
		return
	}
	delete(s.tracks, id)
	if s.source != id {
		return
	}
	if _, there := s.tracks[sfu.Camera]; there {
		s.enter(sfu.Camera) // whose keyframe the recorder asks for
		return
	}
	s.source = ""
	s.to.RemoveTrack(stageTrack)
}

// WritePacket implements media.Sink.
func (s *stage) WritePacket(p *media.Packet) {
	switch p.Track {
	case sfu.Microphone:
		s.to.WritePacket(p)
		return
	case sfu.ScreenSound:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Track == sfu.Screen && s.source != sfu.Screen && p.Keyframe {
		if _, there := s.tracks[sfu.Screen]; there {
			s.enter(sfu.Screen)
		}
	}
	if p.Track == s.source {
		shown := *p // packets are shared by all sinks
		shown.Track = stageTrack
		s.to.WritePacket(&shown)
	}
}

// WriteSenderReport implements media.Sink.
func (s *stage) WriteSenderReport(r media.SenderReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Track == s.source {
		r.Track = stageTrack
	} else if r.Track != sfu.Microphone {
		return
	}
	s.to.WriteSenderReport(r)
}
