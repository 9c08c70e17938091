package web

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

type programmeItemView struct {
	ID       lms.ProgrammeID `json:"id"`
	Title    string          `json:"title"`
	Zone     lms.Zone        `json:"zone"`
	Version  int             `json:"version"`
	Enrolled int             `json:"enrolled"`

	State lms.ProgrammeState `json:"state"`
	// RetentionDays is for how long recordings are kept of which the course does not say; null until they are deleted.
	RetentionDays *int `json:"retention_days"`
}

// programmeView is a programme as its admins see it.
type programmeView struct {
	programmeItemView
	Courses []courseView `json:"courses"`
	Batches []batchView  `json:"batches"`
	Staff   []staffView  `json:"staff"`
}

// batchView is a batch of access codes. The codes themselves are not kept; prefix is the first group of one of
// them, to know a printed sheet by.
type batchView struct {
	ID        lms.BatchID `json:"id"`
	Label     string      `json:"label"`
	Prefix    string      `json:"prefix"`
	Count     int         `json:"count"`
	Uses      int         `json:"uses"` // how often each code may be redeemed
	Used      int         `json:"used"` // redemptions of all of them
	ExpiresAt *time.Time  `json:"expires_at"`
	Revoked   bool        `json:"revoked"`
	Brand     string      `json:"brand"`     // printed before each code
	Withdrawn int         `json:"withdrawn"` // codes that were revoked one by one
}

type staffView struct {
	ID     string        `json:"id"` // of the grant
	Person lms.PersonID  `json:"person"`
	Name   string        `json:"name"`
	Email  lms.Email     `json:"email"`
	Role   lms.Role      `json:"role"`
	Course *lms.CourseID `json:"course"` // null for all courses
}

func getProgrammes(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	programmes, err := s.db.Programmes(r.Context(), c.actor)
	if err != nil {
		return err
	}
	items := make([]programmeItemView, 0, len(programmes))
	for _, p := range programmes {
		items = append(items, programmeItemView(p))
	}
	return writeJSON(w, http.StatusOK, map[string]any{"programmes": items})
}

func postProgramme(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Title        string             `json:"title"`
		Zone         string             `json:"zone"`
		Organisation lms.OrganisationID `json:"organisation"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	zone, err := lms.ParseZone(body.Zone)
	if err != nil {
		return err
	}
	if body.Organisation != "" {
		if body.Organisation, err = lms.ParseID[lms.OrganisationID](string(body.Organisation)); err != nil {
			return err
		}
	}
	id, err := s.db.CreateProgramme(r.Context(), c.actor, postgres.NewProgramme{Title: body.Title, Zone: zone, Organisation: body.Organisation})
	if err != nil {
		return err
	}
	return s.sendNewProgramme(w, r, c, id)
}

func getProgramme(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.sendProgramme(w, r, c, http.StatusOK)
}

func patchProgramme(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Version int     `json:"version"`
		Title   *string `json:"title"`
		Zone    *string `json:"zone"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	change := postgres.ProgrammeChange{Version: body.Version, Title: body.Title}
	if body.Zone != nil {
		zone, err := lms.ParseZone(*body.Zone)
		if err != nil {
			return err
		}
		change.Zone = &zone
	}
	if err := s.db.UpdateProgramme(r.Context(), c.actor, c.programme, change); err != nil {
		return err
	}
	return s.sendProgramme(w, r, c, http.StatusOK)
}

func (s *Server) sendProgramme(w http.ResponseWriter, r *http.Request, c *call, status int) error {
	p, err := s.db.Programme(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	view := programmeView{
		programmeItemView: programmeItemView(p.ProgrammeItem),
		Courses:           make([]courseView, 0, len(p.Courses)),
		Batches:           make([]batchView, 0, len(p.Batches)),
		Staff:             make([]staffView, 0, len(p.Staff)),
	}
	for _, course := range p.Courses {
		view.Courses = append(view.Courses, s.courseView(course))
	}
	for _, batch := range p.Batches {
		view.Batches = append(view.Batches, batchView(batch))
	}
	for _, member := range p.Staff {
		view.Staff = append(view.Staff, newStaffView(member))
	}
	return writeJSON(w, status, view)
}

func newStaffView(member postgres.Staff) staffView {
	v := staffView{ID: strconv.FormatInt(member.ID, 10), Person: member.Person, Name: member.Name, Email: member.Email, Role: member.Role}
	if member.Course != "" {
		v.Course = &member.Course
	}
	return v
}

// invitation is what invites somebody to a role: of the staff or of the faculty.
type invitation[R any] struct {
	name   string
	email  lms.Email
	role   R
	course lms.CourseID // "" for all courses
}

// readInvitation reads one from a body; parseRole knows the roles.
func readInvitation[R any](r *http.Request, parseRole func(string) (R, error)) (i invitation[R], err error) {
	var body struct {
		Name   string       `json:"name"`
		Email  string       `json:"email"`
		Role   string       `json:"role"`
		Course lms.CourseID `json:"course"`
	}
	if err := readJSON(r, &body); err != nil {
		return i, err
	}
	i.name = body.Name
	if i.email, err = lms.ParseEmail(body.Email); err != nil {
		return i, err
	}
	if i.role, err = parseRole(body.Role); err != nil {
		return i, err
	}
	if body.Course != "" {
		if i.course, err = lms.ParseID[lms.CourseID](string(body.Course)); err != nil {
			return i, &lms.Problem{Kind: lms.ErrInvalid, Field: "course", Message: "Choose a course of this programme."}
		}
	}
	return i, nil
}

// postStaff invites somebody and answers with their personal link, which is also mailed to them.
func postStaff(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	invited, err := readInvitation(r, lms.ParseRole)
	if err != nil {
		return err
	}
	member := postgres.NewStaff{Name: invited.name, Email: invited.email, Role: invited.role, Course: invited.course}
	token, err := s.db.AddStaff(r.Context(), c.actor, c.programme, member)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, map[string]string{"link": s.joinLink(token)})
}

// joinLink is the address of a personal link, or "" for somebody who signs in by mail instead.
func (s *Server) joinLink(token string) string {
	if token == "" {
		return ""
	}
	return s.url.Scheme + "://" + s.url.Host + "/join/" + url.PathEscape(token)
}
