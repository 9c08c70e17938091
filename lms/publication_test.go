package lms

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

var publishNow = time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)

// planned is a course that lacks nothing.
func planned(id CourseID, number int) PlannedCourse {
	local, _ := ParseLocalTime("2027-02-01T19:30")
	return PlannedCourse{
		ID: id, Number: number, Schedule: Schedule{Local: local, Zone: "Asia/Kolkata"},
		Start: time.Date(2027, 2, 1, 14, 0, 0, 0, time.UTC), Minutes: 60, Presents: true,
	}
}

func codes(missing []Missing) (list []MissingCode) {
	for _, m := range missing {
		list = append(list, m.Code)
	}
	return list
}

func TestMissing(t *testing.T) {
	credit := func(promised bool, types ...PlannedCredit) Settings {
		return Settings{Courses: []CourseSettings{{Course: "a", Credit: CreditSettings{Promised: promised, Types: types}}}}
	}
	full := PlannedCredit{Name: "AMA PRA Category 1", Maximum: 1, Modality: ModalityLive}
	with := func(change func(*PlannedCourse)) []PlannedCourse {
		c := planned("a", 1)
		change(&c)
		return []PlannedCourse{c}
	}
	whole := []PlannedCourse{planned("a", 1)}
	standing := func(states ...DisclosureState) (list []FacultyStanding) {
		for i, s := range states {
			list = append(list, FacultyStanding{Person: PersonID(rune('p' + i)), Name: "Dr X", State: s})
		}
		return list
	}
	for name, tc := range map[string]struct {
		p    Publication
		want []MissingCode
	}{
		"nothing":              {Publication{Title: "T", Courses: whole}, nil},
		"title":                {Publication{Title: " ", Courses: whole}, []MissingCode{MissingTitle}},
		"no course":            {Publication{Title: "T"}, []MissingCode{MissingCourses}},
		"only a cancelled one": {Publication{Title: "T", Courses: with(func(c *PlannedCourse) { c.Cancelled, c.Presents = true, false })}, []MissingCode{MissingCourses}},
		"in the past":          {Publication{Title: "T", Courses: with(func(c *PlannedCourse) { c.Start = publishNow })}, []MissingCode{MissingSchedule}},
		"in the past, but published": {
			Publication{Title: "T", Courses: with(func(c *PlannedCourse) { c.Start, c.Published = publishNow.Add(-time.Hour), true })}, nil,
		},
		"no presenter":         {Publication{Title: "T", Courses: with(func(c *PlannedCourse) { c.Presents = false })}, []MissingCode{MissingPresenter}},
		"no presenter, over":   {Publication{Title: "T", Courses: with(func(c *PlannedCourse) { c.Presents, c.Begun = false, true })}, nil},
		"credit":               {Publication{Title: "T", Courses: whole, Settings: credit(true, full)}, nil},
		"credit of no type":    {Publication{Title: "T", Courses: whole, Settings: credit(true)}, []MissingCode{MissingCredit}},
		"half a type":          {Publication{Title: "T", Courses: whole, Settings: credit(true, full, PlannedCredit{Name: "x"})}, []MissingCode{MissingCredit}},
		"half, not promised":   {Publication{Title: "T", Courses: whole, Settings: credit(false, PlannedCredit{})}, nil},
		"too narrow a window":  {Publication{Title: "T", Courses: whole, Settings: Settings{Courses: []CourseSettings{{Course: "a", Closes: "2027-02-01T20:29"}}}}, []MissingCode{MissingWindow}},
		"disclosures complete": {Publication{Title: "T", Courses: whole, Faculty: standing(DisclosureNone, DisclosureMitigated)}, nil},
		"disclosures missing": {
			Publication{Title: "T", Courses: whole, Faculty: standing(DisclosureMissing, DisclosureOpen, DisclosureExcluded)},
			[]MissingCode{MissingDisclosure, MissingMitigation, MissingExclusion},
		},
		"two roles, one disclosure": {
			Publication{Title: "T", Courses: whole, Faculty: append(standing(DisclosureMissing), standing(DisclosureMissing)...)}, []MissingCode{MissingDisclosure},
		},
	} {
		missing := tc.p.Missing(publishNow)
		if !slices.Equal(codes(missing), tc.want) {
			t.Errorf("%s: %+v", name, missing)
		}
		err := Refuse(missing)
		if (err == nil) != (len(tc.want) == 0) || err != nil && (!errors.Is(err, ErrConflict) || strings.Contains(err.Error(), "Dr X")) {
			t.Errorf("%s: refused with %v", name, err)
		}
	}
}

func TestWindowHoldsTheLecture(t *testing.T) {
	c := planned("a", 1)
	for _, tc := range []struct {
		opens, closes string
		field         string
	}{
		{"", "", ""},
		{"2027-02-01T19:30", "2027-02-01T20:30", ""},
		{"2027-02-01T19:31", "", "opens"},
		{"", "2027-02-01T20:29", "closes"},
		{"nonsense", "", "opens"},
	} {
		opens, closes, err := CourseSettings{Opens: tc.opens, Closes: tc.closes}.Window(c.Schedule, c.Start, c.Minutes)
		var p *Problem
		if (tc.field == "") != (err == nil) || errors.As(err, &p) && p.Field != tc.field {
			t.Errorf("%s to %s: %v", tc.opens, tc.closes, err)
		}
		if err == nil && tc.opens != "" && (!opens.Equal(c.Start) || !closes.Equal(c.Start.Add(time.Hour))) {
			t.Errorf("%s to %s: %v to %v", tc.opens, tc.closes, opens, closes)
		}
	}
}

func TestAdmit(t *testing.T) {
	opens, closes := publishNow, publishNow.Add(time.Hour)
	for at, want := range map[time.Duration]bool{-time.Nanosecond: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if err := Admit(&opens, &closes, "Asia/Kolkata", publishNow.Add(at)); (err == nil) != want || err != nil && !errors.Is(err, ErrForbidden) {
			t.Errorf("at %v: %v", at, err)
		}
	}
	if err := Admit(nil, nil, "UTC", publishNow); err != nil {
		t.Error(err)
	}
}

func TestDraftSettings(t *testing.T) {
	s := Settings{
		Description: " Two\n\n\nparagraphs ", Languages: []Language{"EN", "en", "pt-br"},
		Courses: []CourseSettings{{Course: "b", Elective: true, Opens: "2027-01-01T00:00:00"}, {Course: "gone"}},
	}
	got, err := s.Parse()
	if err != nil || got.Description != "Two\n\nparagraphs" || !slices.Equal(got.Languages, []Language{"en", "pt-BR"}) || got.Courses[0].Opens != "2027-01-01T00:00" {
		t.Errorf("%+v, %v", got, err)
	}
	got = got.Of([]CourseID{"a", "b"})
	if len(got.Courses) != 2 || got.Courses[0].Course != "b" || !got.Courses[0].Elective || got.Courses[1].Course != "a" || got.Courses[1].Elective {
		t.Errorf("of two courses: %+v", got.Courses)
	}
	if !got.Renumbers([]PlannedCourse{{ID: "a", Number: 1}, {ID: "b", Number: 2}}) || got.Renumbers([]PlannedCourse{{ID: "b", Number: 1}, {ID: "a", Number: 2}}) {
		t.Error("numbers")
	}
	for name, bad := range map[string]Settings{
		"a course twice": {Courses: []CourseSettings{{Course: "a"}, {Course: "a"}}},
		"a language":     {Languages: []Language{"english please"}},
		"a window":       {Courses: []CourseSettings{{Course: "a", Closes: "tomorrow"}}},
		"a modality":     {Courses: []CourseSettings{{Course: "a", Credit: CreditSettings{Types: []PlannedCredit{{Modality: "x"}}}}}},
		"a maximum":      {Courses: []CourseSettings{{Course: "a", Credit: CreditSettings{Types: []PlannedCredit{{Maximum: -1}}}}}},
		"an essay":       {Description: strings.Repeat("x", 4001)},
		"a material":     {Courses: []CourseSettings{{Course: "a", Materials: []Material{{Title: ""}}}}},
	} {
		if _, err := bad.Parse(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPromiseFreezesAtTheStart(t *testing.T) {
	one := CreditSettings{Promised: true, Types: []PlannedCredit{{Name: "AMA", Maximum: 1, Modality: ModalityLive}}}
	two := CreditSettings{Promised: true, Types: []PlannedCredit{{Name: "AMA", Maximum: 2, Modality: ModalityLive}}}
	of := func(a, b CreditSettings) Settings {
		return Settings{Courses: []CourseSettings{{Course: "a", Credit: a}, {Course: "b", Credit: b}}}
	}
	if err := Promise(of(one, one), of(one, two), []CourseID{"a"}); err != nil {
		t.Errorf("a course to come: %v", err)
	}
	if err := Promise(of(one, one), of(two, one), []CourseID{"a"}); !errors.Is(err, ErrConflict) {
		t.Errorf("a course that has begun: %v", err)
	}
	if err := Promise(of(one, one), Settings{}, []CourseID{"a"}); !errors.Is(err, ErrConflict) {
		t.Errorf("a course that was left out: %v", err)
	}
}

func TestMovedByDays(t *testing.T) {
	first, _ := ParseLocalTime("2026-11-22T19:30")
	to, _ := ParseLocalTime("2027-03-28T00:00")
	if days, err := (Shift{First: to}).DaysFrom(first); err != nil || days != 126 {
		t.Errorf("to a date: %d days, %v", days, err)
	}
	if days, err := (Shift{Days: 7}).DaysFrom(first); err != nil || days != 7 || first.AddDays(days).String() != "2026-11-29T19:30" {
		t.Errorf("by days: %d, %v", days, err)
	}
	if _, err := (Shift{Days: 4000}).DaysFrom(first); !errors.Is(err, ErrInvalid) {
		t.Error("eleven years")
	}
	s := Settings{Courses: []CourseSettings{
		{Course: "a", Opens: "2026-11-22T19:00", Materials: []Material{{ID: "1", Title: "Slides"}}, Elective: true}, {Course: "cancelled"},
	}}.Moved(map[CourseID]CourseID{"a": "b"}, 7)
	if len(s.Courses) != 1 || s.Courses[0].Course != "b" || s.Courses[0].Opens != "2026-11-29T19:00" || len(s.Courses[0].Materials) != 0 || !s.Courses[0].Elective {
		t.Errorf("moved %+v", s.Courses)
	}
}

func TestCancellationAndAir(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"cancel":                      {CancelCourse(false, false), true},
		"cancel twice":                {CancelCourse(true, false), false},
		"cancel what has begun":       {CancelCourse(false, true), false},
		"restore":                     {RestoreCourse(true, publishNow.Add(1), publishNow), true},
		"restore what is not":         {RestoreCourse(false, publishNow.Add(1), publishNow), false},
		"restore when it is too late": {RestoreCourse(true, publishNow, publishNow), false},
		"air":                         {MayAir(ProgrammePublished, true, false), true},
		"air of a draft":              {MayAir(ProgrammeDraft, true, false), false},
		"air of a new course":         {MayAir(ProgrammePublished, false, false), false},
		"air of a closed programme":   {MayAir(ProgrammeClosed, true, false), false},
		"air of a cancelled course":   {MayAir(ProgrammePublished, true, true), false},
	} {
		if (tc.err == nil) != tc.want || tc.err != nil && !errors.Is(tc.err, ErrConflict) {
			t.Errorf("%s: %v", name, tc.err)
		}
	}
}
