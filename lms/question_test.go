package lms

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The people of these tests, in course c of programme p.
var (
	inCourse   = Scope{"p", "c"}
	moderator  = Actor{Person: "mod", Roles: []RoleGrant{{Moderator, "p", ""}}}
	presenter  = Actor{Person: "pres", Roles: []RoleGrant{{Presenter, "p", "c"}}}
	presenter2 = Actor{Person: "pres2", Roles: []RoleGrant{{Presenter, "p", "c"}}}
	asker      = Actor{Person: "asker", Roles: []RoleGrant{{Attendee, "p", ""}}}
	listener   = Actor{Person: "listener", Roles: []RoleGrant{{Attendee, "p", ""}}}
	stranger   = Actor{Person: "stranger", Roles: []RoleGrant{{Admin, "q", ""}}}
)

func asked() Question {
	return Question{ID: "q1", Version: 1, State: Pending, Text: "What of AMH?", Asker: "asker"}
}

// TestQuestionTravels follows one question from its asker to the answer, and what each reads meanwhile.
func TestQuestionTravels(t *testing.T) {
	q := asked()
	steps := []struct {
		actor      Actor
		action     Action
		at         int64
		state      QuestionState
		toAsker    string
		toListener bool
	}{
		{Actor{}, Action{}, 0, Pending, "received", false},
		{moderator, Action{Kind: Approve}, 1000, Approved, "shown", true},
		{moderator, Action{Kind: Assign, Assignee: "pres"}, 2000, Assigned, "next", true},
		{presenter, Action{Kind: Answering}, 3000, OnAir, "on_air", true},
		{presenter, Action{Kind: Answered}, 9000, AnsweredLive, "answered", true},
	}
	for i, s := range steps {
		if i > 0 {
			s.action.Version = q.Version
			var err error
			if q, err = q.Apply(s.actor, inCourse, s.action, s.at); err != nil {
				t.Fatalf("%s: %v", s.action.Kind, err)
			}
		}
		if q.State != s.state || q.Version != i+1 || q.StateFor(asker, inCourse) != s.toAsker || q.VisibleTo(listener, inCourse) != s.toListener {
			t.Errorf("step %d: %+v, asker reads %q, others see it %t", i, q, q.StateFor(asker, inCourse), q.VisibleTo(listener, inCourse))
		}
	}
	if q.AnsweredMS == nil || *q.AnsweredMS != 3000 || q.Assignee != "pres" {
		t.Errorf("answered at %v by %q, want the moment the answer began", q.AnsweredMS, q.Assignee)
	}
	if got := q.StateFor(moderator, inCourse); got != "answered_live" {
		t.Errorf("a moderator reads %q", got)
	}
}

// TestQuestionTransitions tries every action in every state as a moderator.
func TestQuestionTransitions(t *testing.T) {
	kinds := []ActionKind{Approve, Dismiss, Assign, Edit, Answering, Answered, Restore}
	want := map[QuestionState]string{
		Pending:      "approved dismissed assigned pending - - -",
		Approved:     "- dismissed assigned approved on_air answered_live pending",
		Dismissed:    "- - - - - - pending",
		Assigned:     "- dismissed assigned assigned on_air answered_live pending",
		OnAir:        "- - - - - answered_live approved",
		AnsweredLive: "- - - - - - approved",
	}
	for state, row := range want {
		var got []string
		for _, kind := range kinds {
			q := asked()
			q.State = state
			after, err := q.Apply(moderator, inCourse, Action{Kind: kind, Version: 1, Assignee: "pres", Text: "New"}, 5)
			switch {
			case err == nil:
				got = append(got, string(after.State))
			case errors.Is(err, ErrConflict) && fmt.Sprint(after) == fmt.Sprint(q):
				got = append(got, "-")
			default:
				t.Errorf("%s in %s: %+v, %v", kind, state, after, err)
			}
		}
		if s := strings.Join(got, " "); s != row {
			t.Errorf("%s: got %q, want %q", state, s, row)
		}
	}
}

func TestQuestionRefusals(t *testing.T) {
	mine, theirs := asked(), asked()
	mine.State, mine.Assignee = Assigned, "pres"
	theirs.State, theirs.Assignee = Assigned, "pres2"
	for name, c := range map[string]struct {
		q      Question
		actor  Actor
		action Action
		kind   error
	}{
		"old version":                 {asked(), moderator, Action{Kind: Approve, Version: 0}, ErrConflict},
		"no such action":              {asked(), moderator, Action{Kind: "delete", Version: 1}, ErrInvalid},
		"nobody assigned":             {asked(), moderator, Action{Kind: Assign, Version: 1}, ErrInvalid},
		"emptied":                     {asked(), moderator, Action{Kind: Edit, Version: 1, Text: " "}, ErrInvalid},
		"asker approves":              {asked(), asker, Action{Kind: Approve, Version: 1}, ErrForbidden},
		"listener, unseen":            {asked(), listener, Action{Kind: Approve, Version: 1}, ErrNotFound},
		"presenter, unseen":           {asked(), presenter, Action{Kind: Answering, Version: 1}, ErrNotFound},
		"other programme":             {mine, stranger, Action{Kind: Answering, Version: 1}, ErrNotFound},
		"listener answers":            {mine, listener, Action{Kind: Answering, Version: 1}, ErrForbidden},
		"presenter moderates":         {mine, presenter, Action{Kind: Dismiss, Version: 1}, ErrForbidden},
		"presenter takes it back":     {mine, presenter, Action{Kind: Restore, Version: 1}, ErrForbidden},
		"another presenter's":         {theirs, presenter, Action{Kind: Answering, Version: 1}, ErrForbidden},
		"forbidden before a conflict": {theirs, presenter, Action{Kind: Answering, Version: 7}, ErrForbidden},
	} {
		after, err := c.q.Apply(c.actor, inCourse, c.action, 5)
		if !errors.Is(err, c.kind) || after.Version != c.q.Version {
			t.Errorf("%s: %+v, %v, want %v", name, after, err, c.kind)
		}
	}
}

func TestQuestionEditKeepsTheOriginal(t *testing.T) {
	q := asked()
	for i, text := range []string{"What about AMH?", "How does AMH matter?"} {
		var err error
		if q, err = q.Apply(moderator, inCourse, Action{Kind: Edit, Version: i + 1, Text: text}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if q.Text != "How does AMH matter?" || q.Original != "What of AMH?" || q.State != Pending || q.Version != 3 {
		t.Errorf("got %+v", q)
	}
}

// TestQuestionAnsweredWithoutAsking: a presenter takes a shown question without being assigned, and a slip
// is taken back.
func TestQuestionAnsweredWithoutAsking(t *testing.T) {
	q := asked()
	q.State = Approved
	q, err := q.Apply(presenter2, inCourse, Action{Kind: Answering, Version: 1}, 70_000)
	if err != nil || q.Assignee != "pres2" || *q.AnsweredMS != 70_000 {
		t.Fatalf("got %+v, %v", q, err)
	}
	q, err = q.Apply(presenter2, inCourse, Action{Kind: Restore, Version: 2}, 71_000)
	if err != nil || q.State != Assigned || q.AnsweredMS != nil || q.Assignee != "pres2" {
		t.Errorf("taken back: %+v, %v", q, err)
	}
	for _, state := range []QuestionState{Approved, Assigned, Dismissed} {
		d := asked()
		d.State, d.Assignee = state, "pres"
		if d, err = d.Apply(moderator, inCourse, Action{Kind: Restore, Version: 1}, 0); err != nil || d.State != Pending || d.Assignee != "" {
			t.Errorf("restored: %+v, %v", d, err)
		}
	}
}

func TestHiddenName(t *testing.T) {
	q := asked()
	q.State, q.HideName = Approved, true
	for actor, want := range map[*Actor]bool{&asker: true, &moderator: true, &presenter: false, &listener: false} {
		if got := q.AskerVisibleTo(*actor, inCourse); got != want {
			t.Errorf("%s sees who asked: %t", actor.Person, got)
		}
	}
	q.HideName = false
	if !q.AskerVisibleTo(listener, inCourse) {
		t.Error("a name that is not hidden is not shown")
	}
	dismissed := asked()
	dismissed.State = Dismissed
	if got := dismissed.StateFor(asker, inCourse); got != "received" {
		t.Errorf("the asker of a dismissed question reads %q", got)
	}
	if dismissed.VisibleTo(presenter, inCourse) || !dismissed.VisibleTo(asker, inCourse) || dismissed.VisibleTo(stranger, inCourse) {
		t.Error("a dismissed question is seen by the wrong people")
	}
}

func TestMayAsk(t *testing.T) {
	if err := MayAsk(time.Time{}, noon); err != nil {
		t.Errorf("the first question: %v", err)
	}
	if err := MayAsk(noon, noon.Add(20*time.Second)); err != nil {
		t.Errorf("after 20 s: %v", err)
	}
	var p *Problem
	if err := MayAsk(noon, noon.Add(19*time.Second)); !errors.As(err, &p) || p.Kind != ErrTooMany || p.Retry != time.Second {
		t.Errorf("after 19 s: %v", err)
	}
	if _, err := ParseQuestion(strings.Repeat("ä", QuestionMax)); err != nil {
		t.Error(err)
	}
	isProblem(t, second(ParseQuestion(strings.Repeat("ä", QuestionMax+1))), ErrInvalid, "text")
}
