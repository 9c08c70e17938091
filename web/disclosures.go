package web

import (
	"net/http"
	"slices"
	"strconv"

	"lectern/lms"
	"lectern/storage/postgres"
)

// facultyWords and tieWords are the keys of roles and relationships.
var (
	facultyWords = map[lms.FacultyRole]string{lms.Speaker: "faculty.speaker", lms.Chair: "faculty.chair", lms.Planner: "faculty.planner"}
	tieWords     = map[lms.Relationship]string{
		lms.Consultant: "tie.consultant", lms.SpeakerFee: "tie.speaker", lms.Research: "tie.research", lms.Advisor: "tie.advisor",
		lms.Stock: "tie.stock", lms.Royalties: "tie.royalties", lms.Employee: "tie.employee", lms.Owner: "tie.owner", lms.OtherTie: "tie.other",
	}
)

// shownView is what learners are told before they enter a course.
type shownView struct {
	Version string                      `json:"version"`
	Must    bool                        `json:"must"` // nobody of the audience is let in before
	Seen    bool                        `json:"seen"`
	People  []postgres.CourseDisclosure `json:"people"`
}

func getCourseDisclosures(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	shown, err := s.db.CourseDisclosures(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, shownView{shown.Version, shown.Must, shown.Seen, shown.People})
}

// disclosuresPage shows a learner what the faculty has disclosed; its button is logged and lets them in.
type disclosuresPage struct {
	frame
	Course  postgres.CourseRef
	Version string
	People  []shownPerson
	Seen    bool
	Action  string // of the form
	Problem string
}

type shownPerson struct {
	Name, Roles string
	Line        string // how it stands
	Ties        []shownTie
}

type shownTie struct{ Company, Nature string }

// getShown is the page before a course.
func getShown(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.writeShown(w, r, c, http.StatusOK, "")
}

func (s *Server) writeShown(w http.ResponseWriter, r *http.Request, c *call, status int, problem string) error {
	shown, err := s.db.CourseDisclosures(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	say := s.words(r)
	page := disclosuresPage{
		frame: frame{Title: "disclosures.title", Person: c.actor.Name}, Course: shown.Course, Version: shown.Version, Seen: shown.Seen,
		Action: "/courses/" + string(c.courseID) + "/disclosures", Problem: problem,
	}
	for _, p := range shown.People {
		page.People = append(page.People, newShownPerson(say, p))
	}
	return s.pages.write(w, say, status, "disclosures", page)
}

func newShownPerson(say *words, p postgres.CourseDisclosure) shownPerson {
	view := shownPerson{Name: p.Name}
	for i, role := range p.Roles {
		if slices.Contains(p.Roles[:i], role) {
			continue
		}
		if view.Roles != "" {
			view.Roles += ", "
		}
		view.Roles += say.t(facultyWords[role])
	}
	for _, t := range p.Ties {
		view.Ties = append(view.Ties, shownTie{t.Company, say.t(tieWords[t.Nature])})
	}
	switch {
	case !p.Declared:
		view.Line = say.t("disclosures.missing")
	case len(p.Ties) == 0:
		view.Line = say.t("disclosures.none")
	case p.Mitigated:
		view.Line = say.t("disclosures.mitigated")
	default:
		view.Line = say.t("disclosures.open")
	}
	return view
}

// postShown keeps that the reader has seen the disclosures, and lets them in.
func postShown(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	if err := s.db.SeeDisclosures(r.Context(), c.actor, c.courseID, r.PostForm.Get("version")); err != nil {
		f, field, _ := explain(err)
		if field == "version" {
			return s.writeShown(w, r, c, f.status, f.text(s.words(r)))
		}
		return err
	}
	http.Redirect(w, r, "/watch/"+string(c.courseID), http.StatusSeeOther)
	return nil
}

// getWatch is the page of a lecture. Its audience comes by the disclosures where they must be seen, and to a word of explanation when it is cancelled.
func getWatch(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if !c.actor.Works(c.scope()) {
		if c.course.State == postgres.CourseCancelled {
			return s.pages.write(w, s.words(r), http.StatusOK, "cancelled", cancelledPage{
				frame: frame{Title: "cancelled.title", Person: c.actor.Name}, Course: c.course.Title, Reason: c.course.CancelReason,
				When: newWhen(s.words(r), c.course.Start, c.actor.Zone, c.course.Zone, s.now()),
			})
		}
		shown, err := s.db.CourseDisclosures(r.Context(), c.actor, c.courseID)
		if err != nil {
			return err
		}
		if shown.Must && !shown.Seen {
			http.Redirect(w, r, "/courses/"+string(c.courseID)+"/disclosures", http.StatusSeeOther)
			return nil
		}
	}
	return app("player")(s, w, r, c)
}

// cancelledPage stands in the place of a lecture that does not take place.
type cancelledPage struct {
	frame
	Course, Reason string
	When           when
}

// tieRows is how many lines the form of the disclosure has; more come with a button.
const tieRows = 4

// disclosurePage is the form by which somebody of the faculty discloses.
type disclosurePage struct {
	frame
	Programme             string
	Roles                 []string
	State                 lms.DisclosureState
	Signed                *disclosureView
	SignedOn              string
	Rows                  []tieRow
	None                  bool
	Name                  string
	Natures               []option
	Months                int
	Field, Error, Problem string
	Saved                 bool
	Studios               []link
}

// tieRow is one line of the form.
type tieRow struct {
	N               int
	Company, Nature string
}

type option struct{ Value, Label string }

func getDisclosureForm(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	programme, err := lms.ParseID[lms.ProgrammeID](r.PathValue("programme"))
	if err != nil {
		return err
	}
	page, err := s.newDisclosurePage(r, c, programme)
	if err != nil {
		return err
	}
	page.Saved = r.URL.Query().Get("saved") == "1" && page.Signed != nil
	return s.pages.write(w, s.words(r), http.StatusOK, "disclosure", page)
}

func (s *Server) newDisclosurePage(r *http.Request, c *call, programme lms.ProgrammeID) (disclosurePage, error) {
	own, err := s.db.DisclosureOf(r.Context(), c.actor, programme, c.actor.Person)
	if err != nil {
		return disclosurePage{}, err
	}
	say := s.words(r)
	page := disclosurePage{
		frame: frame{Title: "disclosure.title", Person: c.actor.Name}, Programme: own.Programme.Title, State: own.State,
		Signed: newDisclosureView(own.Disclosure), Name: c.actor.Name, Months: lms.DisclosureMonths,
	}
	for _, p := range own.Roles {
		text := say.t("disclosure.all_courses", "role", say.t(facultyWords[p.Role]))
		if p.Course.ID != "" {
			text = say.t("disclosure.one_course", "role", say.t(facultyWords[p.Role]), "number", p.Course.Number, "title", p.Course.Title)
			if p.Role == lms.Speaker {
				page.Studios = append(page.Studios, link{"/studio/" + string(p.Course.ID), say.t("disclosure.studio", "number", p.Course.Number)})
			}
		}
		page.Roles = append(page.Roles, text)
	}
	for _, n := range lms.Relationships {
		page.Natures = append(page.Natures, option{string(n), say.t(tieWords[n])})
	}
	if d := page.Signed; d != nil {
		page.None = d.None
		page.SignedOn = newWhen(say, d.SignedAt, c.actor.Zone, c.actor.Zone, s.now()).Own.Day
		for _, t := range d.Ties {
			page.Rows = append(page.Rows, tieRow{len(page.Rows) + 1, t.Company, string(t.Nature)})
		}
	}
	page.fill(tieRows)
	return page, nil
}

// fill adds empty lines: so many at least, and one at the end.
func (p *disclosurePage) fill(least int) {
	for len(p.Rows) < least || p.Rows[len(p.Rows)-1].Company != "" {
		p.Rows = append(p.Rows, tieRow{N: len(p.Rows) + 1})
	}
}

func postDisclosureForm(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	programme, err := lms.ParseID[lms.ProgrammeID](r.PathValue("programme"))
	if err != nil {
		return err
	}
	page, err := s.newDisclosurePage(r, c, programme)
	if err != nil {
		return err
	}
	if err := readForm(r); err != nil {
		return err
	}
	form, say := r.PostForm, s.words(r)
	in := lms.Disclosure{None: form.Get("none") == "1", Signed: form.Get("signed")}
	page.Rows, page.None, page.Name = nil, in.None, in.Signed
	for i, company := range form["company"] {
		nature := ""
		if natures := form["nature"]; i < len(natures) {
			nature = natures[i]
		}
		if company != "" {
			in.Ties = append(in.Ties, lms.Tie{Company: company, Nature: lms.Relationship(nature)})
			page.Rows = append(page.Rows, tieRow{len(page.Rows) + 1, company, nature})
		}
	}
	if form.Get("more") != "" { // nothing is signed by it
		page.fill(len(page.Rows) + tieRows)
		return s.pages.write(w, say, http.StatusOK, "disclosure", page)
	}
	page.fill(tieRows)
	if err := s.db.SignDisclosure(r.Context(), c.actor, programme, in); err != nil {
		var f failure
		f, page.Field, page.Error, page.Problem = fault(say, err)
		if f.status == http.StatusInternalServerError || f.status == http.StatusNotFound {
			return err
		}
		return s.pages.write(w, say, f.status, "disclosure", page)
	}
	http.Redirect(w, r, "/disclosure/"+string(programme)+"?saved="+strconv.Itoa(1), http.StatusSeeOther)
	return nil
}
