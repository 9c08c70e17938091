package vod

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"

	"lectern/media/hls"
	"lectern/media/hls/playlist"
)

// ladderName is the append-only file that lists the polished renditions: one line a row, the kind of row, a space, and
// JSON, like the index of a recording. A crash loses what was being encoded and nothing else.
const ladderName = "ladder.index"

// rung is one rendition of the ladder. Its segments are those of the recording: same number, place and length.
type rung struct {
	Name          string `json:"name"` // of its playlist, without the end
	Width, Height int
	Kbps          int `json:"kbps"` // most that a second may have
}

// The rows of the ladder's index.
type (
	planRow struct {
		Rungs []rung `json:"rungs"`
	}
	initRow struct {
		Name  string `json:"file"`
		Codec string `json:"codec"`
	}
	segmentRow struct {
		Rung   string `json:"r"`
		Number int    `json:"n"`
		Name   string `json:"file"`
		Init   string `json:"init"`
		Frames int    `json:"frames"`
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
	}
	// chunkRow ends the rows of a chunk: without it they count for nothing.
	chunkRow struct {
		Done int `json:"done"` // segments so far
	}
	// verifiedRow says that so many segments were read back from the disk and are what was written.
	verifiedRow struct {
		Segments int `json:"segments"`
	}
)

// ladder is its index in memory.
type ladder struct {
	rungs    []rung
	codecs   map[string]string       // by initialisation section
	rows     map[string][]segmentRow // by rung, from number 0 on
	verified int
	good     int64 // bytes of the index up to the last whole row
}

// heights are the rungs of the ladder, and kbps what a picture 16:9 of 720 lines may take.
var heights = []int{1080, 720, 480, 240}

const kbps720 = 2500

// planRungs chooses the rungs for a source. One that stands between two rungs by more than a fifth is a rung itself.
func planRungs(width, height int) []rung {
	var rungs []rung
	add := func(h int) {
		w := even(float64(width) * float64(h) / float64(height))
		rungs = append(rungs, rung{
			Name: fmt.Sprintf("p%d", h), Width: w, Height: h,
			Kbps: int(math.Round(kbps720 * math.Pow(float64(w*h)/(1280*720), 0.75))),
		})
	}
	for _, h := range heights {
		if h <= height {
			if len(rungs) == 0 && float64(height) > 1.2*float64(h) && h != heights[0] {
				add(even(float64(height)))
			}
			add(h)
		}
	}
	if len(rungs) == 0 {
		add(even(float64(height)))
	}
	return rungs
}

func even(n float64) int { return max(2, 2*int(math.Round(n/2))) }

// readLadder reads the index of a folder; none is an empty one.
func readLadder(root *os.Root) (*ladder, error) {
	b, err := root.ReadFile(ladderName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", ladderName, err)
	}
	return parseLadder(b)
}

func parseLadder(b []byte) (*ladder, error) {
	l := &ladder{codecs: map[string]string{}, rows: map[string][]segmentRow{}}
	b = b[:settled(b)]
	for line := range bytes.Lines(b) {
		if err := l.apply(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return nil, fmt.Errorf("read %s: %w", ladderName, err)
		}
	}
	l.good = int64(len(b))
	return l, nil
}

// settled is how many bytes of an index count: up to its last row that ends something.
func settled(b []byte) int {
	good, at := 0, 0
	for line := range bytes.Lines(b) {
		at += len(line)
		kind, _, _ := bytes.Cut(line, []byte(" "))
		if line[len(line)-1] == '\n' && slices.Contains([]string{"plan", "chunk", "verified"}, string(kind)) {
			good = at
		}
	}
	return good
}

var errRow = errors.New("not a row of the ladder")

// apply adds one line, without its end.
func (l *ladder) apply(line []byte) error {
	kind, body, _ := bytes.Cut(line, []byte(" "))
	switch string(kind) {
	case "plan":
		var row planRow
		if err := json.Unmarshal(body, &row); err != nil {
			return err
		}
		l.rungs = row.Rungs
	case "init":
		var row initRow
		if err := json.Unmarshal(body, &row); err != nil {
			return err
		}
		l.codecs[row.Name] = row.Codec
	case "segment":
		var row segmentRow
		if err := json.Unmarshal(body, &row); err != nil {
			return err
		}
		if row.Number != len(l.rows[row.Rung]) {
			return errRow
		}
		l.rows[row.Rung] = append(l.rows[row.Rung], row)
	case "chunk":
		return nil
	case "verified":
		var row verifiedRow
		if err := json.Unmarshal(body, &row); err != nil {
			return err
		}
		l.verified = row.Segments
	default:
		return errRow
	}
	return nil
}

// appendRow appends the line of a row.
func appendRow(dst []byte, kind string, row any) []byte {
	b, err := json.Marshal(row)
	if err != nil {
		panic(err) // these types always marshal
	}
	return append(append(append(dst, kind+" "...), b...), '\n')
}

// done is how many segments every rung has.
func (l *ladder) done() int {
	if len(l.rungs) == 0 {
		return 0
	}
	n := math.MaxInt
	for _, r := range l.rungs {
		n = min(n, len(l.rows[r.Name]))
	}
	return n
}

// whole says whether the ladder has all of a recording's segments, checked.
func (l *ladder) whole(segments int) bool {
	return segments > 0 && l.done() >= segments && l.verified >= segments
}

// segments lists a rung as if it had been recorded: with places and lengths of the recording's best rendition.
func (l *ladder) segments(o *hls.Origin, name string) []hls.Segment {
	rows := l.rows[name]
	all := o.Segments(source)
	if len(rows) < len(all) {
		return nil
	}
	for i := range all {
		row := rows[i]
		all[i].Name, all[i].Init, all[i].Frames, all[i].Size, all[i].SHA256 = row.Name, row.Init, row.Frames, row.Size, row.SHA256
	}
	return all
}

// master puts the rungs in the place of a recording's layers.
func (l *ladder) master(o *hls.Origin, recorded playlist.Master) playlist.Master {
	sound := slices.IndexFunc(recorded.Variants, func(v playlist.Variant) bool { return v.Width == 0 })
	hear := recorded.Variants[sound]
	m := recorded
	m.Variants = nil
	for _, r := range l.rungs {
		var bytes, ms, frames, peak int64
		all := l.segments(o, r.Name)
		for _, s := range all {
			bytes, ms, frames = bytes+s.Size, ms+s.DurationMS, frames+int64(s.Frames)
			if s.DurationMS >= 500 || len(all) == 1 { // a shorter one says nothing of the rate
				peak = max(peak, s.Size*8000/max(1, s.DurationMS))
			}
		}
		average := bytes * 8000 / max(1, ms)
		m.Variants = append(m.Variants, playlist.Variant{
			URI: r.Name + ".m3u8", Width: r.Width, Height: r.Height, Codecs: append([]string{l.codecs[all[len(all)-1].Init]}, hear.Codecs...),
			Peak: int(max(peak, average)) + hear.Peak, Average: int(average) + hear.Average, FrameRate: float64(frames) * 1000 / float64(max(1, ms)),
		})
	}
	m.Variants = append(m.Variants, hear)
	return m
}

// verify reads every file back and compares it with what was written.
func (l *ladder) verify(root *os.Root, proceed func() error) error {
	for _, r := range l.rungs {
		for _, row := range l.rows[r.Name] {
			if err := proceed(); err != nil {
				return err
			}
			b, err := root.ReadFile(row.Name)
			if err != nil {
				return fmt.Errorf("read %s segment %d back: %w", r.Name, row.Number, err)
			}
			sum := sha256.Sum256(b)
			if hex.EncodeToString(sum[:]) != row.SHA256 || int64(len(b)) != row.Size {
				return fmt.Errorf("%s segment %d: %w", r.Name, row.Number, errDamaged)
			}
		}
	}
	return nil
}

// errDamaged says that a file is not what was written into it.
var errDamaged = errors.New("the disk gives back something else than was written")
