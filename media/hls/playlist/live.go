package playlist

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/grafov/m3u8"
)

// Part is one part of a segment (EXT-X-PART).
type Part struct {
	URI         string
	Duration    time.Duration
	Independent bool // begins with a keyframe
}

// Open is the segment that is being written, of which there are only parts.
type Open struct {
	Segment        // without URI and Duration
	Hint    string // URI of the part that comes next
}

// Report says how far another rendition has come (EXT-X-RENDITION-REPORT).
type Report struct {
	URI  string
	MSN  int // of its last segment, or the segment of its last part
	Part int // of its last part; negative when that segment has none
}

// Anchor ties the dates of a playlist to the session timeline, as a date range that begins with a run of the
// lecture: what is dated At lies at Timeline.
type Anchor struct {
	At       time.Time
	Timeline time.Duration // whole milliseconds
}

// AnchorClass is the CLASS of an Anchor's date range, and X-TIMELINE-MS the attribute with its place.
const AnchorClass = "lectern.run"

// Mark is a chapter: a date range of its own class with its place and title. ID is unique in a playlist.
type Mark struct {
	ID, Class string
	At        time.Time
	Timeline  time.Duration // whole milliseconds
	Title     string
}

// titleLimit bounds what a playlist carries of a title, in characters.
const titleLimit = 120

// title is text as a quoted string may hold it (RFC 8216 section 4.2): no line breaks and no quotation marks.
func title(text string) string {
	runes := []rune(strings.Join(strings.Fields(strings.ReplaceAll(text, `"`, "'")), " "))
	if len(runes) > titleLimit {
		runes = append(runes[:titleLimit-1], '\u2026')
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, string(runes))
}

// ranges are the lines of anchors and marks.
func ranges(anchors []Anchor, marks []Mark) (out []string) {
	for _, a := range anchors {
		out = append(out, fmt.Sprintf(`#EXT-X-DATERANGE:ID="run-%d",CLASS="%s",START-DATE="%s",X-TIMELINE-MS=%d`,
			a.Timeline.Milliseconds(), AnchorClass, date(a.At), a.Timeline.Milliseconds()))
	}
	for _, m := range marks {
		out = append(out, fmt.Sprintf(`#EXT-X-DATERANGE:ID="%s",CLASS="%s",START-DATE="%s",X-TIMELINE-MS=%d,X-TITLE="%s"`,
			m.ID, m.Class, date(m.At), m.Timeline.Milliseconds(), title(m.Title)))
	}
	return out
}

// Live is the low-latency playlist of a window that moves along with the lecture. Target, PartTarget and what
// follows from them must stay the same for as long as a player may read it.
type Live struct {
	Target     time.Duration // EXT-X-TARGETDURATION, whole seconds
	PartTarget time.Duration
	First      int // EXT-X-MEDIA-SEQUENCE
	Breaks     int // EXT-X-DISCONTINUITY-SEQUENCE: discontinuities before the window
	Segments   []Segment
	Open       *Open // nil between two segments
	Reports    []Report
	Anchors    []Anchor
	Marks      []Mark
	Ended      bool // no more parts, and EXT-X-ENDLIST
}

// Versions: 9 has EXT-X-SKIP (rfc8216bis section 8).
const liveVersion = 9

// Multiples of a target that the server promises (rfc8216bis section 4.4.3.8): three is the least that is
// recommended for the distance from the edge, six the least for what a delta update leaves out.
const (
	holdBack  = 3
	skipUntil = 6
)

// SkipUntil is how near to the edge a delta update begins to list segments, for a target duration.
func SkipUntil(target time.Duration) time.Duration { return skipUntil * target }

// Encode returns the playlist as text: whole, or as a delta update (EXT-X-SKIP) when that is asked for and
// there is something to leave out.
func (l Live) Encode(delta bool) ([]byte, error) {
	w := writer{target: l.Target, ended: l.Ended, first: l.First, breaks: l.Breaks, version: liveVersion}
	if !l.Ended {
		w.head = append(w.head, fmt.Sprintf(
			"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%s,HOLD-BACK=%s,PART-HOLD-BACK=%s",
			seconds(skipUntil*l.Target), seconds(holdBack*l.Target), seconds(holdBack*l.PartTarget)),
			"#EXT-X-PART-INF:PART-TARGET="+seconds(l.PartTarget))
	}
	w.head = append(w.head, ranges(l.Anchors, l.Marks)...)
	if delta && !l.Ended {
		w.skip = skippable(l.Segments, l.openLength(), l.Target)
	}
	out, lastMap, err := w.encode(l.Segments)
	if err != nil || l.Ended {
		return out, err
	}
	return append(out, l.tail(lastMap)...), nil
}

func (l Live) openLength() (sum time.Duration) {
	if l.Open != nil {
		for _, p := range l.Open.Parts {
			sum += p.Duration
		}
	}
	return sum
}

// tail is what comes after the last whole segment, for which the library has no words.
func (l Live) tail(lastMap string) string {
	var b strings.Builder
	if o := l.Open; o != nil {
		if len(o.Parts) > 0 {
			if o.Discontinuity {
				b.WriteString("#EXT-X-DISCONTINUITY\n")
			}
			if o.Discontinuity || o.Map != lastMap {
				fmt.Fprintf(&b, "#EXT-X-MAP:URI=%q\n", o.Map)
			}
			fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n%s\n", date(o.Start), partLines(o.Parts))
		}
		if o.Hint != "" {
			fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=%q\n", o.Hint)
		}
	}
	for _, r := range l.Reports {
		fmt.Fprintf(&b, "#EXT-X-RENDITION-REPORT:URI=%q,LAST-MSN=%d", r.URI, r.MSN)
		if r.Part >= 0 {
			fmt.Fprintf(&b, ",LAST-PART=%d", r.Part)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func partLines(parts []Part) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = fmt.Sprintf("#EXT-X-PART:DURATION=%s,URI=%q", seconds(p.Duration), p.URI)
		if p.Independent {
			out[i] += ",INDEPENDENT=YES"
		}
	}
	return strings.Join(out, "\n")
}

// seconds writes a duration to the nearest 10 us.
func seconds(d time.Duration) string { return fmt.Sprintf("%.5f", d.Seconds()) }

func date(t time.Time) string {
	return t.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z07:00")
}

// skippable is how many of the first segments a delta update may leave out: those that end further than the
// skip boundary from the edge.
func skippable(all []Segment, open, target time.Duration) int {
	played := open
	for i := len(all) - 1; i >= 0; i-- {
		if played > skipUntil*target {
			return i + 1
		}
		played += all[i].Duration
	}
	return 0
}

// writer puts a media playlist together.
type writer struct {
	version       uint8
	target        time.Duration
	first, breaks int
	skip          int      // segments that a delta update leaves out
	head          []string // lines before the segments
	ended         bool
}

// encode returns the playlist of the segments, and the initialisation section that the last one needs.
func (w writer) encode(all []Segment) (out []byte, lastMap string, err error) {
	p, err := m3u8.NewMediaPlaylist(0, uint(len(all))+1)
	if err != nil {
		return nil, "", fmt.Errorf("playlist: %w", err)
	}
	p.SetVersion(w.version)
	p.TargetDuration = w.target.Seconds()
	p.SeqNo, p.DiscontinuitySeq = uint64(w.first), uint64(w.breaks)
	if len(w.head) > 0 {
		p.SetCustomTag(lines(strings.Join(w.head, "\n")))
	}
	for i, s := range all {
		changed := s.Map != lastMap || s.Discontinuity
		lastMap = s.Map
		if i < w.skip {
			continue
		}
		if s.Duration.Round(time.Second) > w.target {
			return nil, "", fmt.Errorf("playlist: segment %d lasts %v, more than the target of %v", w.first+i, s.Duration, w.target)
		}
		seg := &m3u8.MediaSegment{
			URI: s.URI, Duration: min(s.Duration.Seconds(), w.target.Seconds()),
			Discontinuity: s.Discontinuity, ProgramDateTime: s.Start.UTC().Truncate(time.Millisecond),
		}
		if changed && s.Map != "" {
			seg.Map = &m3u8.Map{URI: s.Map}
		}
		if len(s.Parts) > 0 {
			seg.Custom = map[string]m3u8.CustomTag{"parts": lines(partLines(s.Parts))}
		}
		if err := p.AppendSegment(seg); err != nil {
			return nil, "", fmt.Errorf("playlist: segment %d: %w", w.first+i, err)
		}
		seg.Duration = s.Duration.Seconds() // now that it cannot move the target
	}
	if w.ended {
		p.Close()
	}
	return w.insertSkip(bytes.Clone(p.Encode().Bytes())), lastMap, nil
}

// insertSkip writes EXT-X-SKIP where the skipped segments stood: after the header, which the library ends with
// these two tags.
func (w writer) insertSkip(out []byte) []byte {
	if w.skip == 0 {
		return out
	}
	at := 0
	for _, tag := range []string{"#EXT-X-TARGETDURATION:", "#EXT-X-DISCONTINUITY-SEQUENCE:"} {
		if i := bytes.Index(out, []byte(tag)); i >= 0 {
			at = max(at, i+bytes.IndexByte(out[i:], '\n')+1)
		}
	}
	skip := fmt.Sprintf("#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n", w.skip)
	return append(out[:at:at], append([]byte(skip), out[at:]...)...)
}
