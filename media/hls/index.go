package hls

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"lectern/media"
)

// indexName is the append-only file from which everything else is derived: one line a row, the kind of
// row, a space, and JSON.
const indexName = "recording.index"

// feed is what pictures or sound are made of: a layer (its media.Layer), the microphone, or the slate
// that stands in while there is no picture. The first four are also the renditions, which show their
// own feed, or while it is missing another one.
type feed uint8

const (
	sound      = feed(media.Layers)
	slate      = sound + 1
	renditions = int(sound) + 1
)

var feedNames = [...]string{"low", "mid", "high", "audio", "slate"}

func (f feed) String() string { return feedNames[f] }

// MarshalText writes the name of a feed, which is also the name of its playlist.
func (f feed) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (f *feed) UnmarshalText(b []byte) error {
	for i, name := range feedNames {
		if name == string(b) {
			*f = feed(i)
			return nil
		}
	}
	return fmt.Errorf("unknown feed %q", b)
}

// The rows of the index. Times are places on the session timeline in whole milliseconds.
type (
	// runRow begins each stretch during which one process recorded.
	runRow struct {
		TimelineMS int64     `json:"timeline_ms"`
		StartedAt  time.Time `json:"started_at"` // what the wall clock said then
		// PictureOnly says that the sound is in another recording. What stands here is silence that nobody lists.
		PictureOnly bool `json:"picture_only,omitempty"`
	}
	// initRow describes an initialisation section. Width and Height are zero for sound.
	initRow struct {
		Name   string `json:"file"`
		Codec  string `json:"codec"`
		Width  int    `json:"width,omitempty"`
		Height int    `json:"height,omitempty"`
	}
	// openRow announces a segment, so that its parts can be found after a crash.
	openRow struct {
		Number        int       `json:"n"`
		StartMS       int64     `json:"t"`
		Discontinuity bool      `json:"disc,omitempty"`
		Files         []fileRow `json:"files"`
	}
	// fileRow is one file of a segment being written.
	fileRow struct {
		Feed feed   `json:"feed"`
		Name string `json:"file"`
		Init string `json:"init"`
	}
	// segmentRow is one segment of one rendition. The rows of a number are written together and agree in
	// StartMS, DurationMS and Discontinuity.
	segmentRow struct {
		Rendition     feed   `json:"r"`
		Number        int    `json:"n"`
		StartMS       int64  `json:"t"`
		DurationMS    int64  `json:"d"`
		Name          string `json:"file"`
		Init          string `json:"init"`
		Discontinuity bool   `json:"disc,omitempty"`
		Feed          feed   `json:"feed"`
		Frames        int    `json:"frames"`
		Size          int64  `json:"size"`
		SHA256        string `json:"sha256"`
		Edge          bool   `json:"edge,omitempty"` // players at the live edge saw another file grow
	}
	// endRow says that the lecture went off air. A run after it continues the recording.
	endRow struct{}
)

// contents is an index in memory.
type contents struct {
	runs     []runRow
	inits    map[string]initRow
	segments [renditions][]segmentRow
	first    int  // number of the first of them
	breaks   int  // discontinuities before that
	fleeting bool // only the live window is kept
	ended    bool
	silent   bool // the sound is in another recording

	open    *openRow     // the segment being written, if its rows did not follow
	pending []segmentRow // of the number being read, not yet all renditions
}

func newContents() *contents { return &contents{inits: map[string]initRow{}} }

// appendRow appends the line of a row.
func appendRow(dst []byte, row any) []byte {
	var kind string
	switch row.(type) {
	case runRow:
		kind = "run "
	case initRow:
		kind = "init "
	case openRow:
		kind = "open "
	case segmentRow:
		kind = "segment "
	case endRow:
		kind = "end "
	}
	b, err := json.Marshal(row)
	if err != nil {
		panic(err) // these types always marshal
	}
	dst = append(append(dst, kind...), b...)
	return append(dst, '\n')
}

var errRow = errors.New("not a row of the index")

// apply adds one line, without its end. whole is false while the rows of a segment number are not all
// there yet.
func (c *contents) apply(line []byte) (whole bool, err error) {
	kind, body, _ := bytes.Cut(line, []byte(" "))
	switch string(kind) {
	case "run":
		var r runRow
		if err = json.Unmarshal(body, &r); err == nil {
			c.runs, c.ended, c.silent = append(c.runs, r), false, r.PictureOnly
		}
	case "init":
		var r initRow
		if err = json.Unmarshal(body, &r); err == nil {
			c.inits[r.Name] = r
		}
	case "open":
		var r openRow
		if err = json.Unmarshal(body, &r); err == nil {
			c.open = &r
		}
	case "segment":
		var r segmentRow
		if err = json.Unmarshal(body, &r); err == nil {
			return c.add(r)
		}
	case "end":
		c.ended = true
	default:
		err = errRow
	}
	return err == nil, err
}

func (c *contents) add(r segmentRow) (whole bool, err error) {
	if int(r.Rendition) != len(c.pending) || r.Number != c.next() {
		return false, errRow
	}
	if c.pending = append(c.pending, r); len(c.pending) < renditions {
		return false, nil
	}
	for i, r := range c.pending {
		c.segments[i] = append(c.segments[i], r)
	}
	c.pending, c.open = nil, nil
	return true, nil
}

// readIndex reads rows until the end or until what a crash cut off, and returns how many bytes of it are
// good.
func readIndex(r io.Reader) (*contents, int64, error) {
	c, good, at := newContents(), int64(0), int64(0)
	b := bufio.NewReader(r)
	for {
		line, err := b.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return c, good, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", indexName, err)
		}
		at += int64(len(line))
		whole, err := c.apply(line[:len(line)-1])
		if err != nil {
			c.pending = nil
			return c, good, nil
		}
		if whole {
			good = at
		}
	}
}

// next is the number of the segment that comes next.
func (c *contents) next() int { return c.first + len(c.segments[sound]) }

// forget drops the segments before a number, and returns their files.
func (c *contents) forget(number int) (files []string) {
	n := min(number, c.next()) - c.first
	if n <= 0 {
		return nil
	}
	for r, rows := range c.segments {
		for _, row := range rows[:n] {
			files = append(files, row.Name)
			if row.Discontinuity && feed(r) == sound {
				c.breaks++
			}
		}
		c.segments[r] = slices.Clone(rows[n:])
	}
	c.first += n
	slices.Sort(files)
	return slices.Compact(files)
}

// end is where the recording ends on the timeline.
func (c *contents) end() time.Duration {
	all := c.segments[sound]
	if len(all) == 0 {
		return 0
	}
	last := all[len(all)-1]
	return time.Duration(last.StartMS+last.DurationMS) * time.Millisecond
}

// wall is what the clock on the wall said at a place of the timeline.
func (c *contents) wall(ms int64) time.Time {
	var t time.Time
	for _, r := range c.runs {
		if t.IsZero() || r.TimelineMS <= ms {
			t = r.StartedAt.Add(time.Duration(ms-r.TimelineMS) * time.Millisecond)
		}
	}
	return t
}

// edits is the edit list of the recording: rows of stretches in which recording and timeline run
// together to within editTolerance.
func (c *contents) edits() []Edit {
	var out []Edit
	var recorded int64
	for _, s := range c.segments[sound] {
		n := len(out) - 1
		if n < 0 || abs(s.StartMS-(out[n].TimelineMS+out[n].LengthMS)) > editTolerance.Milliseconds() {
			out = append(out, Edit{TimelineMS: s.StartMS, RecordingMS: recorded})
			n++
		}
		out[n].LengthMS += s.DurationMS
		recorded += s.DurationMS
	}
	return out
}

func abs(n int64) int64 { return max(n, -n) }
