package web

import (
	"net/http"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

type facultyView struct {
	ID         lms.FacultyID       `json:"id"`
	Person     personRef           `json:"person"`
	Email      lms.Email           `json:"email"`
	Role       lms.FacultyRole     `json:"role"`
	Course     *lms.CourseID       `json:"course"` // null for all courses
	InvitedAt  time.Time           `json:"invited_at"`
	State      lms.DisclosureState `json:"state"`
	Disclosure *disclosureView     `json:"disclosure"`
}

// disclosureView is what somebody has signed.
type disclosureView struct {
	Version     int        `json:"version"`
	None        bool       `json:"none"`
	Ties        []lms.Tie  `json:"ties"`
	Signed      string     `json:"signed"`
	SignedAt    time.Time  `json:"signed_at"`
	Mitigation  string     `json:"mitigation"`
	MitigatedAt *time.Time `json:"mitigated_at"`
	MitigatedBy string     `json:"mitigated_by"`
}

func newDisclosureView(d *postgres.DisclosureView) *disclosureView {
	if d == nil {
		return nil
	}
	return &disclosureView{
		Version: d.Version, None: d.None, Ties: list(d.Ties), Signed: d.Signed, SignedAt: d.SignedAt.UTC(), Mitigation: d.Mitigation,
		MitigatedAt: d.MitigatedAt, MitigatedBy: d.MitigatedBy,
	}
}

func getFaculty(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.sendFaculty(w, r, c)
}

func (s *Server) sendFaculty(w http.ResponseWriter, r *http.Request, c *call) error {
	members, err := s.db.Faculty(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	views := make([]facultyView, 0, len(members))
	for _, m := range members {
		v := facultyView{
			ID: m.ID, Person: personRef(m.Person), Email: m.Email, Role: m.Role, InvitedAt: m.InvitedAt.UTC(), State: m.State,
			Disclosure: newDisclosureView(m.Disclosure),
		}
		if m.Course != "" {
			v.Course = &m.Course
		}
		views = append(views, v)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"faculty": views})
}

// postFaculty invites somebody by mail and answers with their personal link.
func postFaculty(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	invited, err := readInvitation(r, lms.ParseFacultyRole)
	if err != nil {
		return err
	}
	member := postgres.NewFaculty{Name: invited.name, Email: invited.email, Role: invited.role, Course: invited.course}
	token, err := s.db.AddFaculty(r.Context(), c.actor, c.programme, member)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, map[string]string{"link": s.joinLink(token)})
}

func deleteFaculty(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	member, err := lms.ParseID[lms.FacultyID](r.PathValue("member"))
	if err != nil {
		return err
	}
	if err := s.db.RemoveFaculty(r.Context(), c.actor, c.programme, member); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// personOf reads programme and person of a path whose route asks nothing but a session: they are the reader's own, or those of who manages
// the programme, and the database says which.
func personOf(r *http.Request) (programme lms.ProgrammeID, person lms.PersonID, err error) {
	if programme, err = lms.ParseID[lms.ProgrammeID](r.PathValue("programme")); err == nil {
		person, err = lms.ParseID[lms.PersonID](r.PathValue("person"))
	}
	return programme, person, err
}

// personalView is what one person has to disclose.
type personalView struct {
	Programme  programmeRef        `json:"programme"`
	Person     personRef           `json:"person"`
	Roles      []placeView         `json:"roles"`
	State      lms.DisclosureState `json:"state"`
	Disclosure *disclosureView     `json:"disclosure"`
}

type placeView struct {
	Role   lms.FacultyRole `json:"role"`
	Course *lms.CourseID   `json:"course"`
}

func getDisclosure(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	programme, person, err := personOf(r)
	if err != nil {
		return err
	}
	return s.sendDisclosure(w, r, c, programme, person)
}

func (s *Server) sendDisclosure(w http.ResponseWriter, r *http.Request, c *call, programme lms.ProgrammeID, person lms.PersonID) error {
	own, err := s.db.DisclosureOf(r.Context(), c.actor, programme, person)
	if err != nil {
		return err
	}
	view := personalView{
		Programme: programmeRef(own.Programme), Person: personRef(own.Person), State: own.State, Disclosure: newDisclosureView(own.Disclosure),
		Roles: make([]placeView, 0, len(own.Roles)),
	}
	for _, p := range own.Roles {
		v := placeView{Role: p.Role}
		if p.Course.ID != "" {
			v.Course = &p.Course.ID
		}
		view.Roles = append(view.Roles, v)
	}
	return writeJSON(w, http.StatusOK, view)
}

// putDisclosure signs the caller's own disclosure; that of somebody else is not found.
func putDisclosure(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	programme, person, err := personOf(r)
	if err != nil {
		return err
	}
	if person != c.actor.Person {
		return lms.ErrNotFound
	}
	if _, err := s.db.DisclosureOf(r.Context(), c.actor, programme, person); err != nil {
		return err
	}
	var body struct {
		None   bool      `json:"none"`
		Ties   []lms.Tie `json:"ties"`
		Signed string    `json:"signed"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.SignDisclosure(r.Context(), c.actor, programme, lms.Disclosure{None: body.None, Ties: body.Ties, Signed: body.Signed}); err != nil {
		return err
	}
	return s.sendDisclosure(w, r, c, programme, person)
}

// putMitigation records how relationships were mitigated; deleteMitigation takes that back.
func putMitigation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.mitigate(w, r, c, false)
}

func deleteMitigation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.mitigate(w, r, c, true)
}

func (s *Server) mitigate(w http.ResponseWriter, r *http.Request, c *call, undo bool) error {
	person, err := lms.ParseID[lms.PersonID](r.PathValue("person"))
	if err != nil {
		return err
	}
	var body struct {
		Version int    `json:"version"`
		How     string `json:"how"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.Mitigate(r.Context(), c.actor, c.programme, person, body.Version, body.How, undo); err != nil {
		return err
	}
	return s.sendFaculty(w, r, c)
}

// preparedView is one line of the board of preparations.
type preparedView struct {
	Course   courseRef         `json:"course"`
	Start    time.Time         `json:"start"`
	Person   personRef         `json:"person"`
	Ready    bool              `json:"ready"`
	Devices  lms.Readiness     `json:"devices"`
	Network  lms.Readiness     `json:"network"`
	Slides   lms.Readiness     `json:"slides"`
	Disclose lms.Readiness     `json:"disclosure"`
	Rehearse lms.Readiness     `json:"rehearsed"`
	TestedAt *time.Time        `json:"tested_at"`
	Findings []lms.PathFinding `json:"findings"`
}

type courseRef struct {
	ID     lms.CourseID `json:"id"`
	Number int          `json:"number"`
	Title  string       `json:"title"`
}

func getPreparations(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	lines, err := s.db.Preparations(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	views := make([]preparedView, 0, len(lines))
	for _, l := range lines {
		views = append(views, preparedView{
			Course: courseRef(l.Course), Start: l.Start.UTC(), Person: personRef(l.Person), Ready: l.Board.Ready(),
			Devices: l.Board.Devices, Network: l.Board.Network, Slides: l.Board.Slides, Disclose: l.Board.Disclosure, Rehearse: l.Board.Rehearsed,
			TestedAt: l.TestedAt, Findings: list(l.Findings),
		})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"presenters": views})
}
