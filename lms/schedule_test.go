package lms

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata" // the zones are the same wherever the tests run
)

func TestParseZone(t *testing.T) {
	for _, name := range []string{"Asia/Kolkata", "Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"} {
		if z, err := ParseZone(name); string(z) != name || err != nil {
			t.Errorf("%q: %q, %v", name, z, err)
		}
	}
	for _, name := range []string{"", "Local", "Berlin", "../../etc/passwd", "Asia/Atlantis", "/etc/localtime", string(make([]byte, 65))} {
		_, err := ParseZone(name)
		isProblem(t, err, ErrInvalid, "zone")
	}
	if loc := Zone("Asia/Atlantis").Location(); loc != time.UTC {
		t.Errorf("an unknown zone shows the clock of %v", loc)
	}
	if got := Zone("Asia/Kolkata").In(noon).Format("15:04 MST"); got != "17:30 IST" {
		t.Errorf("noon in Kolkata is %s", got)
	}
}

func TestParseLocalTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-22T19:30": "2026-11-22T19:30", "2026-11-22T19:00": "2026-11-22T19:00",
		"2026-11-22T19:30:00": "2026-11-22T19:30", "2028-02-29T00:00": "2028-02-29T00:00",
	} {
		l, err := ParseLocalTime(in)
		if err != nil || l.String() != want {
			t.Errorf("%q: %s, %v", in, l, err)
		}
		if LocalTimeOf(l.Wall()) != l {
			t.Errorf("%s does not survive the database", l)
		}
	}
	for _, in := range []string{"", "2026-11-22", "2026-02-29T10:00", "2026-11-22T24:00", "2026-11-22T19:30:01", "2026-11-22T19:30Z", "2026-11-22 19:30", "1999-12-31T23:59", "2200-01-01T00:00"} {
		_, err := ParseLocalTime(in)
		isProblem(t, err, ErrInvalid, "local")
	}
	if f, err := ParseFold("later"); f != FoldLater || err != nil {
		t.Errorf("fold: %q, %v", f, err)
	}
	_, err := ParseFold("1")
	isProblem(t, err, ErrInvalid, "fold")
}

// TestInstant holds the days on which clocks are changed, in zones with their own ideas of it.
func TestInstant(t *testing.T) {
	for _, c := range []struct {
		zone  Zone
		local string
		fold  Fold
		want  string // in UTC; "gap" or "overlap"
	}{
		{"Asia/Kolkata", "2026-11-22T17:30", "", "2026-11-22T12:00"},
		{"UTC", "2026-11-22T12:00", FoldLater, "2026-11-22T12:00"},
		{"Europe/Berlin", "2026-03-29T01:59", "", "2026-03-29T00:59"},
		{"Europe/Berlin", "2026-03-29T02:00", "", "gap"},
		{"Europe/Berlin", "2026-03-29T02:30", FoldEarlier, "gap"},
		{"Europe/Berlin", "2026-03-29T03:00", "", "2026-03-29T01:00"},
		{"Europe/Berlin", "2026-10-25T01:59", "", "2026-10-24T23:59"},
		{"Europe/Berlin", "2026-10-25T02:30", "", "overlap"},
		{"Europe/Berlin", "2026-10-25T02:30", FoldEarlier, "2026-10-25T00:30"},
		{"Europe/Berlin", "2026-10-25T02:30", FoldLater, "2026-10-25T01:30"},
		{"Europe/Berlin", "2026-10-25T03:00", "", "2026-10-25T02:00"},
		{"America/New_York", "2026-03-08T02:30", "", "gap"},
		{"America/New_York", "2026-11-01T01:30", "", "overlap"},
		{"America/New_York", "2026-11-01T01:30", FoldLater, "2026-11-01T06:30"},
		{"Australia/Lord_Howe", "2026-10-04T02:15", "", "gap"},     // half an hour forward
		{"Australia/Lord_Howe", "2026-04-05T01:45", "", "overlap"}, // half an hour back
		{"Australia/Lord_Howe", "2026-04-05T01:45", FoldEarlier, "2026-04-04T14:45"},
		{"Australia/Lord_Howe", "2026-04-05T01:45", FoldLater, "2026-04-04T15:15"},
		{"America/Santiago", "2026-09-06T00:30", "", "gap"}, // at midnight
		{"Pacific/Apia", "2011-12-30T12:00", "", "gap"},     // a day that never was
		{"Pacific/Kiritimati", "2026-01-01T00:00", "", "2025-12-31T10:00"},
		{"Pacific/Pago_Pago", "2026-01-01T00:00", "", "2026-01-01T11:00"},
	} {
		local, err := ParseLocalTime(c.local)
		if err != nil {
			t.Fatal(err)
		}
		instant, err := Schedule{local, c.zone, c.fold}.Instant()
		switch c.want {
		case "gap":
			isProblem(t, err, ErrInvalid, "local")
		case "overlap":
			isProblem(t, err, ErrInvalid, "fold")
		default:
			if got := instant.UTC().Format(localLayout); got != c.want || err != nil {
				t.Errorf("%s in %s %s: got %s, %v, want %s", c.local, c.zone, c.fold, got, err, c.want)
			}
		}
	}
}

// TestInstantRoundTrip walks through the year in steps of half an hour: each instant is found again from
// what the clock shows, and in the hour that comes twice by its fold.
func TestInstantRoundTrip(t *testing.T) {
	for _, zone := range []Zone{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Casablanca", "Australia/Lord_Howe"} {
		folds := 0
		for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(30 * time.Minute) {
			local := LocalTimeOf(zone.In(at))
			got, err := Schedule{Local: local, Zone: zone}.Instant()
			if err == nil {
				if !got.Equal(at) {
					t.Fatalf("%s: %s became %s", zone, at, got)
				}
				continue
			}
			var p *Problem
			if !errors.As(err, &p) || p.Field != "fold" {
				t.Fatalf("%s: %s: %v", zone, at, err)
			}
			folds++
			earlier, err1 := Schedule{local, zone, FoldEarlier}.Instant()
			later, err2 := Schedule{local, zone, FoldLater}.Instant()
			if err1 != nil || err2 != nil || !earlier.Before(later) || (!earlier.Equal(at) && !later.Equal(at)) {
				t.Fatalf("%s: %s is neither %s nor %s", zone, at, earlier, later)
			}
		}
		if want := map[Zone]int{"Europe/Berlin": 4, "America/New_York": 4, "Africa/Casablanca": 4, "Australia/Lord_Howe": 2}[zone]; folds != want {
			t.Errorf("%s: %d instants share their local time, want %d", zone, folds, want)
		}
	}
}
