package verify

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Playlist is a media playlist as far as the rules look at it.
type Playlist struct {
	Target       time.Duration // 0 when absent
	PartTarget   time.Duration
	HoldBack     time.Duration
	PartHoldBack time.Duration
	SkipUntil    time.Duration
	Control      bool // EXT-X-SERVER-CONTROL is there
	Blocks       bool // CAN-BLOCK-RELOAD
	First        int  // EXT-X-MEDIA-SEQUENCE
	Breaks       int  // EXT-X-DISCONTINUITY-SEQUENCE
	Skipped      int  // segments that a delta update leaves out
	Segments     []Segment
	Open         []Part    // after the last segment
	OpenDate     time.Time // EXT-X-PROGRAM-DATE-TIME of them
	Hint         string
	Reports      int
	Ended        bool
}

// Segment is an entry of a media playlist.
type Segment struct {
	URI, Map      string
	Duration      time.Duration
	Date          time.Time // zero without EXT-X-PROGRAM-DATE-TIME
	Discontinuity bool
	Parts         []Part
}

// Part is an EXT-X-PART.
type Part struct {
	URI      string
	Duration time.Duration
}

// Master is a master playlist: the media playlists that it leads to, each once.
type Master struct{ Playlists []string }

var errNoPlaylist = errors.New("not a playlist: it does not begin with #EXTM3U")

// Parse reads a playlist; exactly one of the results is not nil when there is no error.
func Parse(text string) (*Master, *Playlist, error) {
	if !strings.HasPrefix(text, "#EXTM3U") {
		return nil, nil, errNoPlaylist
	}
	if strings.Contains(text, "#EXT-X-STREAM-INF:") {
		return parseMaster(text), nil, nil
	}
	p := &parser{list: &Playlist{}}
	for line := range strings.Lines(text) {
		if err := p.line(strings.TrimSpace(line)); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
		}
	}
	p.list.Open, p.list.OpenDate = p.next.Parts, p.next.Date
	return nil, p.list, nil
}

func parseMaster(text string) *Master {
	m, seen := &Master{}, map[string]bool{}
	add := func(uri string) {
		if uri != "" && !seen[uri] {
			seen[uri] = true
			m.Playlists = append(m.Playlists, uri)
		}
	}
	variant := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch tag, rest, _ := strings.Cut(line, ":"); {
		case tag == "#EXT-X-MEDIA":
			add(attributes(rest)["URI"])
		case tag == "#EXT-X-STREAM-INF":
			variant = true
		case variant && line != "" && line[0] != '#':
			add(line)
			variant = false
		}
	}
	return m
}

type parser struct {
	list *Playlist
	next Segment
}

func (p *parser) line(line string) (err error) {
	l := p.list
	tag, value, _ := strings.Cut(line, ":")
	attr := func(name string) time.Duration {
		text, found := attributes(value)[name]
		if !found || err != nil {
			return 0
		}
		var d time.Duration
		d, err = seconds(text)
		return d
	}
	switch tag {
	case "":
	case "#EXT-X-TARGETDURATION":
		l.Target, err = seconds(value)
	case "#EXT-X-MEDIA-SEQUENCE":
		l.First, err = strconv.Atoi(value)
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		l.Breaks, err = strconv.Atoi(value)
	case "#EXT-X-PART-INF":
		l.PartTarget = attr("PART-TARGET")
	case "#EXT-X-SERVER-CONTROL":
		l.Control, l.Blocks = true, attributes(value)["CAN-BLOCK-RELOAD"] == "YES"
		l.HoldBack, l.PartHoldBack, l.SkipUntil = attr("HOLD-BACK"), attr("PART-HOLD-BACK"), attr("CAN-SKIP-UNTIL")
	case "#EXT-X-SKIP":
		l.Skipped, err = strconv.Atoi(attributes(value)["SKIPPED-SEGMENTS"])
	case "#EXT-X-MAP":
		p.next.Map = attributes(value)["URI"]
	case "#EXT-X-DISCONTINUITY":
		p.next.Discontinuity = true
	case "#EXT-X-PROGRAM-DATE-TIME":
		p.next.Date, err = time.Parse(time.RFC3339Nano, value)
	case "#EXT-X-PART":
		p.next.Parts = append(p.next.Parts, Part{URI: attributes(value)["URI"], Duration: attr("DURATION")})
	case "#EXTINF":
		length, _, _ := strings.Cut(value, ",")
		p.next.Duration, err = seconds(length)
	case "#EXT-X-PRELOAD-HINT":
		l.Hint = attributes(value)["URI"]
	case "#EXT-X-RENDITION-REPORT":
		l.Reports++
	case "#EXT-X-ENDLIST":
		l.Ended = true
	default:
		if line[0] != '#' {
			p.next.URI = line
			l.Segments = append(l.Segments, p.next)
			p.next = Segment{Map: p.next.Map}
		}
	}
	return err
}

func seconds(text string) (time.Duration, error) {
	f, err := strconv.ParseFloat(text, 64)
	return time.Duration(f*1e6) * time.Microsecond, err
}

// attributes reads an attribute list (RFC 8216 section 4.2); quotes are taken off.
func attributes(list string) map[string]string {
	out := map[string]string{}
	for list != "" {
		name, rest, _ := strings.Cut(list, "=")
		var value string
		if quoted, found := strings.CutPrefix(rest, `"`); found {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, list, _ = strings.Cut(rest, ",")
		} else {
			value, list, _ = strings.Cut(rest, ",")
		}
		out[strings.TrimSpace(name)] = value
	}
	return out
}
