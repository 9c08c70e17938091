package web

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres/pgtest"
)

// TestRecordingAfterTheLecture holds a lecture of some seconds and does with its recording what an admin does: look, cut,
// put back, keep, delete. The work behind it is done by real ffmpeg.
func TestRecordingAfterTheLecture(t *testing.T) {
	folder := t.TempDir()
	s := startSite(t, pgtest.New(t), folder)
	d := s.demo()
	presenter, attendee, admin := s.joined(d.Studio), s.joined(d.Attend[0]), s.joined(d.Admin)
	api := coursePath(d, "/api/courses/%s")
	s.publish(presenter, d)
	presenter.call("POST", api+"/air", nil).want(t, http.StatusOK)
	eventually(t, func() int64 { return lms.EditList(s.web.edits(d.Course, nil)).LengthMS() }, func(ms int64) bool { return ms > 7000 })
	admin.get(api+"/recording").want(t, http.StatusNotFound)

	began := time.Now()
	presenter.call("POST", api+"/end", nil).want(t, http.StatusOK)
	var resume resumeView
	attendee.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	master := attendee.get(resume.HLS).want(t, http.StatusOK).text
	if !strings.Contains(attendee.get(coursePath(d, "/hls/%s/high.1.m3u8")).want(t, http.StatusOK).text, "#EXT-X-ENDLIST") {
		t.Error("the replay has no end")
	}
	t.Logf("the replay was open %v after the lecture was ended", time.Since(began).Round(time.Millisecond))
	if !strings.HasSuffix(resume.HLS, "/index.1.m3u8") || !strings.Contains(master, "high.1.m3u8") {
		t.Errorf("%s: %s", resume.HLS, master)
	}

	s.work()
	var course courseView
	eventually(t, func() *string {
		attendee.get(api).want(t, http.StatusOK).json(t, &course)
		return course.Recording.Storyboard
	}, func(path *string) bool { return path != nil })
	board := attendee.get(*course.Recording.Storyboard).want(t, http.StatusOK).text
	if !strings.HasPrefix(board, "WEBVTT\n\n00:00:0") || !strings.Contains(board, ".jpg#xywh=0,0,160,90") {
		t.Errorf("storyboard %s", board)
	}
	if poster := attendee.get(*course.Recording.Poster).want(t, http.StatusOK); !strings.HasPrefix(poster.text, "\xff\xd8") {
		t.Error("the poster is no JPEG")
	}
	s.cuts(d.Course, admin, attendee, api)

	for _, days := range []any{30, nil} {
		admin.call("PUT", api+"/recording/retention", map[string]any{"days": days}).want(t, http.StatusOK)
	}
	admin.call("PUT", api+"/recording/retention", map[string]any{"days": 0}).want(t, http.StatusUnprocessableEntity)
	programme := "/api/programmes/" + string(course.Programme.ID)
	attendee.call("PUT", programme+"/retention", map[string]any{"days": 90}).want(t, http.StatusForbidden)
	admin.call("PUT", programme+"/retention", map[string]any{"days": 90}).want(t, http.StatusNoContent)
	var kept struct {
		RetentionDays *int `json:"retention_days"`
	}
	admin.get(programme).want(t, http.StatusOK).json(t, &kept)
	if kept.RetentionDays == nil || *kept.RetentionDays != 90 {
		t.Errorf("the programme keeps recordings for %v days", kept.RetentionDays)
	}
	admin.call("DELETE", api+"/recording", map[string]any{"confirm": "yes"}).want(t, http.StatusUnprocessableEntity)
	admin.call("DELETE", api+"/recording", map[string]any{"confirm": course.Title}).want(t, http.StatusOK)
	attendee.get(resume.HLS).want(t, http.StatusNotFound)
	attendee.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if resume.Mode != lms.ModeNone || resume.CountableS == 0 {
		t.Errorf("resume %+v", resume)
	}
	eventually(t, func() int {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}, func(left int) bool { return left == 0 })
	attendee.get(*course.Recording.Poster).want(t, http.StatusNotFound)
}

// work lets the site work on recordings until the test ends.
func (s *site) work() { s.alongside(s.web.Works().Run) }

// alongside runs something until the test ends.
func (s *site) alongside(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
}

// cuts takes the first segment out, and puts it back.
func (s *site) cuts(id lms.CourseID, admin, attendee *browser, api string) {
	t := s.t
	var page recordingPage
	admin.get(api+"/recording").want(t, http.StatusOK).json(t, &page)
	if page.Version != 1 || len(page.Joints) < 4 || len(page.Recorded) != 1 || page.Storyboard == nil {
		t.Fatalf("page %+v", page)
	}
	attendee.get(api+"/recording").want(t, http.StatusForbidden)
	attendee.get(page.Preview).want(t, http.StatusForbidden)
	admin.get(page.Preview).want(t, http.StatusOK)
	first, second := page.Joints[0], page.Joints[1]
	whole := page.LengthMS
	cut := map[string]any{"version": 1, "removed": [][2]int64{{first, second}}}
	admin.call("PUT", api+"/recording/cut", cut).want(t, http.StatusOK).json(t, &page)
	admin.call("PUT", api+"/recording/cut", cut).want(t, http.StatusConflict)
	admin.call("PUT", api+"/recording/cut", map[string]any{"version": 2, "removed": [][2]int64{{5, 2}}}).want(t, http.StatusUnprocessableEntity)
	if page.Version != 2 || page.LengthMS != whole-(second-first) || len(page.Versions) != 2 {
		t.Errorf("after the cut %+v", page)
	}
	var resume resumeView
	attendee.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if resume.StartMS != second || resume.Edits[0].TimelineMS != second || resume.Edits[0].RecordingMS != 0 {
		t.Errorf("resume %+v", resume)
	}
	list := func(version string) string {
		return attendee.get("/hls/"+string(id)+"/high"+version+".m3u8").want(t, http.StatusOK).text
	}
	count := func(text string) int { return strings.Count(text, "#EXTINF") }
	if count(list(".1")) != count(list(".2"))+1 || list(".2") != list("") {
		t.Errorf("before %s\nafter %s\nnow %s", list(".1"), list(".2"), list(""))
	}
	if strings.Contains(admin.get(strings.Replace(page.Preview, "index", "high", 1)).want(t, http.StatusOK).text, "DISCONTINUITY\n") {
		t.Error("the preview is cut")
	}
	admin.call("PUT", api+"/recording/cut", map[string]any{"version": 2, "removed": [][2]int64{}}).want(t, http.StatusOK).json(t, &page)
	if page.Version != 3 || page.LengthMS != whole {
		t.Errorf("put back %+v", page)
	}
}
