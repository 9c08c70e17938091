package calendar_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"

	"lectern/lms/calendar"
)

var heart = calendar.Lecture{
	ID: "8f14e45f", Revision: 1, Start: time.Date(2027, 3, 28, 1, 30, 0, 0, time.UTC), Length: 45 * time.Minute,
	Title: "Heart failure", Summary: "What is new.", Programme: "Cardiology 2027", Link: "https://lectern.example/watch/8f14e45f",
	ChangedAt: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
}

// write returns the calendar and holds what is true of every calendar.
func write(t *testing.T, method calendar.Method, lectures ...calendar.Lecture) string {
	t.Helper()
	file, err := calendar.Write(method, "https://lectern.example:8443", "Cardiology 2027", lectures)
	if err != nil {
		t.Fatal(err)
	}
	if err := wellFormed(string(file), len(lectures)); err != "" {
		t.Fatalf("%s:\n%q", err, file)
	}
	return string(file)
}

// wellFormed says what is wrong with a calendar of n entries, by RFC 5545 section 3.1.
func wellFormed(file string, n int) string {
	if !strings.HasSuffix(file, "\r\n") {
		return "no CRLF at the end"
	}
	for _, line := range strings.Split(strings.TrimSuffix(file, "\r\n"), "\r\n") {
		switch {
		case len(line) > 75:
			return "a line of more than 75 octets"
		case !utf8.ValidString(line):
			return "a character cut by a fold"
		case strings.ContainsAny(line, "\r\n\x00"):
			return "a bare CR, LF or NUL"
		}
	}
	var begins, ends int
	for _, line := range strings.Split(unfold(file), "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		name, _, _ = strings.Cut(name, ";")
		switch name {
		case "BEGIN":
			begins++
		case "END":
			ends++
		case "", "VERSION", "PRODID", "METHOD", "X-WR-CALNAME", "REFRESH-INTERVAL", "UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND",
			"SUMMARY", "DESCRIPTION", "URL", "LOCATION", "STATUS", "TRANSP", "ORGANIZER", "ATTENDEE":
		default:
			return "a property nobody asked for: " + name
		}
	}
	if begins != n+1 || ends != n+1 {
		return "another number of entries than was asked for"
	}
	return ""
}

func unfold(file string) string { return strings.ReplaceAll(file, "\r\n ", "") }

func TestWrite(t *testing.T) {
	file := unfold(write(t, calendar.Request, heart))
	for _, line := range []string{
		"METHOD:REQUEST", "UID:8f14e45f@lectern.example", "SEQUENCE:0", "DTSTAMP:20261122T120000Z", "DTSTART:20270328T013000Z",
		"DTEND:20270328T021500Z", "SUMMARY:Heart failure", "STATUS:CONFIRMED", "URL:https://lectern.example/watch/8f14e45f",
		`DESCRIPTION:Cardiology 2027\n\nWhat is new.\n\nhttps://lectern.example/watch/8f14e45f`,
	} {
		if !strings.Contains(file, "\r\n"+line+"\r\n") {
			t.Errorf("no line %q in\n%s", line, file)
		}
	}
}

func TestInvitation(t *testing.T) {
	invited := heart
	invited.Organizer, invited.Attendee = "lectern@example.org", "ada@example.org"
	file := unfold(write(t, calendar.Request, invited))
	for _, line := range []string{"ORGANIZER:mailto:lectern@example.org", "ATTENDEE;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT:mailto:ada@example.org"} {
		if !strings.Contains(file, "\r\n"+line+"\r\n") {
			t.Errorf("no line %q in\n%s", line, file)
		}
	}
}

func TestChange(t *testing.T) {
	moved := heart
	moved.Revision, moved.Cancelled = 3, true
	file := unfold(write(t, calendar.Cancel, moved))
	for _, line := range []string{"METHOD:CANCEL", "UID:8f14e45f@lectern.example", "SEQUENCE:2", "STATUS:CANCELLED"} {
		if !strings.Contains(file, "\r\n"+line+"\r\n") {
			t.Errorf("no line %q in\n%s", line, file)
		}
	}
}

func TestHostileText(t *testing.T) {
	evil := heart
	evil.Title = "Fine\r\nBEGIN:VEVENT\r\nATTACH:https://evil.example"
	evil.Summary = "a\rDTSTART:19700101T000000Z\x00\u2028RRULE:FREQ=SECONDLY"
	evil.Programme = strings.Repeat("हृदय रोग विज्ञान; \\, ", 30)
	evil.Link = "https://lectern.example/\r\nX-EVIL:1"
	write(t, calendar.Publish, evil, heart)
}

func TestNoHost(t *testing.T) {
	if _, err := calendar.Write(calendar.Publish, "lectern", "", nil); err == nil {
		t.Error("a site without a host was taken")
	}
}

// FuzzWrite holds that whatever people type stays inside its entry, and that a reader finds one entry.
func FuzzWrite(f *testing.F) {
	f.Add("Heart failure", "What is new.\r\nAnd old.", "Cardiology")
	f.Add("a\r\nEND:VEVENT\r\n", "\\n;,:\"", "\xff\xfe")
	f.Add(strings.Repeat("ह", 80), strings.Repeat("𝕳", 40), " ")
	f.Fuzz(func(t *testing.T, title, summary, programme string) {
		l := heart
		l.Title, l.Summary, l.Programme = title, summary, programme
		file, err := calendar.Write(calendar.Publish, "https://lectern.example", programme, []calendar.Lecture{l})
		if err != nil {
			t.Fatal(err)
		}
		if err := wellFormed(string(file), 1); err != "" {
			t.Fatalf("%s:\n%q", err, file)
		}
		back, err := ics.ParseCalendar(strings.NewReader(string(file)))
		if err != nil {
			t.Fatalf("a reader refuses it: %v\n%q", err, file)
		}
		events := back.Events()
		if len(events) != 1 || events[0].Id() != "8f14e45f@lectern.example" {
			t.Fatalf("a reader finds %d entries in %q", len(events), file)
		}
	})
}
