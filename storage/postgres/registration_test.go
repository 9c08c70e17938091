package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// apply registers somebody by themself and signs them in.
func (w *world) apply(address, licence string) lms.Actor {
	w.t.Helper()
	a := must(lms.ParseApplication("Dr Spot", "KE", "Gynaecologist", licence, "Africa/Nairobi", true))(w.t)
	c := must(w.db.StartRegistration(w.t.Context(), postgres.StartSignIn{Email: lms.Email(address), Remote: from}, w.ours.id, a))(w.t)
	session := must(w.db.VerifyOTP(w.t.Context(), c.Cookie, w.otp(c.Cookie), from, "test"))(w.t)
	return must(w.db.SessionPerson(w.t.Context(), session.Token))(w.t)
}

func (w *world) rules(r lms.RegistrationRules) {
	w.t.Helper()
	if err := w.db.SetRegistrationRules(w.t.Context(), w.ours.admin, w.ours.id, r); err != nil {
		w.t.Fatal(err)
	}
}

// stands is how somebody's registration stands.
func (w *world) stands(a lms.Actor) lms.RegistrationState {
	w.t.Helper()
	for _, r := range must(w.db.MyRegistrations(w.t.Context(), a))(w.t) {
		if r.Programme == w.ours.id {
			return r.State
		}
	}
	return ""
}

func (w *world) mayWatch(a lms.Actor) bool {
	w.t.Helper()
	return w.again(a).Can(lms.Watch, lms.Scope{Programme: w.ours.id})
}

func TestSpotRegistration(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.db.StartRegistration(ctx, postgres.StartSignIn{Email: "a@b.example", Remote: from}, w.ours.id, lms.Application{})
	wantKind(t, "where registration is not open", err, lms.ErrNotFound)
	w.rules(lms.RegistrationRules{Open: true, Watch: true, Domains: []string{"aiims.edu"}, Licence: "MCI-[0-9]+"})

	a := w.apply("spot@clinic.example", "")
	if w.stands(a) != lms.RegistrationPending || !w.mayWatch(a) || a.Name != "Dr Spot" {
		t.Errorf("%s, may watch %v, %q", w.stands(a), w.mayWatch(a), a.Name)
	}
	if n := w.number(`select count(*) from enrolments where person_id = $1 and provisional`, a.Person); n != 1 {
		t.Error("credit is not withheld")
	}
	if n := w.number(`select count(*) from consents where person_id = $1 and version = $2`, a.Person, lms.ConsentVersion); n != 1 {
		t.Error("consent is not kept")
	}
	if b := w.apply("b@dept.aiims.edu", ""); w.stands(b) != lms.RegistrationApproved {
		t.Errorf("of an approved domain: %s", w.stands(b))
	}
	if c := w.apply("c@clinic.example", "mci-4711"); w.stands(c) != lms.RegistrationApproved {
		t.Errorf("with an approved licence: %s", w.stands(c))
	}

	mails := func() int {
		return w.number(`select count(*) from river_job where kind = 'mail' and args->>'notice' = 'registration'`)
	}
	decide := func(d lms.Decision, reason string) error {
		_, err := w.db.DecideRegistration(ctx, w.ours.admin, w.ours.id, a.Person, d, reason)
		return err
	}
	wantKind(t, "without a reason", decide(lms.RejectRegistration, ""), lms.ErrInvalid)
	before := mails()
	for range 3 {
		if err := decide(lms.ApproveRegistration, ""); err != nil {
			t.Fatal(err)
		}
	}
	if mails() != before+1 {
		t.Errorf("%d notices for one decision", mails()-before)
	}
	if n := w.number(`select count(*) from enrolments where person_id = $1 and not provisional`, a.Person); n != 1 {
		t.Error("approved, and still provisional")
	}
	if err := decide(lms.RejectRegistration, "No licence was given."); err != nil {
		t.Fatal(err)
	}
	if w.mayWatch(a) {
		t.Error("rejected, and may watch")
	}
	if a = w.apply("spot@clinic.example", ""); w.stands(a) != lms.RegistrationRejected {
		t.Errorf("registering again undoes a rejection: %s", w.stands(a))
	}
	// A code is an invitation.
	if a = must(w.signIn("spot@clinic.example", w.codes(1, 1)[0]))(t); w.stands(a) != lms.RegistrationApproved || !w.mayWatch(a) {
		t.Errorf("with a code: %s", w.stands(a))
	}
	_, err = w.db.DecideRegistration(ctx, w.theirs.admin, w.ours.id, a.Person, lms.ApproveRegistration, "")
	wantKind(t, "the admin of another programme", err, lms.ErrNotFound)
	_, err = w.db.DecideRegistration(ctx, w.ours.moderator, w.ours.id, a.Person, lms.ApproveRegistration, "")
	wantKind(t, "a moderator", err, lms.ErrForbidden)
	if q := must(w.db.Registrations(ctx, w.ours.admin, w.ours.id, lms.RegistrationApproved, 0))(t); len(q.Items) != 3 || q.Counts[lms.RegistrationApproved] != 3 {
		t.Errorf("the queue has %d, counts %v", len(q.Items), q.Counts)
	}

	w.rules(lms.RegistrationRules{Open: true})
	d := w.apply("d@clinic.example", "")
	if w.stands(d) != lms.RegistrationPending || w.mayWatch(d) {
		t.Errorf("where watching waits for approval: %s, may watch %v", w.stands(d), w.mayWatch(d))
	}
	w.rules(lms.RegistrationRules{Open: true, Watch: true})
	if !w.mayWatch(d) {
		t.Error("the rule changed, and who waits still may not watch")
	}
}

func TestSeatsAndWaitingList(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	before := w.number(`select count(*) from enrolments where programme_id = $1`, w.ours.id)
	w.rules(lms.RegistrationRules{Open: true, Watch: true, Seats: before + 2, Domains: []string{"clinic.example"}})
	var people []lms.Actor
	for i := range 5 {
		people = append(people, w.apply(fmt.Sprintf("d%d@clinic.example", i), ""))
	}
	states := func() (all string) {
		for _, p := range people {
			all += string(w.stands(p)[0])
		}
		return all
	}
	if states() != "aawww" || w.mayWatch(people[2]) {
		t.Fatalf("five for two seats: %s", states())
	}
	if r := must(w.db.MyRegistrations(ctx, people[4]))(t); r[0].Ahead != 2 {
		t.Errorf("%d before the last", r[0].Ahead)
	}
	// Withdrawing frees the seat for who waits longest, as an offer.
	for range 2 {
		if err := w.db.CancelRegistration(ctx, people[0], w.ours.id); err != nil {
			t.Fatal(err)
		}
	}
	if states() != "caoww" || w.mayWatch(people[0]) || w.mayWatch(people[2]) {
		t.Fatalf("after a withdrawal: %s", states())
	}
	wantKind(t, "an offer that one does not have", w.db.AcceptOffer(ctx, people[3], w.ours.id), lms.ErrExpired)
	w.pass(24*time.Hour - time.Minute)
	if n := must(w.db.EndOffers(ctx))(t); n != 0 || states() != "caoww" {
		t.Errorf("within a day: %s", states())
	}
	w.pass(2 * time.Minute)
	wantKind(t, "an offer of yesterday", w.db.AcceptOffer(ctx, people[2], w.ours.id), lms.ErrExpired)
	if n := must(w.db.EndOffers(ctx))(t); n != 1 || states() != "cacow" {
		t.Fatalf("after a day: %s", states())
	}
	for range 2 {
		if err := w.db.AcceptOffer(ctx, people[3], w.ours.id); err != nil {
			t.Fatal(err)
		}
	}
	if states() != "cacaw" || !w.mayWatch(people[3]) {
		t.Errorf("accepted: %s", states())
	}
	_, err := w.db.DecideRegistration(ctx, w.ours.admin, w.ours.id, people[4].Person, lms.ApproveRegistration, "")
	wantKind(t, "approving without a seat", err, lms.ErrConflict)
	w.rules(lms.RegistrationRules{Open: true, Watch: true, Seats: before + 3})
	if states() != "cacao" {
		t.Errorf("with a seat more: %s", states())
	}
	if taken := w.number(`select taken from programmes where id = $1`, w.ours.id); taken != before+3 {
		t.Errorf("%d seats taken, want %d", taken, before+3)
	}
}

// Seats are never given twice, whoever comes, goes and decides at the same time.
func TestSeatsInParallel(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	before := w.number(`select count(*) from enrolments where programme_id = $1`, w.ours.id)
	const seats, people = 7, 40
	w.rules(lms.RegistrationRules{Open: true, Seats: before + seats, Domains: []string{"clinic.example"}})
	cookies := make([]string, people)
	for i := range people {
		a := must(lms.ParseApplication("Dr Spot", "KE", "Doctor", "", "", true))(t)
		cookies[i] = must(w.db.StartRegistration(ctx, postgres.StartSignIn{Email: lms.Email(fmt.Sprintf("p%d@clinic.example", i)), Remote: from}, w.ours.id, a))(t).Cookie
	}
	otps := make([]lms.OTP, people)
	for i, c := range cookies {
		otps[i] = w.otp(c)
	}
	actors := make([]lms.Actor, people)
	inParallel(t, people, nil, func(i int) error {
		session, err := w.db.VerifyOTP(ctx, cookies[i], otps[i], from, "")
		if err == nil {
			actors[i], err = w.db.SessionPerson(ctx, session.Token)
		}
		return err
	})
	held := func() int {
		return w.number(`select count(*) from registrations where state in ('approved', 'offered', 'pending')`)
	}
	if n := held(); n != seats {
		t.Errorf("%d hold %d seats", n, seats)
	}
	inParallel(t, people, lms.ErrConflict, func(i int) error {
		if i%2 == 0 {
			return w.db.CancelRegistration(ctx, actors[i], w.ours.id)
		}
		_, err := w.db.DecideRegistration(ctx, w.ours.admin, w.ours.id, actors[i].Person, lms.ApproveRegistration, "")
		return err
	})
	if n, taken := held(), w.number(`select taken from programmes where id = $1`, w.ours.id)-before; n != seats || taken != seats {
		t.Errorf("%d hold %d seats, %d counted", n, seats, taken)
	}
}
