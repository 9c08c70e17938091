package lms

import (
	"strings"
	"testing"
)

func TestParseProfile(t *testing.T) {
	p, err := ParseProfile("  Dr  Asha\tRāo ", " in", "Asia/Kolkata")
	if want := (Profile{"Dr Asha Rāo", "IN", "Asia/Kolkata"}); p != want || err != nil {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, name := range []string{"李 明", "أحمد محمود", "डॉ. आशा राव", "Nguyễn Thị Ánh", "O’Neil-Ångström Jr.", "क्\u200dष", strings.Repeat("李", 120)} {
		if p, err := ParseProfile(name, "", "UTC"); p.Name != name || p.Country != "" || err != nil {
			t.Errorf("%q: %+v, %v", name, p, err)
		}
	}
	for _, c := range []struct{ name, country, zone, field string }{
		{"", "IN", "UTC", "name"},
		{"A", "IN", "UTC", "name"},
		{strings.Repeat("a", 121), "IN", "UTC", "name"},
		{strings.Repeat(" ", 100_000), "IN", "UTC", "name"},
		{"Ada\u202eadA", "IN", "UTC", "name"},  // would read backwards
		{"Ada\x00Lovelace", "", "UTC", "name"}, // does not print
		{"\xff\xfe", "", "UTC", "name"},
		{"Ada", "IND", "UTC", "country"},
		{"Ada", "1N", "UTC", "country"},
		{"Ada", "İN", "UTC", "country"},
		{"Ada", "IN", "", "zone"},
	} {
		_, err := ParseProfile(c.name, c.country, c.zone)
		isProblem(t, err, ErrInvalid, c.field)
	}
}

func TestParseTexts(t *testing.T) {
	if got, err := ParseTitle("  Ovarian \n reserve "); got != "Ovarian reserve" || err != nil {
		t.Errorf("title %q, %v", got, err)
	}
	if got, err := ParseLabel("Chennai, desk 2"); got != "Chennai, desk 2" || err != nil {
		t.Errorf("label %q, %v", got, err)
	}
	if got, err := ParseSummary("\r\n One.  \r\n\r\n\n\nTwo\tthree.\n"); got != "One.\n\nTwo\tthree." || err != nil {
		t.Errorf("summary %q, %v", got, err)
	}
	if got, err := ParseSummary(" "); got != "" || err != nil {
		t.Errorf("no summary: %q, %v", got, err)
	}
	if got, err := ParseMinutes(75); got != 75 || err != nil {
		t.Errorf("minutes %d, %v", got, err)
	}
	for field, err := range map[string]error{
		"title":   second(ParseTitle("")),
		"label":   second(ParseLabel(strings.Repeat("x", 81))),
		"summary": second(ParseSummary(strings.Repeat("x", 4001))),
		"minutes": second(ParseMinutes(0)),
	} {
		isProblem(t, err, ErrInvalid, field)
	}
	isProblem(t, second(ParseMinutes(1441)), ErrInvalid, "minutes")
	isProblem(t, second(ParseSummary("bell \a")), ErrInvalid, "summary")
	isProblem(t, second(ParseSummary("\xff")), ErrInvalid, "summary")
}

func second[T any](_ T, err error) error { return err }
