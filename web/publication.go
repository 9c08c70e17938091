package web

import (
	"net/http"
	"strconv"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// publicationView is how far a programme is: its draft, what is missing before that can be published, and its versions.
type publicationView struct {
	State     lms.ProgrammeState `json:"state"`
	Version   int                `json:"version"`   // of the programme, for the next change
	Published int                `json:"published"` // number of the newest version; 0 before the first
	Changed   bool               `json:"changed"`   // publishing would say something else than the newest version
	Settings  lms.Settings       `json:"settings"`  // the draft
	Missing   []missingView      `json:"missing"`
	Versions  []publishedView    `json:"versions"`
}

// missingView is one thing that is missing, with the place of the admin pages where it is mended.
type missingView struct {
	Code    lms.MissingCode `json:"code"`
	Course  *lms.CourseID   `json:"course"`
	Person  *lms.PersonID   `json:"person"`
	Message string          `json:"message"`
	Link    string          `json:"link"`
}

type publishedView struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

func getPublication(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.sendPublication(w, r, c)
}

func (s *Server) sendPublication(w http.ResponseWriter, r *http.Request, c *call) error {
	p, err := s.db.Publication(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	view := publicationView{
		State: p.State, Version: p.Version, Published: p.Published, Changed: p.Changed, Settings: p.Settings,
		Missing: make([]missingView, 0, len(p.Missing)), Versions: make([]publishedView, 0, len(p.Versions)),
	}
	for _, m := range p.Missing {
		view.Missing = append(view.Missing, newMissingView(c.programme, m))
	}
	for _, v := range p.Versions {
		view.Versions = append(view.Versions, publishedView(v))
	}
	return writeJSON(w, http.StatusOK, view)
}

func newMissingView(programme lms.ProgrammeID, m lms.Missing) missingView {
	view := missingView{Code: m.Code, Message: m.Message, Link: "/admin/" + string(programme)}
	if m.Course != "" {
		view.Course = &m.Course
	}
	if m.Person != "" {
		view.Person = &m.Person
	}
	switch m.Code {
	case lms.MissingTitle:
		view.Link += "#settings"
	case lms.MissingCourses:
		view.Link += "#schedule"
	case lms.MissingSchedule, lms.MissingPresenter:
		view.Link += "#course-" + string(m.Course)
	case lms.MissingWindow, lms.MissingCredit:
		view.Link += "#settings-" + string(m.Course)
	case lms.MissingDisclosure, lms.MissingMitigation, lms.MissingExclusion:
		view.Link += "#faculty-" + string(m.Person)
	}
	return view
}

// postPublication publishes the draft as the next version.
func postPublication(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Version int `json:"version"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if _, err := s.db.Publish(r.Context(), c.actor, c.programme, body.Version); err != nil {
		return err
	}
	return s.sendPublication(w, r, c)
}

func putDraft(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Version  int          `json:"version"`
		Settings lms.Settings `json:"settings"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.SaveDraft(r.Context(), c.actor, c.programme, body.Version, body.Settings); err != nil {
		return err
	}
	return s.sendPublication(w, r, c)
}

// getVersion answers with what a version said when it was published.
func getVersion(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || number < 1 || number > 1<<30 {
		return lms.ErrNotFound
	}
	snapshot, err := s.db.ProgrammeVersion(r.Context(), c.actor, c.programme, number)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, snapshot)
}

func postClosing(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.db.CloseProgramme(r.Context(), c.actor, c.programme, true); err != nil {
		return err
	}
	return s.sendPublication(w, r, c)
}

func deleteClosing(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.db.CloseProgramme(r.Context(), c.actor, c.programme, false); err != nil {
		return err
	}
	return s.sendPublication(w, r, c)
}

// postCopy makes a draft of a programme at later dates: by a number of days, or with the first course on a date.
func postCopy(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Title string  `json:"title"`
		Days  int     `json:"days"`
		First *string `json:"first"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	copied := postgres.ProgrammeCopy{Title: body.Title, Shift: lms.Shift{Days: body.Days}}
	if body.First != nil {
		first, err := lms.ParseLocalTime(*body.First + "T00:00")
		if err != nil {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "first", Message: "Enter the date of the first course like 2027-11-22."}
		}
		copied.Shift.First = first
	}
	id, err := s.db.CopyProgramme(r.Context(), c.actor, c.programme, copied)
	if err != nil {
		return err
	}
	return s.sendNewProgramme(w, r, c, id)
}

// sendNewProgramme answers with a programme of which the caller has become the admin by this request.
func (s *Server) sendNewProgramme(w http.ResponseWriter, r *http.Request, c *call, id lms.ProgrammeID) (err error) {
	if c.actor, err = s.db.SessionPerson(r.Context(), s.sessionToken(r)); err != nil {
		return err
	}
	c.programme = id
	return s.sendProgramme(w, r, c, http.StatusCreated)
}

// postCancellation cancels a course, and deleteCancellation undoes that.
func postCancellation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.CancelCourse(r.Context(), c.actor, c.courseID, body.Reason); err != nil {
		return err
	}
	return s.sendCourse(w, r, c, http.StatusOK)
}

func deleteCancellation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.db.RestoreCourse(r.Context(), c.actor, c.courseID); err != nil {
		return err
	}
	return s.sendCourse(w, r, c, http.StatusOK)
}
