package web

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// coursesPage is the programme as one person sees it: what to do next, the next live lecture, all courses.
type coursesPage struct {
	frame
	Lead   lead
	Next   *nextLecture
	Lists  []courseList
	Admin  []link
	Record []recordLine
	Zone   string

	Calendar subscription
	Search   search
}

// lead opens the page with its answer as a sentence and one button.
type lead struct {
	Programme   string
	Done, Total int
	Segments    []segment
	Sentence    string
	More        string
	Action      *action
}

type action struct{ Path, Label, Icon string }

// segment is the part of the ring that stands for one course, as SVG dash attributes.
type segment struct{ Track, Value, Offset string }

type nextLecture struct {
	Title, Path, In string
	File            string // for a calendar
	Live            bool
	When            when
}

type courseList struct {
	ID, Title, Note string
	Courses         []courseRow
}

type courseRow struct {
	Number              int
	Title, Path, Line   string
	Class, Icon, Button string
	Percent             int
	ShowPercent, Live   bool
	In                  string
	Rooms               []link
}

type recordLine struct {
	Label, Value string
	Done         bool
}

func getCourses(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if c.actor.Name == "" {
		http.Redirect(w, r, "/welcome?next=%2Fcourses", http.StatusSeeOther)
		return nil
	}
	courses, err := s.db.CoursesOf(r.Context(), c.actor)
	if err != nil {
		return err
	}
	feed, err := s.db.CalendarFeed(r.Context(), c.actor)
	if err != nil {
		return err
	}
	page := newCoursesPage(s.words(r), c.actor, courses, s.now())
	page.Calendar = s.newSubscription(feed)
	if page.Search, err = s.search(r, s.words(r), c.actor); err != nil {
		return err
	}
	return s.pages.write(w, s.words(r), http.StatusOK, "courses", page)
}

// getHome sends people where they work: staff of one course to its room, everybody else to the courses.
func getHome(_ *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	to := "/sign-in"
	if c.signedIn() {
		to = homeOf(c.actor)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func homeOf(a lms.Actor) string {
	if len(a.Roles) == 1 && a.Roles[0].Course == "" {
		switch only := a.Roles[0]; only.Role {
		case lms.Admin, lms.Auditor:
			return "/admin/" + string(only.Programme)
		}
	}
	return "/courses"
}

// newCoursesPage arranges courses for a reader at a moment. The first programme that is live or next leads.
func newCoursesPage(say *words, actor lms.Actor, courses []postgres.CourseItem, now time.Time) coursesPage {
	page := coursesPage{frame: frame{Title: "courses.title", Person: actor.Name}}
	zone := actor.Zone
	if zone == "" && len(courses) > 0 {
		zone = courses[0].Zone
	}
	page.Zone = zoneName(zone, now)
	for len(courses) > 0 {
		n := slices.IndexFunc(courses, func(c postgres.CourseItem) bool { return c.Programme.ID != courses[0].Programme.ID })
		if n < 0 {
			n = len(courses)
		}
		page.addProgramme(say, actor, courses[:n], now)
		courses = courses[n:]
	}
	return page
}

func (p *coursesPage) addProgramme(say *words, actor lms.Actor, courses []postgres.CourseItem, now time.Time) {
	programme := courses[0].Programme
	list := courseList{ID: "p" + fmt.Sprint(len(p.Lists)), Title: say.t("courses.count", "count", len(courses), "number", say.number(len(courses)))}
	if len(p.Lists) > 0 {
		list.Title = programme.Title
	}
	begun, ahead, done := 0, 0, 0
	for _, course := range courses {
		row := newCourseRow(say, actor, course, now)
		list.Courses = append(list.Courses, row)
		switch row.Class {
		case "done":
			done++
		case "":
			begun++
		case "ahead", "later":
			if course.State != postgres.CourseCancelled {
				ahead++
			}
		}
	}
	list.Note = say.t("courses.open", "open", begun, "ahead", ahead)
	p.Lists = append(p.Lists, list)
	if actor.Can(lms.Inspect, lms.Scope{Programme: programme.ID}) {
		p.Admin = append(p.Admin, link{"/admin/" + string(programme.ID), programme.Title})
	}
	total := 0 // what is cancelled is not owed
	for _, course := range courses {
		if course.State != postgres.CourseCancelled {
			total++
		}
	}
	p.Record = append(p.Record, recordLine{programme.Title, say.t("courses.record_of", "done", done, "total", total), done == total})
	if len(p.Lists) > 1 {
		return
	}
	p.Lead = newLead(say, actor, courses, now)
	p.Lead.Done, p.Lead.Total = done, total
	if next := nextLive(courses); next != nil {
		p.Next = &nextLecture{
			Title: next.Title, Path: watchPath(next), File: "/courses/" + string(next.ID) + "/lecture.ics", In: until(say, next.Start, now), Live: next.State == postgres.CourseLive,
			When: newWhen(say, next.Start, actor.Zone, next.Zone, now),
		}
	}
}

func watchPath(c *postgres.CourseItem) string { return "/watch/" + string(c.ID) }

// nextLive is the lecture on air, else the one that begins first.
func nextLive(courses []postgres.CourseItem) *postgres.CourseItem {
	var next *postgres.CourseItem
	for i := range courses {
		c := &courses[i]
		switch {
		case c.State == postgres.CourseLive:
			return c
		case c.State == postgres.CourseScheduled && (next == nil || c.Start.Before(next.Start)):
			next = c
		}
	}
	return next
}

// newLead finds the one thing to do next, in this order: what is on air, what was begun and not finished,
// what can be watched at all, what comes next.
func newLead(say *words, actor lms.Actor, courses []postgres.CourseItem, now time.Time) lead {
	l := lead{Programme: courses[0].Programme.Title, Segments: ring(courses)}
	if staff := staffLead(say, actor, courses, now); staff != nil {
		l.Sentence, l.More, l.Action = staff.Sentence, staff.More, staff.Action
		return l
	}
	open := slices.Clone(courses)
	open = slices.DeleteFunc(open, func(c postgres.CourseItem) bool {
		return c.State != postgres.CourseEnded || c.WatchedShare >= lms.CountsShare || !hasRecording(c)
	})
	slices.SortStableFunc(open, func(a, b postgres.CourseItem) int { return cmp.Compare(b.WatchedShare, a.WatchedShare) })
	next := nextLive(courses)
	switch {
	case next != nil && next.State == postgres.CourseLive:
		l.Sentence = say.t("lead.live", "lecture", next.Number)
		if l.More = say.t("lead.live_more"); !next.Recorded {
			l.More = say.t("lead.live_only")
		}
		l.Action = &action{watchPath(next), say.t("lead.live_do"), "play"}
	case len(open) > 0 && open[0].WatchedShare > 0:
		l.Sentence = say.t("lead.begun", "course", open[0].Number)
		l.More = say.t("lead.begun_more", "share", percent(open[0].WatchedShare))
		l.Action = &action{watchPath(&open[0]), say.t("lead.begun_do"), "play"}
	case len(open) > 0:
		slices.SortStableFunc(open, func(a, b postgres.CourseItem) int { return cmp.Compare(a.Number, b.Number) })
		l.Sentence = say.t("lead.open", "course", open[0].Number)
		l.More = say.t("lead.open_more")
		l.Action = &action{watchPath(&open[0]), say.t("lead.open_do"), "play"}
	case next != nil:
		w := newWhen(say, next.Start, actor.Zone, next.Zone, now)
		l.Sentence = say.t("lead.next", "lecture", next.Number, "day", w.Own.OnDay, "clock", w.Own.Clock)
		l.More = say.t("lead.next_more", "zone", w.Own.Zone)
		l.Action = &action{watchPath(next), say.t("lead.next_do"), "clock"}
	default:
		l.Sentence = say.t("lead.done")
		l.More = say.t("lead.done_more")
	}
	return l
}

// staffLead is the next thing to do for somebody who presents or moderates, or nil.
func staffLead(say *words, actor lms.Actor, courses []postgres.CourseItem, now time.Time) *lead {
	for _, role := range []struct {
		lms.Role
		room, icon         string
		next, live, button string // keys
	}{
		{lms.Presenter, "/studio/", "camera", "lead.present", "lead.present_live", "lead.present_do"},
		{lms.Moderator, "/console/", "list", "lead.moderate", "lead.moderate_live", "lead.moderate_do"},
	} {
		mine := slices.DeleteFunc(slices.Clone(courses), func(c postgres.CourseItem) bool {
			return !actor.Has(role.Role, lms.Scope{Programme: c.Programme.ID, Course: c.ID})
		})
		next := nextLive(mine)
		if next == nil {
			continue
		}
		l := &lead{More: next.Title, Action: &action{role.room + string(next.ID), say.t(role.button), role.icon}}
		if next.State == postgres.CourseLive {
			l.Sentence = say.t(role.live, "lecture", next.Number)
			return l
		}
		w := newWhen(say, next.Start, actor.Zone, next.Zone, now)
		l.Sentence = say.t(role.next, "lecture", next.Number, "day", w.Own.OnDay, "clock", w.Own.Clock)
		l.More = say.t("lead.staff_more", "title", next.Title, "zone", w.Own.Zone)
		return l
	}
	return nil
}

func newCourseRow(say *words, actor lms.Actor, c postgres.CourseItem, now time.Time) courseRow {
	row := courseRow{Number: c.Number, Title: c.Title, Path: watchPath(&c), Icon: "calendar", Rooms: roomsOf(say, actor, c)}
	w := newWhen(say, c.Start, actor.Zone, c.Zone, now)
	at := say.t("time.at", "day", w.Own.OnDay, "clock", w.Own.Clock, "zone", w.Own.Zone)
	switch {
	case c.State == postgres.CourseCancelled:
		row.Class, row.Line = "later", say.t("row.cancelled", "when", at)
	case c.State == postgres.CourseLive:
		row.Live, row.Class, row.Icon, row.Line = true, "ahead", "play", say.t("row.live", "when", at)
	case c.State == postgres.CourseScheduled && until(say, c.Start, now) != "":
		row.Class, row.In, row.Line = "ahead", until(say, c.Start, now), say.t("row.scheduled", "when", at)
	case c.State == postgres.CourseScheduled && c.Start.Before(now):
		row.Class, row.Line = "ahead", say.t("row.late", "when", at)
	case c.State == postgres.CourseScheduled:
		row.Class, row.Line = "later", say.t("row.scheduled", "when", at)
	case c.WatchedShare >= lms.CountsShare:
		row.Class, row.Icon, row.Percent, row.Line = "done", "tick", 100, say.t("row.complete", "share", percent(c.WatchedShare))
	case !hasRecording(c):
		row.Class, row.Line = "past", say.t("row.no_recording")
		if !c.Recorded {
			row.Line = say.t("row.unrecorded")
		}
		if !c.Recorded && c.WatchedShare > 0 {
			row.Percent, row.ShowPercent, row.Line = wholePercent(c.WatchedShare), true, say.t("row.unrecorded_begun", "share", percent(c.WatchedShare))
		}
	case c.WatchedShare > 0:
		row.Percent, row.ShowPercent = wholePercent(c.WatchedShare), true
		row.Line, row.Button = say.t("row.begun", "share", percent(c.WatchedShare), "needed", percent(lms.CountsShare)), say.t("row.begun_do")
	default:
		row.Icon, row.Line, row.Button = "play", say.t("row.open"), say.t("row.open_do")
	}
	return row
}

// hasRecording says whether a lecture that has ended can still be watched.
func hasRecording(c postgres.CourseItem) bool {
	return c.Broadcast != nil && c.Broadcast.Recording != nil
}

// roomsOf are the places where the reader works on a course.
func roomsOf(say *words, actor lms.Actor, c postgres.CourseItem) []link {
	scope := lms.Scope{Programme: c.Programme.ID, Course: c.ID}
	var links []link
	for _, room := range []struct {
		permission lms.Permission
		path, name string // name is a key
	}{
		{lms.Present, "/studio/", "courses.room_studio"},
		{lms.Moderate, "/console/", "courses.room_console"},
		{lms.SeeFigures, "/analytics/", "courses.room_analytics"},
	} {
		if actor.Can(room.permission, scope) {
			links = append(links, link{room.path + string(c.ID), say.t(room.name)})
		}
	}
	links = append(links, link{materialsPath(c.ID), say.t("materials.title")})
	return links
}

// ring cuts a circle of circumference 100 into one segment per course with a gap of 1.8 between them.
func ring(courses []postgres.CourseItem) []segment {
	step := 100 / float64(len(courses))
	length := math.Max(step-1.8, step/2)
	segments := make([]segment, 0, len(courses))
	for i, c := range courses {
		s := segment{Track: dash(length), Offset: fmt.Sprintf("%.2f", -float64(i)*step-(step-length)/2)}
		if c.WatchedShare > 0 {
			s.Value = dash(length * math.Min(1, c.WatchedShare))
		}
		segments = append(segments, s)
	}
	return segments
}

func dash(length float64) string { return fmt.Sprintf("%.2f %.2f", length, 100-length) }

// wholePercent rounds down, so that 100 means all of it, and up to 1 as soon as anything was watched.
func wholePercent(share float64) int { return max(1, int(math.Floor(share*100))) }

func percent(share float64) string { return fmt.Sprintf("%d %%", wholePercent(share)) }
