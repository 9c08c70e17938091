package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"lectern/lms"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
	"lectern/storage/postgres/pgtest"
)

// eventually asks again until the answer is as wanted. What it waits for is a picture on its way through the real
// forwarder and recorder, which say nothing when they are done.
func eventually[T any](t *testing.T, ask func() T, wanted func(T) bool) T {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		got := ask()
		if wanted(got) {
			return got
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("still %+v", got)
		}
	}
}

// TestLectureFromBackstageToReplay: a presenter publishes, goes on air and ends; what an attendee's page reports
// by its last beacon becomes a share, a place to resume and a line of the attendance.
func TestLectureFromBackstageToReplay(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	presenter, attendee, moderator := s.joined(d.Studio), s.joined(d.Attend[0]), s.joined(d.Console)
	api := coursePath(d, "/api/courses/%s")
	course := func() (c courseView) { presenter.get(api).want(t, http.StatusOK).json(t, &c); return c }

	s.publish(presenter, d)
	if c := course(); c.State != "scheduled" || c.Broadcast != nil {
		t.Errorf("backstage the course is %+v", c)
	}

	presenter.call("POST", api+"/air", nil).want(t, http.StatusOK)
	presenter.call("POST", api+"/air", nil).want(t, http.StatusConflict)
	live := eventually(t, course, func(c courseView) bool { return c.Broadcast.TimelineMS > 3000 })
	if live.State != "live" || live.Broadcast.State != protocol.OnAir || live.Broadcast.Presenter != protocol.Connected {
		t.Errorf("on air the course is %+v, %+v", live, live.Broadcast)
	}
	var resume resumeView
	attendee.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if resume.Mode != lms.ModeLive || resume.Reason != lms.AtLiveEdge || resume.StartMS < 3000 {
		t.Errorf("live resume %+v", resume)
	}
	var health healthView
	presenter.get(api+"/health").want(t, http.StatusOK).json(t, &health)
	if !health.Publisher.Connected || len(health.Publisher.Layers) != 1 || health.Recording.State == "off" {
		t.Errorf("health %+v", health)
	}

	report := protocol.Report{
		Player: "player-one", Seq: 1, Broadcast: string(live.Broadcast.ID), Rate: 1, PositionMS: 2000, Visible: true,
		Spans: []protocol.Span{{FromMS: 0, ToMS: 2000, As: protocol.Live}},
	}
	foreign := report
	foreign.Broadcast = unknownID
	var acked struct{ Acks []protocol.Ack }
	for range 2 { // sent twice, it counts once
		body := must(json.Marshal(map[string]any{"reports": []protocol.Report{report, foreign}}))(t)
		attendee.send("POST", api+"/reports", strings.NewReader(string(body)), http.Header{"Content-Type": {"text/plain;charset=UTF-8"}}).
			want(t, http.StatusOK).json(t, &acked)
		if len(acked.Acks) != 1 || acked.Acks[0].WatchedS != 2 || acked.Acks[0].Seq != 1 {
			t.Errorf("acks %+v", acked)
		}
	}

	presenter.call("POST", api+"/end", nil).want(t, http.StatusOK)
	ended := course()
	if ended.State != "ended" || ended.Broadcast.LengthMS == nil || *ended.Broadcast.LengthMS < 3000 || ended.Broadcast.State != protocol.Ended {
		t.Errorf("afterwards the course is %+v, %+v", ended, ended.Broadcast)
	}
	attendee.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if resume.Mode != lms.ModeReplay || len(resume.Edits) == 0 || resume.WatchedS == 0 || resume.Share <= 0 || resume.Share >= 1 {
		t.Errorf("replay %+v", resume)
	}
	attendee.get(resume.HLS).want(t, http.StatusOK)

	var analytics analyticsView
	moderator.get(api+"/analytics").want(t, http.StatusOK).json(t, &analytics)
	if analytics.State != "final" || analytics.Totals.Attended != 1 || analytics.Totals.AttendedLive != 1 {
		t.Errorf("analytics %+v", analytics)
	}
	var people struct{ People []attendeeView }
	moderator.get(api+"/analytics/people?limit=10").want(t, http.StatusOK).json(t, &people)
	if len(people.People) != 1 || people.People[0].LiveS == 0 || people.People[0].Counts {
		t.Errorf("people %+v", people)
	}
	if csv := moderator.get(api+"/analytics.csv").want(t, http.StatusOK); strings.Count(csv.text, "\n") != 2 {
		t.Errorf("csv %q", csv.text)
	}
	page := attendee.get("/courses").want(t, http.StatusOK)
	if !strings.Contains(page.text, "Continue course 1 where you stopped") {
		t.Error("the programme does not offer to continue")
	}
}

// publish lets the presenter's camera reach the server, backstage.
func (s *site) publish(presenter *browser, d postgres.Demo) {
	s.t.Helper()
	camera := newPeer(s.t).sends()
	whip := presenter.send("POST", coursePath(d, "/whip/%s?backstage=1"), strings.NewReader(camera.offer(nil)), http.Header{"Content-Type": {sdpType}}).
		want(s.t, http.StatusCreated)
	camera.accept(whip.text)
	room := s.web.sfu.Room(string(d.Course))
	for changed := room.Changed(); !room.Publishing(); changed = room.Changed() {
		<-changed
	}
}

// TestRestartTakesUpTheLecture: a program that stops does not end what is on air; the next one goes on with the
// same timeline and the same recording.
func TestRestartTakesUpTheLecture(t *testing.T) {
	database, folder := pgtest.New(t), t.TempDir()
	first := startSite(t, database, folder)
	d := first.demo()
	api := coursePath(d, "/api/courses/%s")
	presenter := first.joined(d.Studio)
	first.publish(presenter, d)
	presenter.call("POST", api+"/air", nil).want(t, http.StatusOK)
	token := sessionCookie(presenter)
	eventually(t, func() int { return len(first.web.edits(d.Course, nil)) }, func(pieces int) bool { return pieces > 0 })
	first.stop()

	second := startSite(t, database, folder)
	ask := func() (h healthView) {
		cookie := http.Header{"Cookie": {"lectern=" + token}}
		second.browser().send("GET", api+"/health", nil, cookie).want(t, http.StatusOK).json(t, &h)
		return h
	}
	eventually(t, ask, func(h healthView) bool { return h.Recording.State != "off" })
	again := second.joined(d.Admin)
	var course courseView
	again.get(api).want(t, http.StatusOK).json(t, &course)
	if course.State != "live" || course.Broadcast.Presenter != protocol.Gone {
		t.Errorf("course %+v, %+v", course, course.Broadcast)
	}
	again.call("POST", api+"/end", nil).want(t, http.StatusOK)
	var resume resumeView
	again.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if resume.Mode != lms.ModeReplay || len(resume.Edits) == 0 {
		t.Errorf("what was recorded before the restart is gone: %+v", resume)
	}
}
