package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lectern/lms"
	"lectern/lms/credential"
	"lectern/storage/postgres"
)

// held puts our first course on air for an hour. It is over afterwards.
func (w *world) held(p programme) {
	w.t.Helper()
	must(w.db.GoOnAir(w.t.Context(), p.presenter, p.course))(w.t)
	w.pass(time.Hour)
	must(w.db.EndBroadcast(w.t.Context(), p.presenter, p.course, postgres.Recording{
		LengthMS: 3_600_000, Edits: lms.EditList{{TimelineMS: 0, RecordingMS: 0, LengthMS: 3_600_000}},
	}))(w.t)
}

// watched enters seconds into the ledger as if they had been reported.
func (w *world) watched(who lms.PersonID, course lms.CourseID, as lms.Provenance, spans ...lms.Span) {
	w.t.Helper()
	w.exec(`
		insert into attendance (person_id, broadcast_id, provenance, watched, first_at, last_at)
		select $1, broadcasts.id, $3, $4::text::int4multirange, $5, $5 from broadcasts where course_id = $2
		on conflict (broadcast_id, person_id, provenance) do update set watched = excluded.watched`,
		who, course, as, lms.SpansOf(spans...).String(), w.clock())
}

// take answers every question of a new attempt, wrongly or rightly, and hands it in.
func (w *world) take(who lms.Actor, course lms.CourseID, rightly bool) postgres.AttemptView {
	w.t.Helper()
	ctx := w.t.Context()
	id := must(w.db.StartAttempt(ctx, who, course))(w.t)
	var position int
	var item lms.Item
	for {
		err := w.conn.QueryRow(ctx, `select item from test_attempt_items join test_item_versions using (item_id, version) where attempt_id = $1 and position = $2`,
			id, position).Scan(&item)
		if err != nil {
			break
		}
		if err := w.db.SaveReply(ctx, who, course, id, position, solve(item, rightly)); err != nil {
			w.t.Fatal(err)
		}
		position, item = position+1, lms.Item{}
	}
	if position != 4 {
		w.t.Fatalf("%d questions", position)
	}
	if err := w.db.SubmitAttempt(ctx, who, course, id); err != nil {
		w.t.Fatal(err)
	}
	return must(w.db.Attempt(ctx, who, course, id))(w.t)
}

// solve is a right answer, or a wrong one.
func solve(item lms.Item, rightly bool) lms.Reply {
	var r lms.Reply
	switch item.Kind {
	case lms.ItemNumeric:
		r.Number = &item.Number
		if !rightly {
			r.Number = new(float64)
		}
	case lms.ItemOrder:
		for i := range item.Options {
			r.Choices = append(r.Choices, i)
		}
		if !rightly {
			slices.Reverse(r.Choices)
		}
	default:
		r.Choices = item.Right
		if !rightly {
			r.Choices = []int{2}
		}
	}
	return r
}

func goodEvaluation() lms.Evaluation {
	e := lms.Evaluation{Stars: map[lms.Dimension]int{}, Bias: lms.BiasNone}
	for _, d := range lms.Dimensions {
		e.Stars[d] = 4
	}
	return e
}

// TestFromWatchingToCertificate goes the whole way, with the test passed at the second attempt.
func TestFromWatchingToCertificate(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.ours
	ada := p.attendee
	_, err := w.db.ClaimCredit(ctx, ada, p.course, "sample", 100, true)
	wantKind(t, "before the lecture", err, lms.ErrConflict)
	w.held(p)
	w.watched(ada.Person, p.course, lms.Live, lms.Span{From: 0, To: 1440})
	w.watched(ada.Person, p.course, lms.Replay, lms.Span{From: 1140, To: 3480})

	if v := w.take(ada, p.course, false); v.Passed || v.Score != 0 || v.Solved || v.Items[0].Correct != nil || v.Items[0].Item.Right != nil {
		t.Errorf("the first attempt shows %+v", v)
	}
	_, err = w.db.ClaimCredit(ctx, ada, p.course, "sample", 96, true)
	wantKind(t, "before the test is passed", err, lms.ErrConflict)
	if v := w.take(ada, p.course, true); !v.Passed || v.Score != 1 || !v.Solved {
		t.Errorf("the second attempt shows %+v", v)
	}
	_, err = w.db.StartAttempt(ctx, ada, p.course)
	wantKind(t, "after passing", err, lms.ErrConflict)
	if err := w.db.Evaluate(ctx, ada, p.course, goodEvaluation()); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "evaluating twice", w.db.Evaluate(ctx, ada, p.course, goodEvaluation()), lms.ErrConflict)

	progress := must(w.db.ProgressOf(ctx, ada, p.course))(t)[0].Courses[0]
	if !progress.Judgement.Met || progress.Earned["sample"].Amount != 96 || progress.Evidence.LiveS != 1440 || progress.Evidence.ReplayS != 2340 {
		t.Errorf("progress %+v", progress)
	}
	w.exec(`update enrolments set provisional = true where person_id = $1`, ada.Person)
	_, err = w.db.ClaimCredit(ctx, ada, p.course, "sample", 96, true)
	wantKind(t, "while the registration waits for a decision", err, lms.ErrConflict)
	w.exec(`update enrolments set provisional = false where person_id = $1`, ada.Person)
	for name, claim := range map[string]struct {
		amount   lms.Credit
		attested bool
		want     error
	}{"more than earned": {97, true, lms.ErrInvalid}, "not attested": {96, false, lms.ErrInvalid}} {
		_, err := w.db.ClaimCredit(ctx, ada, p.course, "sample", claim.amount, claim.attested)
		wantKind(t, name, err, claim.want)
	}
	_, err = w.db.ClaimCredit(ctx, ada, p.course, "another", 50, true)
	wantKind(t, "a credit that is not given", err, lms.ErrNotFound)

	// Eight clicks at once are one certificate.
	numbers := make([]lms.CertificateNumber, 8)
	inParallel(t, len(numbers), nil, func(i int) (err error) {
		numbers[i], err = w.db.ClaimCredit(ctx, ada, p.course, "sample", 90, true)
		return err
	})
	if got := slices.Compact(slices.Clone(numbers)); len(got) != 1 || w.number(`select count(*) from certificates`) != 1 {
		t.Fatalf("numbers %v", numbers)
	}
	c := must(w.db.VerifyCertificate(ctx, numbers[0]))(t)
	if c.Status != lms.CertificateValid || c.Fields.Name != ada.Name || c.Fields.Amount != 90 || c.Fields.Evidence.LiveS != 1440 || c.Fields.HeldOn != "2026-11-22" {
		t.Errorf("certificate %+v", c)
	}
	keys := must(w.db.SigningKeys(ctx))(t)
	if claim, err := credential.OpenClaim(c.Claim, keys); err != nil || claim.Name != ada.Name || claim.Number != string(numbers[0]) {
		t.Errorf("claim %+v, %v", claim, err)
	}
	if badge, err := credential.OpenBadge(c.Badge, keys); err != nil || badge.Evidence[0].ID != credential.FieldsDigest(c.Raw) {
		t.Errorf("badge %+v, %v", badge, err)
	}
	_, err = w.db.Certificate(ctx, p.presenter, numbers[0])
	wantKind(t, "a presenter takes the file", err, lms.ErrNotFound)
	if _, err := w.db.Certificate(ctx, p.admin, numbers[0]); err != nil {
		t.Error(err)
	}
}

// certified gives the attendee of ours a certificate.
func (w *world) certified() lms.CertificateNumber {
	w.t.Helper()
	p := w.ours
	w.held(p)
	w.watched(p.attendee.Person, p.course, lms.Replay, lms.Span{From: 0, To: 3600})
	w.take(p.attendee, p.course, true)
	if err := w.db.Evaluate(w.t.Context(), p.attendee, p.course, goodEvaluation()); err != nil {
		w.t.Fatal(err)
	}
	return must(w.db.ClaimCredit(w.t.Context(), p.attendee, p.course, "sample", 100, true))(w.t)
}

// TestCertificatesAreNeverLost holds what other plugins got wrong: two valid ones for one thing, numbers that are shared,
// and revoking that deletes.
func TestCertificatesAreNeverLost(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.ours
	first := w.certified()
	// A new key signs the correction; what the old one signed stays good.
	if err := w.db.RotateSigningKey(ctx, false); err != nil {
		t.Fatal(err)
	}
	w.pass(2 * time.Minute)
	if err := w.db.SetProfile(ctx, p.attendee, lms.Profile{Name: "Dr Grace W. Wanjiru", Country: "KE", Zone: "Africa/Nairobi"}); err != nil {
		t.Fatal(err)
	}
	if c := must(w.db.VerifyCertificate(ctx, first))(t); c.Fields.Name != "Dr Grace Wanjiru" {
		t.Errorf("the certificate has followed the profile: %q", c.Fields.Name)
	}
	_, err := w.db.SupersedeCertificate(ctx, p.presenter, first, "name corrected")
	wantKind(t, "a presenter corrects", err, lms.ErrNotFound)
	second := must(w.db.SupersedeCertificate(ctx, p.admin, first, "name corrected"))(t)
	old, now := must(w.db.VerifyCertificate(ctx, first))(t), must(w.db.VerifyCertificate(ctx, second))(t)
	if old.Status != lms.CertificateSuperseded || old.SupersededBy != second || old.Reason != "name corrected" || old.Fields.Name != "Dr Grace Wanjiru" {
		t.Errorf("the old one is %+v", old)
	}
	if now.Status != lms.CertificateValid || now.Fields.Name != "Dr Grace W. Wanjiru" || now.Fields.Amount != old.Fields.Amount {
		t.Errorf("the new one is %+v", now)
	}
	keys := must(w.db.SigningKeys(ctx))(t)
	for _, c := range []postgres.Certificate{old, now} {
		if _, err := credential.OpenClaim(c.Claim, keys); err != nil || len(keys) != 2 {
			t.Errorf("%d keys: %v", len(keys), err)
		}
	}
	if again := must(w.db.ClaimCredit(ctx, p.attendee, p.course, "sample", 100, true))(t); again != second {
		t.Errorf("claiming again gives %v, want %v", again, second)
	}

	wantKind(t, "their admin revokes", w.db.RevokeCertificate(ctx, w.theirs.admin, w.theirs.id, second, lms.RevokedError), lms.ErrNotFound)
	if err := w.db.RevokeCertificate(ctx, p.admin, p.id, second, lms.RevokedError); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "revoking twice", w.db.RevokeCertificate(ctx, p.admin, p.id, second, lms.RevokedError), lms.ErrConflict)
	if c := must(w.db.VerifyCertificate(ctx, second))(t); c.Status != lms.CertificateRevoked || c.ChangedAt == nil || c.Reason != "error" {
		t.Errorf("revoked: %+v", c)
	}
	revoked, err := credential.OpenStatusList(must(w.db.StatusList(ctx, 0))(t), keys)
	if err != nil || !revoked(0) || !revoked(1) || revoked(2) {
		t.Errorf("the status list: %v", err)
	}
	_, err = w.db.StatusList(ctx, 1)
	wantKind(t, "a list of nothing", err, lms.ErrNotFound)
	for _, statement := range []string{
		`delete from certificates`, `truncate certificates cascade`, `update certificates set amount = 200`, `update certificates set fields = '{}'`,
		`delete from persons`,
	} {
		if _, err := w.conn.Exec(ctx, statement); err == nil {
			t.Errorf("%s was done", statement)
		}
	}
	if n := w.number(`select count(*) from certificates`); n != 2 {
		t.Errorf("%d certificates", n)
	}
}

// TestCreditIsNeverTakenAway: a recording that is cut shorter, or evidence that is gone, leaves what was earned.
func TestCreditIsNeverTakenAway(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.ours
	w.held(p)
	w.watched(p.attendee.Person, p.course, lms.Replay, lms.Span{From: 0, To: 3500})
	w.take(p.attendee, p.course, true)
	if err := w.db.Evaluate(ctx, p.attendee, p.course, goodEvaluation()); err != nil {
		t.Fatal(err)
	}
	earned := func() lms.Credit {
		return must(w.db.ProgressOf(ctx, p.attendee, p.course))(t)[0].Courses[0].Earned["sample"].Amount
	}
	if got := earned(); got != 97 {
		t.Fatalf("earned %v", got)
	}
	w.watched(p.attendee.Person, p.course, lms.Replay, lms.Span{From: 0, To: 100})
	if got := earned(); got != 97 {
		t.Errorf("with less evidence %v", got)
	}
	w.watched(p.attendee.Person, p.course, lms.Replay, lms.Span{From: 0, To: 3600})
	if got := earned(); got != 100 {
		t.Errorf("with more evidence %v", got)
	}
}

// TestRulesFreeze: versions until the lecture begins, then none; the version seen is the one that is changed.
func TestRulesFreeze(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.ours
	s := must(w.db.CreditSetup(ctx, p.admin, p.course))(t)
	rules := s.Rules
	rules.Types[0].Max = 200
	_, err := w.db.SaveCreditRules(ctx, p.admin, p.course, 0, rules)
	wantKind(t, "an old version", err, lms.ErrConflict)
	if v := must(w.db.SaveCreditRules(ctx, p.admin, p.course, s.Version, rules))(t); v != s.Version+1 {
		t.Errorf("version %d", v)
	}
	second := must(w.db.Programme(ctx, p.admin, p.id))(t).Courses[1].ID
	withTest := rules
	withTest.Rule = lms.Rule{Kind: lms.RuleAll, Of: []lms.Rule{{Kind: lms.RuleTest}}}
	_, err = w.db.SaveCreditRules(ctx, p.admin, second, 1, withTest)
	wantKind(t, "a test that is not there", err, lms.ErrInvalid)
	must(w.db.GoOnAir(ctx, p.presenter, p.course))(t)
	_, err = w.db.SaveCreditRules(ctx, p.admin, p.course, s.Version+1, rules)
	wantKind(t, "after the start", err, lms.ErrConflict)
	if s := must(w.db.CreditSetup(ctx, p.admin, p.course))(t); !s.Frozen || s.Version != 2 || s.Rules.Types[0].Max != 200 {
		t.Errorf("setup %+v", s)
	}
}

// TestWaiverAndAppeal: an admin sets a condition aside with a reason, and a doctor gets an answer.
func TestWaiverAndAppeal(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.ours
	w.held(p)
	w.watched(p.attendee.Person, p.course, lms.Live, lms.Span{From: 0, To: 3600})
	if err := w.db.AppealCredit(ctx, p.attendee, p.course, "My browser showed no test at all."); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a second one", w.db.AppealCredit(ctx, p.attendee, p.course, "And again, please look."), lms.ErrConflict)
	list := must(w.db.Appeals(ctx, p.admin, p.course))(t)
	if len(list) != 1 || list[0].Person.ID != p.attendee.Person {
		t.Fatalf("appeals %+v", list)
	}
	for _, kind := range []lms.RuleKind{lms.RuleTest, lms.RuleEvaluation} {
		if err := w.db.Waive(ctx, p.admin, p.course, p.attendee.Person, kind, "The test was not shown to them."); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, "without a reason", w.db.Waive(ctx, p.admin, p.course, p.attendee.Person, lms.RuleTest, ""), lms.ErrInvalid)
	wantKind(t, "somebody else's", w.db.Waive(ctx, p.admin, p.course, w.theirs.attendee.Person, lms.RuleTest, "They are from elsewhere."), lms.ErrNotFound)
	if err := w.db.AnswerAppeal(ctx, p.admin, p.course, list[0].ID, "You need no test for this one."); err != nil {
		t.Fatal(err)
	}
	progress := must(w.db.ProgressOf(ctx, p.attendee, p.course))(t)[0].Courses[0]
	if !progress.Judgement.Met || progress.Earned["sample"].Amount != 100 || progress.Appeal == nil || progress.Appeal.Answer == nil {
		t.Errorf("progress %+v", progress)
	}
	candidates, _, err := w.db.PreviewCredit(ctx, p.admin, p.course, nil)
	if err != nil || len(candidates) != 1 || candidates[0].Judgement.Earned[0].Amount != 100 {
		t.Errorf("preview %+v, %v", candidates, err)
	}
}

// TestAttemptsKeepTheirQuestions: a question that is changed or retired stays as it was in an attempt that has begun, time
// runs out on its own, and who needs more of it has more.
func TestAttemptsKeepTheirQuestions(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.ours
	bank := must(w.db.TestBank(ctx, p.admin, p.course))(t)
	settings := bank.Settings
	settings.LimitMinutes = 20
	if err := w.db.SaveTest(ctx, p.admin, p.course, bank.Version, settings); err != nil {
		t.Fatal(err)
	}
	if err := w.db.GiveTime(ctx, p.admin, p.id, p.attendee.Person, 50); err != nil {
		t.Fatal(err)
	}
	id := must(w.db.StartAttempt(ctx, p.attendee, p.course))(t)
	if again := must(w.db.StartAttempt(ctx, p.attendee, p.course))(t); again != id {
		t.Error("another tab began another attempt")
	}
	changed := bank.Items[0].Item
	changed.Text = "Something else"
	must(w.db.SaveItem(ctx, p.admin, p.course, bank.Items[0].ID, changed))(t)
	if err := w.db.RetireItem(ctx, p.admin, p.course, bank.Items[1].ID); err != nil {
		t.Fatal(err)
	}
	v := must(w.db.Attempt(ctx, p.attendee, p.course, id))(t)
	if len(v.Items) != 4 || slices.ContainsFunc(v.Items, func(i postgres.AttemptItem) bool { return i.Item.Text == "Something else" }) {
		t.Errorf("the attempt has %+v", v.Items)
	}
	if got := v.DueAt.Sub(v.StartedAt); got != 30*time.Minute {
		t.Errorf("time %v", got)
	}
	wantKind(t, "no answer to it", w.db.SaveReply(ctx, p.attendee, p.course, id, 0, lms.Reply{Choices: []int{99}}), lms.ErrInvalid)
	wantKind(t, "somebody else's attempt", w.db.SaveReply(ctx, p.moderator, p.course, id, 0, lms.Reply{}), lms.ErrNotFound)
	w.pass(31 * time.Minute)
	wantKind(t, "too late", w.db.SaveReply(ctx, p.attendee, p.course, id, 0, lms.Reply{}), lms.ErrExpired)
	if v := must(w.db.Attempt(ctx, p.attendee, p.course, id))(t); v.SubmittedAt.IsZero() || v.Passed {
		t.Errorf("after the time: %+v", v.AttemptRef)
	}
	must(w.db.StartAttempt(ctx, p.attendee, p.course))(t)
	if bank := must(w.db.TestBank(ctx, p.admin, p.course))(t); len(bank.Items) != 3 || bank.Items[0].Figures.Answered != 1 || bank.Items[0].Version != 2 {
		t.Errorf("bank %+v", bank)
	}
}

// TestEvaluationsHideWhoAndFew: figures from five on, and no row that says who said what.
func TestEvaluationsHideWhoAndFew(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.ours
	w.held(p)
	for i, code := range w.codes(lms.MinShown, 1) {
		doctor := must(w.signIn(fmt.Sprintf("evaluator%d@hospital.example", i), code))(t)
		if f := must(w.db.EvaluationFigures(ctx, p.presenter, p.course))(t); f.Shown || f.Count != i || f.Texts != nil {
			t.Errorf("%d answers show %+v", i, f)
		}
		e := goodEvaluation()
		e.Text = fmt.Sprintf("Thought %d", i)
		if err := w.db.Evaluate(ctx, doctor, p.course, e); err != nil {
			t.Fatal(err)
		}
	}
	if f := must(w.db.EvaluationFigures(ctx, p.presenter, p.course))(t); !f.Shown || f.Count != 5 || f.Stars["clarity"] != [5]int{0, 0, 0, 5, 0} || len(f.Texts) != 5 {
		t.Errorf("figures %+v", f)
	}
	_, err := w.db.EvaluationFigures(ctx, p.attendee, p.course)
	wantKind(t, "an attendee looks", err, lms.ErrForbidden)
	if n := w.number(`select count(*) from information_schema.columns where table_name = 'evaluation_answers' and (column_name like '%person%' or column_name like '%\_at')`); n != 0 {
		t.Errorf("%d columns lead to a person", n)
	}
	if n := w.number(`select count(*) from audit where action like '%evaluat%'`); n != 0 {
		t.Errorf("%d rows of the audit say who evaluated", n)
	}
}

// TestProgrammeCertificate needs the certificates of all required courses.
func TestProgrammeCertificate(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.ours
	w.certified()
	_, err := w.db.ClaimProgramme(ctx, p.attendee, p.id)
	wantKind(t, "with one of ten", err, lms.ErrConflict)
	for _, c := range must(w.db.Programme(ctx, p.admin, p.id))(t).Courses[1:] {
		if err := w.db.RequireCourse(ctx, p.admin, c.ID, false); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(time.Minute)
	number := must(w.db.ClaimProgramme(ctx, p.attendee, p.id))(t)
	if again := must(w.db.ClaimProgramme(ctx, p.attendee, p.id))(t); again != number {
		t.Error("asking again made another")
	}
	if c := must(w.db.VerifyCertificate(ctx, number))(t); c.Course != "" || c.Fields.CourseCount != 1 {
		t.Errorf("certificate %+v", c)
	}
	if list := must(w.db.Transcript(ctx, p.attendee))(t); len(list) != 2 || list[1].Fields.Number != number {
		t.Errorf("%d in the transcript", len(list))
	}
}
