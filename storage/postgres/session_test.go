package postgres_test

import (
	"strings"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

func TestSessionEnds(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	cookie := w.start(email(0), w.ours.codes[0])
	session := must(w.db.VerifyOTP(ctx, cookie, w.otp(cookie), from, strings.Repeat("ü", 300)))(t)
	staff := must(w.db.Demo(ctx, demoSpec))(t)
	staffSession, _, err := w.db.RedeemJoinLink(ctx, staff.Studio, "", "")
	if err != nil {
		t.Fatal(err)
	}

	w.pass(13 * time.Hour)
	if _, err := w.db.SessionPerson(ctx, session.Token); err != nil {
		t.Errorf("an attendee after 13 hours: %v", err)
	}
	_, err = w.db.SessionPerson(ctx, staffSession.Token)
	wantKind(t, "staff after 13 idle hours", err, lms.ErrExpired)

	w.pass(7*24*time.Hour - 13*time.Hour)
	_, err = w.db.SessionPerson(ctx, session.Token)
	wantKind(t, "after seven days", err, lms.ErrExpired)
	_, err = w.db.SessionPerson(ctx, "")
	wantKind(t, "no token", err, lms.ErrExpired)
}

func TestStaffWhoAreThereStaySignedIn(t *testing.T) {
	w := newWorld(t)
	d := must(w.db.Demo(t.Context(), demoSpec))(t)
	session, _, err := w.db.RedeemJoinLink(t.Context(), d.Console, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.pass(11 * time.Hour)
		if _, err := w.db.SessionPerson(t.Context(), session.Token); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSignOut(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	cookie := w.start(email(0), w.ours.codes[0])
	session := must(w.db.VerifyOTP(ctx, cookie, w.otp(cookie), from, "a browser"))(t)
	if err := w.db.SignOut(ctx, session.Token); err != nil {
		t.Fatal(err)
	}
	_, err := w.db.SessionPerson(ctx, session.Token)
	wantKind(t, "after signing out", err, lms.ErrExpired)
	wantKind(t, "signing out again", w.db.SignOut(ctx, session.Token), lms.ErrNotFound)
}

func TestProfile(t *testing.T) {
	w := newWorld(t)
	a := must(w.signIn(email(0), w.ours.codes[0]))(t)
	if a.Name != "" {
		t.Errorf("name %q before the profile", a.Name)
	}
	profile := must(lms.ParseProfile("डॉ. आशा राव", "in", "Asia/Kolkata"))(t)
	if err := w.db.SetProfile(t.Context(), a, profile); err != nil {
		t.Fatal(err)
	}
	a = must(w.signIn(email(0), ""))(t)
	if a.Name != profile.Name || a.Country != "IN" || a.Zone != "Asia/Kolkata" {
		t.Errorf("profile %q %q %q", a.Name, a.Country, a.Zone)
	}
	wantKind(t, "profile of nobody", w.db.SetProfile(t.Context(), lms.Actor{Person: "00000000-0000-4000-8000-000000000001"}, profile), lms.ErrNotFound)
}

func TestJoinLinkSignsInOneDevice(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	d := must(w.db.Demo(ctx, demoSpec))(t)
	for range 2 { // looking uses nothing up
		link := must(w.db.PeekJoinLink(ctx, d.Studio))(t)
		if link.Path != "/studio/"+string(d.Course) || link.Name == "" {
			t.Errorf("link %+v", link)
		}
	}
	n := inParallel(t, 50, postgres.ErrOtherDevice, func(int) error {
		_, _, err := w.db.RedeemJoinLink(ctx, d.Studio, "", "")
		return err
	})
	if n != 1 {
		t.Errorf("%d of 50 signed in, want 1", n)
	}
	w.pass(24 * time.Hour)
	_, _, err := w.db.RedeemJoinLink(ctx, d.Console, "", "")
	wantKind(t, "a link of yesterday", err, lms.ErrExpired)
	_, _, err = w.db.RedeemJoinLink(ctx, "unknown", "", "")
	wantKind(t, "an unknown link", err, lms.ErrExpired)
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token := must(w.db.IssueToken(ctx, w.ours.course, lms.Presenter, time.Hour))(t)
	id := must(w.db.TokenIdentity(ctx, token))(t)
	if id.Course != w.ours.course || id.Programme != w.ours.id || id.Role != lms.Presenter || id.ID == "" {
		t.Errorf("identity %+v", id)
	}
	// An encoder goes on air with nothing but its token, and in no other course.
	must(w.db.GoOnAir(ctx, id.Actor(), w.ours.course))(t)
	_, err := w.db.GoOnAir(ctx, id.Actor(), w.theirs.course)
	wantKind(t, "on air elsewhere", err, lms.ErrNotFound)
	w.pass(time.Hour)
	_, err = w.db.TokenIdentity(ctx, token)
	wantKind(t, "after its hour", err, lms.ErrExpired)

	token = must(w.db.IssueToken(ctx, w.ours.course, lms.Attendee, time.Hour))(t)
	if err := w.db.RevokeToken(ctx, token); err != nil {
		t.Fatal(err)
	}
	_, err = w.db.TokenIdentity(ctx, token)
	wantKind(t, "revoked", err, lms.ErrExpired)
	wantKind(t, "revoked again", w.db.RevokeToken(ctx, token), lms.ErrNotFound)
	_, err = w.db.IssueToken(ctx, w.ours.course, lms.Admin, time.Hour)
	wantKind(t, "for an admin", err, lms.ErrInvalid)
	_, err = w.db.IssueToken(ctx, w.ours.course, lms.Attendee, 365*24*time.Hour)
	wantKind(t, "for a year", err, lms.ErrInvalid)
}

// No secret stands in the database as it is: not a cookie, not a link, not a code (trust S-32).
func TestSecretsAreStoredAsHashes(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	cookie := w.start(email(0), w.ours.codes[0])
	otp := w.otp(cookie)
	session := must(w.db.VerifyOTP(ctx, cookie, otp, from, ""))(t)
	bearer := must(w.db.IssueToken(ctx, w.ours.course, lms.Attendee, time.Hour))(t)
	link := must(w.db.AddStaff(ctx, w.ours.admin, w.ours.id, newPresenter))(t)
	secrets := []string{cookie, session.Token, bearer, link, string(w.ours.codes[0]), w.ours.codes[0].String()}
	rows, err := w.conn.Query(ctx, `select tablename from pg_tables where schemaname = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	for _, table := range tables {
		var content string
		if err := w.conn.QueryRow(ctx, `select coalesce(string_agg(row::text, E'\n'), '') from `+table+` row`).Scan(&content); err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(content, secret) {
				t.Errorf("table %s holds a secret", table)
			}
		}
	}
}
