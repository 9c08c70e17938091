package notify

import (
	"fmt"
	"strings"
	"time"

	"lectern/lms"
	"lectern/lms/calendar"
)

// render puts a notice into words of the reader's language.
func render(n lms.Notice, site string) (Message, error) {
	words := postbag.of(n.Language)
	letter, known := words.letters[n.Kind]
	if !known {
		words = postbag.of("")
		letter, known = words.letters[n.Kind]
	}
	if !known || n.To == "" || n.ID == "" {
		return Message{}, fmt.Errorf("notice %q of kind %q cannot be put into words: %w", n.ID, n.Kind, lms.ErrInvalid)
	}
	zone := n.Zone
	if zone == "" {
		zone = "UTC"
	}
	phrases := map[string]string{
		"Greeting":  words.greeting(n.Name),
		"Site":      site,
		"Code":      grouped(n.Code),
		"Until":     words.moment("until", zone.In(n.ExpiresAt).Format("15:04"), words.dates.Date(zone.In(n.ExpiresAt)), zone),
		"Link":      n.Link,
		"Programme": words.isolated(n.Programme),
		"Role":      words.say("role."+string(n.Role), nil),
		"Title":     words.isolated(n.Lecture.Title),
		"Own":       words.clock(n.Lecture.Start, zone),
		"Event":     words.eventClock(n.Lecture, zone),
		"State":     string(n.Registration),
		"Reason":    words.isolated(n.Reason),
		"Faculty":   words.say("faculty."+string(n.Faculty), nil),
	}
	if n.ExpiresAt.IsZero() {
		phrases["Until"] = ""
	}
	var text strings.Builder
	err := letter.body.Execute(&text, phrases)
	m := Message{ID: n.ID, To: n.To, Subject: letter.subject, Text: text.String()}
	switch n.Kind {
	case lms.NoticeSchedule, lms.NoticeCancel, lms.NoticeRestore:
		m.Invitation = &Invitation{Site: site, Lecture: entry(n)}
	case lms.NoticeOTP, lms.NoticeLink, lms.NoticeFaculty:
	}
	return m, err
}

// clock is a moment as a reader in the zone would write it, with the zone's name.
func (w *words) clock(at time.Time, zone lms.Zone) string {
	return w.moment("moment", zone.In(at).Format("15:04"), w.dates.Long(zone.In(at)), zone)
}

// eventClock is when the lecture takes place for its organisers, or "" for a reader in their zone.
func (w *words) eventClock(l lms.Lecture, reader lms.Zone) string {
	if l.Zone == reader || l.Zone == "" {
		return ""
	}
	return w.clock(l.Start, l.Zone)
}

// entry is the calendar entry of a notice about a lecture.
func entry(n lms.Notice) calendar.Lecture {
	l := n.Lecture
	return calendar.Lecture{
		ID: string(l.ID), Revision: l.Revision, Start: l.Start, Length: time.Duration(l.Minutes) * time.Minute, Title: l.Title,
		Summary: l.Summary, Programme: n.Programme, Link: n.Link, ChangedAt: l.RevisedAt,
		Cancelled: n.Kind == lms.NoticeCancel,
	}
}

// grouped shows a code as 123 456, which is easier to read and to keep in mind. It may be pasted so.
func grouped(code lms.OTP) string {
	if len(code) != 6 {
		return string(code)
	}
	return string(code[:3] + " " + code[3:])
}
