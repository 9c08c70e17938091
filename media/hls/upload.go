package hls

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// progressName is the file that says how much of a recording is in the store. It is not synced: to copy something
// twice does no harm.
const progressName = "uploaded.json"

// progress is its content, in bytes of the index. In the store the index is one object of Base bytes, which need not be
// there, and chunks behind it, each named by the byte with which it begins.
type progress struct {
	Copied int64   `json:"copied"`
	Base   int64   `json:"base"`
	Chunks []int64 `json:"chunks,omitempty"`
}

// Bounds of one turn: what the next recording waits for, and what is in memory of the index.
const (
	turnBytes     = 64 << 10 // of the index: about 50 segments of four renditions
	uploadsAtOnce = 4
	chunksMost    = 256 // then the index is put together
)

// putWithin is how long a store may take for a file of up to a megabyte: the breaker opens within 5 s (trust D-06). A
// larger one has a second for each megabyte more.
const putWithin = 4500 * time.Millisecond

func readProgress(root *os.Root) (p progress, err error) {
	b, err := root.ReadFile(progressName)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	if json.Unmarshal(b, &p) != nil {
		return progress{}, nil // a power cut took it: begin again
	}
	return p, nil
}

func writeProgress(root *os.Root, p progress) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := root.WriteFile(progressName+partSuffix, b, 0o640); err != nil {
		return err
	}
	return root.Rename(progressName+partSuffix, progressName)
}

func chunkName(at int64) string { return indexName + "." + strconv.FormatInt(at, 10) }

// copy takes a recording some way further, and says whether there is more to do: first the files that the next rows
// name, then these rows, then that this is done.
func (m *Mirror) copy(ctx context.Context, recording string) (more bool, err error) {
	m.turn.Lock()
	defer m.turn.Unlock()
	root, err := os.OpenRoot(filepath.Join(m.config.Dir, recording))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // deleted
	}
	if err != nil {
		return false, err
	}
	defer root.Close()
	index, err := root.Open(indexName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer index.Close()
	limit, err := m.limit(recording, index)
	if err != nil {
		return false, err
	}
	done, err := readProgress(root)
	if err != nil {
		return false, err
	}
	rows, err := nextRows(index, done.Copied, limit)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	if err := m.putFiles(ctx, root, recording, rows); err != nil {
		return true, err
	}
	if err := m.putBytes(ctx, storeKey(recording, chunkName(done.Copied)), rows); err != nil {
		return true, err
	}
	done.Chunks = append(done.Chunks, done.Copied)
	done.Copied += int64(len(rows))
	if err := writeProgress(root, done); err != nil {
		return true, err
	}
	ended := bytes.HasSuffix(rows, appendRow(nil, endRow{}))
	if len(done.Chunks) >= chunksMost || ended && done.Copied == limit {
		if err := m.join(ctx, root, recording, index, done); err != nil {
			return true, err
		}
	}
	return done.Copied < limit, nil
}

// nextRows reads whole rows of an index, none when all is copied. The rows of a segment number stay together, because
// they were written at once and a turn takes as many as were.
func nextRows(index *os.File, from, limit int64) ([]byte, error) {
	if from >= limit {
		return nil, nil
	}
	b := make([]byte, limit-from)
	if _, err := index.ReadAt(b, from); err != nil {
		return nil, fmt.Errorf("read %s: %w", indexName, err)
	}
	if len(b) <= turnBytes {
		return b, nil
	}
	for at := turnBytes; at < len(b); at++ { // the first row behind that begins something new
		if b[at-1] == '\n' && !bytes.HasPrefix(b[at:], []byte("segment ")) {
			return b[:at], nil
		}
	}
	return b, nil
}

// putFiles copies the files that rows name.
func (m *Mirror) putFiles(ctx context.Context, root *os.Root, recording string, rows []byte) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(uploadsAtOnce)
	named := map[string]bool{}
	for line := range lines(rows) {
		name, size, sum := fileOf(line)
		if name == "" || named[name] {
			continue
		}
		named[name] = true
		all.Go(func() error { return m.putFile(ctx, root, recording, name, size, sum) })
	}
	return all.Wait()
}

// fileOf is the file that a row of the index names, with its size and SHA-256 where the row has them; else the size is
// negative.
func fileOf(line []byte) (name string, size int64, sum string) {
	kind, body, _ := bytes.Cut(line, []byte(" "))
	switch string(kind) {
	case "init":
		var r initRow
		if json.Unmarshal(body, &r) == nil {
			return r.Name, -1, ""
		}
	case "segment":
		var r segmentRow
		if json.Unmarshal(body, &r) == nil {
			return r.Name, r.Size, r.SHA256
		}
	}
	return "", 0, ""
}

// putFile copies one file. One that is damaged or gone here cannot be copied ever, so the others need not wait for it.
func (m *Mirror) putFile(ctx context.Context, root *os.Root, recording, name string, size int64, sum string) error {
	f, err := root.Open(name)
	if err == nil {
		defer f.Close()
		err = m.check(f, size, sum)
	}
	if err != nil {
		m.metrics.lost.Inc()
		m.config.Log.Error("a file of the recording is damaged and is not copied", "recording", recording, "file", name, "err", err)
		return nil
	}
	whole, err := io.ReadAll(f) // a segment has a megabyte or two
	if err != nil {
		return err
	}
	return m.putBytes(ctx, storeKey(recording, name), whole)
}

// check compares a file with its row.
func (m *Mirror) check(f *os.File, size int64, sum string) error {
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return err
	}
	if size >= 0 && (n != size || hex.EncodeToString(hash.Sum(nil)) != sum) {
		return errors.New("it is not what the index says")
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

func (m *Mirror) putBytes(ctx context.Context, key string, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, putWithin+time.Duration(len(b)>>20)*time.Second)
	defer cancel()
	if err := m.config.To.Put(ctx, key, bytes.NewReader(b), int64(len(b)), sha256.Sum256(b)); err != nil {
		return err
	}
	m.metrics.objects.Inc()
	m.metrics.bytes.Add(float64(len(b)))
	return nil
}

// join puts the index together in the store, so that a reader need not ask for each chunk, and removes the chunks.
func (m *Mirror) join(ctx context.Context, root *os.Root, recording string, index *os.File, done progress) error {
	b := make([]byte, done.Copied)
	if _, err := index.ReadAt(b, 0); err != nil {
		return fmt.Errorf("read %s: %w", indexName, err)
	}
	if err := m.putBytes(ctx, storeKey(recording, indexName), b); err != nil {
		return err
	}
	chunks := done.Chunks
	done.Base, done.Chunks = done.Copied, nil
	if err := writeProgress(root, done); err != nil {
		return err
	}
	for _, at := range chunks {
		ctx, cancel := context.WithTimeout(ctx, putWithin)
		err := m.config.To.Delete(ctx, storeKey(recording, chunkName(at)))
		cancel()
		if err != nil {
			return err // what is left of them is never read
		}
	}
	return nil
}
