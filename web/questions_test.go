package web

import (
	"net/http"
	"testing"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// TestQuestionTravels from an attendee to the moderator, the presenter and back, over HTTP alone.
func TestQuestionTravels(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	asker, other := e.who["attendee"], s.joined(e.demo.Attend[1])
	moderator, presenter := e.who["moderator"], e.who["presenter"]
	questions := coursePath(e.demo, "/api/courses/%s/questions")
	list := func(b *browser) []protocol.Question {
		var all struct{ Questions []protocol.Question }
		b.get(questions).want(t, http.StatusOK).json(t, &all)
		return all.Questions
	}

	var q protocol.Question
	asker.call("POST", questions, map[string]any{"text": "How long before the trigger?", "hide_name": true}).want(t, http.StatusCreated).json(t, &q)
	if q.State != "received" || !q.Mine || q.Version != 1 {
		t.Errorf("asked %+v", q)
	}
	asker.call("POST", questions, map[string]any{"text": "And how?"}).want(t, http.StatusTooManyRequests)
	if n := len(list(other)) + len(list(presenter)); n != 0 {
		t.Errorf("%d questions are public before anybody has looked at them", n)
	}
	seen := list(moderator)
	if len(seen) != 1 || seen[0].State != string(lms.Pending) || seen[0].Asker == nil {
		t.Fatalf("the moderator sees %+v", seen)
	}

	act := func(b *browser, action string, body map[string]any, status int) protocol.Question {
		t.Helper()
		var q protocol.Question
		b.call("POST", questions+"/"+seen[0].ID+"/"+action, body).want(t, status).json(t, &q)
		return q
	}
	asker.call("POST", questions+"/"+seen[0].ID+"/approve", map[string]any{"version": 1}).want(t, http.StatusForbidden)
	q = act(moderator, "approve", map[string]any{"version": 1}, http.StatusOK)
	if q.State != string(lms.Approved) || q.Version != 2 {
		t.Errorf("approved %+v", q)
	}
	if public := list(other); len(public) != 1 || public[0].Asker != nil || public[0].Mine {
		t.Errorf("others see %+v", public)
	}

	var conflict struct {
		Error   errorDetail
		Current protocol.Question
	}
	moderator.call("POST", questions+"/"+seen[0].ID+"/dismiss", map[string]any{"version": 1}).want(t, http.StatusConflict).json(t, &conflict)
	if conflict.Error.Code != "conflict" || conflict.Current.Version != 2 {
		t.Errorf("conflict %+v", conflict)
	}

	var course courseView
	moderator.get(coursePath(e.demo, "/api/courses/%s")).want(t, http.StatusOK).json(t, &course)
	if len(course.Presenters) == 0 {
		t.Fatalf("course %+v has no presenter", course)
	}
	act(moderator, "assign", map[string]any{"version": 2, "assignee": course.Presenters[0].ID}, http.StatusOK)
	if mine := list(asker); mine[0].State != "next" {
		t.Errorf("the asker reads %s", mine[0].State)
	}
	act(presenter, "answering", map[string]any{"version": 3}, http.StatusOK)
	if mine := list(asker); mine[0].State != "on_air" {
		t.Errorf("the asker reads %s", mine[0].State)
	}
	q = act(presenter, "answered", map[string]any{"version": 4}, http.StatusOK)
	if q.State != string(lms.AnsweredLive) || q.AnsweredMS == nil {
		t.Errorf("answered %+v", q)
	}
	if mine := list(asker); mine[0].State != "answered" {
		t.Errorf("the asker reads %s", mine[0].State)
	}
	act(moderator, "nonsense", map[string]any{"version": 5}, http.StatusUnprocessableEntity)
}
