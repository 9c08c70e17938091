package postgres_test

import (
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

func TestQuestionTravels(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p := w.ours
	b := must(w.db.GoOnAir(ctx, p.presenter, p.course))(t)
	w.pass(30 * time.Second)
	q := must(w.db.AskQuestion(ctx, p.attendee, p.course, postgres.NewQuestion{Text: "Is 4 weeks enough?", HideName: true}))(t)
	if q.State != lms.Pending || q.AskedMS == nil || *q.AskedMS != 30_000 || q.AskerName == "" || !q.HideName {
		t.Errorf("asked %+v", q)
	}
	seen := func(a lms.Actor) int { return len(must(w.db.Questions(ctx, a, p.course))(t)) }
	other := must(w.signIn(email(0), p.codes[0]))(t)
	if seen(p.attendee) != 2 || seen(p.moderator) != 2 || seen(p.presenter) != 0 || seen(other) != 0 {
		t.Errorf("seen by asker %d, moderator %d, presenter %d, others %d", seen(p.attendee), seen(p.moderator), seen(p.presenter), seen(other))
	}
	act := func(a lms.Actor, action lms.Action) (postgres.Question, error) {
		return w.db.ModerateQuestion(ctx, a, p.course, q.ID, action)
	}
	q = must(act(p.moderator, lms.Action{Kind: lms.Edit, Version: 1, Text: "Are four weeks enough?"}))(t)
	if q.Original != "Is 4 weeks enough?" || q.Version != 2 {
		t.Errorf("edited %+v", q)
	}
	q = must(act(p.moderator, lms.Action{Kind: lms.Assign, Version: 2, Assignee: p.presenter.Person}))(t)
	if q.State != lms.Assigned || q.AssigneeName != p.presenter.Name || seen(other) != 1 || seen(p.presenter) != 1 {
		t.Errorf("assigned %+v", q)
	}
	stale, err := act(p.moderator, lms.Action{Kind: lms.Dismiss, Version: 2})
	wantKind(t, "an old version", err, lms.ErrConflict)
	if stale.ID != q.ID || stale.Version != 3 {
		t.Errorf("the conflict comes with %+v", stale)
	}
	w.pass(30 * time.Second)
	q = must(act(p.presenter, lms.Action{Kind: lms.Answering, Version: 3}))(t)
	if q.State != lms.OnAir || q.AnsweredMS == nil || *q.AnsweredMS != 60_000 {
		t.Errorf("answering %+v", q)
	}
	q = must(act(p.presenter, lms.Action{Kind: lms.Answered, Version: 4}))(t)
	if q.State != lms.AnsweredLive {
		t.Errorf("answered %+v", q)
	}
	if got := must(w.db.Chapters(ctx, b.ID))(t); len(got) != 1 || got[0] != (postgres.Chapter{ID: string(q.ID), AtMS: 60_000, Title: "Are four weeks enough?"}) {
		t.Errorf("chapters %+v", got)
	}
	if got := must(w.db.Chapters(ctx, "0197b3a2-5c1e-7c55-9f00-000000000000"))(t); len(got) != 0 {
		t.Errorf("chapters of another lecture %+v", got)
	}
	denied, err := act(other, lms.Action{Kind: lms.Dismiss, Version: 5})
	wantKind(t, "an attendee's action", err, lms.ErrForbidden)
	if denied.ID != "" {
		t.Error("a refusal shows the question")
	}
	if n := w.number(`select count(*) from question_events where question_id = $1`, q.ID); n != 5 {
		t.Errorf("%d events, want 5", n)
	}
	if n := w.number(`select count(*) from question_events where old_text = 'Is 4 weeks enough?'`); n != 1 {
		t.Error("the asker's words are not in the history")
	}
}

func TestDismissedIsShownToNobodyElse(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p := w.ours
	must(w.db.ModerateQuestion(ctx, p.moderator, p.course, p.question, lms.Action{Kind: lms.Dismiss, Version: 1}))(t)
	_, err := w.db.ModerateQuestion(ctx, p.presenter, p.course, p.question, lms.Action{Kind: lms.Answering, Version: 2})
	wantKind(t, "a presenter finds it", err, lms.ErrNotFound)
	mine := must(w.db.Questions(ctx, p.attendee, p.course))(t)
	if len(mine) != 1 || mine[0].StateFor(p.attendee, lms.Scope{Programme: p.id, Course: p.course}) != "received" {
		t.Errorf("the asker reads %+v", mine)
	}
}

func TestModeratorsAtOnce(t *testing.T) {
	w := newWorld(t)
	p := w.ours
	n := inParallel(t, 20, lms.ErrConflict, func(i int) error {
		kind := lms.Approve
		if i%2 == 1 {
			kind = lms.Dismiss
		}
		_, err := w.db.ModerateQuestion(t.Context(), p.moderator, p.course, p.question, lms.Action{Kind: kind, Version: 1})
		return err
	})
	if n != 1 {
		t.Errorf("%d of 20 decided, want 1", n)
	}
}

func TestAskingTooOften(t *testing.T) {
	w := newWorld(t)
	w.pass(time.Hour)
	n := inParallel(t, 20, lms.ErrTooMany, func(int) error {
		_, err := w.db.AskQuestion(t.Context(), w.ours.attendee, w.ours.course, postgres.NewQuestion{Text: "Now?"})
		return err
	})
	if n != 1 {
		t.Errorf("%d of 20 questions taken, want 1", n)
	}
	token := must(w.db.IssueToken(t.Context(), w.ours.course, lms.Attendee, time.Hour))(t)
	id := must(w.db.TokenIdentity(t.Context(), token))(t)
	_, err := w.db.AskQuestion(t.Context(), id.Actor(), w.ours.course, postgres.NewQuestion{Text: "Who am I?"})
	wantKind(t, "a token asks", err, lms.ErrForbidden)
}
