package web

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lectern/lms"
	"lectern/signaling/protocol"
	"lectern/storage/postgres/pgtest"
)

// TestRehearsal: what the presenter rehearses with real media is recorded for the presenter alone, and nothing of it reaches the audience.
func TestRehearsal(t *testing.T) {
	folder := t.TempDir()
	s := startSite(t, pgtest.New(t), folder)
	d := s.demo()
	presenter, attendee, moderator := s.joined(d.Studio), s.joined(d.Attend[0]), s.joined(d.Console)
	api := coursePath(d, "/api/courses/%s")
	look := func() (v rehearsalView) {
		presenter.get(api+"/rehearsal").want(t, http.StatusOK).json(t, &v)
		return v
	}
	if v := look(); v.State != "none" || v.HLS != "" {
		t.Errorf("at first %+v", v)
	}
	presenter.call("POST", api+"/rehearsal", nil).want(t, http.StatusConflict) // no camera yet
	s.publish(presenter, d)
	presenter.call("POST", api+"/rehearsal", nil).want(t, http.StatusOK)
	presenter.call("POST", api+"/rehearsal", nil).want(t, http.StatusConflict)
	v := look()
	if v.State != "running" || v.ID == nil || v.KeptUntil == nil {
		t.Fatalf("running %+v", v)
	}
	live := eventually(t, func() reply { return presenter.get(v.HLS) }, func(r reply) bool { return r.StatusCode == http.StatusOK })
	if !strings.Contains(live.text, "#EXTM3U") {
		t.Errorf("playlist %q", live.text)
	}

	// The audience: no course on air, no WebRTC, no HLS under any name, no reports.
	var course courseView
	attendee.get(api).want(t, http.StatusOK).json(t, &course)
	if course.State != "scheduled" || course.Broadcast != nil {
		t.Errorf("the audience sees %+v", course)
	}
	offer := newPeer(t)
	offer.receives()
	attendee.send("POST", coursePath(d, "/whep/%s"), strings.NewReader(offer.offer(nil)), http.Header{"Content-Type": {sdpType}}).want(t, http.StatusConflict)
	attendee.get(coursePath(d, "/hls/%s/index.m3u8")).want(t, http.StatusNotFound)
	for _, who := range []*browser{attendee, moderator} {
		who.get(v.HLS).want(t, http.StatusForbidden)
		who.get(api+"/rehearsal").want(t, http.StatusForbidden)
	}
	report := protocol.Report{
		Player: "player-one", Seq: 1, Broadcast: string(*v.ID), Rate: 1, PositionMS: 2000, Visible: true,
		Spans: []protocol.Span{{FromMS: 0, ToMS: 2000, As: protocol.Live}},
	}
	var acked struct{ Acks []protocol.Ack }
	attendee.call("POST", api+"/reports", map[string]any{"reports": []protocol.Report{report}}).want(t, http.StatusOK).json(t, &acked)
	if len(acked.Acks) != 0 {
		t.Errorf("a report of a rehearsal was entered: %+v", acked)
	}
	if _, err := (Reporter{s.db}).SubmitReport(t.Context(), lms.PersonID(course.ID), &report); err == nil {
		t.Error("the ledger took a rehearsal")
	}

	presenter.call("POST", api+"/rehearsal/end", nil).want(t, http.StatusOK).json(t, &v)
	if v.State != "ended" || v.LengthMS <= 0 {
		t.Errorf("ended %+v", v)
	}
	presenter.get(v.HLS).want(t, http.StatusOK)
	var analytics analyticsView
	moderator.get(api+"/analytics").want(t, http.StatusOK).json(t, &analytics)
	if analytics.Totals.Attended != 0 {
		t.Errorf("analytics %+v", analytics.Totals)
	}
	kept := filepath.Join(folder, string(*v.ID))
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	presenter.call("DELETE", api+"/rehearsal", nil).want(t, http.StatusOK).json(t, &v)
	if v.State != "none" {
		t.Errorf("deleted %+v", v)
	}
	eventually(t, func() error { _, err := os.Stat(kept); return err }, os.IsNotExist)

	// Going live ends a rehearsal, and is a lecture like any other, with a timeline that begins at 0.
	presenter.call("POST", api+"/rehearsal", nil).want(t, http.StatusOK)
	presenter.call("POST", api+"/air", nil).want(t, http.StatusOK).json(t, &course)
	if course.State != "live" || look().State != "ended" {
		t.Errorf("live %+v, rehearsal %+v", course, look())
	}
	presenter.call("POST", api+"/rehearsal", nil).want(t, http.StatusConflict)
	presenter.call("POST", api+"/end", nil).want(t, http.StatusOK)
}

// TestRehearsalEndsWithTheProgram: it does not go on by itself when the server starts again.
func TestRehearsalEndsWithTheProgram(t *testing.T) {
	database, folder := pgtest.New(t), t.TempDir()
	first := startSite(t, database, folder)
	d := first.demo()
	presenter := first.joined(d.Studio)
	first.publish(presenter, d)
	presenter.call("POST", coursePath(d, "/api/courses/%s/rehearsal"), nil).want(t, http.StatusOK)
	first.stop()
	second := startSite(t, database, folder)
	<-second.web.resumed
	var v rehearsalView
	second.joined(d.Admin).get(coursePath(d, "/api/courses/%s/rehearsal")).want(t, http.StatusOK).json(t, &v)
	if v.State != "ended" {
		t.Errorf("after the restart %+v", v)
	}
}
