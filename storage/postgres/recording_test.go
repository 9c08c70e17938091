package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// segments are those of a recording of so many seconds, two seconds each, from the start of the timeline.
func segments(seconds int64) lms.EditList {
	var list lms.EditList
	for at := int64(0); at < seconds*1000; at += 2000 {
		list = append(list, lms.Piece{TimelineMS: at, RecordingMS: at, LengthMS: 2000})
	}
	return list
}

// lecture holds one of so many seconds, recorded whole.
func (w *world) lecture(seconds int64) lms.BroadcastID {
	w.t.Helper()
	must(w.db.GoOnAir(w.t.Context(), w.ours.presenter, w.ours.course))(w.t)
	w.pass(time.Duration(seconds) * time.Second)
	return w.end(segments(seconds))
}

func (w *world) end(all lms.EditList) lms.BroadcastID {
	w.t.Helper()
	b := must(w.db.EndBroadcast(w.t.Context(), w.ours.presenter, w.ours.course, postgres.Recording{
		LengthMS: all.LengthMS(), Edits: lms.EditList{{LengthMS: all.LengthMS()}}, Segments: all,
	}))(w.t)
	return b.ID
}

// TestCutRecording cuts, is refused a second cut of the same version, and puts all back; what was watched stays.
func TestCutRecording(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := w.lecture(60)
	cut := func(version int, removed ...lms.Span) error {
		return w.db.CutRecording(ctx, w.ours.admin, w.ours.course, postgres.RecordingCut{Version: version, Removed: removed, Segments: segments(60)})
	}
	if err := cut(1, lms.Span{From: 0, To: 5000}, lms.Span{From: 20_000, To: 30_000}); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "the same version again", cut(1), lms.ErrConflict)
	wantKind(t, "everything", cut(2, lms.Span{From: 0, To: 60_000}), lms.ErrInvalid)
	v := must(w.db.RecordingOf(ctx, w.ours.admin, w.ours.course))(t)
	want := lms.EditList{{TimelineMS: 6000, RecordingMS: 0, LengthMS: 14_000}, {TimelineMS: 30_000, RecordingMS: 14_000, LengthMS: 30_000}}
	if v.Version != 2 || v.LengthMS != 44_000 || !slices.Equal(v.Edits, want) || v.Removed.String() != "{[0,6000),[20000,30000)}" {
		t.Errorf("%+v", v)
	}
	if len(v.Versions) != 2 || v.Versions[0].RemovedMS != 16_000 || v.Versions[0].By == "" || v.Versions[1].By != "" {
		t.Errorf("versions %+v", v.Versions)
	}
	resume := must(w.db.Resume(ctx, w.ours.attendee, w.ours.course, nil))(t)
	if resume.Mode != lms.ModeReplay || resume.Version != 2 || resume.StartMS != 6000 || !slices.Equal(resume.Edits, want) {
		t.Errorf("resume %+v", resume)
	}

	now := must(w.db.ReplayVersion(ctx, id, 0))(t)
	before := must(w.db.ReplayVersion(ctx, id, 1))(t)
	if now.Version != 2 || !now.Current || now.Segments.String() != "{[3,10),[15,30)}" || before.Segments != nil || before.Current {
		t.Errorf("now %+v, before %+v", now, before)
	}
	w.pass(lms.VersionKeptFor + time.Second)
	_, err := w.db.ReplayVersion(ctx, id, 1)
	wantKind(t, "an old version", err, lms.ErrNotFound)

	// On air again: what was taken out stays out.
	must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	wantKind(t, "on air", cut(2), lms.ErrConflict)
	w.pass(20 * time.Second)
	w.end(segments(80))
	v = must(w.db.RecordingOf(ctx, w.ours.admin, w.ours.course))(t)
	if v.Version != 3 || v.LengthMS != 64_000 || v.Removed.String() != "{[0,6000),[20000,30000)}" {
		t.Errorf("after another run %+v", v)
	}

	if err := w.db.CutRecording(ctx, w.ours.admin, w.ours.course, postgres.RecordingCut{Version: 3, Segments: segments(80)}); err != nil {
		t.Fatal(err)
	}
	if v = must(w.db.RecordingOf(ctx, w.ours.admin, w.ours.course))(t); len(v.Removed) != 0 || len(v.Edits) != 1 || v.LengthMS != 80_000 {
		t.Errorf("put back %+v", v)
	}
	if n := w.number(`select count(*) from audit where action = 'cut recording' and object = $1`, id); n != 2 {
		t.Errorf("%d deeds", n)
	}
	wantKind(t, "a presenter", w.db.CutRecording(ctx, w.ours.presenter, w.ours.course, postgres.RecordingCut{Version: 4}), lms.ErrForbidden)
}

// TestCutsRace: of many who cut the same version one wins.
func TestCutsRace(t *testing.T) {
	w := newWorld(t)
	w.lecture(60)
	n := inParallel(t, 10, lms.ErrConflict, func(int) error {
		return w.db.CutRecording(t.Context(), w.ours.admin, w.ours.course, postgres.RecordingCut{
			Version: 1, Removed: lms.Spans{{From: 0, To: 4000}}, Segments: segments(60),
		})
	})
	if n != 1 {
		t.Errorf("%d cuts won", n)
	}
}

// TestTasks claims work once, keeps it while its holder says so, and gives it to another when not.
func TestTasks(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := w.lecture(60)
	all := []postgres.TaskKind{postgres.TaskPictures, postgres.TaskLadder, postgres.TaskRetire, postgres.TaskRemove}
	claim := func(who string) (postgres.Task, bool) {
		t.Helper()
		task, found, err := w.db.ClaimTask(ctx, who, all)
		if err != nil {
			t.Fatal(err)
		}
		return task, found
	}
	alive := func(who string, task postgres.Task, want bool) {
		t.Helper()
		if mine := must(w.db.TaskProgress(ctx, who, task.ID, 3, 30))(t); mine != want {
			t.Errorf("%s holds %s: %t", who, task.Kind, mine)
		}
	}
	task, found := claim("one")
	if !found || task.Kind != postgres.TaskPictures || task.Broadcast != id || task.Segments != nil {
		t.Fatalf("%+v %t", task, found)
	}
	w.pass(20 * time.Minute) // the ladder is due, and the lease of the pictures has run out
	second, found := claim("two")
	if !found || second.ID != task.ID {
		t.Fatalf("%+v %t", second, found)
	}
	if third, found := claim("three"); found {
		t.Errorf("two work on one recording: %+v", third)
	}
	alive("one", task, false)
	alive("two", second, true)
	if mine := must(w.db.FinishTask(ctx, "one", task.ID, postgres.TaskResult{Poster: "wrong"}))(t); mine {
		t.Error("finished by who does not hold it")
	}
	if mine := must(w.db.FinishTask(ctx, "two", task.ID, postgres.TaskResult{Storyboard: true, Poster: "a.jpg"}))(t); !mine {
		t.Error("not finished")
	}
	course := must(w.db.Course(ctx, w.ours.attendee, w.ours.course))(t)
	if r := course.Broadcast.Recording; r == nil || !r.Storyboard || r.Poster != "a.jpg" {
		t.Errorf("the course has %+v", r)
	}

	ladder, found := claim("one")
	if !found || ladder.Kind != postgres.TaskLadder {
		t.Fatalf("%+v %t", ladder, found)
	}
	for range 6 { // interrupted is not tried
		if err := w.db.ReleaseTask(ctx, "one", ladder.ID); err != nil {
			t.Fatal(err)
		}
		claim("one")
	}
	view := must(w.db.RecordingOf(ctx, w.ours.admin, w.ours.course))(t)
	if n := slices.IndexFunc(view.Tasks, func(v postgres.TaskView) bool { return v.Kind == postgres.TaskLadder && v.State == "working" }); n < 0 {
		t.Errorf("tasks %+v", view.Tasks)
	}
	for try := range 5 {
		if err := w.db.FailTask(ctx, "one", ladder.ID, errors.New("no space")); err != nil {
			t.Fatal(err)
		}
		if _, found := claim("one"); found {
			t.Errorf("try %d: begun again at once", try)
		}
		w.pass(10 * time.Minute)
		claim("one")
	}
	view = must(w.db.RecordingOf(ctx, w.ours.admin, w.ours.course))(t)
	if n := slices.IndexFunc(view.Tasks, func(v postgres.TaskView) bool {
		return v.Kind == postgres.TaskLadder && v.State == "failed" && v.Error == "no space"
	}); n < 0 {
		t.Errorf("tasks %+v", view.Tasks)
	}

	// A lecture on air again stops all work on its recording.
	w.pass(time.Hour)
	if err := w.db.CutRecording(ctx, w.ours.admin, w.ours.course, postgres.RecordingCut{Version: 1, Segments: segments(60)}); err != nil {
		t.Fatal(err)
	}
	task, _ = claim("one")
	must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	alive("one", task, false)
	w.pass(5 * time.Minute)
	if task, found := claim("two"); found {
		t.Errorf("work on air: %+v", task)
	}
}

// TestDeleteRecording takes it away at once, drops all other work, keeps what counts, and lets the lecture go on air again only when
// the files are gone.
func TestDeleteRecording(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := w.lecture(60)
	title := must(w.db.Course(ctx, w.ours.admin, w.ours.course))(t).Title
	running, _, err := w.db.ClaimTask(ctx, "one", []postgres.TaskKind{postgres.TaskPictures})
	if err != nil {
		t.Fatal(err)
	}
	before := must(w.db.Resume(ctx, w.ours.attendee, w.ours.course, nil))(t)
	wantKind(t, "another title", w.db.DeleteRecording(ctx, w.ours.admin, w.ours.course, "x"+title), lms.ErrInvalid)
	if err := w.db.DeleteRecording(ctx, w.ours.admin, w.ours.course, " "+title); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "twice", w.db.DeleteRecording(ctx, w.ours.admin, w.ours.course, title), lms.ErrNotFound)
	_, err = w.db.ReplayVersion(ctx, id, 0)
	wantKind(t, "played", err, lms.ErrNotFound)
	after := must(w.db.Resume(ctx, w.ours.attendee, w.ours.course, nil))(t)
	if after.Mode != lms.ModeNone || after.Countable.Len() != before.Countable.Len() {
		t.Errorf("after: %+v", after)
	}
	if c := must(w.db.Course(ctx, w.ours.attendee, w.ours.course))(t); c.Broadcast.Recording != nil {
		t.Errorf("the course has %+v", c.Broadcast.Recording)
	}
	_, err = w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course)
	wantKind(t, "on air while files are being deleted", err, lms.ErrConflict)

	kinds := []postgres.TaskKind{postgres.TaskPictures, postgres.TaskLadder, postgres.TaskRemove}
	if _, found, _ := w.db.ClaimTask(ctx, "two", kinds); found {
		t.Error("files are deleted under who works on them")
	}
	if mine := must(w.db.TaskProgress(ctx, "one", running.ID, 1, 2))(t); mine {
		t.Error("work goes on on what is deleted")
	}
	if err := w.db.ReleaseTask(ctx, "one", running.ID); err != nil {
		t.Fatal(err)
	}
	task, found, err := w.db.ClaimTask(ctx, "two", kinds)
	if err != nil || !found || task.Kind != postgres.TaskRemove || task.Broadcast != id {
		t.Fatalf("%+v %t %v", task, found, err)
	}
	must(w.db.FinishTask(ctx, "two", task.ID, postgres.TaskResult{Bytes: 12}))(t)
	if n := w.number(`select count(*) from audit where course_id = $1 and (action = 'delete recording' or action = 'remove recording files' and detail->>'bytes' = '12')`, w.ours.course); n != 2 {
		t.Errorf("%d deeds", n)
	}
	must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	w.pass(10 * time.Second)
	must(w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{
		LengthMS: 10_000, Segments: lms.EditList{{TimelineMS: 60_000, LengthMS: 10_000}},
	}))(t)
	if r := must(w.db.Resume(ctx, w.ours.attendee, w.ours.course, nil))(t); r.Mode != lms.ModeReplay || r.StartMS != 60_000 {
		t.Errorf("recorded anew: %+v", r)
	}
}

// TestExpireRecordings deletes what is kept no longer, by the course's days or the programme's, and nothing else.
func TestExpireRecordings(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.lecture(60)
	days := func(n int) *int { return &n }
	expire := func(want int) {
		t.Helper()
		if n := must(w.db.ExpireRecordings(ctx))(t); n != want {
			t.Errorf("%d expired, want %d", n, want)
		}
	}
	wantKind(t, "no days", w.db.KeepRecordings(ctx, w.ours.admin, lms.Scope{Programme: w.ours.id}, days(0)), lms.ErrInvalid)
	wantKind(t, "an attendee", w.db.KeepRecordings(ctx, w.ours.attendee, lms.Scope{Programme: w.ours.id}, days(1)), lms.ErrForbidden)
	if err := w.db.KeepRecordings(ctx, w.ours.admin, lms.Scope{Programme: w.ours.id}, days(30)); err != nil {
		t.Fatal(err)
	}
	if err := w.db.KeepRecordings(ctx, w.ours.admin, lms.Scope{Programme: w.ours.id, Course: w.ours.course}, days(60)); err != nil {
		t.Fatal(err)
	}
	w.pass(31 * 24 * time.Hour)
	expire(0)
	if err := w.db.KeepRecordings(ctx, w.ours.admin, lms.Scope{Programme: w.ours.id, Course: w.ours.course}, nil); err != nil {
		t.Fatal(err)
	}
	if v := must(w.db.RecordingOf(ctx, w.ours.admin, w.ours.course))(t); v.Until.IsZero() || v.Until.After(w.clock()) {
		t.Errorf("kept until %v", v.Until)
	}
	expire(1)
	expire(0)
	if v := must(w.db.RecordingOf(ctx, w.ours.admin, w.ours.course))(t); v.DeletedAt.IsZero() || len(v.Tasks) != 1 || v.Tasks[0].Kind != postgres.TaskRemove {
		t.Errorf("%+v", v)
	}
}
