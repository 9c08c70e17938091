package lms

import (
	"errors"
	"testing"
	"time"
)

// preset finds a preset by its key.
func preset(t testing.TB, key string) CreditType {
	t.Helper()
	for _, p := range CreditPresets() {
		if p.Key == key {
			return p
		}
	}
	t.Fatalf("no preset %q", key)
	return CreditType{}
}

func TestPresetsAreValid(t *testing.T) {
	for _, p := range CreditPresets() {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", p.Key, err)
		}
	}
}

// TestAmount holds the arithmetic of the accreditors to exact minutes.
func TestAmount(t *testing.T) {
	ama, eaccme, india := preset(t, "ama-pra-1"), preset(t, "eaccme"), preset(t, "india-state")
	ama.Max, eaccme.Max = 200, 200
	for _, tc := range []struct {
		name    string
		of      CreditType
		seconds int64
		want    Credit
	}{
		{"AMA, an hour", ama, 3600, 100},
		{"AMA, half way to the next quarter goes up", ama, 7*60 + 30 + 3600, 125},
		{"AMA, a second less does not", ama, 7*60 + 29 + 3600, 100},
		{"AMA, 7.5 minutes are the first quarter", ama, 450, 25},
		{"AMA, a second less is nothing", ama, 449, 0},
		{"AMA, no more than the maximum", ama, 36000, 200},
		{"EACCME, an hour but a second", eaccme, 3599, 50},
		{"EACCME, an hour", eaccme, 3600, 100},
		{"EACCME, less than the minimum", eaccme, 1799, 0},
		{"India, an hour is half a point", india, 3600, 50},
		{"India, two hours", india, 7200, 100},
		{"nothing", ama, 0, 0},
		{"never below", ama, -5, 0},
	} {
		if got := tc.of.Amount(tc.seconds); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	odd := CreditType{UnitMinutes: 60, Increment: 30, Max: 100, Rounding: RoundDown}
	if got := odd.Amount(1e6); got != 90 {
		t.Errorf("a maximum between two steps: %v, want the step below", got)
	}
}

func TestCreditTypeIsChecked(t *testing.T) {
	for field, change := range map[string]func(*CreditType){
		"key":          func(c *CreditType) { c.Key = "a b" },
		"name":         func(c *CreditType) { c.Name = " " },
		"unit_minutes": func(c *CreditType) { c.UnitMinutes = 0 },
		"increment":    func(c *CreditType) { c.Increment = 0 },
		"max":          func(c *CreditType) { c.Max = 5 },
		"min":          func(c *CreditType) { c.Min = 101 },
		"rounding":     func(c *CreditType) { c.Rounding = "up" },
		"modality":     func(c *CreditType) { c.Modality = "" },
		"claim_days":   func(c *CreditType) { c.ClaimDays = -1 },
	} {
		c := preset(t, "ama-pra-1")
		change(&c)
		wantField(t, c.Validate(), field)
	}
}

// wantField checks that an error is about a field.
func wantField(t testing.TB, err error, field string) {
	t.Helper()
	var p *Problem
	if !errors.As(err, &p) || p.Field != field {
		t.Errorf("got %v, want a problem of %s", err, field)
	}
}

func TestCheckClaim(t *testing.T) {
	ama := preset(t, "ama-pra-1")
	ama.ClaimDays = 30
	ended := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	in := ended.AddDate(0, 0, 30)
	for _, tc := range []struct {
		name            string
		claimed, earned Credit
		attested        bool
		now             time.Time
		want            error
	}{
		{"all of it on the last day", 100, 100, true, in, nil},
		{"a part of it", 25, 100, true, in, nil},
		{"more than earned", 125, 100, true, in, ErrInvalid},
		{"between two steps", 30, 100, true, in, ErrInvalid},
		{"nothing", 0, 100, true, in, ErrInvalid},
		{"less than nothing", -25, 100, true, in, ErrInvalid},
		{"without attesting", 100, 100, false, in, ErrInvalid},
		{"not earned", 25, 0, true, in, ErrConflict},
		{"too late", 100, 100, true, in.Add(time.Second), ErrExpired},
	} {
		if err := ama.CheckClaim(tc.claimed, tc.earned, tc.attested, ended, tc.now); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestParseCredit(t *testing.T) {
	for text, want := range map[string]Credit{"1": 100, "1.25": 125, "0,5": 50, " 12.5 ": 1250, "0.01": 1} {
		if got, err := ParseCredit(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "1.255", "1e3", "1000", ".5", "a", "1.2.3"} {
		if got, err := ParseCredit(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	if s := Credit(5).String(); s != "0.05" {
		t.Errorf("printed %s", s)
	}
}
