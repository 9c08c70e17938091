// Package calendar writes lectures as iCalendar (RFC 5545): a file to keep, the part of a mail, a feed to subscribe to.
package calendar

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	ics "github.com/arran4/golang-ical"
)

// product names the program that wrote a calendar (RFC 5545 section 3.7.3).
const product = "-//Lectern//Lectures//EN"

// refreshFeed is how often a subscriber should look again (RFC 7986 section 5.7); a change of schedule is mailed too.
const refreshFeed = time.Hour

// Method is what a calendar asks of its reader (RFC 5546 section 1.4).
type Method string

// The methods.
const (
	Publish Method = "PUBLISH" // to look at: files and feeds
	Request Method = "REQUEST" // an invitation, or its update
	Cancel  Method = "CANCEL"  // it does not take place
)

// Lecture is one entry. Its texts come from people and may hold anything.
type Lecture struct {
	ID        string    // the same for every version of the entry; with Host it makes the UID
	Revision  int       // of the schedule, from 1; a higher one replaces a lower one
	Start     time.Time // to the second
	Length    time.Duration
	Title     string
	Summary   string // several lines
	Programme string
	Link      string // absolute address of the lecture's page
	Cancelled bool

	// The addresses of who invites and who is invited, which an invitation must have (RFC 5546 section 3.2.2).
	Organizer, Attendee string
	ChangedAt           time.Time // when this revision was made
}

// Write returns a calendar of the lectures, named name, from the installation at site (https://host). Lines end with CRLF and
// are folded at 75 octets without cutting a character (RFC 5545 section 3.1). Start is written as UTC: a lecture takes
// place once, and a zone that the reader's program does not know would move it.
func Write(method Method, site, name string, lectures []Lecture) ([]byte, error) {
	host, err := hostOf(site)
	if err != nil {
		return nil, err
	}
	calendar := ics.NewCalendarFor("Lectern")
	calendar.SetProductId(product)
	calendar.SetMethod(ics.Method(method))
	if name = oneLine(name); name != "" {
		calendar.SetXWRCalName(name)
	}
	if method == Publish {
		calendar.SetRefreshInterval(fmt.Sprintf("PT%dM", int(refreshFeed.Minutes())), ics.WithValue(string(ics.ValueDataTypeDuration)))
	}
	for _, l := range lectures {
		l.add(calendar, host)
	}
	return []byte(calendar.Serialize(ics.WithNewLineWindows)), nil
}

// add appends the entry of a lecture.
func (l Lecture) add(calendar *ics.Calendar, host string) {
	event := calendar.AddEvent(l.ID + "@" + host)
	event.SetDtStampTime(l.ChangedAt)
	// The first version of an entry has the sequence number 0 (RFC 5545 section 3.8.7.4).
	event.SetSequence(max(l.Revision-1, 0))
	event.SetStartAt(l.Start)
	event.SetEndAt(l.Start.Add(l.Length))
	event.SetSummary(oneLine(l.Title))
	event.SetDescription(strings.TrimSpace(lines(l.Programme) + "\n\n" + lines(l.Summary) + "\n\n" + oneLine(l.Link)))
	if link, err := url.Parse(l.Link); err == nil && link.Host != "" {
		event.SetURL(link.String())
		event.SetLocation(link.String())
	}
	event.SetStatus(ics.ObjectStatusConfirmed)
	if l.Cancelled {
		event.SetStatus(ics.ObjectStatusCancelled)
	}
	event.SetTimeTransparency(ics.TransparencyOpaque)
	if l.Organizer != "" {
		event.SetOrganizer(oneLine(l.Organizer))
	}
	if l.Attendee != "" {
		event.AddAttendee(oneLine(l.Attendee), ics.ParticipationStatusAccepted, ics.ParticipationRoleReqParticipant)
	}
}

// hostOf makes UIDs unique in the world: they end with the host of the installation.
func hostOf(site string) (string, error) {
	u, err := url.Parse(site)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("the address of the installation, %q, has no host", site)
	}
	return u.Hostname(), nil
}

// lines makes text of what somebody typed: valid UTF-8, lines that end with \n, no control characters, which iCalendar has no way
// to write (RFC 5545 section 3.3.11). The library escapes what remains.
func lines(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// oneLine is lines joined by spaces.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(lines(s), "\n", " ")), " ")
}
