package egress

import (
	"time"

	"lectern/media"
	"lectern/media/forward"
)

// rung is a way to show an attendee what there is. Of a screen he gets the full size or nothing, because in a smaller one
// letters cannot be read: the cameras give way first, and then of the screen single pictures remain.
type rung struct {
	camera media.Layer // the best that goes out of the cameras, SoundOnly for none
	thin   bool        // of the screen
}

// ladder returns what the attendee could be shown, by rate, lowest first. The slices are the worker's.
func (v *viewer) ladder(w *worker) ([]rung, []float64) {
	var cameras uint8
	var full float64
	sharing := false
	for i := range v.streams {
		s := &v.streams[i]
		switch {
		case s.kind != media.Video || s.in == nil:
		case s.sharp():
			full += s.rate(media.High)
			sharing = sharing || s.in.present != 0
		default:
			cameras |= s.in.present
		}
	}
	w.rungs, w.rates = w.rungs[:0], w.rates[:0]
	add := func(r rung, rate float64) { w.rungs, w.rates = append(w.rungs, r), append(w.rates, rate) }
	if sharing { // these two whatever the rate is, which changes with every slide: a ladder that changes is a place lost
		add(rung{camera: media.SoundOnly, thin: true}, min(thinPace, full))
		add(rung{camera: media.SoundOnly}, full)
	}
	for l := range media.Layers {
		if cameras&(1<<l) == 0 {
			continue
		}
		rate := full
		for i := range v.streams {
			if s := &v.streams[i]; s.kind == media.Video && s.in != nil && !s.sharp() {
				rate += s.rate(l)
			}
		}
		add(rung{camera: l}, rate)
	}
	return w.rungs, w.rates
}

// sharp reports whether the stream shows a screen.
func (s *stream) sharp() bool { return s.in.feed.info.ID == screenTrack }

// rate returns what goes out when l is wanted, in bit/s: the layer's own rate, or that of the nearest one.
func (s *stream) rate(l media.Layer) float64 {
	for n := int(l); n >= 0; n-- {
		if s.in.present&(1<<n) != 0 {
			return float64(s.in.feed.lanes[n].rate.Load())
		}
	}
	for n := l + 1; n < media.Layers; n++ {
		if s.in.present&(1<<n) != 0 {
			return float64(s.in.feed.lanes[n].rate.Load())
		}
	}
	return 0
}

// decide follows the attendee's reports, or his own choice.
func (v *viewer) decide(w *worker) {
	limited := false
	if v.wanted == media.Auto {
		rungs, rates := v.ladder(w)
		var sound float64
		for i := range v.streams {
			if s := &v.streams[i]; s.kind == media.Audio && s.in != nil {
				sound += float64(s.in.feed.lanes[media.High].rate.Load())
			}
		}
		v.fit.Decide(rates, sound, w.now)
		if n := v.fit.Rung(); len(rungs) > 0 {
			limited = n < len(rungs)
			r := rung{camera: media.SoundOnly}
			if n > 0 {
				r = rungs[n-1]
			}
			v.serve(r, n > 0, w.now)
		}
	}
	v.show(limited)
}

// serve sends what stands on a rung; without picture neither cameras nor screen.
func (v *viewer) serve(r rung, picture bool, now time.Time) {
	for i := range v.streams {
		s := &v.streams[i]
		switch {
		case s.kind != media.Video || s.in == nil:
		case s.sharp():
			s.mute(!picture)
			s.thinOut(r.thin, now)
			s.selector.Want(media.High)
		default:
			s.mute(r.camera == media.SoundOnly)
			s.thinOut(false, now)
			s.selector.Want(min(r.camera, media.High))
		}
	}
}

// choose fixes the layer, takes the pictures away, or with media.Auto lets the attendee's reports decide.
func (v *viewer) choose(l media.Layer, now time.Time) {
	if l == v.wanted {
		return
	}
	v.wanted, v.fit = l, forward.NewFit(now)
	for i := range v.streams {
		s := &v.streams[i]
		if s.kind != media.Video {
			continue
		}
		s.mute(l == media.SoundOnly)
		s.thinOut(false, now)
		s.selector.Want(min(l, media.High))
	}
}

// show notes what the attendee sees: of the camera, or without it of the screen.
func (v *viewer) show(limited bool) {
	shown := media.SoundOnly
	for i := range v.streams {
		s := &v.streams[i]
		if l, active := s.selector.Current(); active && s.kind == media.Video {
			shown = l
			break
		}
	}
	v.a.shown.Store(uint32(shown))
	v.a.limited.Store(limited)
}
