package postgres_test

import (
	"slices"
	"testing"
	"time"

	"lectern/lms"
)

func TestPathTests(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	good := lms.PathFacts{
		UDP: lms.PathWorks, TCP: lms.PathAbsent, TURN: lms.PathWorks, Socket: lms.PathWorks, HTTPS: lms.PathWorks,
		RTTMS: 40, Loss: 0.01, DownKbps: 9000, UpKbps: 4000,
		Camera: lms.DeviceWorks, Microphone: lms.DeviceWorks, Speaker: lms.DeviceWorks,
	}
	silent := good
	silent.Microphone = lms.DeviceDenied

	test, err := w.db.SavePathTest(ctx, w.ours.presenter, w.ours.course, silent)
	if err != nil || test.Verdict != lms.PathNotReady || !test.Presents || !test.TakenAt.Equal(w.clock()) {
		t.Fatalf("got %+v, %v", test, err)
	}
	// The same without a microphone is fine for who watches.
	if test, err = w.db.SavePathTest(ctx, w.ours.attendee, w.ours.course, silent); err != nil || test.Verdict != lms.PathReady || test.Presents {
		t.Fatalf("got %+v, %v", test, err)
	}
	list := must(w.db.PathTests(ctx, w.ours.admin, w.ours.id))(t)
	if len(list) != 2 || list[0].Person.ID != w.ours.presenter.Person || list[0].Person.Name == "" || list[0].Facts != silent ||
		!slices.Equal(list[0].Findings, []lms.PathFinding{"no_microphone"}) || list[0].Course != w.ours.course {
		t.Fatalf("got %+v", list)
	}
	// The newest counts.
	w.pass(time.Hour)
	must(w.db.SavePathTest(ctx, w.ours.presenter, w.ours.course, good))(t)
	list = must(w.db.PathTests(ctx, w.ours.admin, w.ours.id))(t)
	if len(list) != 2 || list[0].Verdict != lms.PathReady || len(list[0].Findings) != 0 || !list[0].TakenAt.Equal(w.clock()) {
		t.Errorf("got %+v", list)
	}

	bad := good
	bad.UDP = "<script>"
	_, err = w.db.SavePathTest(ctx, w.ours.presenter, w.ours.course, bad)
	wantKind(t, "a state that is none", err, lms.ErrInvalid)
	_, err = w.db.PathTests(ctx, w.ours.presenter, w.ours.id)
	wantKind(t, "a presenter who lists", err, lms.ErrForbidden)
	_, err = w.db.PathTests(ctx, w.theirs.admin, w.ours.id)
	wantKind(t, "their admin who lists", err, lms.ErrNotFound)
	if n := len(must(w.db.PathTests(ctx, w.theirs.admin, w.theirs.id))(t)); n != 0 {
		t.Errorf("their admin sees %d tests", n)
	}
}
