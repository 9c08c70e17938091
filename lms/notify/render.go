package notify

import (
	"fmt"
	"strings"
	"text/template"
	"time"

	"lectern/lms"
	"lectern/lms/calendar"
)

// letters are the messages in English. What comes from people stands in the body only, never in a header.
var letters = map[lms.NoticeKind]struct {
	subject string
	body    *template.Template
}{
	lms.NoticeOTP: {"Your sign-in code", template.Must(template.New("otp").Parse(
		`{{.Greeting}}

your code for signing in at {{.Site}} is

    {{.Code}}

Type it on the page where you asked for it. It can be used once, until
{{.Until}}.

Nobody from us will ever ask you for this code.

If you did not try to sign in, ignore this message: without the code
nothing happens.
`))},
	lms.NoticeLink: {"Your personal link", template.Must(template.New("link").Parse(
		`{{.Greeting}}

you are invited to "{{.Programme}}" as {{.Role}}.
This link signs you in:

    {{.Link}}

It is for you alone: please do not pass it on. It works once, until
{{.Until}}.
Afterwards ask for a new one where you got this one.

{{.Site}}
`))},
	lms.NoticeSchedule: {"A lecture has a new time", template.Must(template.New("schedule").Parse(
		`{{.Greeting}}

"{{.Title}}" of the programme
"{{.Programme}}" has a new time:

    {{.Own}}
{{if .Event}}    {{.Event}}
{{end}}
The lecture's page:

    {{.Link}}

The calendar entry with this message replaces the old one. If your
calendar does not take it, the page of your courses has it too.

{{.Site}}
`))},
}

// render puts a notice into words.
func render(n lms.Notice, site string) (Message, error) {
	letter, known := letters[n.Kind]
	if !known || n.To == "" || n.ID == "" {
		return Message{}, fmt.Errorf("notice %q of kind %q cannot be put into words: %w", n.ID, n.Kind, lms.ErrInvalid)
	}
	greeting := "Good day,"
	if n.Name != "" {
		greeting = "Dear " + n.Name + ","
	}
	zone := n.Zone
	if zone == "" {
		zone = "UTC"
	}
	var text strings.Builder
	err := letter.body.Execute(&text, map[string]string{
		"Greeting":  greeting,
		"Site":      site,
		"Code":      grouped(n.Code),
		"Until":     zone.In(n.ExpiresAt).Format("15:04 on 2 January 2006") + " (" + string(zone) + ")",
		"Link":      n.Link,
		"Programme": n.Programme,
		"Role":      string(n.Role),
		"Title":     n.Lecture.Title,
		"Own":       clock(n.Lecture.Start, zone),
		"Event":     eventClock(n.Lecture, zone),
	})
	m := Message{ID: n.ID, To: n.To, Subject: letter.subject, Text: text.String()}
	if n.Kind == lms.NoticeSchedule {
		m.Invitation = &Invitation{Site: site, Lecture: entry(n)}
	}
	return m, err
}

// clock is a moment as a reader in the zone would write it, with the zone's name.
func clock(at time.Time, zone lms.Zone) string {
	return zone.In(at).Format("Monday 2 January 2006, 15:04") + " (" + string(zone) + ")"
}

// eventClock is when the lecture takes place for its organisers, or "" for a reader in their zone.
func eventClock(l lms.Lecture, reader lms.Zone) string {
	if l.Zone == reader || l.Zone == "" {
		return ""
	}
	return clock(l.Start, l.Zone)
}

// entry is the calendar entry of a notice about a lecture.
func entry(n lms.Notice) calendar.Lecture {
	l := n.Lecture
	return calendar.Lecture{
		ID: string(l.ID), Revision: l.Revision, Start: l.Start, Length: time.Duration(l.Minutes) * time.Minute, Title: l.Title,
		Summary: l.Summary, Programme: n.Programme, Link: n.Link, ChangedAt: l.RevisedAt,
	}
}

// grouped shows a code as 123 456, which is easier to read and to keep in mind. It may be pasted so.
func grouped(code lms.OTP) string {
	if len(code) != 6 {
		return string(code)
	}
	return string(code[:3] + " " + code[3:])
}
