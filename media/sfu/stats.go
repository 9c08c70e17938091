package sfu

import (
	"time"

	"lectern/media"
)

// RoomStats is what a room looks like at the moment.
type RoomStats struct {
	Publishing  bool
	Since       time.Time    // when the first publisher came; zero without one
	Layers      []LayerStats // of the camera, best first, only those being sent
	Screen      []LayerStats // the same of the screen; empty while none is shared
	AudioKbps   float64
	Subscribers int  // attendees whose media can flow; of the room only
	Policed     bool // far too much came within the last seconds and was dropped; of a person only
}

// LayerStats are the averages of a layer over two seconds.
type LayerStats struct {
	Layer         media.Layer
	RID           string
	Kbps, FPS     float64
	Width, Height int     // 0 before the first keyframe
	Loss          float64 // share of packets that never came, 0 to 1
}

// Stats measures the programme of the room.
func (r *Room) Stats() RoomStats {
	r.mu.Lock()
	stats := RoomStats{Publishing: r.publishing}
	if len(r.seats) > 0 {
		stats.Since = r.seats[0].since
	}
	camera, screen, microphone := r.tracks[Camera], r.tracks[Screen], r.tracks[Microphone]
	r.mu.Unlock()
	stats.measure(camera, screen, microphone)
	stats.Subscribers = r.receiving()
	return stats
}

// measure fills in what is being sent; a nil track is not.
func (s *RoomStats) measure(camera, screen, microphone *upTrack) {
	s.Layers, s.Screen = camera.stats(), screen.stats()
	if microphone != nil {
		for _, l := range microphone.all() {
			s.AudioKbps += l.reading().BitsPerSecond / 1000
		}
	}
}

// stats measures the layers that are being sent, best first; none of a nil track.
func (t *upTrack) stats() (stats []LayerStats) {
	if t == nil {
		return nil
	}
	layers := t.all()
	for i := len(layers) - 1; i >= 0; i-- {
		if l := layers[i]; t.present.load()&(1<<l.layer) != 0 {
			stats = append(stats, l.stats())
		}
	}
	return stats
}

func (l *upLayer) stats() LayerStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.meter.Read(time.Now())
	return LayerStats{
		Layer: l.layer, RID: l.layer.RID(), Kbps: r.BitsPerSecond / 1000, FPS: r.PicturesPerSecond,
		Width: l.width, Height: l.height, Loss: r.Loss,
	}
}

// receiving counts the attendees whose media can flow.
func (r *Room) receiving() (n int) {
	for _, s := range *r.sinks.Load() {
		if _, ok := s.(*attendee); ok {
			n++
		}
	}
	return n
}
