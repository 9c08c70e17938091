package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// state is how far the transcription of our course has come.
func (w *world) transcription() *postgres.Transcription {
	w.t.Helper()
	return must(w.db.Transcription(w.t.Context(), w.ours.admin, w.ours.course))(w.t)
}

func TestTranscription(t *testing.T) {
	w := newWorld(t)
	ctx, db, course, admin := t.Context(), w.db, w.ours.course, w.ours.admin
	wantKind(t, "without a recording", db.AskTranscription(ctx, admin, course, "en"), lms.ErrConflict)
	if err := db.QueueTranscription(ctx, course); err != nil || w.transcription() != nil {
		t.Fatalf("queued without a recording: %v, %v", w.transcription(), err)
	}
	w.record()
	_, err := db.ClaimTranscription(ctx)
	wantKind(t, "nothing to do", err, lms.ErrNotFound)
	wantKind(t, "for an attendee", db.AskTranscription(ctx, w.ours.attendee, course, "en"), lms.ErrForbidden)
	if err := db.AskTranscription(ctx, admin, course, lms.Undetermined); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "asked twice", db.AskTranscription(ctx, admin, course, "en"), lms.ErrConflict)
	claim := must(db.ClaimTranscription(ctx))(t)
	if claim.Course != course || claim.Language != lms.Undetermined || claim.LengthMS != 50_000 || claim.Broadcast == "" {
		t.Fatalf("claimed %+v", claim)
	}
	_, err = db.ClaimTranscription(ctx)
	wantKind(t, "claimed twice", err, lms.ErrNotFound)
	if err := db.TranscriptionProgress(ctx, claim, 140); err != nil {
		t.Fatal(err)
	}
	if s := w.transcription(); s.State != postgres.TranscriptionRunning || s.Percent != 100 {
		t.Errorf("at work: %+v", s)
	}
	heard := lms.Captions{{StartMS: 1000, EndMS: 2000, Text: "hello"}, {StartMS: 35_000, EndMS: 36_000, Text: "after the cut"}}
	if err := db.FinishTranscription(ctx, claim, "pt", heard); err != nil {
		t.Fatal(err)
	}
	if s := w.transcription(); s.State != postgres.TranscriptionDone || s.Language != "pt" || s.EndedAt == nil {
		t.Errorf("done: %+v", s)
	}
	// It is a draft until an admin publishes it.
	if tracks := must(db.Captions(ctx, w.ours.attendee, course))(t); len(tracks) != 0 {
		t.Errorf("shown to attendees: %+v", tracks)
	}
	version, cues, err := db.CaptionCues(ctx, admin, course, "pt", 1)
	if err != nil || version != 1 || len(cues) != 2 || cues[1].StartMS != 35_000 {
		t.Errorf("draft: %+v, %v", cues, err)
	}
	if err := db.PublishCaptions(ctx, admin, course, "pt", 1); err != nil {
		t.Fatal(err)
	}
	if _, got := w.published("pt"); !slices.Equal(got, []string{"hello", "after the cut"}) {
		t.Errorf("published %q", got)
	}
	wantKind(t, "finished twice", db.FinishTranscription(ctx, claim, "pt", heard), lms.ErrConflict)
	if err := db.QueueTranscription(ctx, course); err != nil || w.transcription().State != postgres.TranscriptionDone {
		t.Errorf("queued again by itself: %v", err)
	}
	if err := db.AskTranscription(ctx, admin, course, "en"); err != nil || w.transcription().State != postgres.TranscriptionQueued {
		t.Errorf("asked again: %v", err)
	}
}

// TestTranscriptionChangesHands: a node that says nothing for a minute has died. Another goes on, and the first,
// should it wake up, is told to give up.
func TestTranscriptionChangesHands(t *testing.T) {
	w := newWorld(t)
	ctx, db := t.Context(), w.db
	w.record()
	if err := db.QueueTranscription(ctx, w.ours.course); err != nil {
		t.Fatal(err)
	}
	first := must(db.ClaimTranscription(ctx))(t)
	w.pass(50 * time.Second)
	if err := db.TranscriptionProgress(ctx, first, 10); err != nil {
		t.Fatal(err)
	}
	w.pass(50 * time.Second)
	_, err := db.ClaimTranscription(ctx)
	wantKind(t, "while the first is at work", err, lms.ErrNotFound)
	w.pass(11 * time.Second)
	second := must(db.ClaimTranscription(ctx))(t)
	wantKind(t, "the first goes on", db.TranscriptionProgress(ctx, first, 20), lms.ErrConflict)
	wantKind(t, "the first is done", db.FinishTranscription(ctx, first, "en", nil), lms.ErrConflict)
	wantKind(t, "the first fails", db.FailTranscription(ctx, first, "x"), lms.ErrConflict)
	if err := db.FailTranscription(ctx, second, strings.Repeat("é", 600)); err != nil {
		t.Fatal(err)
	}
	if s := w.transcription(); s.State != postgres.TranscriptionFailed || len([]rune(s.Message)) != 500 {
		t.Errorf("%+v", s)
	}
}

func TestTranscriptionThatKillsNodes(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.record()
	if err := w.db.AskTranscription(ctx, w.ours.admin, w.ours.course, "en"); err != nil {
		t.Fatal(err)
	}
	tries := 0
	for {
		_, err := w.db.ClaimTranscription(ctx)
		if errors.Is(err, lms.ErrNotFound) {
			break
		}
		if err != nil || tries > 9 {
			t.Fatal(tries, err)
		}
		tries++
		w.pass(2 * time.Minute)
	}
	if s := w.transcription(); tries != 3 || s.State != postgres.TranscriptionFailed || s.Message == "" {
		t.Errorf("%d tries, %+v", tries, s)
	}
}

func TestTranscriptionIsCancelled(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.record()
	if err := w.db.AskTranscription(ctx, w.ours.admin, w.ours.course, "en"); err != nil {
		t.Fatal(err)
	}
	claim := must(w.db.ClaimTranscription(ctx))(t)
	if err := w.db.CancelTranscription(ctx, w.ours.admin, w.ours.course); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "goes on", w.db.TranscriptionProgress(ctx, claim, 1), lms.ErrConflict)
	wantKind(t, "cancelled twice", w.db.CancelTranscription(ctx, w.ours.admin, w.ours.course), lms.ErrNotFound)
	if w.transcription() != nil {
		t.Error("it is still there")
	}
}

// TestClaimsAreDisjoint: many nodes that ask at once share the work out, each piece to one.
func TestClaimsAreDisjoint(t *testing.T) {
	w := newWorld(t)
	w.record()
	if err := w.db.QueueTranscription(t.Context(), w.ours.course); err != nil {
		t.Fatal(err)
	}
	if n := inParallel(t, 8, lms.ErrNotFound, func(int) error {
		_, err := w.db.ClaimTranscription(t.Context())
		return err
	}); n != 1 {
		t.Errorf("%d nodes have it", n)
	}
}
