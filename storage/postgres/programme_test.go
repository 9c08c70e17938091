package postgres_test

import (
	"slices"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

var (
	demoSpec     = postgres.DemoSpec{Codes: 1}
	newPresenter = postgres.NewStaff{Name: "Dr New", Email: "new.presenter@hospital.example", Role: lms.Presenter}
)

func TestCreateAndChangeAProgramme(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := must(w.db.CreateProgramme(ctx, w.ours.admin, postgres.NewProgramme{Title: " Andrology  2027 ", Zone: "Europe/Berlin"}))(t)
	admin := w.again(w.ours.admin)
	view := must(w.db.Programme(ctx, admin, id))(t)
	if view.Title != "Andrology 2027" || view.Version != 1 || len(view.Staff) != 1 || view.Staff[0].Person != admin.Person {
		t.Errorf("view %+v", view)
	}
	if items := must(w.db.Programmes(ctx, admin))(t); len(items) != 2 {
		t.Errorf("%d programmes", len(items))
	}
	title, zone := "Andrology", lms.Zone("Asia/Tokyo")
	if err := w.db.UpdateProgramme(ctx, admin, id, postgres.ProgrammeChange{Version: 1, Title: &title, Zone: &zone}); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "an old version", w.db.UpdateProgramme(ctx, admin, id, postgres.ProgrammeChange{Version: 1, Title: &title}), lms.ErrConflict)
	if view := must(w.db.Programme(ctx, admin, id))(t); view.Title != title || view.Zone != zone || view.Version != 2 {
		t.Errorf("after the change %+v", view.ProgrammeItem)
	}
	_, err := w.db.CreateProgramme(ctx, w.ours.attendee, postgres.NewProgramme{Title: "Mine", Zone: "UTC"})
	wantKind(t, "an attendee's programme", err, lms.ErrForbidden)
	_, err = w.db.CreateProgramme(ctx, admin, postgres.NewProgramme{Title: "", Zone: "UTC"})
	wantKind(t, "no title", err, lms.ErrInvalid)
}

func TestCourseSchedule(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	add := func(local string, zone lms.Zone, fold lms.Fold) (lms.CourseID, error) {
		return w.db.AddCourse(ctx, w.ours.admin, w.ours.id, postgres.NewCourse{
			Title: "On time", Minutes: 60, Schedule: lms.Schedule{Local: must(lms.ParseLocalTime(local))(t), Zone: zone, Fold: fold},
		})
	}
	_, err := add("2027-03-28T02:30", "Europe/Berlin", "")
	wantKind(t, "a time that does not exist", err, lms.ErrInvalid)
	_, err = add("2026-10-25T02:30", "Europe/Berlin", "")
	wantKind(t, "a time that comes twice", err, lms.ErrInvalid)
	id := must(add("2026-10-25T02:30", "Europe/Berlin", lms.FoldLater))(t)
	c := must(w.db.Course(ctx, w.ours.admin, id))(t)
	if want := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC); !c.Start.Equal(want) || c.Local.String() != "2026-10-25T02:30" || c.Number != 11 {
		t.Errorf("course %d starts %v, local %v", c.Number, c.Start, c.Local)
	}

	local := must(lms.ParseLocalTime("2027-01-10T19:30"))(t)
	if err := w.db.UpdateCourse(ctx, w.ours.admin, id, postgres.CourseChange{Version: c.Version, Local: &local}); err != nil {
		t.Fatal(err)
	}
	title := "Renamed"
	if err := w.db.UpdateCourse(ctx, w.ours.admin, id, postgres.CourseChange{Version: c.Version + 1, Title: &title}); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "an old version", w.db.UpdateCourse(ctx, w.ours.admin, id, postgres.CourseChange{Version: c.Version, Title: &title}), lms.ErrConflict)
	c = must(w.db.Course(ctx, w.ours.admin, id))(t)
	if want := time.Date(2027, 1, 10, 18, 30, 0, 0, time.UTC); !c.Start.Equal(want) || c.Title != title || c.Version != 3 {
		t.Errorf("after the changes %+v", c)
	}
	if n := w.number(`select schedule_revision from courses where id = $1`, id); n != 2 {
		t.Errorf("schedule revision %d, want 2: only one change moved it", n)
	}
}

func TestCoursesAddedAtOnceGetTheirOwnNumbers(t *testing.T) {
	w := newWorld(t)
	n := inParallel(t, 20, lms.ErrConflict, func(int) error {
		_, err := w.db.AddCourse(t.Context(), w.ours.admin, w.ours.id, postgres.NewCourse{
			Title: "At once", Minutes: 60, Schedule: lms.Schedule{Local: lms.LocalTimeOf(w.clock()), Zone: "UTC"},
		})
		return err
	})
	if n != 20 || w.number(`select max(number) from courses where programme_id = $1`, w.ours.id) != 30 {
		t.Errorf("%d courses added", n)
	}
}

func TestCodes(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.pass(time.Minute)
	soon := w.clock().Add(time.Hour)
	batch, codes, err := w.db.CreateCodes(ctx, w.ours.admin, w.ours.id, postgres.NewBatch{Label: "Society", Count: 500, Uses: 2, ExpiresAt: &soon})
	if err != nil {
		t.Fatal(err)
	}
	if len(codes) != 500 || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != 500 || batch.Prefix != codes[0].String()[:4] {
		t.Errorf("%d codes, prefix %q", len(codes), batch.Prefix)
	}
	must(w.signIn(email(1), codes[7]))(t)
	view := must(w.db.Programme(ctx, w.ours.admin, w.ours.id))(t)
	got := view.Batches[1]
	if got.Used != 1 || got.Count != 500 || got.Uses != 2 || got.Revoked || !got.ExpiresAt.Equal(soon) {
		t.Errorf("batch %+v", got)
	}
	if view.Enrolled != 7 {
		t.Errorf("%d enrolled, want 7", view.Enrolled)
	}
	for range 2 { // again is fine
		if err := w.db.RevokeBatch(ctx, w.ours.admin, w.ours.id, batch.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.signIn(email(2), codes[7]); err == nil {
		t.Error("a revoked code signs in")
	}
	if _, err := w.signIn(email(1), codes[7]); err != nil {
		t.Errorf("who has redeemed a code that is revoked later: %v", err)
	}
	past := w.clock()
	for name, in := range map[string]postgres.NewBatch{
		"none": {Label: "x", Uses: 1}, "too many": {Label: "x", Count: 20_001, Uses: 1}, "no label": {Count: 1, Uses: 1},
		"negative uses": {Label: "x", Count: 1, Uses: -1}, "in the past": {Label: "x", Count: 1, Uses: 1, ExpiresAt: &past},
	} {
		_, _, err := w.db.CreateCodes(ctx, w.ours.admin, w.ours.id, in)
		wantKind(t, name, err, lms.ErrInvalid)
	}
}

func TestStaffLinkIsForNewPeopleOnly(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	first := must(w.db.AddStaff(ctx, w.ours.admin, w.ours.id, newPresenter))(t)
	second := must(w.db.AddStaff(ctx, w.ours.admin, w.ours.id, newPresenter))(t) // the first mail was lost
	if first == "" || second == "" || first == second {
		t.Fatal("no link for somebody new")
	}
	a := w.join(second)
	if !a.Has(lms.Presenter, lms.Scope{Programme: w.ours.id}) {
		t.Errorf("roles %v", a.Roles)
	}
	// An admin of another programme invites the same person, and must not get into their account.
	if token := must(w.db.AddStaff(ctx, w.theirs.admin, w.theirs.id, newPresenter))(t); token != "" {
		t.Error("a link signs an admin in as somebody who is known already")
	}
	_, err := w.db.IssueJoinLink(ctx, w.theirs.admin, w.theirs.id, a.Person, "/")
	wantKind(t, "IssueJoinLink", err, lms.ErrForbidden)
	if a = w.again(a); !a.Has(lms.Presenter, lms.Scope{Programme: w.theirs.id}) {
		t.Error("the role was not given")
	}
	in := newPresenter
	in.Role = lms.Attendee
	_, err = w.db.AddStaff(ctx, w.ours.admin, w.ours.id, in)
	wantKind(t, "attendees are not staff", err, lms.ErrInvalid)
}

// TestLinkDoesNotReachIntoAnotherProgramme: two programmes invite the same person, who has never signed in. No
// admin gets a link that would let them into the other's programme, whoever comes first.
func TestLinkDoesNotReachIntoAnotherProgramme(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ours := must(w.db.AddStaff(ctx, w.ours.admin, w.ours.id, newPresenter))(t)
	in := newPresenter
	in.Role = lms.Admin
	if token := must(w.db.AddStaff(ctx, w.theirs.admin, w.theirs.id, in))(t); token != "" {
		t.Error("the second programme's admin gets a link into the first")
	}
	_, _, err := w.db.RedeemJoinLink(ctx, ours, "", "")
	wantKind(t, "the first programme's link", err, lms.ErrExpired)
	if a := must(w.signIn(string(newPresenter.Email), ""))(t); len(a.Roles) != 2 {
		t.Errorf("by mail they come with %v", a.Roles)
	}

	in.Email = lms.Email(email(5))
	link := must(w.db.AddStaff(ctx, w.ours.admin, w.ours.id, in))(t)
	must(w.signIn(email(5), w.theirs.codes[0]))(t)
	_, _, err = w.db.RedeemJoinLink(ctx, link, "", "")
	wantKind(t, "a link given before the person enrolled elsewhere", err, lms.ErrExpired)
}

func TestDemoTwice(t *testing.T) {
	w := newWorld(t) // two demos are in it
	ours, theirs := must(w.db.CoursesOf(t.Context(), w.ours.attendee))(t), must(w.db.CoursesOf(t.Context(), w.theirs.attendee))(t)
	if len(ours) != 10 || len(theirs) != 10 || ours[0].ID == theirs[0].ID {
		t.Fatalf("%d and %d courses", len(ours), len(theirs))
	}
	c := ours[0]
	if !c.Start.Equal(w.clock()) || c.Zone != "Asia/Kolkata" || c.Local.String() != "2026-11-22T17:30" || c.State != postgres.CourseScheduled {
		t.Errorf("the first course: %+v", c)
	}
	for i, course := range ours[1:] {
		if course.Local.String()[10:] != "T19:30" || course.Start.Before(ours[i].Start.Add(6*24*time.Hour)) {
			t.Errorf("course %d at %v", course.Number, course.Local)
		}
	}
	if len(c.Presenters) != 1 || c.Presenters[0].ID != w.ours.presenter.Person {
		t.Errorf("presenters %v", c.Presenters)
	}
	if w.ours.attendee.Person == w.theirs.attendee.Person {
		t.Error("two demos share people")
	}
	if empty := must(w.db.Empty(t.Context()))(t); empty {
		t.Error("the installation is called empty")
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	w := newWorld(t)
	if n := w.number(`select count(*) from audit where programme_id = $1 and action = 'create demo'`, w.ours.id); n != 1 {
		t.Errorf("%d rows", n)
	}
	for _, sql := range []string{`update audit set action = ''`, `delete from audit`, `truncate audit`} {
		if _, err := w.conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s went through", sql)
		}
	}
}
