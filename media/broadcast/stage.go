package broadcast

import (
	"slices"
	"sync"

	"lectern/media"
	"lectern/media/sfu"
)

// stageTrack is the one picture that a recorder is given.
const stageTrack = "stage"

// stage stands between a room and its two recorders, each of which records one picture. That of the stage gets the
// screen while one is shared, else the camera, and the sound. That of the speaker gets the camera while the
// screen is on stage, and nothing else. A change of source is to a recorder what a new publication of the same track is: a
// new initialisation section and a discontinuity. The stage changes to the screen with the screen's first keyframe,
// so that the camera fills the time until then, and back at once.
type stage struct {
	to       media.Sink
	speaker  media.Sink
	keyframe func(track string) // asks the presenter for one

	mu       sync.Mutex
	tracks   map[string]media.TrackInfo // pictures that are present, by ID
	source   string                     // the one on stage, "" for none
	speaking bool                       // the camera goes to the speaker's recorder
}

func newStage(to, speaker media.Sink, keyframe func(track string)) *stage {
	return &stage{to: to, speaker: speaker, keyframe: keyframe, tracks: map[string]media.TrackInfo{}}
}

// requestSpeakerKeyframe asks for a keyframe of the camera while it is recorded beside the screen.
func (s *stage) requestSpeakerKeyframe() {
	s.mu.Lock()
	wanted := s.speaking
	s.mu.Unlock()
	if wanted {
		s.keyframe(sfu.Camera)
	}
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
		s.to.AddTrack(t)
		return
	}
	s.mu.Lock()
	s.tracks[t.ID] = t
	if s.source == t.ID || s.source == "" && t.ID != sfu.Screen {
		s.enter(t.ID)
	} else if t.ID == sfu.Camera {
		s.speak()
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
	s.speak()
}

// speak gives the camera to the speaker's recorder while the screen is on stage, anew if it is there already, and
// takes it away otherwise. The caller holds mu.
func (s *stage) speak() {
	info, there := s.tracks[sfu.Camera]
	if there = there && s.source == sfu.Screen; there {
		info.ID = stageTrack
		s.speaker.AddTrack(info)
	} else if s.speaking {
		s.speaker.RemoveTrack(stageTrack)
	}
	s.speaking = there
}

// RemoveTrack implements media.Sink.
func (s *stage) RemoveTrack(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, picture := s.tracks[id]; !picture {
		if slices.Contains(sfu.Sounds[:], id) {
			s.to.RemoveTrack(id)
		}
		return
	}
	delete(s.tracks, id)
	if s.source != id {
		s.speak()
		return
	}
	if _, there := s.tracks[sfu.Camera]; there {
		s.enter(sfu.Camera) // whose keyframe the recorder asks for
		return
	}
	s.source = ""
	s.to.RemoveTrack(stageTrack)
	s.speak()
}

// WritePacket implements media.Sink.
func (s *stage) WritePacket(p *media.Packet) {
	if slices.Contains(sfu.Sounds[:], p.Track) {
		s.to.WritePacket(p)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Track == sfu.Screen && s.source != sfu.Screen && p.Keyframe {
		if _, there := s.tracks[sfu.Screen]; there {
			s.enter(sfu.Screen)
		}
	}
	if to := s.recorderOf(p.Track); to != nil {
		shown := *p // packets are shared by all sinks
		shown.Track = stageTrack
		to.WritePacket(&shown)
	}
}

// WriteSenderReport implements media.Sink.
func (s *stage) WriteSenderReport(r media.SenderReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(sfu.Sounds[:], r.Track) {
		s.to.WriteSenderReport(r)
	} else if to := s.recorderOf(r.Track); to != nil {
		r.Track = stageTrack
		to.WriteSenderReport(r)
	}
}

// recorderOf is who records a picture, nil for nobody. The caller holds mu.
func (s *stage) recorderOf(track string) media.Sink {
	switch {
	case track == s.source:
		return s.to
	case track == sfu.Camera && s.speaking:
		return s.speaker
	}
	return nil
}

// silence is a sink that listens to nothing.
type silence struct{}

func (silence) AddTrack(media.TrackInfo)             {}
func (silence) RemoveTrack(string)                   {}
func (silence) WritePacket(*media.Packet)            {}
func (silence) WriteSenderReport(media.SenderReport) {}
