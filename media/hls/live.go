package hls

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"lectern/media/hls/playlist"
)

// Rules of the live playlists.
const (
	// partLimit is PART-TARGET: 24 AAC frames, the most that sound has for half a second of pictures, because
	// both are cut by whole frames.
	partLimit = soundPart * aacFrame * time.Second / 48000
	// liveWindow is how much the playlists of the live edge list.
	liveWindow = time.Minute
	// partsListed is how many whole segments are listed with their parts, besides the open one: hls-parser wants
	// no more than three. They are there for three target durations after that (rfc8216bis section 4.4.4.9), in
	// memory: 7 MB for a lecture of 3.5 Mbit/s.
	partsListed = 2
	partsServed = 5 * targetDuration
)

// part is a part of a segment as it is served. It never changes.
type part struct {
	uri         string
	feed        feed
	number      int // of its segment
	data        []byte
	duration    time.Duration
	independent bool
}

// partURI names a part of a file: it can be guessed by those who know the file's name only.
func partURI(file string, index int) string {
	return strings.TrimSuffix(file, segmentSuffix) + "-" + strconv.Itoa(index) + segmentSuffix
}

// growing is the segment that is being written.
type growing struct {
	openRow
	shown [renditions]feed // whose parts each rendition lists
	parts [slate + 1][]*part
}

// hint is the URI of the part with which a feed goes on.
func (g *growing) hint(f feed) string {
	for _, file := range g.Files {
		if file.Feed == f {
			return partURI(file.Name, len(g.parts[f]))
		}
	}
	return ""
}

// live is what a catalog knows beyond its contents while a recorder works.
type live struct {
	on      bool // a recorder works
	open    *growing
	parts   map[string]*part          // all that are served, by URI
	listed  map[int]*edged            // whole segments of the window, by number
	changed [renditions]chan struct{} // closed when there is something new
	version [renditions]uint64        // of the playlists
}

// edged is a whole segment as players at the live edge saw it grow. They must see no other: if a layer turned
// out to be damaged, only the recording shows another one instead.
type edged struct {
	files [renditions]fileRow
	parts [renditions][]*part
	extra []string // names of files that are not in the recording
}

func newLive() live {
	l := live{parts: map[string]*part{}, listed: map[int]*edged{}}
	for r := range l.changed {
		l.changed[r] = make(chan struct{})
	}
	return l
}

// wake lets go who waits for a rendition.
func (l *live) wake(r feed) {
	l.version[r]++
	close(l.changed[r])
	l.changed[r] = make(chan struct{})
}

func (l *live) wakeAll() {
	for r := range feed(renditions) {
		l.wake(r)
	}
}

// follow makes the catalog that of a recorder at work, or no longer. It returns the files that nobody needs
// any more.
func (k *catalog) follow(on bool) (unused []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revision++
	k.live.on, k.live.open = on, nil
	for n := range k.live.listed {
		unused = append(unused, k.drop(n)...)
	}
	k.live.wakeAll()
	return unused
}

// begin makes known which files the next parts are of.
func (k *catalog) begin(g *growing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.live.open = g
	for r := range k.live.version {
		k.live.version[r]++ // for the hint, for which nobody waits
	}
}

// grow adds parts to the open segment.
func (k *catalog) grow(fresh []*part) {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := k.live.open
	var grown [slate + 1]bool
	for _, p := range fresh {
		g.parts[p.feed], grown[p.feed] = append(g.parts[p.feed], p), true
		k.live.parts[p.uri] = p
	}
	for r, f := range g.shown {
		if grown[f] {
			k.live.wake(feed(r))
		}
	}
}

// abandon forgets the open segment, which the disk refused.
func (k *catalog) abandon() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.live.open = nil
	k.live.wakeAll()
}

// follows says whether players at the live edge have seen parts of a feed.
func (k *catalog) follows(f feed) bool {
	g := k.live.open // only the writing goroutine changes it
	return g != nil && len(g.parts[f]) > 0 && slices.Contains(g.shown[:], f)
}

// shownLive is what players of each rendition saw last at the live edge.
func (k *catalog) shownLive() [renditions]feed {
	last := k.shown()
	if e := k.live.listed[k.contents.next()-1]; e != nil { // only the writing goroutine changes it
		for r, file := range e.files {
			last[r] = file.Feed
		}
	}
	return last
}

// sawOther says whether players of a rendition have seen parts of another feed than this one.
func (k *catalog) sawOther(r, f feed) bool {
	g := k.live.open
	return g != nil && g.shown[r] != f && len(g.parts[g.shown[r]]) > 0
}

// conclude makes the open segment the last whole one, whose rows have just been applied: from outputs, of
// which shown are those in the recording. It returns the files that nobody needs any more. k.mu is held.
func (k *catalog) conclude(outputs []*output, shown [renditions]*output) (unused []string) {
	l := &k.live
	if g := l.open; g != nil {
		e := &edged{}
		for _, o := range outputs {
			for r := range e.files {
				if o.Feed == g.shown[r] {
					e.files[r], e.parts[r] = o.fileRow, o.parts
				}
			}
			for _, p := range o.parts {
				l.parts[p.uri] = p
			}
			if _, recorded := k.files[o.Name]; !recorded && k.follows(o.Feed) {
				k.files[o.Name] = 0 // a picture
				e.extra = append(e.extra, o.Name)
			}
		}
		for r, o := range shown {
			if e.files[r].Name == "" { // nothing had been shown of what should have been
				e.files[r], e.parts[r] = o.fileRow, o.parts
			}
		}
		l.listed[g.Number] = e
	}
	l.open = nil
	for n, e := range l.listed {
		if n < k.contents.next()-partsListed {
			e.parts = [renditions][]*part{}
		}
		if k.behind(n) > liveWindow+partsServed {
			unused = append(unused, k.drop(n)...)
			if k.contents.fleeting {
				unused = append(unused, k.forget(n)...)
			}
		}
	}
	for uri, p := range l.parts {
		if k.behind(p.number) > partsServed {
			delete(l.parts, uri)
		}
	}
	l.wakeAll()
	return unused
}

// drop forgets a segment, and returns the files of it that nobody needs any more.
func (k *catalog) drop(number int) []string {
	extra := k.live.listed[number].extra
	for _, name := range extra {
		delete(k.files, name)
	}
	delete(k.live.listed, number)
	return extra
}

// forget drops the segments up to a number for good, and returns their files.
func (k *catalog) forget(number int) []string {
	files := k.contents.forget(number + 1)
	for _, name := range files {
		delete(k.files, name)
	}
	return files
}

// behind is how far from the edge a segment ends. Of one that is forgotten, it is the whole length.
func (k *catalog) behind(number int) (sum time.Duration) {
	for _, row := range k.contents.segments[sound][max(0, number+1-k.contents.first):] {
		sum += time.Duration(row.DurationMS) * time.Millisecond
	}
	return sum
}

// window returns the low-latency playlist of a rendition, false before its first whole segment.
func (k *catalog) window(f feed) (playlist.Live, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if !k.lists(f) {
		return playlist.Live{}, false
	}
	rows := k.contents.segments[f]
	m := playlist.Live{Target: targetDuration, PartTarget: partLimit, Ended: k.contents.ended}
	from := len(rows)
	for listed := int64(0); from > 0 && listed < liveWindow.Milliseconds(); from-- {
		row := rows[from-1]
		if row.Edge && k.live.listed[row.Number] == nil && from < len(rows) {
			break // what players saw of it is gone, and they must see no other
		}
		listed += row.DurationMS
	}
	m.First, m.Breaks = k.contents.first+from, k.contents.breaks
	for _, r := range rows[:from] {
		if r.Discontinuity {
			m.Breaks++
		}
	}
	for _, r := range rows[from:] {
		s := k.entry(r)
		if e := k.live.listed[r.Number]; e != nil {
			s.URI, s.Map = e.files[f].Name, e.files[f].Init
			for _, p := range e.parts[f] {
				s.Parts = append(s.Parts, p.entry())
			}
		}
		m.Segments = append(m.Segments, s)
	}
	if len(rows) == 0 {
		return m, false
	}
	m.Anchors, m.Marks = k.anchors(rows[from].StartMS), k.listMarks(rows[from].StartMS)
	if m.Ended {
		for i := range m.Segments {
			m.Segments[i].Parts = nil
		}
		return m, true
	}
	if g := k.live.open; g != nil {
		m.Open = k.openEntry(g, f)
	}
	for other := range feed(renditions) {
		if other != f && k.lists(other) {
			msn, part := k.edge(other)
			m.Reports = append(m.Reports, playlist.Report{URI: liveName(other), MSN: msn, Part: part})
		}
	}
	return m, true
}

func (p *part) entry() playlist.Part {
	return playlist.Part{URI: p.uri, Duration: p.duration, Independent: p.independent}
}

// openEntry is the open segment as a rendition lists it.
func (k *catalog) openEntry(g *growing, f feed) *playlist.Open {
	o := &playlist.Open{Hint: g.hint(g.shown[f])}
	o.Start, o.Discontinuity = k.contents.wall(g.StartMS), g.Discontinuity
	for _, file := range g.Files {
		if file.Feed == g.shown[f] {
			o.Map = file.Init
		}
	}
	for _, p := range g.parts[g.shown[f]] {
		o.Parts = append(o.Parts, p.entry())
	}
	return o
}

// anchors are the runs that have part in a playlist from a place of the timeline on.
func (k *catalog) anchors(from int64) (out []playlist.Anchor) {
	for _, r := range k.contents.runs {
		a := playlist.Anchor{At: r.StartedAt, Timeline: time.Duration(r.TimelineMS) * time.Millisecond}
		if n := len(out); r.TimelineMS <= from || n > 0 && out[n-1].Timeline >= a.Timeline {
			out = out[:0] // the ones before it, or the same that goes on after a crash, have none
		}
		out = append(out, a)
	}
	return out
}

// edge is the last segment, or part of one, that a rendition lists; part is -1 when it lists no parts.
func (k *catalog) edge(f feed) (msn, part int) {
	msn = k.contents.next()
	if g := k.live.open; g != nil && len(g.parts[g.shown[f]]) > 0 {
		return msn, len(g.parts[g.shown[f]]) - 1
	}
	return msn - 1, k.partsOf(msn-1, f) - 1
}

// partsOf is how many parts a rendition lists of a whole segment.
func (k *catalog) partsOf(number int, f feed) int {
	if e := k.live.listed[number]; e != nil {
		return len(e.parts[f])
	}
	return 0
}

func liveName(f feed) string { return "live-" + playlistName(f) }
