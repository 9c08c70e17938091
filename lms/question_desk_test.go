package lms

import (
	"errors"
	"testing"
	"time"
)

var deskTime = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)

// TestQuestionMergedIntoAnother: whoever asked it reads how the other one stands, and its answer; nobody else sees it.
func TestQuestionMergedIntoAnother(t *testing.T) {
	q := asked()
	merged, err := q.Apply(moderator, inCourse, Action{Kind: Merge, Version: q.Version, Into: "other", At: deskTime}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if merged.State != Merged || merged.Public() || merged.Version != q.Version+1 {
		t.Errorf("merged: %+v", merged)
	}

	for target, want := range map[QuestionState]string{Pending: "received", Approved: "shown", AnsweredText: "answered"} {
		merged.TargetState = target
		if got := merged.StateFor(asker, inCourse); got != want {
			t.Errorf("into one that is %s: the asker reads %q, want %q", target, got, want)
		}
	}
	for name, into := range map[string]QuestionID{"nothing": "", "itself": q.ID} {
		if _, err := q.Apply(moderator, inCourse, Action{Kind: Merge, Version: q.Version, Into: into}, 0); !errors.Is(err, ErrInvalid) {
			t.Errorf("merged into %s: %v", name, err)
		}
	}
	back, err := merged.Apply(moderator, inCourse, Action{Kind: Restore, Version: merged.Version}, 0)
	if err != nil || back.State != Pending || back.MergedInto != "" {
		t.Errorf("taken back: %+v, %v", back, err)
	}
}

// TestQuestionAnsweredInWriting: an answer for those who asked is nobody else's to read, and does not make the question
// public.
func TestQuestionAnsweredInWriting(t *testing.T) {
	q := asked()
	other := Actor{Person: "somebody-else", Roles: asker.Roles}
	for _, public := range []bool{false, true} {
		a, err := q.Apply(moderator, inCourse, Action{Kind: AnswerInText, Version: q.Version, Text: "Yes.", Public: public}, 0)
		if err != nil || a.State != AnsweredText {
			t.Fatalf("%+v, %v", a, err)
		}

		if a.AnswerFor(asker, inCourse) != "Yes." || a.StateFor(asker, inCourse) != "answered" {
			t.Errorf("public %v: the asker reads %q, %q", public, a.StateFor(asker, inCourse), a.AnswerFor(asker, inCourse))
		}
		if got := a.VisibleTo(other, inCourse); got != public || (a.AnswerFor(other, inCourse) != "") != public {
			t.Errorf("public %v: others see it: %v, with %q", public, got, a.AnswerFor(other, inCourse))
		}
	}
	if _, err := q.Apply(moderator, inCourse, Action{Kind: AnswerInText, Version: q.Version}, 0); !errors.Is(err, ErrInvalid) {
		t.Errorf("an empty answer: %v", err)
	}
}

// TestQuestionDeferred: the asker reads "received", like of one that nobody has looked at.
func TestQuestionDeferred(t *testing.T) {
	q, err := asked().Apply(moderator, inCourse, Action{Kind: Defer, Version: asked().Version}, 0)
	if err != nil || q.Public() || q.StateFor(asker, inCourse) != "received" {
		t.Errorf("%+v, %v", q, err)
	}
}

// TestQuestionClaim: for a minute no other moderator changes it; whoever claimed it may, and that ends the claim.
func TestQuestionClaim(t *testing.T) {
	second := Actor{Person: "second", Roles: moderator.Roles}
	q, err := asked().Apply(moderator, inCourse, Action{Kind: Claim, Version: asked().Version, At: deskTime}, 0)
	if err != nil || q.ClaimedBy != moderator.Person || q.State != Pending {
		t.Fatalf("%+v, %v", q, err)
	}
	within := Action{Kind: Approve, Version: q.Version, At: deskTime.Add(ClaimFor - time.Second)}
	if _, err := q.Apply(second, inCourse, within, 0); !errors.Is(err, ErrConflict) {
		t.Errorf("another moderator within the minute: %v", err)
	}
	if a, err := q.Apply(moderator, inCourse, within, 0); err != nil || a.ClaimedBy != "" {
		t.Errorf("the claimer: %+v, %v", a, err)
	}
	after := Action{Kind: Claim, Version: q.Version, At: deskTime.Add(ClaimFor)}
	if a, err := q.Apply(second, inCourse, after, 0); err != nil || a.ClaimedBy != second.Person {
		t.Errorf("after the minute: %+v, %v", a, err)
	}
}

func TestApproveInOtherWords(t *testing.T) {
	q := asked()
	a, err := q.Apply(moderator, inCourse, Action{Kind: Approve, Version: q.Version, Text: "Shorter?"}, 0)
	if err != nil || a.Text != "Shorter?" || a.Original != q.Text || a.State != Approved {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestSimilarity(t *testing.T) {
	for _, row := range []struct {
		a, b      string
		duplicate bool
	}{
		{"What does a low AMH predict?", "what does LOW amh predict", true},
		{"What does a low AMH predict at 40?", "Does a low AMH predict anything?", true},
		{"What does a low AMH predict?", "Which trigger for OHSS patients?", false},
		{"कम AMH का क्या अर्थ है?", "कम AMH का क्या मतलब है?", true},
		{"", "", false},
	} {
		if got := NewTrigrams(row.a).Similarity(NewTrigrams(row.b)); (got >= SimilarAt) != row.duplicate || got < 0 || got > 1 {
			t.Errorf("%q and %q: %.2f", row.a, row.b, got)
		}
	}
	if got := NewTrigrams("same").Similarity(NewTrigrams("SAME!")); got != 1 {
		t.Errorf("the same word: %v", got)
	}
}
