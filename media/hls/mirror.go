package hls

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Uploader is a second place for recordings. It is declared here because media does not know storage; object.Store
// is one. Keys are slash-separated. Get returns an fs.ErrNotExist when there is no such object.
type Uploader interface {
	Put(ctx context.Context, key string, body io.Reader, size int64, sum [sha256.Size]byte) error
	Get(ctx context.Context, key string, from, n int64) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
}

// StorePrefix is what the keys of recordings begin with; the recording's name and a slash follow.
const StorePrefix = "recordings/"

func storeKey(recording, name string) string { return StorePrefix + recording + "/" + name }

// MirrorConfig is what a Mirror needs. Dir and To are required.
type MirrorConfig struct {
	Dir  string        // holds one folder for each recording
	To   Uploader      // where they are copied
	Keep time.Duration // how long after its end the segments of a copied recording stay here; 0 for good
	// Thin deletes what others have made in the folder of a recording and copied as well, when its segments go. May be nil.
	Thin    func(dir string) error
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil for none
}

// Mirror copies recordings to a second place while they grow. The folder is the truth: what is to be copied is what
// follows, in a recording's index, the place up to which it was copied, which stands in the folder too. So neither a
// crash nor an outage of the store loses anything, and recorders never wait.
type Mirror struct {
	config  MirrorConfig
	metrics *mirrorMetrics
	wake    chan struct{} // of 1: there may be something to do

	mu      sync.Mutex
	safe    map[string]int64     // bytes of the index that recorders at work here have synced
	waiting []string             // recordings that may be behind, each once, in turn
	since   map[string]time.Time // since when each of them is
	open    bool                 // the store refuses; it is asked now and then

	turn sync.Mutex // held while something is copied
}

// How the store is asked again after a failure: at once would load it, and late would make the backlog longer.
const (
	breakerFirst = 500 * time.Millisecond
	breakerMost  = 5 * time.Second
)

// sweepEvery is how often recordings are looked for whose segments need not stay here.
const sweepEvery = 10 * time.Minute

// NewMirror starts nothing.
func NewMirror(c MirrorConfig) *Mirror {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	m := &Mirror{config: c, wake: make(chan struct{}, 1), safe: map[string]int64{}, since: map[string]time.Time{}}
	m.metrics = newMirrorMetrics(m, c.Metrics)
	return m
}

// Run copies until ctx ends. The error is that the folder cannot be read.
func (m *Mirror) Run(ctx context.Context) error {
	if err := m.scan(); err != nil {
		return err
	}
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	pause := time.Duration(0)
	for ctx.Err() == nil {
		recording := m.next()
		if recording == "" {
			select {
			case <-m.wake:
			case <-sweep.C:
				m.sweep()
			case <-ctx.Done():
			}
			continue
		}
		more, err := m.copy(ctx, recording)
		if ctx.Err() != nil {
			break
		}
		m.finished(recording, more || err != nil)
		if err == nil {
			pause = 0
			m.settle(nil)
			continue
		}
		m.settle(err)
		pause = min(max(2*pause, breakerFirst), breakerMost)
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
	}
	return nil
}

// scan queues all recordings: what was copied of them is found when it is their turn. The latest goes first.
func (m *Mirror) scan() error {
	changed := map[string]time.Time{}
	var found []string
	err := m.each(func(recording string, index fs.FileInfo) {
		found = append(found, recording)
		changed[recording] = index.ModTime()
	})
	if err != nil {
		return fmt.Errorf("copy recordings: %w", err)
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(changed[b].UnixNano(), changed[a].UnixNano()) })
	for _, name := range found {
		m.queue(name)
	}
	return nil
}

// follow is told by a recorder that it works in a folder, and returns how it tells how much of the index is synced.
func (m *Mirror) follow(dir string) func(safe int64) {
	if m == nil {
		return func(int64) {}
	}
	recording, err := filepath.Rel(m.config.Dir, dir)
	if err != nil || !filepath.IsLocal(recording) {
		return func(int64) {} // of another folder
	}
	recording = filepath.ToSlash(recording)
	m.grew(recording, 0)
	return func(safe int64) { m.grew(recording, safe) }
}

// grew says how much of a recording's index is synced. It is called by the recorder and never waits.
func (m *Mirror) grew(recording string, safe int64) {
	m.mu.Lock()
	m.safe[recording] = safe
	m.mu.Unlock()
	if safe > 0 {
		m.queue(recording)
	}
}

func (m *Mirror) queue(recording string) {
	m.mu.Lock()
	if !slices.Contains(m.waiting, recording) {
		m.waiting = append(m.waiting, recording)
	}
	if _, behind := m.since[recording]; !behind {
		m.since[recording] = time.Now()
	}
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default: // it has been woken
	}
}

// next takes a recording whose turn it is, "" when none is behind.
func (m *Mirror) next() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) == 0 {
		return ""
	}
	recording := m.waiting[0]
	m.waiting = m.waiting[1:]
	return recording
}

// finished puts a recording behind the others when there is more of it.
func (m *Mirror) finished(recording string, more bool) {
	m.mu.Lock()
	queued := slices.Contains(m.waiting, recording)
	if !more && !queued {
		delete(m.since, recording)
	}
	m.mu.Unlock()
	if more {
		m.queue(recording)
	}
}

// settle opens or closes the breaker, and says so once.
func (m *Mirror) settle(err error) {
	m.mu.Lock()
	was := m.open
	m.open = err != nil
	m.mu.Unlock()
	switch {
	case err != nil:
		m.metrics.failures.Inc()
		if !was {
			m.config.Log.Error("the store of recordings fails; they stay here and are copied when it is back", "err", err)
		}
	case was:
		m.config.Log.Info("the store of recordings is back")
	}
}

// Behind says since when something waits to be copied, the zero time when all is copied, and whether the store fails.
func (m *Mirror) Behind() (since time.Time, failing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.since {
		if since.IsZero() || t.Before(since) {
			since = t
		}
	}
	return since, m.open
}

// Forget is called before a recording, and what lies in its folder, is deleted here and in the store: when it returns,
// nothing of it is copied any more.
func (m *Mirror) Forget(recording string) {
	m.turn.Lock()
	defer m.turn.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	within := func(r string) bool { return r == recording || strings.HasPrefix(r, recording+"/") }
	m.waiting = slices.DeleteFunc(m.waiting, within)
	for r := range m.since {
		if within(r) {
			delete(m.since, r)
		}
	}
	for r := range m.safe {
		if within(r) {
			m.safe[r] = 0
		}
	}
}

// limit is how much of an index may be copied: what a recorder at work has synced, else all its whole rows.
func (m *Mirror) limit(recording string, index *os.File) (int64, error) {
	m.mu.Lock()
	safe, working := m.safe[recording]
	m.mu.Unlock()
	if working {
		return safe, nil
	}
	if _, err := index.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	_, good, err := readIndex(index)
	return good, err
}

// sweep removes segments that are in the store, and were recorded long enough ago.
func (m *Mirror) sweep() {
	if m.config.Keep == 0 {
		return
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	err := m.each(func(recording string, _ fs.FileInfo) {
		if err := m.thin(recording); err != nil && !errors.Is(err, fs.ErrNotExist) {
			m.config.Log.Error("segments not removed", "recording", recording, "err", err)
		}
	})
	if err != nil {
		m.config.Log.Error("segments not removed", "err", err)
	}
}

// each visits all recordings: folders with an index, which may lie in one another.
func (m *Mirror) each(visit func(recording string, index fs.FileInfo)) error {
	root := os.DirFS(m.config.Dir)
	return fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() != indexName {
			return ignoreGone(err)
		}
		info, err := e.Info()
		if err == nil {
			visit(path.Dir(name), info)
		}
		return ignoreGone(err)
	})
}

// ignoreGone is for folders that others delete while we look.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// thin removes the segments of one recording if all of it has been copied.
func (m *Mirror) thin(recording string) error {
	root, err := os.OpenRoot(filepath.Join(m.config.Dir, recording))
	if err != nil {
		return err
	}
	defer root.Close()
	index, err := root.Open(indexName)
	if err != nil {
		return err
	}
	defer index.Close()
	info, err := index.Stat()
	if err != nil || time.Since(info.ModTime()) < m.config.Keep {
		return err
	}
	c, good, err := readIndex(index)
	if err != nil {
		return err
	}
	if done, err := readProgress(root); err != nil || !c.ended || done.Base != good || good != info.Size() {
		return err
	}
	for _, rows := range c.segments {
		for _, row := range rows {
			if e := root.Remove(row.Name); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = e
			}
		}
	}
	if m.config.Thin != nil {
		err = errors.Join(err, m.config.Thin(filepath.Join(m.config.Dir, recording)))
	}
	return err
}

// Copied says whether all of a recording that has ended is in the store of a Mirror.
func Copied(dir string) (bool, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	index, err := root.Open(indexName)
	if err != nil {
		return false, err
	}
	defer index.Close()
	c, good, err := readIndex(index)
	if err != nil {
		return false, err
	}
	done, err := readProgress(root)
	return c.ended && done.Copied == good, err
}

type mirrorMetrics struct{ objects, bytes, failures, lost prometheus.Counter }

func newMirrorMetrics(m *Mirror, reg prometheus.Registerer) *mirrorMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "lectern", Subsystem: "upload", Name: name, Help: help})
	}
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "lectern", Subsystem: "upload", Name: name, Help: help}, read)
	}
	all := &mirrorMetrics{
		objects:  counter("objects_total", "Files of recordings that were copied to the store."),
		bytes:    counter("bytes_total", "Bytes of them."),
		failures: counter("failures_total", "Attempts that the store refused or did not answer."),
		lost:     counter("damaged_total", "Files that are damaged or gone here and could not be copied."),
	}
	if reg != nil {
		reg.MustRegister(
			all.objects, all.bytes, all.failures, all.lost,
			gauge("behind_seconds", "Since when something waits to be copied to the store; 0 when all is.", func() float64 {
				if since, _ := m.Behind(); !since.IsZero() {
					return time.Since(since).Seconds()
				}
				return 0
			}),
			gauge("failing", "1 while the store of recordings fails.", func() float64 {
				if _, failing := m.Behind(); failing {
					return 1
				}
				return 0
			}),
		)
	}
	return all
}
