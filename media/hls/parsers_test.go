package hls

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lectern/media"
)

// checker is the program that reads playlists and segments with libraries of others.
const checker = "../../web/ui/hls/check.mjs"

// TestOtherParsers has a lecture with every trouble there is read by hls-parser in strict mode, m3u8-parser, mp4box.js
// and mux.js: a layer that is cut off, a screen of another size with few pictures, and a presenter who comes back.
func TestOtherParsers(t *testing.T) {
	if _, err := os.Stat("../../web/ui/node_modules/hls-parser"); err != nil {
		t.Skip("the libraries are not installed: run npm ci in web/ui (make test does)")
	}
	t.Parallel()
	s := newStage(t, t.TempDir())
	o := s.recorder.Origin()
	snapshots := 0
	keep := func(names ...string) {
		snapshots++
		for _, name := range names {
			w := httptest.NewRecorder()
			o.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+name, nil))
			if w.Code != http.StatusOK {
				t.Fatalf("%s: %d", name, w.Code)
			}
			path := filepath.Join(s.dir, fmt.Sprintf("%d-%s", snapshots, strings.Split(name, "?")[0]))
			if err := os.WriteFile(path, w.Body.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	live := append([]string{"index.m3u8", "dvr.m3u8", "high.m3u8"}, liveNames...)
	few, err := makeSceneAt(480, 60, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	sc := loadScene(t, 640)
	s.play(take{scene: sc, to: 5 * time.Second})
	o.SetMarks([]Mark{{ID: "question-1", Class: MarkQuestion, TimelineMS: 1500, Title: `Is "this" enough?`}})
	keep(live...)
	away := func(l media.Layer, frame, _ int) bool { return l == media.High && frame > 165 }
	s.play(take{scene: sc, from: 5 * time.Second, to: sceneLength, starts: 5 * time.Second, stay: true, lose: away})
	keep(live...)
	s.addTrack(camera) // the screen takes the place of the camera
	s.play(take{scene: few, to: 6 * time.Second, starts: sceneLength, silent: true, stay: true, origin: 1 << 30})
	keep(live...)
	s.removeTrack("camera")
	s.removeTrack("microphone")
	s.until("the recorder waits", func() bool { return s.recorder.Status().State == Waiting })
	s.sequence = map[layerKey]uint64{}
	s.play(take{scene: sc, to: 5 * time.Second, starts: 22 * time.Second, origin: 1 << 31})
	keep(append(live, "live-high.m3u8?_HLS_skip=YES")...)
	s.finish()
	keep("index.m3u8", "low.m3u8", "mid.m3u8", "high.m3u8", "audio.m3u8")
	checkRows(t, s.rows())
	out, err := exec.Command("node", checker, s.dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "playlists") {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
