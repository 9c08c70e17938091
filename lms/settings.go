package lms

import (
	"fmt"
	"slices"
	"time"
)

// ProgrammeState is how far a programme is.
type ProgrammeState string

// The states. A draft is seen by those who work for it only, and sends no mail to anybody else; nothing leads back to it.
const (
	ProgrammeDraft     ProgrammeState = "draft"
	ProgrammePublished ProgrammeState = "published"
	ProgrammeClosed    ProgrammeState = "closed" // over: what is there can be watched, nothing goes on air and nobody new comes
)

// Bounds of a draft, so that a page can show it and a transaction hold it.
const (
	maxLanguages      = 20
	maxMaterials      = 50
	maxPlannedCredits = 10
	maxPlanned        = 100 // of one type for one course
	maxCourses        = 500
)

// Settings are what a programme promises beside its schedule. They are edited as a draft, and frozen as a version when it is published.
type Settings struct {
	Description string           `json:"description"`
	Languages   []Language       `json:"languages"`
	Courses     []CourseSettings `json:"courses"` // in the order in which they are taken
}

// CourseSettings are those of one course. Opens and Closes are local times in the zone of the course, "" for always.
type CourseSettings struct {
	Course    CourseID       `json:"course"`
	Elective  bool           `json:"elective"` // not needed for the programme
	Opens     string         `json:"opens"`
	Closes    string         `json:"closes"`
	Materials []Material     `json:"materials"`
	Credit    CreditSettings `json:"credit"`
}

// Material is a file that comes with a course.
type Material struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// CreditSettings say what a course earns. While it is a draft, types may be incomplete.
type CreditSettings struct {
	Promised bool            `json:"promised"`
	Types    []PlannedCredit `json:"types"`
}

// PlannedCredit is one kind of credit that a course is to give, such as AMA PRA Category 1.
type PlannedCredit struct {
	Name     string   `json:"name"`
	Maximum  float64  `json:"maximum"` // credits for the whole course
	Modality Modality `json:"modality"`
}

// complete reports whether nothing of a type is left open.
func (c PlannedCredit) complete() bool { return c.Name != "" && c.Maximum > 0 && c.Modality != "" }

// For returns the settings of a course, or those that a course has before anybody has set any.
func (s Settings) For(course CourseID) CourseSettings {
	for _, c := range s.Courses {
		if c.Course == course {
			return c
		}
	}
	return CourseSettings{Course: course, Materials: []Material{}, Credit: CreditSettings{Types: []PlannedCredit{}}}
}

// Or returns the settings with those of other for courses that they do not know.
func (s Settings) Or(other Settings) Settings {
	s.Courses = slices.Clone(s.Courses)
	for _, c := range other.Courses {
		if !slices.ContainsFunc(s.Courses, func(known CourseSettings) bool { return known.Course == c.Course }) {
			s.Courses = append(s.Courses, c)
		}
	}
	return s
}

// Of returns the settings with exactly these courses: in the order of the settings, those that they do not know at the end.
func (s Settings) Of(courses []CourseID) Settings {
	out := Settings{Description: s.Description, Languages: s.Languages, Courses: make([]CourseSettings, 0, len(courses))}
	if out.Languages == nil {
		out.Languages = []Language{}
	}
	for _, c := range s.Courses {
		if slices.Contains(courses, c.Course) {
			out.Courses = append(out.Courses, c)
		}
	}
	for _, id := range courses {
		if !slices.ContainsFunc(s.Courses, func(c CourseSettings) bool { return c.Course == id }) {
			out.Courses = append(out.Courses, s.For(id))
		}
	}
	for i := range out.Courses {
		c := &out.Courses[i]
		if c.Materials == nil {
			c.Materials = []Material{}
		}
		if c.Credit.Types == nil {
			c.Credit.Types = []PlannedCredit{}
		}
	}
	return out
}

// Parse tidies a draft from outside and refuses what can never be published. What is only missing is accepted: a draft grows.
func (s Settings) Parse() (Settings, error) {
	var err error
	if s.Description, err = parseText("description", s.Description, 0, 4000, "Shorten the description to at most 4000 characters."); err != nil {
		return s, err
	}
	if len(s.Languages) > maxLanguages {
		return s, invalid("languages", fmt.Sprintf("Name at most %d languages.", maxLanguages))
	}
	languages := make([]Language, 0, len(s.Languages))
	for _, l := range s.Languages {
		tag, err := ParseLanguage(string(l))
		if err != nil {
			return s, invalid("languages", "Give each language as a tag such as en, pt-BR or zh-Hant.")
		}
		if !slices.Contains(languages, tag) {
			languages = append(languages, tag)
		}
	}
	s.Languages = languages
	if len(s.Courses) > maxCourses {
		return s, invalid("courses", fmt.Sprintf("A programme has at most %d courses.", maxCourses))
	}
	courses := make([]CourseSettings, 0, len(s.Courses))
	for _, c := range s.Courses {
		if slices.ContainsFunc(courses, func(other CourseSettings) bool { return other.Course == c.Course }) {
			return s, invalid("courses", "A course stands twice in the list.")
		}
		if c, err = c.parse(); err != nil {
			return s, err
		}
		courses = append(courses, c)
	}
	s.Courses = courses
	return s, nil
}

func (c CourseSettings) parse() (CourseSettings, error) {
	for field, value := range map[string]*string{"opens": &c.Opens, "closes": &c.Closes} {
		if *value == "" {
			continue
		}
		at, err := ParseLocalTime(*value)
		if err != nil {
			return c, invalid(field, "Enter date and time like 2026-11-22T19:30, or nothing.")
		}
		*value = at.String()
	}
	if len(c.Materials) > maxMaterials {
		return c, invalid("materials", fmt.Sprintf("A course has at most %d materials.", maxMaterials))
	}
	for i, m := range c.Materials {
		title, err := ParseTitle(m.Title)
		if err != nil || len(m.ID) > 64 {
			return c, invalid("materials", "Each material needs a title of at most 200 characters.")
		}
		c.Materials[i].Title = title
	}
	if len(c.Credit.Types) > maxPlannedCredits {
		return c, invalid("credit", fmt.Sprintf("A course has at most %d types of credit.", maxPlannedCredits))
	}
	for i, t := range c.Credit.Types {
		name, err := parseLine("credit", t.Name, 0, 80, "Enter a name of the credit of at most 80 characters.")
		if err != nil {
			return c, err
		}
		if !(t.Maximum >= 0 && t.Maximum <= maxPlanned) {
			return c, invalid("credit", fmt.Sprintf("Enter a maximum between 0 and %d credits.", maxPlanned))
		}
		if !slices.Contains([]Modality{"", ModalityLive, ModalityEnduring, ModalityBlended}, t.Modality) {
			return c, invalid("credit", "Choose one of live, enduring, blended.")
		}
		c.Credit.Types[i].Name = name
	}
	return c, nil
}

// Window derives when a course is open to its audience; a zero time is no bound. The schedule is that of the course, whose zone the
// window has too. A window must hold the lecture.
func (c CourseSettings) Window(s Schedule, start time.Time, minutes int) (opens, closes time.Time, err error) {
	at := func(field, text string) (time.Time, error) {
		if text == "" {
			return time.Time{}, nil
		}
		local, err := ParseLocalTime(text)
		if err != nil {
			return time.Time{}, invalid(field, "Enter date and time like 2026-11-22T19:30, or nothing.")
		}
		return Schedule{Local: local, Zone: s.Zone, Fold: FoldEarlier}.Instant()
	}
	if opens, err = at("opens", c.Opens); err != nil {
		return opens, closes, err
	}
	if closes, err = at("closes", c.Closes); err != nil {
		return opens, closes, err
	}
	if !opens.IsZero() && opens.After(start) {
		return opens, closes, invalid("opens", "It must open before it starts.")
	}
	if !closes.IsZero() && closes.Before(start.Add(time.Duration(minutes)*time.Minute)) {
		return opens, closes, invalid("closes", "It must not close before it ends.")
	}
	return opens, closes, nil
}

// same reports whether two promises of credit are the same.
func (c CreditSettings) same(other CreditSettings) bool {
	return c.Promised == other.Promised && slices.Equal(c.Types, other.Types)
}

// Promise refuses a draft that changes what a course that has begun promised: credit freezes when a course starts (lms.md 1.9).
func Promise(promised, draft Settings, begun []CourseID) error {
	for _, id := range begun {
		if !promised.For(id).Credit.same(draft.For(id).Credit) {
			return &Problem{
				Kind: ErrConflict, Field: "credit", Message: "This course has begun: what it promised in credit can no longer be changed.",
			}
		}
	}
	return nil
}

// Renumbers reports whether the order of the settings gives courses other numbers than they have.
func (s Settings) Renumbers(courses []PlannedCourse) bool {
	for i, c := range s.Courses {
		if slices.ContainsFunc(courses, func(p PlannedCourse) bool { return p.ID == c.Course && p.Number != i+1 }) {
			return true
		}
	}
	return false
}

// Admit says whether the audience is let in to a course at a moment; nil is no bound. It is asked before media is given and questions are taken.
func Admit(opens, closes *time.Time, zone Zone, now time.Time) error {
	clock := func(at time.Time) string {
		return zone.In(at).Format("15:04 on 2 January 2006") + " (" + string(zone) + ")"
	}
	switch {
	case opens != nil && now.Before(*opens):
		return &Problem{Kind: ErrForbidden, Message: "This lecture opens at " + clock(*opens) + "."}
	case closes != nil && !now.Before(*closes):
		return &Problem{Kind: ErrForbidden, Message: "This lecture could be watched until " + clock(*closes) + "."}
	}
	return nil
}
