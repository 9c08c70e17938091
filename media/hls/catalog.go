package hls

import (
	"slices"
	"sync"
	"time"

	"lectern/media"
	"lectern/media/hls/playlist"
)

// catalog is the recording as its readers see it: rows are added by the one goroutine that writes, and
// read by HTTP handlers. A row once added never changes.
type catalog struct {
	mu       sync.RWMutex
	contents *contents
	files    map[string]feed // name of each segment and initialisation section, to tell its type
	revision uint64          // of what stands in the index
	live     live
	marks    []Mark // by place
}

func newCatalog(c *contents) *catalog {
	k := &catalog{contents: c, files: map[string]feed{}, revision: 1, live: newLive()}
	for f, all := range c.segments {
		for _, s := range all {
			k.list(feed(f), s)
		}
	}
	return k
}

func (k *catalog) list(f feed, s segmentRow) {
	if f != sound {
		f = 0 // any picture
	}
	k.files[s.Name], k.files[s.Init] = f, f
}

// change applies rows that are on disk, and then does what follows from them.
func (k *catalog) change(apply func(*contents), then func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	apply(k.contents)
	for f, all := range k.contents.segments {
		if len(all) > 0 {
			k.list(feed(f), all[len(all)-1])
		}
	}
	k.revision++
	then()
}

// edits returns the edit list, and the length of the recording in milliseconds.
func (k *catalog) edits() ([]Edit, int64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	edits := k.contents.edits()
	if len(edits) == 0 {
		return nil, 0
	}
	last := edits[len(edits)-1]
	return edits, last.RecordingMS + last.LengthMS
}

// shown is what each rendition of the recording showed last.
func (k *catalog) shown() (last [renditions]feed) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for r, rows := range k.contents.segments {
		if last[r] = feed(r); len(rows) > 0 {
			last[r] = rows[len(rows)-1].Feed
		}
	}
	return last
}

// file returns what a name is, and whether it is one that a playlist lists.
func (k *catalog) file(name string) (feed, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	f, ok := k.files[name]
	return f, ok
}

// state returns the number of changes so far, and whether the recording has ended.
func (k *catalog) state() (revision uint64, ended bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.revision, k.contents.ended
}

// media returns the playlist of a rendition from the start on, false while it is empty.
func (k *catalog) media(f feed) (playlist.Media, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if !k.lists(f) || k.contents.fleeting {
		return playlist.Media{}, false
	}
	rows := k.contents.segments[f]
	m := playlist.Media{Target: targetDuration, Ended: k.contents.ended, Segments: make([]playlist.Segment, len(rows))}
	for i, r := range rows {
		m.Segments[i] = k.entry(r)
	}
	if len(rows) > 0 {
		m.Anchors, m.Marks = k.anchors(rows[0].StartMS), k.listMarks(rows[0].StartMS)
	}
	return m, len(rows) > 0
}

// lists says whether players get to know of a rendition.
func (k *catalog) lists(f feed) bool { return f != sound || !k.contents.silent }

// entry is a segment as playlists list it, without parts.
func (k *catalog) entry(r segmentRow) playlist.Segment {
	return playlist.Segment{
		URI: r.Name, Map: r.Init, Discontinuity: r.Discontinuity,
		Duration: time.Duration(r.DurationMS) * time.Millisecond, Start: k.contents.wall(r.StartMS),
	}
}

// master returns the master playlist, false while there is no segment. Players read it once, at the start,
// so it lists all layers of a simulcast even if the uplink has not carried the better ones yet. While the lecture
// is on, it leads to the live edge, unless dvr is asked for, which has all from the start.
func (k *catalog) master(dvr bool) (playlist.Master, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	c := k.contents
	playlistName := playlistName
	if k.live.on && !c.ended && !dvr {
		playlistName = liveName
	}
	if len(c.segments[sound]) == 0 || c.fleeting && dvr {
		return playlist.Master{}, false
	}
	var m playlist.Master
	var hear measurement
	var heard []string
	if !c.silent {
		hear, heard = measure(c.segments[sound], sound), []string{aacCodec}
		m.Sound = playlistName(sound)
		m.Variants = append(m.Variants, playlist.Variant{URI: m.Sound, Codecs: heard, Peak: hear.peak, Average: hear.average})
	}
	var seen [sound]measurement
	for f := range seen {
		seen[f] = measure(c.segments[f], feed(f))
	}
	single := seen[media.High].own && !seen[media.Mid].own && !seen[media.Low].own
	for f, s := range seen {
		if single && media.Layer(f) != media.High {
			continue
		}
		init := c.inits[s.init]
		v := playlist.Variant{
			URI: playlistName(feed(f)), Width: init.Width, Height: init.Height, Codecs: append([]string{init.Codec}, heard...),
			Peak: s.peak + hear.peak, Average: s.average + hear.average, FrameRate: s.frameRate,
		}
		if !s.own && f > 0 && seen[f-1].own {
			expect(&v, m.Variants[len(m.Variants)-1])
			seen[f].own = true // for the one above
		}
		m.Variants = append(m.Variants, v)
	}
	slices.Reverse(m.Variants) // a player without a measurement begins with the first
	return m, true
}

// expect describes a layer that has not come yet by the one below it: twice its size, and at most three
// times its rate.
func expect(v *playlist.Variant, below playlist.Variant) {
	v.Width, v.Height = 2*below.Width, 2*below.Height
	v.Peak, v.Average, v.FrameRate = 3*below.Peak, 3*below.Average, below.FrameRate
}

// measurement is what a master playlist says of a rendition. Rates are in bits per second.
type measurement struct {
	own           bool   // it showed its own feed at least once
	init          string // of its own feed, the latest; else of whatever it showed last
	peak, average int
	frameRate     float64
}

// shortSegment is below what a segment says nothing of the rate: the last one before a stop.
const shortSegment = 500 // ms

func measure(rows []segmentRow, f feed) measurement {
	var m measurement
	var bytes, ms, ownFrames, ownMS int64
	for _, r := range rows {
		bytes += r.Size
		ms += r.DurationMS
		if r.Feed == f || !m.own {
			m.init, m.own = r.Init, r.Feed == f
		}
		if r.Feed == f && f != sound {
			ownFrames += int64(r.Frames)
			ownMS += r.DurationMS
		}
		if r.DurationMS >= shortSegment || len(rows) == 1 {
			m.peak = max(m.peak, int(r.Size*8000/max(r.DurationMS, 1)))
		}
	}
	m.frameRate = float64(ownFrames) * 1000 / float64(max(ownMS, 1))
	m.average = int(bytes * 8000 / max(ms, 1))
	m.peak = max(m.peak, m.average)
	return m
}

func playlistName(f feed) string { return f.String() + ".m3u8" }
