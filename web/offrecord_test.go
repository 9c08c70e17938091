package web

import (
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"lectern/lms"
	"lectern/media/broadcast"
	"lectern/media/hls"
	"lectern/signaling/protocol"
	"lectern/storage/object"
	"lectern/storage/postgres/pgtest"
)

// filesIn lists what is below folders.
func filesIn(t *testing.T, folders ...string) (files []string) {
	t.Helper()
	for _, dir := range folders {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestUnrecordedLecture holds a whole lecture with the recording switched off (trust S-34): it is watched by WebRTC and by
// HLS and counts in the ledger, and no byte of it is in the data folder, the object store or among temporary files, while
// it is on air and after.
func TestUnrecordedLecture(t *testing.T) {
	database := pgtest.New(t) // keeps its own temporary files
	folder, store, temporary := t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	copies := must(object.Open(store))(t)
	mirror := hls.NewMirror(hls.MirrorConfig{Dir: folder, To: copies})
	s := startSite(t, database, folder, func(c *Config) {
		c.Desk = must(broadcast.New(broadcast.Config{Dir: folder, Rooms: c.SFU, Mirror: mirror, Store: copies}))(t)
	})
	s.alongside(mirror.Run)
	s.work()
	d := s.demo()
	presenter, attendee, admin := s.joined(d.Studio), s.joined(d.Attend[0]), s.joined(d.Admin)
	api := coursePath(d, "/api/courses/%s")
	var course courseView
	admin.get(api).want(t, http.StatusOK).json(t, &course)
	if !course.Recorded {
		t.Error("a course is not recorded unless told otherwise")
	}
	off := map[string]any{"version": course.Version, "recorded": false}
	attendee.call("PATCH", api, off).want(t, http.StatusForbidden)
	admin.call("PATCH", api, off).want(t, http.StatusOK).json(t, &course)
	if course.Recorded {
		t.Error("it cannot be switched off")
	}

	s.publish(presenter, d)
	presenter.call("POST", api+"/air", nil).want(t, http.StatusOK)
	peer := newPeer(t)
	seen := peer.receives()
	whep := attendee.send("POST", coursePath(d, "/whep/%s"), strings.NewReader(peer.offer(nil)), http.Header{"Content-Type": {sdpType}}).
		want(t, http.StatusCreated)
	peer.accept(whep.text)
	<-seen

	hlsAt := func(name string) string { return coursePath(d, "/hls/%s/") + name }
	list := eventually(t, func() reply { return attendee.get(hlsAt("live-high.m3u8")) }, func(r reply) bool {
		return strings.Count(r.text, "#EXTINF") > 2
	})
	for _, line := range strings.Split(list.text, "\n") {
		if strings.HasSuffix(line, ".m4s") {
			attendee.get(hlsAt(line)).want(t, http.StatusOK)
		}
	}
	if master := attendee.get(hlsAt("index.m3u8")).want(t, http.StatusOK).text; strings.Contains(master, "\nhigh.m3u8") {
		t.Errorf("the master playlist leads to a recording:\n%s", master)
	}
	for _, name := range []string{"dvr.m3u8", "high.m3u8", "audio.m3u8"} {
		attendee.get(hlsAt(name)).want(t, http.StatusNotFound)
	}
	var health healthView
	presenter.get(api+"/health").want(t, http.StatusOK).json(t, &health)
	if health.Recording.State != "off" {
		t.Errorf("health %+v", health.Recording)
	}
	var resume resumeView
	attendee.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if resume.Mode != lms.ModeLive || len(resume.Edits) != 0 {
		t.Errorf("live resume %+v", resume)
	}
	if files := filesIn(t, folder, store, temporary); len(files) > 0 {
		t.Errorf("on air there are %v", files)
	}
	admin.get(api).want(t, http.StatusOK).json(t, &course)
	admin.call("PATCH", api, map[string]any{"version": course.Version, "recorded": true}).want(t, http.StatusConflict)
	admin.call("PATCH", api, map[string]any{"version": course.Version, "recorded": false}).want(t, http.StatusOK)

	report := protocol.Report{
		Player: "player-one", Seq: 1, Broadcast: string(course.Broadcast.ID), Rate: 1, PositionMS: 2000, Visible: true,
		Spans: []protocol.Span{{FromMS: 0, ToMS: 2000, As: protocol.Live}},
	}
	attendee.call("POST", api+"/reports", map[string]any{"reports": []protocol.Report{report}}).want(t, http.StatusOK)
	presenter.call("POST", api+"/end", nil).want(t, http.StatusOK)

	attendee.get(api).want(t, http.StatusOK).json(t, &course)
	if course.State != "ended" || course.Recording != nil || course.Recorded {
		t.Errorf("afterwards the course is %+v", course)
	}
	attendee.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if resume.Mode != lms.ModeNone || resume.WatchedS != 2 || resume.CountableS < 3 || len(resume.Gaps) > 0 {
		t.Errorf("afterwards resume %+v", resume)
	}
	attendee.get(hlsAt("index.m3u8")).want(t, http.StatusNotFound)
	attendee.get(hlsAt("live-high.m3u8")).want(t, http.StatusNotFound)
	if page := attendee.get("/courses").want(t, http.StatusOK); !strings.Contains(page.text, "This lecture was not recorded") {
		t.Error("the list of courses does not say that there is no recording")
	}
	admin.get(api+"/recording").want(t, http.StatusNotFound)
	if files := filesIn(t, folder, store, temporary); len(files) > 0 {
		t.Errorf("after the end there are %v", files)
	}
}
