package postgres_test

import (
	"strconv"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// A code that is bound to an address opens nothing for another, and says so to nobody.
func TestBoundCodes(t *testing.T) {
	w := newWorld(t)
	batch, codes, err := w.db.CreateCodes(t.Context(), w.ours.admin, w.ours.id, postgres.NewBatch{
		Label: "Faculty", Brand: "ivf26", BoundTo: []lms.Email{"a@hospital.example", "b@hospital.example"},
	})
	if err != nil || len(codes) != 2 || batch.Count != 2 || batch.Brand != "IVF26" {
		t.Fatalf("batch %+v, %v", batch, err)
	}
	_, err = w.signIn("c@hospital.example", codes[0])
	wantKind(t, "somebody else's code", err, lms.ErrExpired)
	a := must(w.signIn("a@hospital.example", codes[0]))(t)
	status := must(w.db.LookUpCode(t.Context(), w.ours.admin, w.ours.id, codes[0]))(t)
	if status.Uses != 1 || status.BoundTo != "a@hospital.example" || len(status.Holders) != 1 || status.Holders[0] != a.Person || status.Revoked {
		t.Errorf("the code stands at %+v", status)
	}
	if _, err := w.signIn("b@hospital.example", codes[1]); err != nil {
		t.Error(err)
	}
	_, _, err = w.db.CreateCodes(t.Context(), w.ours.admin, w.ours.id, postgres.NewBatch{Label: "x", Count: 3, BoundTo: []lms.Email{"a@hospital.example"}})
	wantKind(t, "more codes than addresses", err, lms.ErrInvalid)
	_, _, err = w.db.CreateCodes(t.Context(), w.ours.admin, w.ours.id, postgres.NewBatch{Label: "x", Count: 3, Brand: "=1+1"})
	wantKind(t, "a brand that is a formula", err, lms.ErrInvalid)
}

func TestRevokeOneCode(t *testing.T) {
	w := newWorld(t)
	codes := w.codes(2, 2)
	a := must(w.signIn(email(0), codes[0]))(t)
	wantKind(t, "by another programme", w.db.RevokeCode(t.Context(), w.theirs.admin, w.theirs.id, codes[0]), lms.ErrNotFound)
	wantKind(t, "by an attendee", w.db.RevokeCode(t.Context(), a, w.ours.id, codes[0]), lms.ErrForbidden)
	cookie := w.start(email(1), codes[0])
	for range 2 {
		if err := w.db.RevokeCode(t.Context(), w.ours.admin, w.ours.id, codes[0]); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.db.VerifyOTP(t.Context(), cookie, w.otp(cookie), from, "")
	wantKind(t, "a code that was revoked meanwhile", err, lms.ErrExpired)
	_, err = w.signIn(email(2), codes[0])
	wantKind(t, "a revoked code", err, lms.ErrExpired)
	if _, err := w.signIn(email(3), codes[1]); err != nil {
		t.Errorf("the other code of the batch: %v", err)
	}
	if !must(w.db.LookUpCode(t.Context(), w.ours.admin, w.ours.id, codes[0]))(t).Revoked {
		t.Error("the admin is not told")
	}
	view := must(w.db.Programme(t.Context(), w.ours.admin, w.ours.id))(t)
	withdrawn := 0
	for _, batch := range view.Batches {
		if withdrawn += batch.Withdrawn; batch.Revoked {
			t.Errorf("the batch stands at %+v", batch)
		}
	}
	if withdrawn != 1 {
		t.Errorf("%d codes are withdrawn", withdrawn)
	}
}

// codeRounds is how often the race below is run. For more: go test -ldflags "-X lectern/storage/postgres_test.codeRounds=50".
var codeRounds = "3"

// trust S-05: two hundred redeem one code, again and again.
func TestOneCodeMakesOneAccountEachRound(t *testing.T) {
	w := newWorld(t)
	rounds, err := strconv.Atoi(codeRounds)
	if err != nil {
		t.Fatal(err)
	}
	const people = 200
	for round := range rounds {
		code := w.codes(1, 1)[0]
		cookies, otps := make([]string, people), make([]lms.OTP, people)
		for i := range people {
			cookies[i] = w.start(email(1000*round+i), code)
			otps[i] = w.otp(cookies[i])
		}
		n := inParallel(t, people, lms.ErrExpired, func(i int) error {
			_, err := w.db.VerifyOTP(t.Context(), cookies[i], otps[i], from, "")
			return err
		})
		if uses := w.number(`select uses from access_codes where hash = $1`, hashOf(code)); n != 1 || uses != 1 {
			t.Fatalf("round %d: %d signed in by %d uses, want 1", round, n, uses)
		}
		w.exec(`delete from limits`) // the test asks from one network
		w.pass(time.Minute)
	}
}

// trust S-04: a hundred type the one-time code of one challenge, right and wrong, again and again: one success at most,
// and never a sixth try.
func TestParallelTriesEachRound(t *testing.T) {
	w := newWorld(t)
	for round := range 5 {
		code := w.codes(1, 1)[0]
		cookie := w.start(email(round), code)
		right, wrong := w.otp(cookie), w.wrongOTP(cookie)
		n := inParallel(t, 100, lms.ErrExpired, func(i int) error {
			typed := wrong
			if i%10 == 0 {
				typed = right
			}
			_, err := w.db.VerifyOTP(t.Context(), cookie, typed, from, "")
			if isInvalid(err) {
				return lms.ErrExpired
			}
			return err
		})
		if tries := w.number(`select max(tries) from challenges where email = $1`, email(round)); n > 1 || tries > lms.OTPTries || n == 0 && tries != lms.OTPTries {
			t.Errorf("round %d: %d successes in %d tries", round, n, tries)
		}
		w.exec(`delete from limits`)
	}
}
