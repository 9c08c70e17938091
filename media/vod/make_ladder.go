package vod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"lectern/media/hls"
)

// ErrNoPictures says that a recording has no picture of which anything could be made.
var ErrNoPictures = errors.New("the recording has no pictures")

// MakeLadder encodes a recording anew as a ladder of renditions with the segments of the recording, and goes on where an
// earlier call was interrupted. Until it returns nil the recording is served as it was; what is opened after
// that leads to the ladder. Progress is told after each chunk, in segments.
func MakeLadder(ctx context.Context, dir, ffmpeg string, progress func(done, total int)) error {
	o, err := hls.Open(dir)
	if err != nil {
		return err
	}
	defer o.Close()
	root, err := openFolder(dir, true)
	if err != nil {
		return err
	}
	defer root.Close()
	m := &ladderMaker{origin: o, root: root, dir: filepath.Join(dir, Folder), ffmpeg: ffmpeg, progress: progress, all: o.Segments(source)}
	if err := m.begin(); err != nil {
		return fmt.Errorf("begin ladder: %w", err)
	}
	defer m.index.Close()
	if err := m.run(ctx); err != nil {
		return fmt.Errorf("make ladder: %w", err)
	}
	return nil
}

// ladderMaker is one call of MakeLadder.
type ladderMaker struct {
	origin   *hls.Origin
	root     *os.Root
	dir      string
	ffmpeg   string
	progress func(done, total int)
	all      []hls.Segment
	ladder   *ladder
	index    *os.File
}

// begin opens the index, which nobody else may have open for this, and throws away what counts nowhere.
func (m *ladderMaker) begin() (err error) {
	width, height := 0, 0
	for _, s := range m.all {
		if i := m.origin.Init(s.Init); i.Height > height {
			width, height = i.Width, i.Height
		}
	}
	if height == 0 {
		return ErrNoPictures
	}
	if m.index, err = m.root.OpenFile(ladderName, os.O_RDWR|os.O_CREATE, 0o640); err != nil {
		return err
	}
	if err := syscall.Flock(int(m.index.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("somebody else makes this ladder: %w", err), m.index.Close())
	}
	if m.ladder, err = readLadder(m.root); err == nil {
		err = m.index.Truncate(m.ladder.good)
	}
	if err == nil && len(m.ladder.rungs) == 0 {
		err = m.append(appendRow(nil, "plan", planRow{Rungs: planRungs(width, height)}))
	}
	if err == nil {
		err = m.sweep()
	}
	if err != nil {
		m.index.Close()
	}
	return err
}

// append writes whole rows down, and applies them once they are safe.
func (m *ladderMaker) append(rows []byte) error {
	if _, err := m.index.WriteAt(rows, m.ladder.good); err != nil {
		return err
	}
	if err := m.index.Sync(); err != nil {
		return err
	}
	for line := range strings.Lines(string(rows)) {
		if err := m.ladder.apply([]byte(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	m.ladder.good += int64(len(rows))
	return nil
}

// sweep removes segments that no row lists, and what was being encoded.
func (m *ladderMaker) sweep() error {
	listed := m.ladder.files()
	err := m.root.RemoveAll(work)
	for _, pattern := range []string{"*.m4s", "*.mp4", "*.part"} {
		names, globErr := fs.Glob(m.root.FS(), pattern)
		err = errors.Join(err, globErr)
		for _, name := range names {
			if !slices.Contains(listed, name) {
				err = errors.Join(err, m.root.Remove(name))
			}
		}
	}
	return err
}

func (m *ladderMaker) run(ctx context.Context) error {
	folder := filepath.Join(m.dir, work)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for at := m.ladder.done(); at < len(m.all); at = m.ladder.done() {
		m.progress(at, len(m.all))
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.chunk(ctx, folder, at); err != nil {
			return err
		}
	}
	m.progress(len(m.all), len(m.all))
	if m.ladder.whole(len(m.all)) {
		return nil
	}
	if err := m.ladder.verify(m.root, ctx.Err); err != nil {
		return err
	}
	return m.append(appendRow(nil, "verified", verifiedRow{Segments: len(m.all)}))
}

// chunk encodes what begins with a segment.
func (m *ladderMaker) chunk(ctx context.Context, folder string, at int) error {
	c, err := nextChunk(m.origin, m.all, at)
	if err != nil {
		return err
	}
	encoded, err := c.encode(ctx, m.ffmpeg, folder, m.ladder.rungs)
	if err != nil {
		return err
	}
	var rows []byte
	for i, r := range m.ladder.rungs {
		more, err := c.store(m.root, r, encoded[i], m.ladder.codecs)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		rows = append(rows, more...)
	}
	if err := syncFolder(m.root); err != nil {
		return err
	}
	return m.append(appendRow(rows, "chunk", chunkRow{Done: at + len(c.segments)}))
}
