package postgres_test

import (
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

func TestFacultyIsInvitedByMail(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	second := must(w.db.Programme(ctx, w.ours.admin, w.ours.id))(t).Courses[1].ID
	w.exec(`delete from river_job`)
	in := postgres.NewFaculty{Name: "Dr Plan", Email: "plan@hospital.example", Role: lms.Planner, Course: second}
	token := must(w.db.AddFaculty(ctx, w.ours.admin, w.ours.id, in))(t)
	p := &post{notices: make(chan lms.Notice, 100)}
	w.run(p)
	n := w.next(p)
	if n.Kind != lms.NoticeFaculty || n.To != in.Email || n.Faculty != lms.Planner || n.Link != "https://lectern.example/join/"+token || n.ExpiresAt.IsZero() {
		t.Errorf("notice %+v", n)
	}
	link := must(w.db.PeekJoinLink(ctx, token))(t)
	if link.Path != "/disclosure/"+string(w.ours.id) {
		t.Errorf("leads to %s", link.Path)
	}
	planner := w.join(token)
	if len(planner.Roles) != 0 {
		t.Errorf("a planner may %+v", planner.Roles)
	}
	if again := w.again(planner); again.Person != planner.Person { // signs in by mail, without any role
		t.Errorf("signed in as %v", again)
	}
	// Known by now: no link that would let the admin in as them.
	if again := must(w.db.AddFaculty(ctx, w.ours.admin, w.ours.id, in))(t); again != "" {
		t.Error("a link for somebody who is known")
	}
	for n = w.next(p); n.Kind != lms.NoticeFaculty; n = w.next(p) { // the one-time code comes too
	}
	if n.Link != "https://lectern.example/disclosure/"+string(w.ours.id) || !n.ExpiresAt.IsZero() {
		t.Errorf("second notice %+v", n)
	}
	if n := w.number(`select count(*) from faculty where person_id = $1`, planner.Person); n != 1 {
		t.Errorf("%d roles", n)
	}
}

func TestSpeakersPresentUntilTheyAreTakenOff(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	second := must(w.db.Programme(ctx, w.ours.admin, w.ours.id))(t).Courses[1].ID
	speaker := w.join(must(w.db.AddFaculty(ctx, w.ours.admin, w.ours.id, postgres.NewFaculty{
		Name: "Dr Second", Email: "second@hospital.example", Role: lms.Speaker, Course: second,
	}))(t))
	if !speaker.Can(lms.Present, lms.Scope{Programme: w.ours.id, Course: second}) || speaker.Can(lms.Present, lms.Scope{Programme: w.ours.id, Course: w.ours.course}) {
		t.Errorf("roles %+v", speaker.Roles)
	}
	var member postgres.FacultyMember
	for _, m := range must(w.db.Faculty(ctx, w.ours.admin, w.ours.id))(t) {
		if m.Person.ID == speaker.Person {
			member = m
		}
	}
	if member.State != lms.DisclosureMissing || member.Course != second || member.Role != lms.Speaker {
		t.Fatalf("member %+v", member)
	}
	wantKind(t, "from another programme", w.db.RemoveFaculty(ctx, w.theirs.admin, w.theirs.id, member.ID), lms.ErrNotFound)
	if err := w.db.RemoveFaculty(ctx, w.ours.admin, w.ours.id, member.ID); err != nil {
		t.Fatal(err)
	}
	if n := w.number(`select count(*) from role_grants where person_id = $1`, speaker.Person); n != 0 {
		t.Errorf("%d roles afterwards", n)
	}
	// Who was invited to present as staff is of the faculty too.
	must(w.db.AddStaff(ctx, w.ours.admin, w.ours.id, postgres.NewStaff{Name: "Dr Staff", Email: "staff@hospital.example", Role: lms.Presenter}))(t)
	if n := w.number(`select count(*) from faculty join persons on persons.id = person_id where email = 'staff@hospital.example' and role = 'speaker'`); n != 1 {
		t.Errorf("%d", n)
	}
}

func TestDisclosuresAreTheirOwn(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	own := must(w.db.DisclosureOf(ctx, w.ours.presenter, w.ours.id, w.ours.presenter.Person))(t)
	if own.State != lms.DisclosureNone || len(own.Roles) != 1 || own.Disclosure.Signed != "Dr Meera Nambiar" {
		t.Errorf("own %+v", own)
	}
	other := w.join(must(w.db.AddFaculty(ctx, w.ours.admin, w.ours.id, postgres.NewFaculty{Name: "Dr Other", Email: "other@hospital.example", Role: lms.Chair}))(t))
	for name, tc := range map[string]struct {
		actor     lms.Actor
		programme lms.ProgrammeID
		person    lms.PersonID
	}{
		"another's":              {other, w.ours.id, w.ours.presenter.Person},
		"a moderator's look":     {w.ours.moderator, w.ours.id, w.ours.presenter.Person},
		"theirs":                 {w.ours.admin, w.theirs.id, w.theirs.presenter.Person},
		"their person in ours":   {w.ours.admin, w.ours.id, w.theirs.presenter.Person},
		"who is not faculty":     {w.ours.attendee, w.ours.id, w.ours.attendee.Person},
		"an attendee at another": {w.ours.attendee, w.ours.id, w.ours.presenter.Person},
	} {
		_, err := w.db.DisclosureOf(ctx, tc.actor, tc.programme, tc.person)
		wantKind(t, name, err, lms.ErrNotFound)
	}
	none := lms.Disclosure{None: true, Signed: "Dr X"}
	wantKind(t, "signing for another programme", w.db.SignDisclosure(ctx, w.ours.presenter, w.theirs.id, none), lms.ErrNotFound)
	wantKind(t, "signing as attendee", w.db.SignDisclosure(ctx, w.ours.attendee, w.ours.id, none), lms.ErrNotFound)
	wantKind(t, "not signing", w.db.SignDisclosure(ctx, w.ours.presenter, w.ours.id, lms.Disclosure{None: true}), lms.ErrInvalid)
	wantKind(t, "mitigating as presenter", w.db.Mitigate(ctx, w.ours.presenter, w.ours.id, w.ours.presenter.Person, 1, "Trust me", false), lms.ErrForbidden)
	wantKind(t, "nothing to mitigate", w.db.Mitigate(ctx, w.ours.admin, w.ours.id, w.ours.presenter.Person, 1, "Reviewed", false), lms.ErrConflict)
	wantKind(t, "nothing signed", w.db.Mitigate(ctx, w.ours.admin, w.ours.id, other.Person, 1, "Reviewed", false), lms.ErrConflict)
}

// TestLearnersSeeDisclosures: with something to declare nobody is let in before, and each version is logged once.
func TestLearnersSeeDisclosures(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	shown := must(w.db.CourseDisclosures(ctx, w.ours.attendee, w.ours.course))(t)
	if shown.Must || len(shown.People) != 1 || !shown.People[0].Declared {
		t.Errorf("at first %+v", shown)
	}
	old := shown.Version
	if err := w.db.SignDisclosure(ctx, w.ours.presenter, w.ours.id, lms.Disclosure{Ties: []lms.Tie{{Company: "Serono", Nature: lms.Research}}, Signed: "Dr Nambiar"}); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "an old mitigation", w.db.Mitigate(ctx, w.ours.admin, w.ours.id, w.ours.presenter.Person, 1, "Slides reviewed", false), lms.ErrConflict)
	if err := w.db.Mitigate(ctx, w.ours.admin, w.ours.id, w.ours.presenter.Person, 2, "Slides reviewed", false); err != nil {
		t.Fatal(err)
	}
	shown = must(w.db.CourseDisclosures(ctx, w.ours.attendee, w.ours.course))(t)
	if !shown.Must || shown.Seen || shown.Version == old || !shown.People[0].Mitigated || shown.People[0].Ties[0].Company != "Serono" {
		t.Errorf("with a relationship %+v", shown)
	}
	wantKind(t, "seeing an old version", w.db.SeeDisclosures(ctx, w.ours.attendee, w.ours.course, old), lms.ErrConflict)
	for range 2 {
		if err := w.db.SeeDisclosures(ctx, w.ours.attendee, w.ours.course, shown.Version); err != nil {
			t.Fatal(err)
		}
	}
	if !must(w.db.CourseDisclosures(ctx, w.ours.attendee, w.ours.course))(t).Seen {
		t.Error("not seen")
	}
	if n := w.number(`select count(*) from disclosure_views where course_id = $1 and person_id = $2 and version = $3 and seen_at = $4 and shown::text like '%Serono%'`,
		w.ours.course, w.ours.attendee.Person, shown.Version, w.clock()); n != 1 {
		t.Errorf("%d views", n)
	}
	if err := w.db.Mitigate(ctx, w.ours.admin, w.ours.id, w.ours.presenter.Person, 2, "", true); err != nil {
		t.Fatal(err)
	}
	if again := must(w.db.CourseDisclosures(ctx, w.ours.attendee, w.ours.course))(t); again.Seen || again.People[0].Mitigated {
		t.Errorf("after the undo %+v", again)
	}
	wantKind(t, "their course", w.db.SeeDisclosures(ctx, w.theirs.attendee, w.ours.course, shown.Version), lms.ErrNotFound)
}

func TestRehearsals(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.db.StartRehearsal(ctx, w.ours.attendee, w.ours.course)
	wantKind(t, "by an attendee", err, lms.ErrForbidden)
	_, err = w.db.StartRehearsal(ctx, w.theirs.presenter, w.ours.course)
	wantKind(t, "by another's presenter", err, lms.ErrNotFound)
	n := inParallel(t, 8, lms.ErrConflict, func(int) error {
		_, err := w.db.StartRehearsal(ctx, w.ours.presenter, w.ours.course)
		return err
	})
	if n != 1 {
		t.Fatalf("%d rehearsals began", n)
	}
	wantKind(t, "deleting what goes on", w.db.DeleteRehearsals(ctx, w.ours.presenter, w.ours.course), lms.ErrConflict)
	r := must(w.db.RehearsalOf(ctx, w.ours.presenter, w.ours.course))(t)
	// It is no broadcast: the course is not on air, and a watch report that names it is refused.
	if c := must(w.db.Course(ctx, w.ours.attendee, w.ours.course))(t); c.State != postgres.CourseScheduled || c.Broadcast != nil {
		t.Errorf("course %+v", c)
	}
	w.pass(30 * time.Second)
	if err := w.db.EndRehearsal(ctx, w.ours.presenter, w.ours.course); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "ending twice", w.db.EndRehearsal(ctx, w.ours.presenter, w.ours.course), lms.ErrConflict)
	if gone := must(w.db.RehearsalsToRemove(ctx))(t); len(gone) != 0 {
		t.Errorf("to remove: %v", gone)
	}
	w.pass(24 * time.Hour)
	must(w.db.RehearsalsOver(ctx, false))(t)
	if r := must(w.db.RehearsalOf(ctx, w.ours.presenter, w.ours.course))(t); r != nil {
		t.Errorf("after a day %+v", r)
	}
	if gone := must(w.db.RehearsalsToRemove(ctx))(t); len(gone) != 1 || gone[0] != r.ID {
		t.Errorf("to remove: %v", gone)
	}
	if err := w.db.RehearsalRemoved(ctx, r.ID); err != nil {
		t.Fatal(err)
	}
	if gone := must(w.db.RehearsalsToRemove(ctx))(t); len(gone) != 0 {
		t.Errorf("removed twice: %v", gone)
	}
	// One that somebody forgot ends by itself, and so do all when the program starts again.
	must(w.db.StartRehearsal(ctx, w.ours.presenter, w.ours.course))(t)
	if over := must(w.db.RehearsalsOver(ctx, false))(t); len(over) != 0 {
		t.Errorf("over: %v", over)
	}
	w.pass(2*time.Hour + time.Second)
	if over := must(w.db.RehearsalsOver(ctx, false))(t); len(over) != 1 || over[0] != w.ours.course {
		t.Errorf("over: %v", over)
	}
	must(w.db.StartRehearsal(ctx, w.ours.presenter, w.ours.course))(t)
	if over := must(w.db.RehearsalsOver(ctx, true))(t); len(over) != 1 {
		t.Errorf("over at the start: %v", over)
	}
	if err := w.db.DeleteRehearsals(ctx, w.ours.admin, w.ours.course); err != nil {
		t.Fatal(err)
	}
	must(w.db.GoOnAir(ctx, w.ours.presenter, w.ours.course))(t)
	_, err = w.db.StartRehearsal(ctx, w.ours.presenter, w.ours.course)
	wantKind(t, "while on air", err, lms.ErrConflict)
}

func TestPreparations(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	must(w.db.SavePathTest(ctx, w.ours.presenter, w.ours.course, lms.PathFacts{
		UDP: lms.PathWorks, TCP: lms.PathWorks, TURN: lms.PathWorks, Socket: lms.PathWorks, HTTPS: lms.PathWorks, UpKbps: 9000, DownKbps: 9000,
		Camera: lms.DeviceWorks, Microphone: lms.DeviceWorks, Speaker: lms.DeviceWorks,
	}))(t)
	must(w.db.StartRehearsal(ctx, w.ours.presenter, w.ours.course))(t)
	w.pass(time.Minute)
	if err := w.db.EndRehearsal(ctx, w.ours.presenter, w.ours.course); err != nil {
		t.Fatal(err)
	}
	lines := must(w.db.Preparations(ctx, w.ours.admin, w.ours.id))(t)
	if len(lines) != 10 {
		t.Fatalf("%d lines", len(lines))
	}
	if want := (lms.Board{Devices: lms.Ready, Network: lms.Ready, Slides: lms.NotReady, Disclosure: lms.Ready, Rehearsed: lms.Ready}); lines[0].Board != want {
		t.Errorf("course 1: %+v", lines[0])
	}
	if want := (lms.Board{Devices: lms.Unknown, Network: lms.Unknown, Slides: lms.NotReady, Disclosure: lms.Ready, Rehearsed: lms.NotReady}); lines[1].Board != want || lines[1].TestedAt != nil {
		t.Errorf("course 2: %+v", lines[1])
	}
}
