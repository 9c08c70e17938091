package lms

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Publication is what is looked at before a programme is published.
type Publication struct {
	Title    string
	Settings Settings
	Courses  []PlannedCourse
	Faculty  []FacultyStanding
}

// PlannedCourse is a course as far as publishing asks.
type PlannedCourse struct {
	ID        CourseID
	Number    int
	Schedule  Schedule
	Start     time.Time
	Minutes   int
	Published bool // in an earlier version
	Begun     bool // on air or over
	Cancelled bool
	Presents  bool // somebody was invited to speak
}

// FacultyStanding is how far somebody's disclosure is.
type FacultyStanding struct {
	Person PersonID
	Name   string
	Course CourseID // "" for all
	State  DisclosureState
}

// MissingCode names a kind of thing that is missing, for a page to lead to where it is mended.
type MissingCode string

// What may be missing.
const (
	MissingTitle      MissingCode = "title"
	MissingCourses    MissingCode = "courses"
	MissingSchedule   MissingCode = "schedule"
	MissingWindow     MissingCode = "window"
	MissingPresenter  MissingCode = "presenter"
	MissingDisclosure MissingCode = "disclosure" // not signed
	MissingMitigation MissingCode = "mitigation"
	MissingExclusion  MissingCode = "exclusion" // may not have a role at all
	MissingCredit     MissingCode = "credit"
)

// Missing is one thing that stands between a programme and its publication.
type Missing struct {
	Code    MissingCode
	Course  CourseID // "" when it is about none
	Person  PersonID // "" when it is about nobody
	Message string   // what is missing, as a sentence
}

// Missing lists everything that is missing, in the order in which it is best mended.
func (p Publication) Missing(now time.Time) []Missing {
	missing := []Missing{}
	if strings.TrimSpace(p.Title) == "" {
		missing = append(missing, Missing{Code: MissingTitle, Message: "The programme has no title."})
	}
	ahead := slices.DeleteFunc(slices.Clone(p.Courses), func(c PlannedCourse) bool { return c.Cancelled })
	if len(ahead) == 0 {
		missing = append(missing, Missing{Code: MissingCourses, Message: "There is no course yet."})
	}
	for _, c := range ahead {
		missing = append(missing, p.missingOf(c, now)...)
	}
	told := map[PersonID]bool{}
	for _, f := range p.Faculty {
		if m, ok := f.missing(); ok && !told[f.Person] {
			told[f.Person] = true
			missing = append(missing, m)
		}
	}
	return missing
}

func (p Publication) missingOf(c PlannedCourse, now time.Time) []Missing {
	var missing []Missing
	add := func(code MissingCode, format string, args ...any) {
		missing = append(missing, Missing{Code: code, Course: c.ID, Message: fmt.Sprintf("Course %d ", c.Number) + fmt.Sprintf(format, args...)})
	}
	settings := p.Settings.For(c.ID)
	if !c.Published && !c.Begun && !c.Start.After(now) {
		add(MissingSchedule, "lies in the past. Give it a time to come.")
	}
	if _, _, err := settings.Window(c.Schedule, c.Start, c.Minutes); err != nil {
		add(MissingWindow, "has a window of access that does not hold the lecture.")
	}
	if !c.Begun && !c.Presents {
		add(MissingPresenter, "has no presenter. Invite one.")
	}
	if credit := settings.Credit; credit.Promised {
		switch {
		case len(credit.Types) == 0:
			add(MissingCredit, "promises credit, but of no type.")
		case slices.ContainsFunc(credit.Types, func(t PlannedCredit) bool { return !t.complete() }):
			add(MissingCredit, "promises credit, of which name, maximum or modality is missing.")
		}
	}
	return missing
}

func (f FacultyStanding) missing() (Missing, bool) {
	m := Missing{Person: f.Person, Course: f.Course}
	switch f.State {
	case DisclosureMissing:
		m.Code, m.Message = MissingDisclosure, f.Name+" has not signed the disclosure."
	case DisclosureOpen:
		m.Code, m.Message = MissingMitigation, f.Name+" has disclosed relationships that are not mitigated yet."
	case DisclosureExcluded:
		m.Code, m.Message = MissingExclusion, f.Name+" owns or works for an ineligible company and may not have this role."
	case DisclosureNone, DisclosureMitigated:
		return m, false
	}
	return m, true
}

// Refuse returns nil when nothing is missing, else an ErrConflict that says what. Names stand in the list alone: messages may be logged.
func Refuse(missing []Missing) error {
	if len(missing) == 0 {
		return nil
	}
	var said []string
	people := 0
	for _, m := range missing {
		if m.Person != "" {
			people++
		} else {
			said = append(said, m.Message)
		}
	}
	if more := len(said) - 5; more > 0 {
		said = append(said[:5], fmt.Sprintf("And %d more.", more))
	}
	if people > 0 {
		said = append(said, fmt.Sprintf("Disclosures that are open: %d.", people))
	}
	return &Problem{Kind: ErrConflict, Message: "It cannot be published yet. " + strings.Join(said, " ")}
}

// Shift says by how many days the courses of a copied programme move.
type Shift struct {
	Days  int       // used when First is zero
	First LocalTime // only its date is used: that of the first course
}

// maxShift is ten years, which stands for a slip of the finger beyond.
const maxShift = 3660

// DaysFrom is by how many days a schedule moves whose first course is at that local time.
func (s Shift) DaysFrom(first LocalTime) (int, error) {
	days := s.Days
	if s.First != (LocalTime{}) {
		day := func(l LocalTime) time.Time { return l.wall.Truncate(24 * time.Hour) }
		days = int(day(s.First).Sub(day(first)) / (24 * time.Hour))
	}
	if days < -maxShift || days > maxShift {
		return 0, invalid("days", fmt.Sprintf("Move it by at most %d days.", maxShift))
	}
	return days, nil
}

// AddDays is the same time of day some days later, on the wall.
func (l LocalTime) AddDays(days int) LocalTime { return LocalTime{l.wall.AddDate(0, 0, days)} }

// Moved returns the settings for a copy, in which each course has another name and windows move by days. What a copy does not know
// falls out; materials stay with the original.
func (s Settings) Moved(names map[CourseID]CourseID, days int) Settings {
	out := Settings{Description: s.Description, Languages: s.Languages}
	for _, c := range s.Courses {
		to, ok := names[c.Course]
		if !ok {
			continue
		}
		c.Course, c.Materials = to, []Material{}
		for _, at := range []*string{&c.Opens, &c.Closes} {
			if local, err := ParseLocalTime(*at); err == nil {
				*at = local.AddDays(days).String()
			}
		}
		out.Courses = append(out.Courses, c)
	}
	return out
}

// ParseCancellation reads why a course is cancelled, as its audience reads it.
func ParseCancellation(s string) (string, error) {
	return parseText("reason", s, 1, 1000, "Say why in at most 1000 characters. Everybody who is registered reads it.")
}

// CancelCourse says whether a course can be cancelled.
func CancelCourse(cancelled, begun bool) error {
	switch {
	case cancelled:
		return &Problem{Kind: ErrConflict, Message: "This course is cancelled already."}
	case begun:
		return &Problem{Kind: ErrConflict, Message: "This course has begun, so it cannot be cancelled any more."}
	}
	return nil
}

// RestoreCourse says whether a cancelled course can take place after all: as long as it lies in the future.
func RestoreCourse(cancelled bool, start, now time.Time) error {
	switch {
	case !cancelled:
		return &Problem{Kind: ErrConflict, Message: "This course is not cancelled."}
	case !start.After(now):
		return &Problem{Kind: ErrConflict, Message: "Its time has passed. Give it a new time first, then let it take place."}
	}
	return nil
}

// MayAir says whether a lecture may go on air: its programme and it must be published, and it must not be cancelled.
func MayAir(state ProgrammeState, published, cancelled bool) error {
	switch {
	case state == ProgrammeClosed:
		return &Problem{Kind: ErrConflict, Message: "The programme is closed. Ask the organisers to open it again."}
	case state == ProgrammeDraft || !published:
		return &Problem{Kind: ErrConflict, Message: "This lecture is not published yet, so nobody could watch. Rehearse instead, or ask the organisers to publish it."}
	case cancelled:
		return &Problem{Kind: ErrConflict, Message: "This lecture is cancelled. Ask the organisers if it is to take place after all."}
	}
	return nil
}
