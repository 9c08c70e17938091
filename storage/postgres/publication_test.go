package postgres_test

import (
	"strings"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// newProgramme makes a programme of one course in a week, of which nothing else is ready, and returns its admin with the roles of now.
func (w *world) newProgramme() (lms.Actor, lms.ProgrammeID, lms.CourseID) {
	w.t.Helper()
	ctx := w.t.Context()
	id := must(w.db.CreateProgramme(ctx, w.ours.admin, postgres.NewProgramme{Title: "Andrology", Zone: "Asia/Kolkata"}))(w.t)
	admin := w.again(w.ours.admin)
	course := must(w.db.AddCourse(ctx, admin, id, postgres.NewCourse{
		Title: "First", Minutes: 60, Schedule: lms.Schedule{Local: lms.LocalTimeOf(w.clock().AddDate(0, 0, 7)), Zone: "UTC"},
	}))(w.t)
	return admin, id, course
}

// enrol redeems a fresh code of a programme.
func (w *world) enrol(admin lms.Actor, id lms.ProgrammeID, address string) lms.Actor {
	w.t.Helper()
	_, codes, err := w.db.CreateCodes(w.t.Context(), admin, id, postgres.NewBatch{Label: "one", Count: 1, Uses: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return must(w.signIn(address, codes[0]))(w.t)
}

func TestADraftIsInvisibleAndSendsNoMail(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	admin, id, course := w.newProgramme()
	doctor := w.enrol(admin, id, email(1))
	if len(doctor.Roles) != 0 {
		t.Errorf("a draft gives roles: %+v", doctor.Roles)
	}
	_, err := w.db.Course(ctx, doctor, course)
	wantKind(t, "a course of a draft", err, lms.ErrNotFound)
	w.exec(`delete from river_job`)
	local := lms.LocalTimeOf(w.clock().AddDate(0, 0, 8))
	if err := w.db.UpdateCourse(ctx, admin, course, postgres.CourseChange{Version: 1, Local: &local}); err != nil {
		t.Fatal(err)
	}
	if n := w.number(`select count(*) from river_job where kind = 'mail'`); n != 0 {
		t.Errorf("%d mails from a draft", n)
	}
	_, err = w.db.GoOnAir(ctx, admin, course)
	wantKind(t, "on air in a draft", err, lms.ErrConflict)
}

func TestPublish(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	admin, id, course := w.newProgramme()
	doctor := w.enrol(admin, id, email(1))
	codesOf := func(missing []lms.Missing) string {
		var list []string
		for _, m := range missing {
			list = append(list, string(m.Code))
		}
		return strings.Join(list, " ")
	}
	p := must(w.db.Publication(ctx, admin, id))(t)
	if p.State != lms.ProgrammeDraft || codesOf(p.Missing) != "presenter" || len(p.Settings.Courses) != 1 {
		t.Fatalf("at first %+v", p)
	}
	_, err := w.db.Publish(ctx, admin, id, p.Version)
	wantKind(t, "without a presenter", err, lms.ErrConflict)

	speaker := w.join(must(w.db.AddFaculty(ctx, admin, id, postgres.NewFaculty{
		Name: "Dr Speaker", Email: "speaker@hospital.example", Role: lms.Speaker, Course: course,
	}))(t))
	if p = must(w.db.Publication(ctx, admin, id))(t); codesOf(p.Missing) != "disclosure" {
		t.Fatalf("with a speaker %+v", p.Missing)
	}
	if err := w.db.SignDisclosure(ctx, speaker, id, lms.Disclosure{Ties: []lms.Tie{{Company: "Serono", Nature: lms.Research}}, Signed: "Dr Speaker"}); err != nil {
		t.Fatal(err)
	}
	if p = must(w.db.Publication(ctx, admin, id))(t); codesOf(p.Missing) != "mitigation" {
		t.Fatalf("with a disclosure %+v", p.Missing)
	}
	if err := w.db.Mitigate(ctx, admin, id, speaker.Person, 1, "Slides were reviewed.", false); err != nil {
		t.Fatal(err)
	}
	settings := p.Settings
	settings.Description = "Ten lectures"
	settings.Courses[0].Credit = lms.CreditSettings{Promised: true}
	if err := w.db.SaveDraft(ctx, admin, id, p.Version, settings); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "an old version", w.db.SaveDraft(ctx, admin, id, p.Version, settings), lms.ErrConflict)
	if p = must(w.db.Publication(ctx, admin, id))(t); codesOf(p.Missing) != "credit" {
		t.Fatalf("with half a promise %+v", p.Missing)
	}
	settings.Courses[0].Credit.Types = []lms.PlannedCredit{{Name: "AMA", Maximum: 1, Modality: lms.ModalityLive}}
	if err := w.db.SaveDraft(ctx, admin, id, p.Version, settings); err != nil {
		t.Fatal(err)
	}
	if number := must(w.db.Publish(ctx, admin, id, p.Version+1))(t); number != 1 {
		t.Errorf("version %d", number)
	}
	p = must(w.db.Publication(ctx, admin, id))(t)
	if p.State != lms.ProgrammePublished || p.Published != 1 || p.Changed || len(p.Versions) != 1 || p.Versions[0].By != "Programme Office" {
		t.Errorf("published %+v", p)
	}
	if c := must(w.db.Course(ctx, w.again(doctor), course))(t); !c.Published || !c.Credit.Promised {
		t.Errorf("the doctor's course %+v", c)
	}
	if n := w.number(`select count(*) from audit where programme_id = $1 and action = 'publish programme'`, id); n != 1 {
		t.Errorf("%d rows of audit", n)
	}

	// What comes after is a draft again, until it is published too.
	second := must(w.db.AddCourse(ctx, admin, id, postgres.NewCourse{
		Title: "Second", Minutes: 60, Schedule: lms.Schedule{Local: lms.LocalTimeOf(w.clock().AddDate(0, 0, 9)), Zone: "UTC"},
	}))(t)
	_, err = w.db.Course(ctx, w.again(doctor), second)
	wantKind(t, "a course that is not published yet", err, lms.ErrNotFound)
	if p = must(w.db.Publication(ctx, admin, id))(t); !p.Changed || codesOf(p.Missing) != "presenter" {
		t.Errorf("changed %v, missing %+v", p.Changed, p.Missing)
	}
	snapshot := must(w.db.ProgrammeVersion(ctx, admin, id, 1))(t)
	if len(snapshot.Courses) != 1 || snapshot.Settings.Description != "Ten lectures" || len(snapshot.Faculty) != 1 || snapshot.Faculty[0].State != lms.DisclosureMitigated {
		t.Errorf("snapshot %+v", snapshot)
	}
	_, err = w.db.ProgrammeVersion(ctx, admin, id, 2)
	wantKind(t, "a version to come", err, lms.ErrNotFound)
}

// TestCreditFreezesAtTheStart: what a course promised stays when it has begun; the order and everything else may change.
func TestCreditFreezesAtTheStart(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p := must(w.db.Publication(ctx, w.ours.admin, w.ours.id))(t)
	w.pass(24 * time.Hour) // the first of the demo has begun
	settings := p.Settings
	settings.Courses[0].Credit = lms.CreditSettings{Promised: true, Types: []lms.PlannedCredit{{Name: "AMA", Maximum: 1, Modality: lms.ModalityLive}}}
	wantKind(t, "credit of a course that has begun", w.db.SaveDraft(ctx, w.ours.admin, w.ours.id, p.Version, settings), lms.ErrConflict)
	settings.Courses[0].Credit = lms.CreditSettings{}
	settings.Courses[1].Credit = lms.CreditSettings{Promised: true, Types: []lms.PlannedCredit{{Name: "AMA", Maximum: 1, Modality: lms.ModalityLive}}}
	settings.Courses[8], settings.Courses[9] = settings.Courses[9], settings.Courses[8]
	if err := w.db.SaveDraft(ctx, w.ours.admin, w.ours.id, p.Version, settings); err != nil {
		t.Fatal(err)
	}
	must(w.db.Publish(ctx, w.ours.admin, w.ours.id, p.Version+1))(t)
	view := must(w.db.Programme(ctx, w.ours.admin, w.ours.id))(t)
	if view.Courses[8].ID != settings.Courses[8].Course || view.Courses[9].Number != 10 || !view.Courses[1].Credit.Promised || view.Courses[0].Credit.Promised {
		t.Errorf("courses 9 and 10: %v, %v", view.Courses[8].ID, view.Courses[9].ID)
	}
	settings.Courses = append(settings.Courses, lms.CourseSettings{Course: w.theirs.course})
	wantKind(t, "their course", w.db.SaveDraft(ctx, w.ours.admin, w.ours.id, p.Version+2, settings), lms.ErrInvalid)
}

func TestOnlyOnePublishes(t *testing.T) {
	w := newWorld(t)
	p := must(w.db.Publication(t.Context(), w.ours.admin, w.ours.id))(t)
	n := inParallel(t, 8, lms.ErrConflict, func(int) error {
		_, err := w.db.Publish(t.Context(), w.ours.admin, w.ours.id, p.Version)
		return err
	})
	if n != 1 || w.number(`select count(*) from programme_versions where programme_id = $1`, w.ours.id) != 2 {
		t.Errorf("%d published", n)
	}
}

func TestCloseAndOpenAgain(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	if err := w.db.CloseProgramme(ctx, w.ours.admin, w.ours.id, true); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "closing twice", w.db.CloseProgramme(ctx, w.ours.admin, w.ours.id, true), lms.ErrConflict)
	_, err := w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course)
	wantKind(t, "on air", err, lms.ErrConflict)
	if _, err := w.db.Course(ctx, w.ours.attendee, w.ours.course); err != nil {
		t.Errorf("to watch: %v", err)
	}
	if err := w.db.CloseProgramme(ctx, w.ours.admin, w.ours.id, false); err != nil {
		t.Fatal(err)
	}
	must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
}

func TestCopyAProgramme(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	if err := w.db.CancelCourse(ctx, w.ours.admin, must(w.db.Programme(ctx, w.ours.admin, w.ours.id))(t).Courses[9].ID, "No"); err != nil {
		t.Fatal(err)
	}
	first := must(lms.ParseLocalTime("2027-11-21T00:00"))(t) // the demo begins on 22 November 2026 in Kolkata
	id := must(w.db.CopyProgramme(ctx, w.ours.admin, w.ours.id, postgres.ProgrammeCopy{Title: "Next year", Shift: lms.Shift{First: first}}))(t)
	admin := w.again(w.ours.admin)
	ours, copied := must(w.db.Programme(ctx, admin, w.ours.id))(t), must(w.db.Programme(ctx, admin, id))(t)
	if copied.Title != "Next year" || copied.State != lms.ProgrammeDraft || len(copied.Courses) != 9 || len(copied.Batches) != 0 || len(copied.Staff) != 1 || copied.Enrolled != 0 {
		t.Errorf("copy %+v", copied.ProgrammeItem)
	}
	for i, c := range copied.Courses {
		if want := ours.Courses[i].Local.AddDays(364); c.Local != want || c.Published || c.Number != i+1 || c.Title != ours.Courses[i].Title {
			t.Errorf("course %d at %v, want %v", i+1, c.Local, want)
		}
	}
	p := must(w.db.Publication(ctx, admin, id))(t)
	if p.Settings.Description == "" || p.Published != 0 || len(p.Missing) != 9 {
		t.Errorf("draft of the copy: %+v", p)
	}
}

func TestCancelACourse(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	second := must(w.db.Programme(ctx, w.ours.admin, w.ours.id))(t).Courses[1]
	wantKind(t, "without a reason", w.db.CancelCourse(ctx, w.ours.admin, second.ID, " "), lms.ErrInvalid)
	wantKind(t, "as presenter", w.db.CancelCourse(ctx, w.ours.presenter, second.ID, "Ill"), lms.ErrForbidden)
	wantKind(t, "their course", w.db.CancelCourse(ctx, w.ours.admin, w.theirs.course, "Ill"), lms.ErrNotFound)
	w.exec(`delete from river_job`)
	if err := w.db.CancelCourse(ctx, w.ours.admin, second.ID, "The speaker is ill."); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "twice", w.db.CancelCourse(ctx, w.ours.admin, second.ID, "Ill"), lms.ErrConflict)
	c := must(w.db.Course(ctx, w.ours.attendee, second.ID))(t)
	if c.State != postgres.CourseCancelled || c.CancelReason != "The speaker is ill." || c.Revision != second.Revision+1 {
		t.Errorf("cancelled %+v", c)
	}
	_, err := w.db.GoOnAir(ctx, w.ours.presenter, second.ID)
	wantKind(t, "on air", err, lms.ErrConflict)
	if n := w.number(`select count(*) from river_job where kind = 'mail' and args->>'notice' = 'cancellation'`); n != 9 {
		t.Errorf("%d messages for 9 people", n)
	}
	// A new time in between changes nothing of that; then it takes place after all.
	local := second.Local.AddDays(1)
	if err := w.db.UpdateCourse(ctx, w.ours.admin, second.ID, postgres.CourseChange{Version: c.Version, Local: &local}); err != nil {
		t.Fatal(err)
	}
	w.exec(`delete from river_job where args->>'person' <> $1`, w.ours.attendee.Person)
	p := &post{notices: make(chan lms.Notice, 100)}
	w.run(p)
	n := w.next(p)
	if n.Kind != lms.NoticeCancel || n.To != w.ours.attendee.Email || n.Reason != "The speaker is ill." || n.Lecture.ID != second.ID || n.Lecture.Revision != second.Revision+2 {
		t.Errorf("notice %+v", n)
	}
	if err := w.db.RestoreCourse(ctx, w.ours.admin, second.ID); err != nil {
		t.Fatal(err)
	}
	for n = w.next(p); n.To != w.ours.attendee.Email; n = w.next(p) { // everybody is told
	}
	if n.Kind != lms.NoticeRestore || n.Lecture.Revision != second.Revision+3 {
		t.Errorf("notice of the undo %+v", n)
	}
	wantKind(t, "undo twice", w.db.RestoreCourse(ctx, w.ours.admin, second.ID), lms.ErrConflict)
}
