package web

import (
	"net/http"
	"time"

	"lectern/lms"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

// courseView is a course as the API says it. The reader's own roles stand in it; the version is there for
// those who may change the course.
type courseView struct {
	ID         lms.CourseID         `json:"id"`
	Programme  programmeRef         `json:"programme"`
	Number     int                  `json:"number"`
	Title      string               `json:"title"`
	Summary    string               `json:"summary"`
	Start      time.Time            `json:"start"` // derived instant, UTC
	Local      string               `json:"local"` // what was entered, in zone
	Zone       lms.Zone             `json:"zone"`
	Minutes    int                  `json:"minutes"`
	Recorded   bool                 `json:"recorded"` // or will be
	State      postgres.CourseState `json:"state"`
	Version    int                  `json:"version"`
	Broadcast  *broadcastView       `json:"broadcast"`
	Recording  *recordingRef        `json:"recording"` // nil while on air, and when there is none
	Presenters []personRef          `json:"presenters"`
	Roles      []lms.Role           `json:"roles"`

	Published    bool       `json:"published"` // its audience sees it
	Elective     bool       `json:"elective"`
	Opens        *time.Time `json:"opens"` // its audience is let in from then on
	Closes       *time.Time `json:"closes"`
	CancelledAt  *time.Time `json:"cancelled_at"`
	CancelReason string     `json:"cancel_reason"`
}

type programmeRef struct {
	ID    lms.ProgrammeID `json:"id"`
	Title string          `json:"title"`
}

type personRef struct {
	ID   lms.PersonID `json:"id"`
	Name string       `json:"name"`
}

type broadcastView struct {
	ID         lms.BroadcastID    `json:"id"`
	State      protocol.State     `json:"state"`
	TimelineMS int64              `json:"timeline_ms"` // of the live edge now
	Presenter  protocol.Presenter `json:"presenter"`
	Sharing    bool               `json:"sharing"`   // a screen is shown besides the camera
	LengthMS   *int64             `json:"length_ms"` // once it has ended
}

func (s *Server) courseView(c postgres.CourseView) courseView {
	view := courseView{
		ID: c.ID, Programme: programmeRef(c.Programme), Number: c.Number, Title: c.Title, Summary: c.Summary,
		Start: c.Start.UTC(), Local: c.Local.String(), Zone: c.Zone, Minutes: c.Minutes, Recorded: c.Recorded, State: c.State, Version: c.Version,
		Presenters: make([]personRef, 0, len(c.Presenters)), Roles: list(c.Roles),
		Published: c.Published, Elective: c.Elective, Opens: c.Opens, Closes: c.Closes, CancelledAt: c.CancelledAt, CancelReason: c.CancelReason,
	}
	for _, p := range c.Presenters {
		view.Presenters = append(view.Presenters, personRef(p))
	}
	if b := c.Broadcast; b != nil {
		view.Broadcast = &broadcastView{
			ID: b.ID, State: broadcastState(b.OnAir), TimelineMS: b.TimelineMS, Presenter: protocol.Gone, LengthMS: b.LengthMS,
		}
		view.Recording = newRecordingRef(c.ID, b.Recording)
		if b.OnAir {
			view.Broadcast.Presenter, view.Broadcast.Sharing = s.presenter(c.ID), s.sfu.Room(string(c.ID)).Sharing()
		}
	}
	return view
}

func broadcastState(onAir bool) protocol.State {
	if onAir {
		return protocol.OnAir
	}
	return protocol.Ended
}

func getCourseList(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	courses, err := s.db.CoursesOf(r.Context(), c.actor)
	if err != nil {
		return err
	}
	type item struct {
		courseView
		WatchedShare float64 `json:"watched_share"`
	}
	items := make([]item, 0, len(courses))
	for _, course := range courses {
		items = append(items, item{s.courseView(course.CourseView), course.WatchedShare})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"courses": items})
}

func getCourse(s *Server, w http.ResponseWriter, _ *http.Request, c *call) error {
	return writeJSON(w, http.StatusOK, s.courseView(c.course))
}

// sendCourse answers with the course as it is after a change.
func (s *Server) sendCourse(w http.ResponseWriter, r *http.Request, c *call, status int) error {
	course, err := s.db.Course(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	return writeJSON(w, status, s.courseView(course))
}
