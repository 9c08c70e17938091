package lms

import (
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	rules, err := ParseRegistrationRules(RegistrationRules{Domains: []string{" @AIIMS.edu ", "", "nhs.uk", "aiims.edu"}, Licence: `MCI-[0-9]{5,6}`})
	if err != nil || len(rules.Domains) != 2 {
		t.Fatalf("%+v, %v", rules, err)
	}
	for _, c := range []struct {
		email   Email
		licence string
		code    bool
		want    RegistrationState
		rule    string
	}{
		{"a@aiims.edu", "", false, RegistrationApproved, "domain"},
		{"a@dept.nhs.uk", "", false, RegistrationApproved, "domain"},
		{"a@notnhs.uk", "", false, RegistrationPending, ""},
		{"nhs.uk@gmail.com", "", false, RegistrationPending, ""},
		{"a@gmail.com", "mci-12345", false, RegistrationApproved, "licence"},
		{"a@gmail.com", "XMCI-12345", false, RegistrationPending, ""},
		{"a@gmail.com", "MCI-1234567", false, RegistrationPending, ""},
		{"a@gmail.com", "", true, RegistrationApproved, "code"},
	} {
		if state, rule := rules.Judge(c.email, Application{Licence: c.licence}, c.code); state != c.want || rule != c.rule {
			t.Errorf("%s %q: %s by %q, want %s by %q", c.email, c.licence, state, rule, c.want, c.rule)
		}
	}
	if state, _ := (RegistrationRules{}).Judge("a@b.example", Application{Licence: "X"}, false); state != RegistrationPending {
		t.Errorf("without rules: %s", state)
	}
	for name, bad := range map[string]RegistrationRules{
		"seats": {Seats: -1}, "viewers": {Viewers: mostSeats + 1}, "domains": {Domains: []string{"no domain"}}, "licence": {Licence: "(["},
	} {
		_, err := ParseRegistrationRules(bad)
		isProblem(t, err, ErrInvalid, name)
	}
}

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		from    RegistrationState
		by      Decision
		want    RegistrationState
		changed bool
	}{
		{RegistrationPending, ApproveRegistration, RegistrationApproved, true},
		{RegistrationApproved, ApproveRegistration, RegistrationApproved, false},
		{RegistrationApproved, RejectRegistration, RegistrationRejected, true},
		{RegistrationRejected, ApproveRegistration, RegistrationApproved, true},
		{RegistrationPending, WaitlistRegistration, RegistrationWaitlisted, true},
		{RegistrationOffered, WaitlistRegistration, RegistrationWaitlisted, true},
	} {
		got, changed, err := c.from.Decide(c.by, "no licence given")
		if got != c.want || changed != c.changed || err != nil {
			t.Errorf("%s %s: %s, %v, %v", c.by, c.from, got, changed, err)
		}
	}
	_, _, err := RegistrationPending.Decide(RejectRegistration, " ")
	isProblem(t, err, ErrInvalid, "reason")
	_, _, err = RegistrationPending.Decide("maybe", "")
	isProblem(t, err, ErrInvalid, "decision")
	_, _, err = RegistrationCancelled.Decide(ApproveRegistration, "")
	isProblem(t, err, ErrConflict, "")
}

func TestOfferEnds(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for start, want := range map[time.Time]time.Duration{
		{}: 24 * time.Hour, now.Add(48 * time.Hour): 24 * time.Hour, now.Add(2 * time.Hour): 24 * time.Hour,
		now.Add(2*time.Hour - time.Second): 15 * time.Minute, now.Add(-time.Minute): 15 * time.Minute,
	} {
		if got := OfferEnds(now, start).Sub(now); got != want {
			t.Errorf("%v before the start: %v, want %v", start.Sub(now), got, want)
		}
	}
}

func TestParseApplication(t *testing.T) {
	a, err := ParseApplication(" डॉ. आशा  राव ", "in", "Gynaecologist", " mci-12345 ", "Asia/Kolkata", true)
	if err != nil || a.Name != "डॉ. आशा राव" || a.Country != "IN" || a.Licence != "MCI-12345" || a.Zone != "Asia/Kolkata" || a.Consent != ConsentVersion {
		t.Errorf("%+v, %v", a, err)
	}
	for field, c := range map[string][5]string{
		"name": {"A", "in", "Doctor", "", ""}, "country": {"Dr A", "", "Doctor", "", ""}, "profession": {"Dr A", "in", "", "", ""},
		"licence": {"Dr A", "in", "Doctor", "\x01", ""}, "zone": {"Dr A", "in", "Doctor", "", "Nowhere/City"},
	} {
		_, err := ParseApplication(c[0], c[1], c[2], c[3], c[4], true)
		isProblem(t, err, ErrInvalid, field)
	}
	_, err = ParseApplication("Dr A", "in", "Doctor", "", "", false)
	isProblem(t, err, ErrInvalid, "consent")
}
