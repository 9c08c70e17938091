package hls

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"lectern/media/hls/verify"
)

// turns plays a scene again and again as one publication.
func (s *stage) turns(sc *scene, from, to int) {
	s.tb.Helper()
	for n := from; n < to; n++ {
		at := time.Duration(n) * sceneLength
		s.play(take{scene: sc, to: sceneLength, starts: at, earlier: at, stay: n > 0})
	}
}

// TestUnrecorded holds two minutes of a lecture that is not recorded: players at the live edge find all that the rules
// of a live stream ask for, memory holds the window and no more, and no file is made, before the end or after.
func TestUnrecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStage(t, dir, func(c *Config) { c.Unrecorded, c.Dir = true, dir+"/recording" })
	server := httptest.NewServer(s.recorder.Origin())
	t.Cleanup(server.Close)
	sc := loadScene(t, 640)
	s.turns(sc, 0, 8)
	kept, rows := s.recorder.archive.place.(*memory).size(), s.rowsKept()
	check := verify.Checker{URL: server.URL + "/" + MasterName, Report: func(v verify.Violation) { t.Errorf("%v", v) }}
	done := make(chan error, 1)
	go func() {
		_, err := check.Run(t.Context())
		done <- err
	}()
	s.turns(sc, 8, 11)
	if now, n := s.recorder.archive.place.(*memory).size(), s.rowsKept(); now > kept*11/10 || n > rows+1 || kept == 0 {
		t.Errorf("memory grew from %d bytes to %d, from %d rows to %d", kept, now, rows, n)
	}
	for _, name := range []string{DVRName, "high.m3u8", "audio.m3u8"} {
		if code, _ := get(t, server.URL+"/"+name); code != http.StatusNotFound {
			t.Errorf("%s of what is not recorded: %d", name, code)
		}
	}
	_, list := get(t, server.URL+"/live-low.m3u8")
	last := segmentTag.FindStringSubmatch(list)[3]
	if r, err := http.Get(server.URL + "/" + last); err != nil || r.Header.Get("Cache-Control") != cacheFleeting {
		t.Errorf("a segment of it: %v, %v", r, err)
	}
	if edits := s.recorder.Edits(); edits != nil {
		t.Errorf("edit list %v", edits)
	}
	if recording := s.finish(); recording.LengthMS != 0 || recording.Edits != nil {
		t.Errorf("the end has a recording: %+v", recording)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("files: %v, %v", files, err)
	}
	if errs := s.errors(); len(errs) > 0 {
		t.Errorf("errors: %v", errs)
	}
}

// TestUnrecordedRestart: after a crash in mid-lecture nothing is left, but no player sees a number twice.
func TestUnrecordedRestart(t *testing.T) {
	t.Parallel()
	sc := loadScene(t, 640)
	first := newStage(t, t.TempDir(), func(c *Config) { c.Unrecorded = true })
	first.turns(sc, 0, 2)
	seen := first.recorder.archive.catalog.contents.next()
	first.finish()
	second := newStage(t, t.TempDir(), func(c *Config) {
		c.Unrecorded = true
		clock := c.Clock
		c.Clock = func() time.Time { return clock().Add(2 * sceneLength) }
	})
	server := httptest.NewServer(second.recorder.Origin())
	t.Cleanup(server.Close)
	second.play(take{scene: sc, to: sceneLength, starts: 2 * sceneLength})
	_, list := get(t, server.URL+"/live-mid.m3u8")
	if at := second.recorder.archive.catalog.contents.first; at < seen || !strings.Contains(list, "#EXT-X-MEDIA-SEQUENCE:") {
		t.Errorf("after %d segments it goes on with number %d:\n%s", seen, at, list)
	}
	if !strings.Contains(list, "#EXT-X-DISCONTINUITY\n") {
		t.Errorf("nothing says that there is a break:\n%s", list)
	}
}

// rowsKept is how many segments the catalog knows.
func (s *stage) rowsKept() int {
	k := s.recorder.archive.catalog
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.contents.segments[sound])
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, body := ask(t, url)
	return response.StatusCode, string(body)
}
