package web

import (
	"net/http"
	"strings"
	"time"

	"lectern/lms/calendar"
	"lectern/storage/postgres"
)

// calendarAge is how long a calendar program may keep what it has read, in seconds. They ask every hour or less often.
const calendarAge = "max-age=300"

// subscription is the part of the page of courses about calendars.
type subscription struct {
	Address string // of the feed, with https or http; "" before the reader has asked for one
	Open    string // the same for the program that the reader has for calendars
}

// newSubscription makes the address of a feed from its secret.
func (s *Server) newSubscription(token string) subscription {
	if token == "" {
		return subscription{}
	}
	address := s.public("/calendar/" + token + "/lectures.ics")
	_, rest, _ := strings.Cut(address, "://")
	return subscription{Address: address, Open: "webcal://" + rest}
}

// public is the address of a path on this site as others must write it.
func (s *Server) public(path string) string { return s.url.Scheme + "://" + s.url.Host + path }

// postCalendar gives the reader an address to subscribe to, and ends the one that they had.
func postCalendar(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if _, err := s.db.NewCalendarFeed(r.Context(), c.actor); err != nil {
		return err
	}
	http.Redirect(w, r, "/courses#calendar", http.StatusSeeOther)
	return nil
}

// getCalendar is what calendar programs read: all lectures of the person whose secret stands in the path.
func getCalendar(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	courses, err := s.db.CalendarCourses(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	return s.writeCalendar(w, s.words(r).t("calendar.name"), courses)
}

// getLectureFile is one lecture as a file for a calendar.
func getLectureFile(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	course, err := s.db.Course(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="lecture.ics"`)
	return s.writeCalendar(w, course.Programme.Title, []postgres.CourseView{course})
}

// writeCalendar sends courses as iCalendar.
func (s *Server) writeCalendar(w http.ResponseWriter, name string, courses []postgres.CourseView) error {
	lectures := make([]calendar.Lecture, 0, len(courses))
	for _, c := range courses {
		lectures = append(lectures, calendar.Lecture{
			ID: string(c.ID), Revision: c.Revision, Start: c.Start, Length: time.Duration(c.Minutes) * time.Minute, Title: c.Title,
			Summary: c.Summary, Programme: c.Programme.Title, Link: s.public("/watch/" + string(c.ID)), ChangedAt: c.RevisedAt,
			Cancelled: c.State == postgres.CourseCancelled,
		})
	}
	file, err := calendar.Write(calendar.Publish, s.public(""), name, lectures)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Cache-Control", "private, "+calendarAge)
	_, _ = w.Write(file) // the reader may have gone
	return nil
}
