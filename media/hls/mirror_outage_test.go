package hls

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"lectern/storage/object"
	"lectern/storage/object/objecttest"
)

// TestMirrorOutage is drill D-06 in small: the S3 server is killed while a lecture is recorded. The recorder goes on,
// the breaker opens, and after the server's return all is there. LECTERN_OUTAGE=10m (make soak) is the drill in full length.
func TestMirrorOutage(t *testing.T) {
	t.Parallel()
	outage := 2 * time.Second
	if text := os.Getenv("LECTERN_OUTAGE"); text != "" {
		var err error
		if outage, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	gateway := objecttest.StartGateway(t)
	store, err := object.OpenS3(gateway.URL())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	folder := filepath.Join(dir, "lecture")
	m, _ := mirroring(t, MirrorConfig{Dir: dir, To: store})
	w := newWriter(t, m, folder)
	for range 3 {
		w.segment()
	}
	eventually(t, time.Minute, "the first segments", m.copied)
	gateway.Kill()
	gone := time.Now()
	var opened, slowest time.Duration
	tick := time.NewTicker(max(100*time.Millisecond, outage/300)) // at ten minutes the rate of a lecture
	defer tick.Stop()
	for time.Since(gone) < outage || opened == 0 {
		began := time.Now()
		w.segment()
		slowest = max(slowest, time.Since(began))
		if _, failing := m.Behind(); failing && opened == 0 {
			opened = time.Since(gone)
		}
		if time.Since(gone) > outage+time.Minute {
			t.Fatal("the breaker does not open")
		}
		<-tick.C
	}
	waited := w.written
	gateway.Start()
	back := time.Now()
	eventually(t, max(outage, time.Minute), "the backlog to be gone", m.copied)
	t.Logf("gone for %v: breaker open after %v, %d segments waited, copied %v after the return; the slowest segment took %v to write",
		outage, opened.Round(time.Millisecond), waited, time.Since(back).Round(time.Millisecond), slowest.Round(time.Millisecond))
	w.end()
	eventually(t, time.Minute, "the end", m.copied)
	checkCopy(t, store, "lecture", readIndexFile(t, folder))
}

// TestMirrorSilentStore: a server that takes requests and answers none is given up on.
func TestMirrorSilentStore(t *testing.T) {
	t.Parallel()
	silent := &switching{Uploader: newStore(t)}
	silent.hang.Store(true)
	dir := t.TempDir()
	m, _ := mirroring(t, MirrorConfig{Dir: dir, To: silent})
	w := newWriter(t, m, filepath.Join(dir, "lecture"))
	w.segment()
	eventually(t, time.Minute, "the breaker", func() bool { _, failing := m.Behind(); return failing })
	silent.hang.Store(false)
	w.end()
	eventually(t, time.Minute, "the copy", m.copied)
	checkCopy(t, silent, "lecture", readIndexFile(t, filepath.Join(dir, "lecture")))
}

// switching is a store that hangs when told so, until its caller gives up.
type switching struct {
	Uploader
	hang atomic.Bool
}

func (s *switching) Put(ctx context.Context, key string, body io.Reader, size int64, sum [sha256.Size]byte) error {
	if s.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Uploader.Put(ctx, key, body, size, sum)
}
