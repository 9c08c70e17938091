package hls

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"lectern/media/hls/fmp4"
	"lectern/storage/object"
)

// writer writes a recording without cameras: as many segments as are asked for, each of its own content.
type writer struct {
	t       testing.TB
	archive *archive
	written int
}

func newWriter(t testing.TB, m *Mirror, dir string) *writer {
	t.Helper()
	a, err := openArchive(dir, m.follow(dir))
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{t: t, archive: a, written: len(a.catalog.contents.segments[sound])}
	w.must(a.append(runRow{StartedAt: time.Now().UTC()}))
	return w
}

func (w *writer) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// segment writes one more segment of all renditions.
func (w *writer) segment() {
	w.t.Helper()
	n := w.written
	w.written++
	row := openRow{Number: n, StartMS: int64(n) * 2000}
	var outputs []*output
	for f := range feed(renditions) {
		init, err := w.archive.addInit(fmt.Appendf(nil, "init of %v", f), initRow{Codec: "avc1.42e01f"})
		w.must(err)
		o, err := w.archive.begin(f, init)
		w.must(err)
		content := strings.Repeat(fmt.Sprintf("%v %d %s ", f, n, o.Name), 500)
		w.must(o.write(n, uint64(n)*2, []fmp4.Sample{{Data: []byte(content), Duration: 2 * uint32(o.scale()), Sync: true}}))
		row.Files, outputs = append(row.Files, o.fileRow), append(outputs, o)
	}
	w.must(w.archive.announce(row))
	w.must(w.archive.commit(row, outputs, 2*time.Second))
}

func (w *writer) end() {
	w.t.Helper()
	w.must(w.archive.append(endRow{}))
	w.archive.release()
}

// mirroring runs a mirror until the test ends or stop is called.
func mirroring(t *testing.T, c MirrorConfig) (m *Mirror, stop func()) {
	t.Helper()
	m = NewMirror(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-done; err != nil {
				t.Errorf("mirror: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return m, stop
}

func eventually(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (m *Mirror) copied() bool {
	since, failing := m.Behind()
	return since.IsZero() && !failing
}

func newStore(t *testing.T) *object.Dir {
	t.Helper()
	d, err := object.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// checkCopy compares what an origin serves out of the store with the index of the recording, file by file.
func checkCopy(t *testing.T, store Uploader, recording string, index []byte) {
	t.Helper()
	o, err := OpenCopy(t.Context(), store, recording)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := readIndex(strings.NewReader(string(index)))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(o)
	defer server.Close()
	for r, rows := range want.segments {
		got := o.catalog.contents.segments[r]
		if len(got) != len(rows) {
			t.Fatalf("%v: the store has %d of %d segments", feed(r), len(got), len(rows))
		}
		for _, row := range rows {
			for _, name := range []string{row.Name, row.Init} {
				res, err := http.Get(server.URL + "/" + name)
				if err != nil {
					t.Fatal(err)
				}
				b, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != http.StatusOK || !o.catalog.proves(name, b) || res.Header.Get("Cache-Control") != cacheForever {
					t.Fatalf("%v %d, %s: %s, %d bytes", feed(r), row.Number, name, res.Status, len(b))
				}
			}
		}
	}
}

func readIndexFile(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, indexName))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMirror copies a recording while it grows and is continued, and serves it when nothing of it is left here.
func TestMirror(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), newStore(t)
	m, _ := mirroring(t, MirrorConfig{Dir: dir, To: store})
	folder := filepath.Join(dir, "lecture")
	w := newWriter(t, m, folder)
	for range 5 {
		w.segment()
	}
	eventually(t, time.Minute, "the first segments", m.copied)
	checkCopy(t, store, "lecture", readIndexFile(t, folder)) // out of chunks
	w.segment()
	w.end()
	aside := newWriter(t, m, filepath.Join(folder, "speaker"))
	aside.segment()
	aside.end()
	eventually(t, time.Minute, "the end", m.copied)
	checkCopy(t, store, "lecture", readIndexFile(t, folder))
	if _, err := store.Stat(t.Context(), storeKey("lecture", chunkName(0))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("chunks are left: %v", err)
	}
	w = newWriter(t, m, folder) // on air again
	w.segment()
	eventually(t, time.Minute, "what follows the end", m.copied)
	checkCopy(t, store, "lecture", readIndexFile(t, folder)) // one object and chunks
	w.end()
	eventually(t, time.Minute, "the second end", m.copied)
	index, beside := readIndexFile(t, folder), readIndexFile(t, filepath.Join(folder, "speaker"))
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	checkCopy(t, store, "lecture", index)
	checkCopy(t, store, "lecture/speaker", beside)
	if _, err := OpenCopy(t.Context(), store, "another"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a recording that is not there: %v", err)
	}
}

// TestMirrorSkipsDamage: a file that is damaged here does not keep the others waiting.
func TestMirrorSkipsDamage(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), newStore(t)
	folder := filepath.Join(dir, "lecture")
	w := newWriter(t, nil, folder)
	for range 3 {
		w.segment()
	}
	w.end()
	rows := w.archive.catalog.contents.segments[0]
	for i, content := range []string{"short", ""} {
		if err := os.WriteFile(filepath.Join(folder, rows[i].Name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(folder, rows[1].Name)); err != nil {
		t.Fatal(err)
	}
	m, _ := mirroring(t, MirrorConfig{Dir: dir, To: store})
	eventually(t, time.Minute, "all that can be copied", func() bool { return m.copied() && count(t, m.metrics.objects) > 0 })
	if lost := count(t, m.metrics.lost); lost != 2 {
		t.Errorf("%v files are said to be lost", lost)
	}
	for i, row := range rows {
		_, err := store.Stat(t.Context(), storeKey("lecture", row.Name))
		if (err == nil) != (i == 2) {
			t.Errorf("segment %d in the store: %v", i, err)
		}
	}
}

func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var out dto.Metric
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetCounter().GetValue()
}

// TestMirrorThins: segments of a copied recording go when their time is over, and are served all the same; those of one
// that is not copied whole stay.
func TestMirrorThins(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), newStore(t)
	m, stop := mirroring(t, MirrorConfig{Dir: dir, To: store, Keep: time.Hour})
	for _, name := range []string{"old", "young", "unfinished"} {
		w := newWriter(t, m, filepath.Join(dir, name))
		w.segment()
		if name == "unfinished" {
			w.archive.release()
			continue
		}
		w.end()
	}
	eventually(t, time.Minute, "all of it", m.copied)
	stop()
	w := newWriter(t, nil, filepath.Join(dir, "waiting"))
	w.segment()
	w.end()
	long := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"old", "unfinished", "waiting"} {
		if err := os.Chtimes(filepath.Join(dir, name, indexName), long, long); err != nil {
			t.Fatal(err)
		}
	}
	m.sweep()
	for name, want := range map[string]int{"old": 0, "young": 4, "unfinished": 4, "waiting": 4} {
		left, err := filepath.Glob(filepath.Join(dir, name, "*"+segmentSuffix))
		if err != nil || len(left) != want {
			t.Errorf("%s: %d segments are here, want %d", name, len(left), want)
		}
	}
	o, err := Open(filepath.Join(dir, "old"))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	o.ReadThrough(store, "old")
	row := o.catalog.contents.segments[0][0]
	get := func() *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		o.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/"+row.Name, nil))
		return rec
	}
	if rec := get(); rec.Code != http.StatusOK || int64(rec.Body.Len()) != row.Size {
		t.Errorf("through the store: %d, %d bytes", rec.Code, rec.Body.Len())
	}
	// A copy that was damaged there is not served.
	bad := []byte("damaged")
	if err := store.Put(t.Context(), storeKey("old", row.Name), strings.NewReader(string(bad)), int64(len(bad)), sha256.Sum256(bad)); err != nil {
		t.Fatal(err)
	}
	if rec := get(); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("damaged in the store: %d", rec.Code)
	}
}

// TestMirrorForgets: what is being deleted is not copied.
func TestMirrorForgets(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), newStore(t)
	m := NewMirror(MirrorConfig{Dir: dir, To: store})
	w := newWriter(t, m, filepath.Join(dir, "lecture"))
	w.segment()
	if _, err := m.copy(t.Context(), m.next()); err != nil {
		t.Fatal(err)
	}
	m.Forget("lecture")
	before := count(t, m.metrics.objects)
	if name := m.next(); name != "" {
		t.Errorf("%s is still to be copied", name)
	}
	if more, err := m.copy(t.Context(), "lecture"); more || err != nil || count(t, m.metrics.objects) != before {
		t.Errorf("copied all the same: %v, %v", more, err)
	}
	w.archive.release()
}

// TestNextRows: a long backlog is copied in turns, and the rows of a segment stay together.
func TestNextRows(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, nil, dir)
	for range 120 {
		w.segment()
	}
	w.end()
	all := readIndexFile(t, dir)
	index, err := os.Open(filepath.Join(dir, indexName))
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	turns, at := 0, int64(0)
	for {
		rows, err := nextRows(index, at, int64(len(all)))
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		at += int64(len(rows))
		turns++
		if _, good, err := readIndex(strings.NewReader(string(all[:at]))); err != nil || good != at {
			t.Errorf("turn %d ends at %d, where only %d bytes are whole rows", turns, at, good)
		}
		if len(rows) > turnBytes+4096 {
			t.Errorf("turn %d has %d bytes", turns, len(rows))
		}
	}
	if at != int64(len(all)) || turns < 2 {
		t.Errorf("%d turns to byte %d of %d", turns, at, len(all))
	}
}

// mirrorDir names the folder that the child of TestMirrorKilled records into.
const mirrorDir = "LECTERN_TEST_MIRROR_DIR"

// mirrorUntilKilled records and copies, and says how many segments are written.
func mirrorUntilKilled(dir string) {
	store, err := object.OpenDir(filepath.Join(dir, "store"))
	if err != nil {
		panic(err)
	}
	m := NewMirror(MirrorConfig{Dir: filepath.Join(dir, "media"), To: store})
	t := &testing.B{}
	w := newWriter(t, m, filepath.Join(dir, "media", "lecture"))
	go func() { panic(m.Run(context.Background())) }()
	for {
		w.segment()
		fmt.Println(w.written)
	}
}

// TestMirrorKilled kills recorder and mirror with SIGKILL: whoever takes over copies exactly what is missing, in the
// store is never a row whose file is not there.
func TestMirrorKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"store", "media"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), mirrorDir+"="+dir)
	child.Stderr = t.Output()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < 40 && lines.Scan(); n++ {
	}
	_ = child.Process.Kill()
	_ = child.Wait()

	store, err := object.OpenDir(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	folder := filepath.Join(dir, "media", "lecture")
	if copied, err := newLibrary(store, "lecture").index(t.Context()); err == nil {
		checkCopy(t, store, "lecture", copied) // whole as far as it goes
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	m, _ := mirroring(t, MirrorConfig{Dir: filepath.Join(dir, "media"), To: store})
	w := newWriter(t, m, folder) // repairs what the crash left, and goes on
	w.segment()
	w.end()
	eventually(t, time.Minute, "the rest", m.copied)
	checkCopy(t, store, "lecture", readIndexFile(t, folder))
}
