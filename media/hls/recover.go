package hls

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"

	"lectern/media/hls/fmp4"
)

// lines walks the lines of b, without their ends.
func lines(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(b) {
			if !yield(bytes.TrimSuffix(line, []byte("\n"))) {
				return
			}
		}
	}
}

// recoverTolerance is how much shorter than the longest a recovered layer may be and still be shown: one
// picture of a slow camera.
const recoverTolerance = 80 * time.Millisecond

// salvage is what a crash left of one output.
type salvage struct {
	*output
	disk      *os.File // its file
	fragments []fmp4.Fragment
}

// length is how long the first n fragments play.
func (s *salvage) length(n int) time.Duration {
	var sum uint64
	for _, f := range s.fragments[:n] {
		sum += f.Duration
	}
	return time.Duration(sum) * time.Second / s.scale()
}

// recover turns the whole parts of the segment that was being written into a segment. What played in
// the part being written is lost, half a second; the sound, which comes a little later than the picture,
// is filled up with silence.
func (a *archive) recover(open openRow) error {
	var found []*salvage
	for _, row := range open.Files {
		s, err := a.salvage(row)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer s.disk.Close()
		found = append(found, s)
	}
	length := time.Duration(0)
	for _, s := range found {
		if s.Feed != sound {
			length = max(length, s.length(len(s.fragments)))
		}
	}
	length = length.Truncate(time.Millisecond)
	outputs := make([]*output, 0, len(found))
	for _, s := range found {
		if err := s.fit(open, length); err != nil {
			return err
		}
		outputs = append(outputs, s.output)
	}
	shown := lend(outputs, a.catalog.shown())
	if length < time.Millisecond || shown[sound] == nil || shown[0] == nil {
		for _, o := range outputs {
			a.place.remove(o.Name)
			a.discard(o)
		}
		return nil
	}
	return a.commit(open, outputs, length)
}

// salvage opens an output under its old or, when the crash came between renaming and the index, its
// final name, which it then gives back.
func (a *archive) salvage(row fileRow) (*salvage, error) {
	if _, err := a.disk.root.Stat(row.Name); err == nil {
		if err := a.place.rename(row.Name, row.Name+partSuffix); err != nil {
			return nil, err
		}
	}
	f, err := a.disk.root.OpenFile(row.Name+partSuffix, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &salvage{output: &output{fileRow: row, file: f, hash: sha256.New()}, disk: f}
	if s.fragments, err = fmp4.Scan(f, info.Size()); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// fit cuts an output to whole parts of a length, and fills sound up to it.
func (s *salvage) fit(open openRow, length time.Duration) error {
	n := len(s.fragments)
	for n > 0 && s.length(n) > length+recoverTolerance {
		n--
	}
	var size int64
	for _, f := range s.fragments[:n] {
		size += f.Size
		s.frames += f.Samples
	}
	if err := s.disk.Truncate(size); err != nil {
		return err
	}
	if _, err := s.disk.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(s.hash, s.disk); err != nil {
		return fmt.Errorf("read %s: %w", s.Name, err)
	}
	if err := s.look(); err != nil {
		return err
	}
	s.size, s.parts = size, make([]*part, n) // nobody asks for them any more
	s.gap = s.length(n) < length-recoverTolerance
	if s.Feed != sound {
		return nil
	}
	start := time.Duration(open.StartMS) * time.Millisecond
	at := slot(start)
	if n > 0 {
		last := s.fragments[n-1]
		at = int64(last.Base+last.Duration) / aacFrame
	}
	return s.write(open.Number, uint64(at*aacFrame), soundSamples(silence(slot(start+length)-at)))
}

// look finds out whether the first picture can be decoded by itself.
func (s *salvage) look() error {
	if s.Feed == sound || len(s.fragments) == 0 {
		return nil
	}
	b := make([]byte, s.fragments[0].Size)
	if _, err := s.disk.ReadAt(b, 0); err != nil {
		return fmt.Errorf("read %s: %w", s.Name, err)
	}
	samples, err := fmp4.Read(b)
	if err != nil || len(samples) == 0 {
		return fmt.Errorf("read %s: %d pictures: %w", s.Name, len(samples), err)
	}
	s.depends = !samples[0].Sync
	return nil
}

// silence is n frames of it.
func silence(n int64) [][]byte {
	out := make([][]byte, max(n, 0))
	for i := range out {
		out[i] = aacSilence
	}
	return out
}

// soundSamples makes fragment samples of AAC frames.
func soundSamples(frames [][]byte) []fmp4.Sample {
	out := make([]fmp4.Sample, len(frames))
	for i, f := range frames {
		out[i] = fmp4.Sample{Data: f, Duration: aacFrame, Sync: true}
	}
	return out
}
