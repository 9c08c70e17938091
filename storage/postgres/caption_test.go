package postgres_test

import (
	"slices"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

func words(cues []postgres.Caption) (out []string) {
	for _, c := range cues {
		out = append(out, c.Text)
	}
	return out
}

func cuesOf(texts ...string) (c lms.Captions) {
	for i, text := range texts {
		c = append(c, lms.Cue{StartMS: int64(i) * 2000, EndMS: int64(i)*2000 + 1500, Text: text, Speaker: "Dr Rao"})
	}
	return c
}

func (w *world) saveCaptions(language lms.Language, texts ...string) int {
	w.t.Helper()
	return must(w.db.SaveCaptions(w.t.Context(), w.ours.admin, w.ours.course, postgres.NewCaptions{Language: language, Cues: cuesOf(texts...)}))(w.t)
}

// published is what an attendee sees of a language.
func (w *world) published(language lms.Language) (int, []string) {
	w.t.Helper()
	version, cues, err := w.db.CaptionCues(w.t.Context(), w.ours.attendee, w.ours.course, language, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return version, words(cues)
}

func TestCaptionsAreVersioned(t *testing.T) {
	w := newWorld(t)
	ctx, db, course, admin, attendee := t.Context(), w.db, w.ours.course, w.ours.admin, w.ours.attendee
	if tracks := must(db.Captions(ctx, attendee, course))(t); len(tracks) != 0 {
		t.Fatalf("at first %v", tracks)
	}
	w.saveCaptions("en", "one", "two")
	w.saveCaptions("pt-BR", "um")
	first := must(db.Captions(ctx, attendee, course))(t)
	if len(first) != 2 || first[0].Language != "en" || first[0].Version != 1 || first[0].Cues != 2 || first[0].Source != lms.CaptionsUploaded || first[0].Live {
		t.Fatalf("published: %+v", first)
	}
	if v := w.saveCaptions("en", "one", "two", "three"); v != 2 {
		t.Errorf("the second version is %d", v)
	}
	if v, got := w.published("en"); v != 2 || !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("replaced: version %d, %q", v, got)
	}
	second := must(db.PublishedCaptions(ctx, course))(t)
	if second[0].Revision <= first[0].Revision || second[1].Revision != first[1].Revision {
		t.Errorf("revisions: %+v after %+v", second, first)
	}
	// Back to the first, and an admin still has both.
	if err := db.PublishCaptions(ctx, admin, course, "en", 1); err != nil {
		t.Fatal(err)
	}
	if v, got := w.published("en"); v != 1 || len(got) != 2 {
		t.Errorf("went back to version %d, %q", v, got)
	}
	histories := must(db.CaptionHistories(ctx, admin, course))(t)
	if len(histories) != 2 || len(histories[0].Versions) != 2 || histories[0].Versions[0].Published || !histories[0].Versions[1].Published || histories[0].Versions[0].MadeBy != admin.Name {
		t.Errorf("history: %+v", histories)
	}
	if _, cues, err := db.CaptionCues(ctx, admin, course, "en", 2); err != nil || len(cues) != 3 || cues[2].Number != 3 || cues[2].Speaker != "Dr Rao" || cues[2].StartMS != 4000 {
		t.Errorf("the other version: %+v, %v", cues, err)
	}
	_, _, err := db.CaptionCues(ctx, attendee, course, "en", 2)
	wantKind(t, "another version for an attendee", err, lms.ErrForbidden)
	wantKind(t, "a version that never was", db.PublishCaptions(ctx, admin, course, "en", 3), lms.ErrNotFound)
	// Hidden, then gone.
	if err := db.PublishCaptions(ctx, admin, course, "en", 0); err != nil {
		t.Fatal(err)
	}
	_, _, err = db.CaptionCues(ctx, attendee, course, "en", 0)
	wantKind(t, "hidden captions", err, lms.ErrNotFound)
	if err := db.DeleteCaptions(ctx, admin, course, "en"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "deleted again", db.DeleteCaptions(ctx, admin, course, "en"), lms.ErrNotFound)
	if n := w.number(`select count(*) from caption_cues`); n != 1 {
		t.Errorf("%d cues are left, want the one of pt-BR", n)
	}
	if n := w.number(`select count(*) from audit where action like '%captions' and actor_id = $1`, admin.Person); n != 6 {
		t.Errorf("%d deeds in the audit, want 6", n)
	}
}

func TestCaptionVersionsAreBounded(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.saveCaptions("en", "old")
	}
	if err := w.db.PublishCaptions(t.Context(), w.ours.admin, w.ours.course, "en", 2); err != nil {
		t.Fatal(err)
	}
	// The published one stays although it is the oldest; saving publishes, so drafts come from elsewhere.
	w.exec(`insert into caption_versions (track_id, version, source, made_at) select id, n, 'speech', now() from caption_tracks, generate_series(4, 14) n`)
	w.exec(`update caption_tracks set last = 14`)
	w.saveCaptions("en", "new")
	var kept []int
	for _, v := range must(w.db.CaptionHistories(t.Context(), w.ours.admin, w.ours.course))(t)[0].Versions {
		kept = append(kept, v.Version)
	}
	if want := []int{15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 2}; !slices.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
}

// record ends a lecture of ours whose recording misses 20 to 30 s.
func (w *world) record() {
	w.t.Helper()
	ctx := w.t.Context()
	must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(w.t)
	w.pass(time.Minute)
	must(w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{
		LengthMS: 50_000, Edits: lms.EditList{{TimelineMS: 0, RecordingMS: 0, LengthMS: 20_000}, {TimelineMS: 30_000, RecordingMS: 20_000, LengthMS: 30_000}},
	}))(w.t)
}

func TestCaptionsTimedByTheRecording(t *testing.T) {
	w := newWorld(t)
	w.record()
	in := postgres.NewCaptions{Language: "en", Recording: true, Cues: lms.Captions{{StartMS: 25_000, EndMS: 26_000, Text: "late"}}}
	must(w.db.SaveCaptions(t.Context(), w.ours.admin, w.ours.course, in))(t)
	_, cues, err := w.db.CaptionCues(t.Context(), w.ours.attendee, w.ours.course, "en", 0)
	if err != nil || len(cues) != 1 || cues[0].StartMS != 35_000 || cues[0].EndMS != 36_000 {
		t.Errorf("%+v, %v", cues, err)
	}
	// What was taken out is not to be read either, but by those who manage the course.
	version := w.saveCaptions("de", "0 s", "2 s", "4 s")
	w.exec(`update caption_cues set start_ms = start_ms + 18000, end_ms = end_ms + 18000 where start_ms < 5000`)
	if _, got := w.published("de"); !slices.Equal(got, []string{"0 s"}) {
		t.Errorf("of the recording: %q", got)
	}
	if _, cues, err := w.db.CaptionCues(t.Context(), w.ours.admin, w.ours.course, "de", version); err != nil || len(cues) != 3 {
		t.Errorf("of all: %v, %v", cues, err)
	}
	in.Cues = lms.Captions{{StartMS: 55_000, EndMS: 56_000, Text: "after the end"}}
	_, err = w.db.SaveCaptions(t.Context(), w.ours.admin, w.ours.course, in)
	wantKind(t, "captions beyond the recording", err, lms.ErrInvalid)
}

func TestLiveCaptions(t *testing.T) {
	w := newWorld(t)
	ctx, db, course, moderator := t.Context(), w.db, w.ours.course, w.ours.moderator
	write := func(a lms.Actor, text string) (postgres.WrittenCaption, error) {
		return db.WriteCaption(ctx, a, course, "en", text, "Dr Rao")
	}
	_, err := write(moderator, "too early")
	wantKind(t, "off air", err, lms.ErrConflict)
	prepared := must(db.OpenLiveCaptions(ctx, moderator, course, "en"))(t)
	if again := must(db.OpenLiveCaptions(ctx, moderator, course, "en"))(t); again != prepared {
		t.Errorf("opened again as version %d", again)
	}
	if tracks := must(db.Captions(ctx, w.ours.attendee, course))(t); len(tracks) != 1 || tracks[0].Live || tracks[0].Source != lms.CaptionsLive {
		t.Errorf("before the lecture: %+v", tracks)
	}
	must(db.GoOnAir(ctx, w.ours.presenter, course))(t)
	w.pass(61 * time.Second)
	line, err := write(moderator, "  Good morning. ")
	if err != nil || line.Version != prepared || !line.Shown || line.Number != 1 || line.StartMS != 61_000 || line.EndMS != 63_500 || line.Text != "Good morning." {
		t.Fatalf("%+v, %v", line, err)
	}
	w.pass(2 * time.Second)
	if line, err = write(moderator, "Welcome."); err != nil || line.Number != 2 || line.StartMS != 63_000 {
		t.Errorf("%+v, %v", line, err)
	}
	if tracks := must(db.Captions(ctx, w.ours.attendee, course))(t); !tracks[0].Live || tracks[0].Cues != 2 {
		t.Errorf("on air: %+v", tracks)
	}
	for name, actor := range map[string]lms.Actor{"attendee": w.ours.attendee, "presenter": w.ours.presenter} {
		_, err := write(actor, "me too")
		wantKind(t, name, err, lms.ErrForbidden)
	}
	_, err = write(moderator, " ")
	wantKind(t, "nothing", err, lms.ErrInvalid)

	// Whoever publishes something better while it goes on is not overwritten, and no line is lost.
	w.saveCaptions("en", "better")
	if line, err = write(moderator, "Third."); err != nil || line.Number != 3 || line.Shown || line.Version != prepared {
		t.Errorf("%+v, %v", line, err)
	}
	if _, got := w.published("en"); !slices.Equal(got, []string{"better"}) {
		t.Errorf("published: %q", got)
	}
	must(db.EndBroadcast(ctx, w.ours.presenter, course, postgres.Recording{}))(t)
	if err := db.PublishCaptions(ctx, w.ours.admin, course, "en", prepared); err != nil {
		t.Fatal(err)
	}
	if _, got := w.published("en"); !slices.Equal(got, []string{"Good morning.", "Welcome.", "Third."}) {
		t.Errorf("the replay has %q", got)
	}
}

// TestLiveCaptionsAtOnce: lines that come at the same moment each get a number and a place of their own.
func TestLiveCaptionsAtOnce(t *testing.T) {
	w := newWorld(t)
	must(w.db.GoOnAir(t.Context(), w.ours.presenter, w.ours.course))(t)
	inParallel(t, 12, nil, func(int) error {
		_, err := w.db.WriteCaption(t.Context(), w.ours.moderator, w.ours.course, "en", "a line", "")
		return err
	})
	_, cues, err := w.db.PublishedCues(t.Context(), w.ours.course, "en")
	if err != nil || len(cues) != 12 || w.number(`select count(*) from caption_versions`) != 1 {
		t.Fatalf("%d cues, %v", len(cues), err)
	}
	for i, c := range cues {
		if c.Number != i+1 {
			t.Errorf("number %d is %d", i+1, c.Number)
		}
	}
}

func TestCaptioners(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	link := must(w.db.AddStaff(ctx, w.ours.admin, w.ours.id, postgres.NewStaff{
		Name: "A Captioner", Email: "captioner@hospital.example", Role: lms.Captioner, Course: w.ours.course,
	}))(t)
	session, path, err := w.db.RedeemJoinLink(ctx, link, "", "test")
	if err != nil || path != "/captioner/"+string(w.ours.course) {
		t.Fatalf("led to %q, %v", path, err)
	}
	person := must(w.db.SessionPerson(ctx, session.Token))(t)
	provider := must(w.db.TokenIdentity(ctx, must(w.db.IssueToken(ctx, w.ours.course, lms.Captioner, time.Hour))(t)))(t).Actor()
	must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	for name, actor := range map[string]lms.Actor{"captioner": person, "provider": provider} {
		if _, err := w.db.WriteCaption(ctx, actor, w.ours.course, "en", "a line", ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := w.db.SaveCaptions(ctx, actor, w.ours.course, postgres.NewCaptions{Language: "en", Cues: cuesOf("a")})
		wantKind(t, name+" saves a file", err, lms.ErrForbidden)
		_, err = w.db.WriteCaption(ctx, actor, w.theirs.course, "en", "a line", "")
		wantKind(t, name+" in another course", err, lms.ErrNotFound)
	}
}
