package hls

import "lectern/media/hls/playlist"

// Subtitles returns a media playlist of subtitles that lie beside the sound: it has the same segments, with their
// numbers, dates and discontinuities, at the live edge (live) or from the start. uri names the file with what is
// said from one place of the session timeline to another, in milliseconds. It has no parts: players read it again
// once in a target duration. It is nil while there is no segment.
//
// The media's timestamps are places on the session timeline, so subtitles timed by that need no other mapping than
// X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000.
func (o *Origin) Subtitles(live bool, uri func(fromMS, toMS int64) string) ([]byte, error) {
	k := o.catalog
	s := playlist.Subtitles{Whole: true}
	if live {
		window, ok := k.window(sound)
		if !ok {
			return nil, nil
		}
		s = playlist.Subtitles{First: window.First, Breaks: window.Breaks, Ended: window.Ended, Segments: window.Segments}
	} else {
		all, ok := k.media(sound)
		if !ok {
			return nil, nil
		}
		s.Segments, s.Ended = all.Segments, all.Ended
	}
	s.Target = targetDuration
	k.mu.RLock()
	defer k.mu.RUnlock()
	late := max(0, k.contents.first-s.First) // forgotten since the window was read: only of what is not recorded
	s.First, s.Segments = s.First+late, s.Segments[min(late, len(s.Segments)):]
	for i := range s.Segments {
		row := k.contents.segments[sound][s.First+i-k.contents.first]
		s.Segments[i].URI, s.Segments[i].Map, s.Segments[i].Parts = uri(row.StartMS, row.StartMS+row.DurationMS), "", nil
	}
	return s.Encode()
}
