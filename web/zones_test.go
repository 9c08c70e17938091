package web

import (
	"testing"
	"time"

	"lectern/lms"
)

func TestTimesAreShownWithTheirZone(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 30, 0, 0, time.UTC)
	now := at.Add(-42 * time.Minute)
	for _, tc := range []struct {
		own, event lms.Zone
		want       string
		wantEvent  string
	}{
		{"Africa/Nairobi", "Asia/Kolkata", "15:30 today Nairobi (EAT)", "18:00  Kolkata (IST)"},
		{"Asia/Dubai", "Asia/Kolkata", "16:30 today Dubai (UTC+4)", "18:00  Kolkata (IST)"},
		{"Pacific/Auckland", "Asia/Kathmandu", "01:30 tomorrow Auckland (NZDT)", "18:15 Sun 22 Nov Kathmandu (UTC+5:45)"},
		{"Europe/Berlin", "Europe/Berlin", "13:30 today Berlin (CET)", ""},
		{"", "Europe/Berlin", "13:30 today Berlin (CET)", ""},
	} {
		// In Auckland it is past midnight already.
		n := now
		if tc.own == "Pacific/Auckland" {
			n = at.Add(-14 * time.Hour)
		}
		w := newWhen(testEnglish(t), at, tc.own, tc.event, n)
		if got := w.Own.Clock + " " + w.Own.Day + " " + w.Own.Zone; got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.own, got, tc.want)
		}
		got := ""
		if w.Event != nil {
			got = w.Event.Clock + " " + w.Event.Day + " " + w.Event.Zone
		}
		if got != tc.wantEvent {
			t.Errorf("%s: event time %q, want %q", tc.own, got, tc.wantEvent)
		}
	}
}

func TestDayIsNamedAsPeopleDo(t *testing.T) {
	now := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		at   time.Time
		want string
	}{
		{now.Add(30 * time.Minute), "today"},
		{now.Add(2 * time.Hour), "tomorrow"},
		{now.Add(-23*time.Hour - 30*time.Minute), "yesterday"},
		{now.AddDate(0, 0, 20), "Sat 12 Dec"},
		{now.AddDate(0, 2, 0), "Fri 22 Jan 2027"},
	} {
		if got, _ := day(testEnglish(t), tc.at, now); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.at, got, tc.want)
		}
	}
}

func TestUntil(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for left, want := range map[time.Duration]string{
		-time.Second: "", 20 * time.Second: "now", 42*time.Minute + 30*time.Second: "in 42 min", 3 * time.Hour: "in 3 h", 25 * time.Hour: "",
	} {
		if got := until(testEnglish(t), now.Add(left), now); got != want {
			t.Errorf("%v: got %q, want %q", left, got, want)
		}
	}
}

func TestChoicesKnowEveryCountryAndZone(t *testing.T) {
	c, err := newChoices(must(newLanguages(wordFiles))(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.countries) < 240 || len(c.zones) < 400 {
		t.Errorf("%d countries, %d zones", len(c.countries), len(c.zones))
	}
	regions := c.regions(testEnglish(t), "Asia/Calcutta", time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	found := map[string]string{}
	for _, region := range regions {
		for _, zone := range region.Zones {
			found[zone.Name] = zone.Label
		}
	}
	if found["Africa/Nairobi"] != "Nairobi (EAT)" || found["Asia/Calcutta"] != "Calcutta (IST)" || found["UTC"] != "UTC" {
		t.Errorf("labels %q %q %q", found["Africa/Nairobi"], found["Asia/Calcutta"], found["UTC"])
	}
}
