package postgres_test

import (
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// Every method that takes an id is called with each actor of our programme and ids of the other one. What is
// theirs must look exactly like what does not exist (trust S-02).
func TestIdsOfAnotherProgrammeAreNotFound(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	nothing := programme{
		id: "00000000-0000-4000-8000-000000000001", course: "00000000-0000-4000-8000-000000000002",
		batch: "00000000-0000-4000-8000-000000000003", question: "00000000-0000-4000-8000-000000000004",
	}
	// The other programme has all there is to be found.
	must(w.db.GoOnAir(ctx, w.theirs.presenter, w.theirs.course))(t)
	must(w.db.SaveCaptions(ctx, w.theirs.admin, w.theirs.course, postgres.NewCaptions{Language: "en", Cues: cuesOf("a")}))(t)
	title := "taken over"
	use := func(a lms.Actor, of programme) map[string]error {
		errs := make(map[string]error)
		_, errs["Programme"] = w.db.Programme(ctx, a, of.id)
		errs["UpdateProgramme"] = w.db.UpdateProgramme(ctx, a, of.id, postgres.ProgrammeChange{Version: 1, Title: &title})
		_, errs["AddCourse"] = w.db.AddCourse(ctx, a, of.id, postgres.NewCourse{
			Title: title, Schedule: lms.Schedule{Local: lms.LocalTimeOf(w.clock()), Zone: "UTC"}, Minutes: 60,
		})
		_, errs["Course"] = w.db.Course(ctx, a, of.course)
		errs["UpdateCourse"] = w.db.UpdateCourse(ctx, a, of.course, postgres.CourseChange{Version: 1, Title: &title})
		_, _, errs["CreateCodes"] = w.db.CreateCodes(ctx, a, of.id, postgres.NewBatch{Label: "x", Count: 1, Uses: 1})
		errs["RevokeBatch"] = w.db.RevokeBatch(ctx, a, of.id, of.batch)
		_, errs["AddStaff"] = w.db.AddStaff(ctx, a, of.id, postgres.NewStaff{Name: "A Friend", Email: "friend@hospital.example", Role: lms.Admin})
		_, errs["IssueJoinLink"] = w.db.IssueJoinLink(ctx, a, of.id, a.Person, "/")
		_, errs["GoOnAir"] = w.db.GoOnAir(ctx, a, of.course)
		_, errs["EndBroadcast"] = w.db.EndBroadcast(ctx, a, of.course, postgres.Recording{})
		_, errs["AskQuestion"] = w.db.AskQuestion(ctx, a, of.course, postgres.NewQuestion{Text: "Who are you?"})
		_, errs["Questions"] = w.db.Questions(ctx, a, of.course)
		_, errs["ModerateQuestion"] = w.db.ModerateQuestion(ctx, a, of.course, of.question, lms.Action{Kind: lms.Approve, Version: 1})
		_, errs["Resume"] = w.db.Resume(ctx, a, of.course, nil)
		_, _, errs["Audit"] = w.db.Audit(ctx, a, of.id, postgres.AuditQuery{})
		_, errs["PathTests"] = w.db.PathTests(ctx, a, of.id)
		_, errs["SavePathTest"] = w.db.SavePathTest(ctx, a, of.course, lms.PathFacts{
			UDP: lms.PathWorks, TCP: lms.PathWorks, TURN: lms.PathWorks, Socket: lms.PathWorks, HTTPS: lms.PathWorks,
			Camera: lms.DeviceWorks, Microphone: lms.DeviceWorks, Speaker: lms.DeviceWorks,
		})
		_, errs["Captions"] = w.db.Captions(ctx, a, of.course)
		_, _, errs["CaptionCues"] = w.db.CaptionCues(ctx, a, of.course, "en", 0)
		_, errs["CaptionHistories"] = w.db.CaptionHistories(ctx, a, of.course)
		_, errs["SaveCaptions"] = w.db.SaveCaptions(ctx, a, of.course, postgres.NewCaptions{Language: "en", Cues: cuesOf("a")})
		errs["PublishCaptions"] = w.db.PublishCaptions(ctx, a, of.course, "en", 1)
		errs["DeleteCaptions"] = w.db.DeleteCaptions(ctx, a, of.course, "en")
		_, errs["OpenLiveCaptions"] = w.db.OpenLiveCaptions(ctx, a, of.course, "en")
		_, errs["WriteCaption"] = w.db.WriteCaption(ctx, a, of.course, "en", "a", "")
		_, errs["Transcription"] = w.db.Transcription(ctx, a, of.course)
		errs["AskTranscription"] = w.db.AskTranscription(ctx, a, of.course, "en")
		errs["CancelTranscription"] = w.db.CancelTranscription(ctx, a, of.course)
		_, errs["RecordingOf"] = w.db.RecordingOf(ctx, a, of.course)
		errs["CutRecording"] = w.db.CutRecording(ctx, a, of.course, postgres.RecordingCut{Version: 1})
		errs["DeleteRecording"] = w.db.DeleteRecording(ctx, a, of.course, title)
		errs["KeepRecordings"] = w.db.KeepRecordings(ctx, a, lms.Scope{Course: of.course}, nil)
		errs["KeepRecordings of all"] = w.db.KeepRecordings(ctx, a, lms.Scope{Programme: of.id}, nil)
		_, errs["CreditSetup"] = w.db.CreditSetup(ctx, a, of.course)
		_, errs["SaveCreditRules"] = w.db.SaveCreditRules(ctx, a, of.course, 1, lms.CourseRules{Types: lms.CreditPresets()[:1], Rule: lms.Rule{Kind: lms.RuleAll}})
		_, _, errs["PreviewCredit"] = w.db.PreviewCredit(ctx, a, of.course, nil)
		errs["RequireCourse"] = w.db.RequireCourse(ctx, a, of.course, false)
		errs["Waive"] = w.db.Waive(ctx, a, of.course, w.theirs.attendee.Person, lms.RuleTest, "They are from elsewhere.")
		errs["MarkEvidence"] = w.db.MarkEvidence(ctx, a, of.course, w.theirs.attendee.Person, lms.RuleIdentity)
		errs["AppealCredit"] = w.db.AppealCredit(ctx, a, of.course, "Please look at this again.")
		_, errs["Appeals"] = w.db.Appeals(ctx, a, of.course)
		errs["AnswerAppeal"] = w.db.AnswerAppeal(ctx, a, of.course, string(of.question), "It is as it shall be.")
		_, errs["TestBank"] = w.db.TestBank(ctx, a, of.course)
		errs["SaveTest"] = w.db.SaveTest(ctx, a, of.course, 1, lms.TestSettings{})
		_, errs["SaveItem"] = w.db.SaveItem(ctx, a, of.course, "", lms.Item{Kind: lms.ItemNumeric, Text: "How many?"})
		errs["RetireItem"] = w.db.RetireItem(ctx, a, of.course, lms.ItemID(of.question))
		errs["GiveTime"] = w.db.GiveTime(ctx, a, of.id, w.theirs.attendee.Person, 50)
		_, errs["Test"] = w.db.Test(ctx, a, of.course)
		_, errs["StartAttempt"] = w.db.StartAttempt(ctx, a, of.course)
		_, errs["Attempt"] = w.db.Attempt(ctx, a, of.course, lms.AttemptID(of.question))
		errs["SaveReply"] = w.db.SaveReply(ctx, a, of.course, lms.AttemptID(of.question), 0, lms.Reply{})
		errs["SubmitAttempt"] = w.db.SubmitAttempt(ctx, a, of.course, lms.AttemptID(of.question))
		errs["Evaluate"] = w.db.Evaluate(ctx, a, of.course, goodEvaluation())
		_, errs["Evaluated"] = w.db.Evaluated(ctx, a, of.course)
		_, errs["EvaluationFigures"] = w.db.EvaluationFigures(ctx, a, of.course)
		_, errs["ProgressOf"] = w.db.ProgressOf(ctx, a, of.course)
		_, errs["ClaimCredit"] = w.db.ClaimCredit(ctx, a, of.course, "sample", 100, true)
		_, errs["ClaimProgramme"] = w.db.ClaimProgramme(ctx, a, of.id)
		_, errs["CertificatesOf"] = w.db.CertificatesOf(ctx, a, of.id, 10)
		errs["RevokeCertificate"] = w.db.RevokeCertificate(ctx, a, of.id, "0000000000000000", lms.RevokedError)
		_, _, errs["Design"] = w.db.Design(ctx, a, of.id)
		errs["SaveDesign"] = w.db.SaveDesign(ctx, a, of.id, 1, lms.DefaultDesign())
		_, errs["Publication"] = w.db.Publication(ctx, a, of.id)
		_, errs["Publish"] = w.db.Publish(ctx, a, of.id, 1)
		errs["SaveDraft"] = w.db.SaveDraft(ctx, a, of.id, 1, lms.Settings{})
		_, errs["ProgrammeVersion"] = w.db.ProgrammeVersion(ctx, a, of.id, 1)
		errs["CloseProgramme"] = w.db.CloseProgramme(ctx, a, of.id, true)
		_, errs["CopyProgramme"] = w.db.CopyProgramme(ctx, a, of.id, postgres.ProgrammeCopy{Title: title})
		errs["CancelCourse"] = w.db.CancelCourse(ctx, a, of.course, title)
		errs["RestoreCourse"] = w.db.RestoreCourse(ctx, a, of.course)
		_, errs["Faculty"] = w.db.Faculty(ctx, a, of.id)
		_, errs["AddFaculty"] = w.db.AddFaculty(ctx, a, of.id, postgres.NewFaculty{Name: "A Friend", Email: "friend@hospital.example", Role: lms.Planner})
		errs["RemoveFaculty"] = w.db.RemoveFaculty(ctx, a, of.id, lms.FacultyID(of.batch))
		errs["Mitigate"] = w.db.Mitigate(ctx, a, of.id, of.presenter.Person, 1, title, false)
		_, errs["DisclosureOf"] = w.db.DisclosureOf(ctx, a, of.id, of.presenter.Person)
		errs["SignDisclosure"] = w.db.SignDisclosure(ctx, a, of.id, lms.Disclosure{None: true, Signed: title})
		_, errs["CourseDisclosures"] = w.db.CourseDisclosures(ctx, a, of.course)
		errs["SeeDisclosures"] = w.db.SeeDisclosures(ctx, a, of.course, title)
		_, errs["StartRehearsal"] = w.db.StartRehearsal(ctx, a, of.course)
		errs["EndRehearsal"] = w.db.EndRehearsal(ctx, a, of.course)
		_, errs["RehearsalOf"] = w.db.RehearsalOf(ctx, a, of.course)
		errs["DeleteRehearsals"] = w.db.DeleteRehearsals(ctx, a, of.course)
		_, errs["Preparations"] = w.db.Preparations(ctx, a, of.id)
		_, errs["Analytics"] = w.db.Analytics(ctx, a, of.course)
		_, errs["AnalyticsPeople"] = w.db.AnalyticsPeople(ctx, a, of.course, "", 10)
		return errs
	}
	before := w.number(`select count(*) from audit where programme_id = $1`, w.theirs.id)
	for name, actor := range map[string]lms.Actor{
		"admin": w.ours.admin, "presenter": w.ours.presenter, "moderator": w.ours.moderator, "attendee": w.ours.attendee, "nobody": {},
	} {
		unknown := use(actor, nothing)
		for method, err := range use(actor, w.theirs) {
			wantKind(t, name+" "+method, err, lms.ErrNotFound)
			if a, b := err, unknown[method]; a == nil || b == nil || a.Error() != b.Error() {
				t.Errorf("%s %s: %q for theirs, %q for nothing", name, method, a, b)
			}
		}
	}
	if n := w.number(`select count(*) from audit where programme_id = $1`, w.theirs.id); n != before {
		t.Errorf("%d deeds in their programme", n-before)
	}
}

// An id of theirs beside an id of ours must not open a side door.
func TestMixedIdsAreNotFound(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	wantKind(t, "their batch in our programme", w.db.RevokeBatch(ctx, w.ours.admin, w.ours.id, w.theirs.batch), lms.ErrNotFound)
	_, err := w.db.ModerateQuestion(ctx, w.ours.moderator, w.ours.course, w.theirs.question, lms.Action{Kind: lms.Approve, Version: 1})
	wantKind(t, "their question in our course", err, lms.ErrNotFound)
	_, err = w.db.AddStaff(ctx, w.ours.admin, w.ours.id, postgres.NewStaff{Name: "A Friend", Email: "f@hospital.example", Role: lms.Presenter, Course: w.theirs.course})
	wantKind(t, "staff of their course", err, lms.ErrNotFound)
	_, err = w.db.IssueJoinLink(ctx, w.ours.admin, w.ours.id, w.theirs.attendee.Person, "/")
	wantKind(t, "a link for their person", err, lms.ErrNotFound)
	_, err = w.db.ModerateQuestion(ctx, w.ours.moderator, w.ours.course, w.ours.question,
		lms.Action{Kind: lms.Assign, Version: 1, Assignee: w.theirs.presenter.Person})
	wantKind(t, "their presenter for our question", err, lms.ErrInvalid)
	if n := w.number(`select count(*) from persons where email = 'f@hospital.example'`); n != 0 {
		t.Error("a refused invitation left a person behind")
	}
}

func TestRolesAreHeldToTheirCourse(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	view := must(w.db.Programme(ctx, w.ours.admin, w.ours.id))(t)
	second, third := view.Courses[1].ID, view.Courses[2].ID
	token := must(w.db.AddStaff(ctx, w.ours.admin, w.ours.id, postgres.NewStaff{
		Name: "Dr Second", Email: "second@hospital.example", Role: lms.Presenter, Course: second,
	}))(t)
	a := w.join(token)
	if courses := must(w.db.CoursesOf(ctx, a))(t); len(courses) != 1 || courses[0].ID != second {
		t.Errorf("sees %d courses", len(courses))
	}
	must(w.db.GoOnAir(ctx, a, second))(t)
	_, err := w.db.GoOnAir(ctx, a, third)
	wantKind(t, "on air in another course", err, lms.ErrNotFound)
	_, err = w.db.Programme(ctx, a, w.ours.id)
	wantKind(t, "the programme", err, lms.ErrNotFound)
	_, err = w.db.Programme(ctx, w.ours.attendee, w.ours.id)
	wantKind(t, "the programme for an attendee", err, lms.ErrForbidden)
	_, err = w.db.GoOnAir(ctx, w.ours.attendee, third)
	wantKind(t, "on air as attendee", err, lms.ErrForbidden)
}

func TestMalformedIdsAreNotFound(t *testing.T) {
	w := newWorld(t)
	_, err := w.db.Course(t.Context(), w.ours.admin, "no uuid")
	wantKind(t, "Course", err, lms.ErrNotFound)
	_, err = w.db.ModerateQuestion(t.Context(), w.ours.moderator, w.ours.course, "'", lms.Action{Kind: lms.Approve, Version: 1})
	wantKind(t, "ModerateQuestion", err, lms.ErrNotFound)
	_, err = w.db.IssueToken(t.Context(), "no uuid", lms.Presenter, time.Hour)
	wantKind(t, "IssueToken", err, lms.ErrNotFound)
}
