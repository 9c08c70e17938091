package postgres_test

import (
	"net/netip"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

func TestSignInWithACodeThenByMailAlone(t *testing.T) {
	w := newWorld(t)
	a := must(w.signIn("new@hospital.example", w.ours.codes[0]))(t)
	if len(a.Roles) != 1 || a.Roles[0] != (lms.RoleGrant{Role: lms.Attendee, Programme: w.ours.id}) {
		t.Errorf("roles %v", a.Roles)
	}
	again := must(w.signIn("new@hospital.example", ""))(t)
	if again.Person != a.Person {
		t.Error("signing in again made another person")
	}
	if again.Session == a.Session {
		t.Error("signing in again reuses the session")
	}
	// The code is theirs, so typing it again is fine and costs nothing.
	if got := must(w.signIn("new@hospital.example", w.ours.codes[0]))(t); got.Person != a.Person {
		t.Error("the same code made another person")
	}
	if n := w.number(`select sum(uses) from access_codes`); n != 1 {
		t.Errorf("%d uses taken, want 1", n)
	}
	// A code of another programme adds to what they may watch.
	both := must(w.signIn("new@hospital.example", w.theirs.codes[0]))(t)
	if len(both.Roles) != 2 || both.Person != a.Person {
		t.Errorf("roles %v", both.Roles)
	}
}

// A stranger cannot tell which addresses and codes are good: the answer is the same, and so is what the
// database does (trust S-03).
func TestStartSignInTellsNothing(t *testing.T) {
	w := newWorld(t)
	must(w.signIn("holder@hospital.example", w.ours.codes[0]))(t)
	revoked, expired := w.codes(1, 1)[0], w.codes(1, 1)[0]
	w.exec(`update access_code_batches set revoked_at = created_at where id = (select batch_id from access_codes where hash = $1)`, hashOf(revoked))
	w.exec(`update access_code_batches set expires_at = created_at where id = (select batch_id from access_codes where hash = $1)`, hashOf(expired))
	unknown := must(lms.ParseAccessCode("0000-0000-0000-00"))(t)
	for _, c := range []struct {
		name, email string
		code        lms.AccessCode
		winnable    bool
	}{
		{"unknown address", "stranger@hospital.example", "", false},
		{"known address", "holder@hospital.example", "", true},
		{"staff", string(w.ours.admin.Email), "", true},
		{"good code", "second@hospital.example", w.ours.codes[1], true},
		{"somebody else's code", "third@hospital.example", w.ours.codes[0], false},
		{"unknown code", "fourth@hospital.example", unknown, false},
		{"revoked code", "fifth@hospital.example", revoked, false},
		{"expired code", "sixth@hospital.example", expired, false},
		{"known address, bad code", "holder@hospital.example", unknown, false},
	} {
		jobs := w.number(`select count(*) from river_job where kind = 'mail'`)
		cookie := w.start(c.email, c.code)
		if cookie == "" {
			t.Errorf("%s: no cookie", c.name)
		}
		if n := w.number(`select count(*) from river_job where kind = 'mail'`); n != jobs+1 {
			t.Errorf("%s: %d jobs more, want 1", c.name, n-jobs)
		}
		_, err := w.db.VerifyOTP(t.Context(), cookie, w.otp(cookie), from, "")
		if c.winnable && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.winnable {
			wantKind(t, c.name, err, lms.ErrExpired)
		}
	}
}

func TestOneTimeCodeIsForOneUseAndFiveTries(t *testing.T) {
	w := newWorld(t)
	cookie := w.start(email(0), w.ours.codes[0])
	verify := func(otp lms.OTP) error {
		_, err := w.db.VerifyOTP(t.Context(), cookie, otp, from, "")
		return err
	}
	for range lms.OTPTries - 1 {
		wantKind(t, "wrong code", verify(w.wrongOTP(cookie)), lms.ErrInvalid)
	}
	if err := verify(w.otp(cookie)); err != nil {
		t.Errorf("the fifth try is right: %v", err)
	}
	wantKind(t, "a second use", verify(w.otp(cookie)), lms.ErrExpired)

	cookie = w.start(email(1), w.ours.codes[1])
	for range lms.OTPTries {
		if err := verify(w.wrongOTP(cookie)); err == nil {
			t.Fatal("a wrong code signs in")
		}
	}
	wantKind(t, "the right code after five wrong ones", verify(w.otp(cookie)), lms.ErrExpired)
	wantKind(t, "an unknown cookie", func() error {
		_, err := w.db.VerifyOTP(t.Context(), "no such cookie", "123456", from, "")
		return err
	}(), lms.ErrExpired)
}

func TestOneTimeCodeEnds(t *testing.T) {
	w := newWorld(t)
	cookie := w.start(email(0), w.ours.codes[0])
	w.pass(lms.OTPLife)
	_, err := w.db.VerifyOTP(t.Context(), cookie, w.otp(cookie), from, "")
	wantKind(t, "after ten minutes", err, lms.ErrExpired)

	old := w.start(email(0), w.ours.codes[0])
	newest := w.start(email(0), w.ours.codes[0])
	_, err = w.db.VerifyOTP(t.Context(), old, w.otp(old), from, "")
	wantKind(t, "an older challenge", err, lms.ErrExpired)
	if _, err = w.db.VerifyOTP(t.Context(), newest, w.otp(newest), from, ""); err != nil {
		t.Errorf("the newest challenge: %v", err)
	}
}

func TestParallelVerificationsSignInOnce(t *testing.T) {
	w := newWorld(t)
	cookie := w.start(email(0), w.ours.codes[0])
	otp := w.otp(cookie)
	sessions := w.number(`select count(*) from sessions`)
	n := inParallel(t, 100, lms.ErrExpired, func(int) error {
		_, err := w.db.VerifyOTP(t.Context(), cookie, otp, from, "")
		return err
	})
	if n != 1 {
		t.Errorf("%d of 100 signed in, want 1", n)
	}
	if more := w.number(`select count(*) from sessions`) - sessions; more != 1 {
		t.Errorf("%d sessions, want 1", more)
	}
}

func TestParallelGuessesAreCountedBeforeTheyAreCompared(t *testing.T) {
	w := newWorld(t)
	cookie := w.start(email(0), w.ours.codes[0])
	wrong := w.wrongOTP(cookie)
	if n := inParallel(t, 100, lms.ErrExpired, func(int) error {
		_, err := w.db.VerifyOTP(t.Context(), cookie, wrong, from, "")
		if isInvalid(err) {
			return lms.ErrExpired
		}
		return err
	}); n != 0 {
		t.Errorf("%d wrong codes signed in", n)
	}
	if n := w.number(`select max(tries) from challenges`); n != lms.OTPTries {
		t.Errorf("%d tries, want %d", n, lms.OTPTries)
	}
}

// trust S-05: two hundred people redeem one code for one person at the same moment.
func TestOneCodeMakesOneAccount(t *testing.T) {
	w := newWorld(t)
	const people = 200
	code := w.ours.codes[0]
	cookies, otps := make([]string, people), make([]lms.OTP, people)
	for i := range people {
		cookies[i] = w.start(email(i), code)
		otps[i] = w.otp(cookies[i])
	}
	before := w.number(`select count(*) from persons`)
	n := inParallel(t, people, lms.ErrExpired, func(i int) error {
		_, err := w.db.VerifyOTP(t.Context(), cookies[i], otps[i], from, "")
		return err
	})
	if n != 1 {
		t.Errorf("%d of %d signed in, want 1", n, people)
	}
	for what, got := range map[string]int{
		"accounts":    w.number(`select count(*) from persons`) - before,
		"redemptions": w.number(`select count(*) from code_redemptions`),
		"uses":        w.number(`select uses from access_codes where hash = $1`, hashOf(code)),
	} {
		if got != 1 {
			t.Errorf("%d %s, want 1", got, what)
		}
	}
}

func TestCodeForSeveral(t *testing.T) {
	w := newWorld(t)
	code := w.codes(1, 3)[0]
	var refused int
	for i := range 5 {
		if _, err := w.signIn(email(i), code); err != nil {
			wantKind(t, "a use too many", err, lms.ErrExpired)
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d refused, want 2", refused)
	}
}

func TestRevokedBetweenTheSteps(t *testing.T) {
	w := newWorld(t)
	cookie := w.start(email(0), w.ours.codes[0])
	if err := w.db.RevokeBatch(t.Context(), w.ours.admin, w.ours.id, w.ours.batch); err != nil {
		t.Fatal(err)
	}
	before := w.number(`select count(*) from persons`)
	_, err := w.db.VerifyOTP(t.Context(), cookie, w.otp(cookie), from, "")
	wantKind(t, "a code revoked meanwhile", err, lms.ErrExpired)
	if n := w.number(`select count(*) from persons`); n != before {
		t.Error("the refusal made an account")
	}
}

func TestResend(t *testing.T) {
	w := newWorld(t)
	cookie := w.start(email(0), w.ours.codes[0])
	first := w.otp(cookie)
	resend := func() error { return w.db.ResendOTP(t.Context(), cookie, from) }
	w.pass(lms.OTPRepeat - time.Second)
	if err := resend(); err != nil {
		t.Fatal(err)
	}
	if w.otp(cookie) != first {
		t.Error("a resend within a minute sends another code")
	}
	w.pass(time.Second)
	if err := resend(); err != nil {
		t.Fatal(err)
	}
	second := w.otp(cookie)
	if second == first {
		t.Error("a resend after a minute sends the same code")
	}
	_, err := w.db.VerifyOTP(t.Context(), cookie, first, from, "")
	wantKind(t, "the code that was replaced", err, lms.ErrInvalid)
	if _, err := w.db.VerifyOTP(t.Context(), cookie, second, from, ""); err != nil {
		t.Error(err)
	}
	wantKind(t, "resend of a challenge that is won", resend(), lms.ErrExpired)
	wantKind(t, "resend without a challenge", w.db.ResendOTP(t.Context(), "nothing", from), lms.ErrExpired)
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	must(w.signIn("victim@hospital.example", w.ours.codes[0]))(t)
	w.pass(24 * time.Hour)
	cookie := w.start("victim@hospital.example", "")
	session := must(w.db.VerifyOTP(t.Context(), cookie, w.otp(cookie), from, ""))(t)
	device := must(w.db.RememberDevice(t.Context(), session, ""))(t)
	w.pass(24 * time.Hour)
	start := func(address, remote, device string) error {
		_, err := w.db.StartSignIn(t.Context(), postgres.StartSignIn{Email: lms.Email(address), Remote: netip.MustParseAddr(remote), Device: device})
		return err
	}
	// One network gets six in 15 minutes and eight a day, those that were refused counted, all strangers together twenty a day.
	asked := map[string]int{}
	for _, network := range []string{"192.0.2.7", "2001:db8::1", "198.51.100.1", "203.0.113.1"} {
		for start("victim@hospital.example", network, "") == nil {
			asked[network]++
		}
		w.pass(16 * time.Minute)
		for start("victim@hospital.example", network, "an unknown device") == nil {
			asked[network]++
		}
	}
	if asked["192.0.2.7"] != 7 || asked["2001:db8::1"] != 7 || asked["198.51.100.1"] != 6 || asked["203.0.113.1"] != 0 {
		t.Errorf("codes for one address by network in a day: %v, want 7, 7, 6 and 0", asked)
	}
	// Its owner's browser still gets codes, from any network, and another address does too.
	if err := start("victim@hospital.example", "192.0.2.7", device); err != nil {
		t.Errorf("the owner's own browser: %v", err)
	}
	if err := start("other@hospital.example", "192.0.2.7", ""); err != nil {
		t.Errorf("another address: %v", err)
	}
	own := 1
	for range 100 {
		if start("victim@hospital.example", "192.0.2.7", device) == nil {
			own++
		}
		w.pass(3 * time.Minute)
	}
	if own > 20+6 { // the hours may reach into the next day
		t.Errorf("%d codes in the owner's browser", own)
	}
	// Being known for one address says nothing of another.
	for range 30 {
		_ = start("somebody@hospital.example", "192.0.2.7", device)
	}
	wantKind(t, "another address in a known browser", start("somebody@hospital.example", "192.0.2.7", device), lms.ErrTooMany)
}

// A link belongs to the browser of its first use and to one programme, and can be taken back.
func TestJoinLinkIsBoundToDeviceAndProgramme(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	d := must(w.db.Demo(ctx, demoSpec))(t)
	admin := w.join(d.Admin)
	first, path, err := w.db.RedeemJoinLink(ctx, d.Console, "a secret that somebody planted", "test")
	if err != nil || path == "" || first.Device == "" || first.Device == "a secret that somebody planted" {
		t.Fatalf("first use: %+v, %v", first, err)
	}
	w.pass(30 * 24 * time.Hour)
	again, _, err := w.db.RedeemJoinLink(ctx, d.Console, first.Device, "test")
	if err != nil {
		t.Fatalf("the same browser a month later: %v", err)
	}
	me := must(w.db.SessionPerson(ctx, again.Token))(t)
	_, _, err = w.db.RedeemJoinLink(ctx, d.Console, "another", "test")
	wantKind(t, "another browser", err, postgres.ErrOtherDevice)
	c, to, _, err := w.db.StartByJoinLink(ctx, d.Console, postgres.StartSignIn{Remote: from})
	if err != nil || to != me.Email {
		t.Fatalf("a code for another browser goes to %q, %v", to, err)
	}

	// Another programme makes them its moderator, too: a session by the link does not see that, one by mail does.
	_, err = w.db.AddStaff(ctx, w.ours.admin, w.ours.id, postgres.NewStaff{Name: "Dr Both", Email: me.Email, Role: lms.Moderator})
	if err != nil {
		t.Fatal(err)
	}
	if me = must(w.db.SessionPerson(ctx, again.Token))(t); len(me.Roles) != 1 || me.Roles[0].Programme != d.Programme {
		t.Errorf("a session by a link has roles %v", me.Roles)
	}
	session := must(w.db.VerifyOTP(ctx, c.Cookie, w.otp(c.Cookie), from, ""))(t)
	if me = must(w.db.SessionPerson(ctx, session.Token))(t); len(me.Roles) != 2 {
		t.Errorf("a session by mail has roles %v", me.Roles)
	}

	wantKind(t, "revoked by another programme", w.db.RevokeJoinLinks(ctx, w.theirs.admin, d.Programme, me.Person), lms.ErrNotFound)
	if err := w.db.RevokeJoinLinks(ctx, admin, d.Programme, me.Person); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.db.RedeemJoinLink(ctx, d.Console, first.Device, "test")
	wantKind(t, "a revoked link", err, lms.ErrExpired)
	_, err = w.db.SessionPerson(ctx, again.Token)
	wantKind(t, "the session of a revoked link", err, lms.ErrExpired)
	if _, err = w.db.SessionPerson(ctx, session.Token); err != nil {
		t.Errorf("the session by mail: %v", err)
	}
}

// Who makes a programme is in it at once, also in a session that came of a link.
func TestLinkSessionReachesWhatItMakes(t *testing.T) {
	w := newWorld(t)
	d := must(w.db.Demo(t.Context(), demoSpec))(t)
	session, _, err := w.db.RedeemJoinLink(t.Context(), d.Admin, "", "")
	if err != nil {
		t.Fatal(err)
	}
	admin := must(w.db.SessionPerson(t.Context(), session.Token))(t)
	id := must(w.db.CreateProgramme(t.Context(), admin, postgres.NewProgramme{Title: "A second one", Zone: "UTC"}))(t)
	if admin = must(w.db.SessionPerson(t.Context(), session.Token))(t); !admin.Can(lms.Manage, lms.Scope{Programme: id}) {
		t.Error("its admin cannot manage it")
	}
}
