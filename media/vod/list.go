package vod

import (
	"time"

	"lectern/media/hls"
	"lectern/media/hls/playlist"
)

// list is what a version shows of a rendition, as playlists list it.
func (v View) list(all []hls.Segment) (out []playlist.Segment) {
	last := -1
	for _, s := range all {
		if !v.Segments.has(s.Number) {
			continue
		}
		out = append(out, playlist.Segment{
			URI: s.Name, Map: s.Init, Duration: time.Duration(s.DurationMS) * time.Millisecond, Start: s.At,
			// What was cut out leaves a jump in the time of the pictures.
			Discontinuity: len(out) > 0 && (s.Discontinuity || s.Number != last+1),
		})
		last = s.Number
	}
	return out
}

// Subtitles returns a media playlist of subtitles beside the sound of a version, as hls.Origin.Subtitles does for a
// recording that grows: uri names the file with what is said from one place of the session timeline to another, in
// milliseconds. It is nil when nothing is shown.
func (r *Replay) Subtitles(v View, uri func(fromMS, toMS int64) string) ([]byte, error) {
	all := r.Segments(hls.Audio)
	for i, s := range all {
		all[i].Name, all[i].Init = uri(s.StartMS, s.StartMS+s.DurationMS), ""
	}
	m := playlist.Subtitles{Target: hls.TargetDuration, Segments: v.list(all), Ended: true, Whole: true}
	if len(m.Segments) == 0 {
		return nil, nil
	}
	return m.Encode()
}

// marks are those that do not lie in what was cut out. Both are in the order of the timeline.
func (v View) marks(all []hls.Segment, marks []playlist.Mark) (out []playlist.Mark) {
	for _, s := range all {
		if !v.Segments.has(s.Number) {
			continue
		}
		for len(marks) > 0 && marks[0].Timeline.Milliseconds() < s.StartMS+s.DurationMS {
			if marks[0].Timeline.Milliseconds() >= s.StartMS {
				out = append(out, marks[0])
			}
			marks = marks[1:]
		}
	}
	return out
}
