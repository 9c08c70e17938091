package postgres_test

import (
	"fmt"
	"slices"
	"testing"

	"lectern/lms"
)

// TestAnalytics follows four people through a lecture of 60 s and its replay.
func TestAnalytics(t *testing.T) {
	l := newLecture(t)
	ada, ben, cem := l.person("ada"), l.person("Ben"), l.person("cem")
	l.person("dana") // never comes
	none, err := l.db.Analytics(t.Context(), l.admin, l.course)
	if err != nil || none.Attended != 0 || none.Enrolled != 4 || none.State != "live" {
		t.Errorf("at the start: %+v, %v", none, err)
	}
	l.at(20)
	l.submit(ada, l.played("player-ada", 1, 0, 20, lms.Live))
	l.submit(ben, l.played("player-ben", 1, 0, 10, lms.DVR))
	l.at(40)
	l.submit(ada, l.played("player-ada", 2, 20, 40, lms.Live))
	l.at(60)
	l.submit(ada, l.played("player-ada", 3, 40, 60, lms.Live))
	l.end(lms.Piece{LengthMS: 60_000})
	l.at(600)
	l.submit(ben, l.played("player-ben", 2, 5, 30, lms.Replay))
	l.submit(cem, l.played("player-cem", 1, 50, 60, lms.Replay))
	l.submit(ada, l.played("player-ada", 4, 0, 10, lms.Replay))
	for _, q := range []struct {
		state    lms.QuestionState
		asked    any
		answered any
		text     string
	}{
		{lms.AnsweredLive, 12_000, 44_000, "What of AMH?"}, {lms.Dismissed, 13_000, nil, "Spam"}, {lms.OnAir, 31_000, 50_000, "Next"}, {lms.Pending, nil, nil, "Early"},
	} {
		l.exec(`insert into questions (course_id, person_id, text, hide_name, state, asked_at, asked_ms, answered_ms)
			values ($1, $2, $3, false, $4, $5, $6, $7)`, l.course, ada.Person, q.text, q.state, l.clock(), q.asked, q.answered)
	}

	a, err := l.db.Analytics(t.Context(), l.admin, l.course)
	if err != nil {
		t.Fatal(err)
	}
	if a.State != "final" || !a.AsOf.Equal(l.clock()) || a.Enrolled != 4 || a.Attended != 3 || a.AttendedLive != 1 || a.AttendedReplay != 3 ||
		a.MedianWatchedS != 30 || a.CountableS != 60 || a.Questions != 4 || a.StepS != 5 {
		t.Errorf("totals: %+v", a)
	}
	for name, c := range map[string]struct{ got, want []int }{
		"live":      {a.Live, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		"dvr":       {a.DVR, []int{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		"replay":    {a.Replay, []int{0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1}},
		"questions": {a.QuestionsPerStep, []int{0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if len(a.Marks) != 1 || a.Marks[0].AtMS != 44_000 || a.Marks[0].Kind != "answered" || a.Marks[0].Title != "What of AMH?" {
		t.Errorf("marks: %+v", a.Marks)
	}
	l.checkPeople(ada, ben, cem)
}

// checkPeople reads the attendance of TestAnalytics in pages of two.
func (l *lecture) checkPeople(ada, ben, cem lms.Actor) {
	t := l.t
	first, err := l.db.AnalyticsPeople(t.Context(), l.admin, l.course, "", 2)
	if err != nil || len(first.People) != 2 || first.Next != ben.Person {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	last, err := l.db.AnalyticsPeople(t.Context(), l.admin, l.course, first.Next, 2)
	if err != nil || len(last.People) != 1 || last.Next != "" {
		t.Fatalf("last page: %+v, %v", last, err)
	}
	var got []string
	for _, p := range append(first.People, last.People...) {
		position := int64(-1)
		if p.PositionMS != nil {
			position = *p.PositionMS
		}
		got = append(got, fmt.Sprintf("%s %s live %d dvr %d replay %d of %v = %.3f %t at %d", p.Name, p.Country, p.LiveS, p.DVRS, p.ReplayS, p.Watched, p.Share, p.Counts, position))
	}
	want := []string{
		"ada IN live 60 dvr 0 replay 0 of {[0,60)} = 1.000 true at 10000",
		"Ben IN live 0 dvr 10 replay 20 of {[0,30)} = 0.500 false at 30000",
		"cem IN live 0 dvr 0 replay 10 of {[50,60)} = 0.167 false at 60000",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if p := first.People[0]; p.ID != ada.Person || p.LastAt.Sub(p.FirstAt).Seconds() != 580 {
		t.Errorf("ada was there from %v to %v", p.FirstAt, p.LastAt)
	}
	if _, err := l.db.AnalyticsPeople(t.Context(), ada, l.course, "", 2); err == nil {
		t.Error("an attendee reads the names")
	}
}

// TestAnalyticsAgree: who watched only what the recording does not keep is in neither the totals nor the list.
func TestAnalyticsAgree(t *testing.T) {
	l := newLecture(t)
	ada, ben := l.person("ada"), l.person("ben")
	l.at(20)
	l.submit(ada, l.played("player-ada", 1, 0, 20, lms.Live))
	l.submit(ben, l.played("player-ben", 1, 0, 5, lms.Live))
	l.at(60)
	l.end(lms.Piece{TimelineMS: 10_000, LengthMS: 50_000})
	a := must(l.db.Analytics(t.Context(), l.admin, l.course))(t)
	page := must(l.db.AnalyticsPeople(t.Context(), l.admin, l.course, "", 10))(t)
	if a.Attended != 1 || len(page.People) != a.Attended || page.People[0].ID != ada.Person {
		t.Errorf("%d attended, %d are listed", a.Attended, len(page.People))
	}
}
