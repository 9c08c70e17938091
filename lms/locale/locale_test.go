package locale

import (
	"testing"
	"time"
)

// TestDatesAreThoseOfTheLanguage: the texts are what Intl.DateTimeFormat of a browser with CLDR 48 writes for the
// same options, but for English, whose order is that of our pages.
func TestDatesAreThoseOfTheLanguage(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	for tag, want := range map[string][4]string{
		"en":    {"Mon 23 Nov", "Mon 23 Nov 2026", "23 November 2026", "Monday 23 November 2026"},
		"hi":    {"सोम, 23 नव॰", "सोम, 23 नव॰ 2026", "23 नवंबर 2026", "सोमवार, 23 नवंबर 2026"},
		"ar":    {"الاثنين، 23 نوفمبر", "الاثنين، 23 نوفمبر 2026", "23 نوفمبر 2026", "الاثنين، 23 نوفمبر 2026"},
		"ar-EG": {"الاثنين، 23 نوفمبر", "الاثنين، 23 نوفمبر 2026", "23 نوفمبر 2026", "الاثنين، 23 نوفمبر 2026"},
		"sw":    {"Mon 23 Nov", "Mon 23 Nov 2026", "23 November 2026", "Monday 23 November 2026"},
	} {
		d := For(tag)
		if got := [4]string{d.Day(at), d.DayOfYear(at), d.Date(at), d.Long(at)}; got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}

// TestEveryDayAndMonthHasItsName in every language.
func TestEveryDayAndMonthHasItsName(t *testing.T) {
	for _, tag := range []string{"en", "hi", "ar"} {
		d := For(tag)
		if len(d.weekdays) != 7 || len(d.shortWeekdays) != 7 || len(d.months) != 12 || len(d.shortMonths) != 12 {
			t.Errorf("%s: %d, %d weekdays, %d, %d months", tag, len(d.weekdays), len(d.shortWeekdays), len(d.months), len(d.shortMonths))
		}
	}
}
