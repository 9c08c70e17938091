package postgres_test

import (
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

func TestTimelineContinuesAcrossRuns(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	course := func() postgres.CourseView { return must(w.db.Course(ctx, w.ours.attendee, w.ours.course))(t) }
	_, err := w.db.Broadcast(ctx, w.ours.course)
	wantKind(t, "before the first time on air", err, lms.ErrNotFound)
	_, err = w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{})
	wantKind(t, "end before the start", err, lms.ErrConflict)

	first := must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	if !first.OnAir() || first.Run.StartMS != 0 || !first.Run.StartedAt.Equal(w.clock()) {
		t.Errorf("on air %+v", first)
	}
	w.pass(90 * time.Second)
	again, err := w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course)
	wantKind(t, "on air twice", err, lms.ErrConflict)
	if again.ID != first.ID || !again.OnAir() {
		t.Errorf("the conflict comes with %+v", again)
	}
	if c := course(); c.State != postgres.CourseLive || !c.Broadcast.OnAir || c.Broadcast.TimelineMS != 90_000 || c.Broadcast.LengthMS != nil {
		t.Errorf("live %+v %+v", c.State, c.Broadcast)
	}
	live := must(w.db.LiveBroadcasts(ctx))(t)
	if len(live) != 1 || live[0].ID != first.ID || live[0].Course != w.ours.course || live[0].Timeline.Edge(w.clock()) != 90_000 {
		t.Errorf("live broadcasts %+v", live)
	}

	edits := lms.EditList{{TimelineMS: 1000, RecordingMS: 0, LengthMS: 89_000}}
	must(w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{LengthMS: 89_000, Edits: edits}))(t)
	_, err = w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{})
	wantKind(t, "end twice", err, lms.ErrConflict)
	if c := course(); c.State != postgres.CourseEnded || c.Broadcast.LengthMS == nil || *c.Broadcast.LengthMS != 90_000 {
		t.Errorf("ended %+v %+v", c.State, c.Broadcast)
	}
	if resume := must(w.db.Resume(ctx, w.ours.attendee, w.ours.course, nil))(t); len(resume.Edits) != 1 || resume.Edits[0] != edits[0] {
		t.Errorf("edits %v", resume.Edits)
	}
	if live := must(w.db.LiveBroadcasts(ctx))(t); len(live) != 0 {
		t.Errorf("%d live after the end", len(live))
	}

	w.pass(time.Hour) // does not count
	second := must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	if second.ID != first.ID || second.Run.StartMS != 90_000 {
		t.Errorf("second run %+v", second.Run)
	}
	w.pass(10 * time.Second)
	ended := must(w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{LengthMS: 99_000, Edits: append(edits,
		lms.Piece{TimelineMS: 90_000, RecordingMS: 89_000, LengthMS: 10_000})}))(t)
	if edge := ended.Timeline.Edge(w.clock()); edge != 100_000 {
		t.Errorf("length %d ms, want 100000", edge)
	}
	if n := w.number(`select count(*) from recording_edits`); n != 2 {
		t.Errorf("%d edits, want 2", n)
	}
}

func TestOnAirOnceInParallel(t *testing.T) {
	w := newWorld(t)
	n := inParallel(t, 20, lms.ErrConflict, func(int) error {
		_, err := w.db.GoOnAir(t.Context(), w.ours.presenter, w.ours.course)
		return err
	})
	if n != 1 || w.number(`select count(*) from broadcast_runs`) != 1 {
		t.Errorf("%d went on air, want 1", n)
	}
	n = inParallel(t, 20, lms.ErrConflict, func(int) error {
		_, err := w.db.EndBroadcast(t.Context(), w.ours.presenter, w.ours.course, postgres.Recording{})
		return err
	})
	if n != 1 {
		t.Errorf("%d ended it, want 1", n)
	}
}

// A recorder that contradicts itself must not keep a lecture on air.
func TestBadEditListDoesNotKeepTheLectureOnAir(t *testing.T) {
	w := newWorld(t)
	must(w.db.GoOnAir(t.Context(), w.ours.presenter, w.ours.course))(t)
	w.pass(time.Minute)
	b := must(w.db.EndBroadcast(t.Context(), w.ours.presenter, w.ours.course, postgres.Recording{
		LengthMS: -1, Edits: lms.EditList{{TimelineMS: 0, RecordingMS: 0, LengthMS: 9}, {TimelineMS: 5, RecordingMS: 0, LengthMS: 9}},
	}))(t)
	if b.OnAir() || w.number(`select count(*) from recording_edits`) != 0 {
		t.Error("still on air, or a contradiction was stored")
	}
}

// TestClockPutBack: a clock that is corrected in the middle of a lecture neither keeps it on air nor lets the
// timeline run over what was there before.
func TestClockPutBack(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	w.pass(time.Minute)
	must(w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{}))(t)
	w.pass(-10 * time.Second)
	if again := must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t); again.Run.StartMS != 60_000 {
		t.Errorf("the second run begins at %d ms, want 60000", again.Run.StartMS)
	}
	w.pass(-10 * time.Second)
	if b := must(w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{}))(t); b.OnAir() || b.Timeline.Edge(w.clock()) != 60_000 {
		t.Errorf("ended %+v", b)
	}
}

func TestWatchedShareInTheList(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	b := must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	w.pass(100 * time.Second)
	must(w.db.EndBroadcast(ctx, w.ours.presenter, w.ours.course, postgres.Recording{
		LengthMS: 100_000, Edits: lms.EditList{{LengthMS: 100_000}},
	}))(t)
	w.exec(`insert into attendance (person_id, broadcast_id, provenance, watched, first_at, last_at)
		values ($1, $2, 'live', '{[0,30)}', now(), now()), ($1, $2, 'replay', '{[20,40)}', now(), now())`, w.ours.attendee.Person, b.ID)
	for _, c := range must(w.db.CoursesOf(ctx, w.ours.attendee))(t) {
		want := 0.0
		if c.ID == w.ours.course {
			want = 0.4
		}
		if c.WatchedShare != want {
			t.Errorf("course %d: %v watched, want %v", c.Number, c.WatchedShare, want)
		}
	}
}
