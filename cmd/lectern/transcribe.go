package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"lectern/lms"
	"lectern/media/broadcast"
	"lectern/media/transcribe"
	"lectern/storage/postgres"
)

// A transcriber works off the queue of speech recognition, one lecture at a time: it is what this machine has left
// besides the lectures on air.
type transcriber struct {
	db         *postgres.DB
	desk       *broadcast.Desk
	recognizer transcribe.Recognizer
	log        *slog.Logger
	look, say  time.Duration // between two looks at the queue, and two words about the work
}

// newTranscriber returns nil when no program is named.
func newTranscriber(c config, db *postgres.DB, desk *broadcast.Desk, log *slog.Logger) (*transcriber, error) {
	if c.Whisper == "" {
		return nil, nil
	}
	w := transcribe.Whisper{Program: c.Whisper, Model: c.WhisperModel, FFmpeg: c.FFmpeg}
	if err := w.Check(); err != nil {
		return nil, fmt.Errorf("LECTERN_WHISPER: %w", err)
	}
	return &transcriber{db: db, desk: desk, recognizer: w, log: log, look: 10 * time.Second, say: 5 * time.Second}, nil
}

// run works until ctx ends. What it is at then, another start or node goes on with, from the beginning.
func (t *transcriber) run(ctx context.Context) error {
	tick := time.NewTicker(t.look)
	defer tick.Stop()
	for {
		claim, err := t.db.ClaimTranscription(ctx)
		switch {
		case err == nil:
			t.work(ctx, claim)
			continue
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, lms.ErrNotFound):
			t.log.WarnContext(ctx, "queue of speech recognition not read", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// errGivenUp is why work ends that nobody wants any more.
var errGivenUp = errors.New("cancelled, or taken over by another node")

// work transcribes one lecture and stores the draft, or why there is none.
func (t *transcriber) work(ctx context.Context, claim postgres.TranscriptionClaim) {
	started := time.Now()
	working, stop := context.WithCancelCause(ctx)
	var percent atomic.Int64
	said := make(chan struct{})
	go func() {
		defer close(said)
		t.sayProgress(working, claim, &percent, stop)
	}()
	language, cues, err := t.transcribe(working, claim, &percent)
	stop(nil)
	<-said
	if ctx.Err() != nil || errors.Is(err, errGivenUp) {
		return
	}
	if err == nil {
		err = t.db.FinishTranscription(ctx, claim, language, cues)
	} else if failed := t.db.FailTranscription(ctx, claim, err.Error()); failed != nil {
		err = errors.Join(err, failed)
	}
	if err != nil {
		t.log.WarnContext(ctx, "lecture not transcribed", "course", claim.Course, "error", err)
		return
	}
	t.log.InfoContext(ctx, "lecture transcribed", "course", claim.Course, "language", language, "cues", len(cues), "took", time.Since(started).Round(time.Second))
}

// sayProgress keeps the claim, and stops the work when it is lost.
func (t *transcriber) sayProgress(ctx context.Context, claim postgres.TranscriptionClaim, percent *atomic.Int64, stop context.CancelCauseFunc) {
	tick := time.NewTicker(t.say)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := t.db.TranscriptionProgress(ctx, claim, int(percent.Load())); errors.Is(err, lms.ErrConflict) {
			stop(errGivenUp)
			return
		} // a database that is away for a moment is asked again
	}
}

// transcribe has the recording heard, and checks what came of it.
func (t *transcriber) transcribe(ctx context.Context, claim postgres.TranscriptionClaim, percent *atomic.Int64) (lms.Language, lms.Captions, error) {
	replay, err := t.desk.Replay(string(claim.Broadcast))
	if err != nil {
		return "", nil, fmt.Errorf("the recording cannot be opened: %w", err)
	}
	recording := replay.Recording()
	heard, err := t.recognizer.Recognize(ctx, transcribe.Sound{
		Write:  func(w io.Writer) error { return replay.WriteSound(ctx, w) },
		Length: time.Duration(recording.LengthMS) * time.Millisecond, Language: string(claim.Language),
	}, func(p int) { percent.Store(int64(p)) })
	if err != nil {
		return "", nil, err
	}
	cues, err := lms.ParseCaptions(heard.WebVTT)
	if err != nil {
		return "", nil, fmt.Errorf("the speech recognition wrote what is no WebVTT: %w", err)
	}
	edits := make(lms.EditList, 0, len(recording.Edits))
	for _, e := range recording.Edits {
		edits = append(edits, lms.Piece(e))
	}
	language, err := lms.ParseLanguage(heard.Language)
	if err != nil {
		language = lms.Undetermined
	}
	return language, cues.OnTimeline(edits), nil
}
