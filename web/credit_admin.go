package web

import (
	"encoding/json"
	"math"
	"net/http"
	"time"

	"lectern/lms"
	"lectern/lms/certificate"
	"lectern/storage/postgres"
)

// creditView is the credit of a course as its admin edits it.
type creditView struct {
	Version  int              `json:"version"`
	Frozen   bool             `json:"frozen"`
	Required bool             `json:"required"`
	HasTest  bool             `json:"has_test"`
	Rules    lms.CourseRules  `json:"rules"`
	Presets  []lms.CreditType `json:"presets"`
	Course   creditCourse     `json:"course"`
}

type creditCourse struct {
	ID        lms.CourseID    `json:"id"`
	Number    int             `json:"number"`
	Title     string          `json:"title"`
	Programme lms.ProgrammeID `json:"programme"`
}

func getCreditSetup(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	setup, err := s.db.CreditSetup(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	if setup.Rules.Types == nil {
		setup.Rules = lms.CourseRules{Rule: lms.Rule{Kind: lms.RuleAll, Of: []lms.Rule{{Kind: lms.RuleWatched, Share: lms.CountsShare}}}, Types: []lms.CreditType{}}
	}
	return writeJSON(w, http.StatusOK, creditView{
		setup.Version, setup.Frozen, setup.Required, setup.HasTest, setup.Rules, lms.CreditPresets(),
		creditCourse{c.courseID, c.course.Number, c.course.Title, c.course.Programme.ID},
	})
}

func putCreditSetup(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Version  int             `json:"version"`
		Required *bool           `json:"required"`
		Rules    lms.CourseRules `json:"rules"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	version, err := s.db.SaveCreditRules(r.Context(), c.actor, c.courseID, body.Version, body.Rules)
	if err != nil {
		return err
	}
	if body.Required != nil {
		if err := s.db.RequireCourse(r.Context(), c.actor, c.courseID, *body.Required); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, map[string]int{"version": version})
}

// candidateView is somebody of whom the rules were asked.
type candidateView struct {
	Person  lms.PersonID       `json:"person"`
	Name    string             `json:"name"`
	Met     bool               `json:"met"`
	Earned  []lms.EarnedCredit `json:"earned"`
	Missing []string           `json:"missing"`
}

// postCreditPreview says who would earn what now: by the rules in the body, or by those in force when it has none.
func postCreditPreview(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Rules *lms.CourseRules `json:"rules"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	list, more, err := s.db.PreviewCredit(r.Context(), c.actor, c.courseID, body.Rules)
	if err != nil {
		return err
	}
	views := make([]candidateView, 0, len(list))
	for _, p := range list {
		v := candidateView{Person: p.Person.ID, Name: p.Person.Name, Met: p.Judgement.Met, Earned: p.Judgement.Earned, Missing: []string{}}
		for _, m := range p.Judgement.Root.Missing() {
			v.Missing = append(v.Missing, conditionText(s.words(r), m))
		}
		views = append(views, v)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"people": views, "more": more})
}

func postWaiver(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Person    lms.PersonID `json:"person"`
		Condition string       `json:"condition"`
		Reason    string       `json:"reason"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	kind, err := lms.ParseWaivable(body.Condition)
	if err != nil {
		return err
	}
	if err := s.db.Waive(r.Context(), c.actor, c.courseID, body.Person, kind, body.Reason); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func postIdentity(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Person lms.PersonID `json:"person"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.MarkEvidence(r.Context(), c.actor, c.courseID, body.Person, lms.RuleIdentity); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type appealView struct {
	ID         string       `json:"id"`
	Person     lms.PersonID `json:"person"`
	Name       string       `json:"name"`
	Text       string       `json:"text"`
	MadeAt     time.Time    `json:"made_at"`
	Answer     *string      `json:"answer"`
	AnsweredAt *time.Time   `json:"answered_at"`
}

func getAppeals(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	list, err := s.db.Appeals(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	views := make([]appealView, 0, len(list))
	for _, a := range list {
		views = append(views, appealView{a.ID, a.Person.ID, a.Person.Name, a.Text, a.MadeAt, a.Answer, a.AnsweredAt})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"appeals": views})
}

func postAppealAnswer(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Answer string `json:"answer"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.AnswerAppeal(r.Context(), c.actor, c.courseID, r.PathValue("appeal"), body.Answer); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// testItemView is a question of a bank with its figures.
type testItemView struct {
	ID             lms.ItemID `json:"id"`
	Version        int        `json:"version"`
	Item           lms.Item   `json:"item"`
	Answered       int        `json:"answered"`
	Right          float64    `json:"right_share"`
	Discrimination *float64   `json:"discrimination"` // null while nothing can be said
}

func getTestBank(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	bank, err := s.db.TestBank(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	items := make([]testItemView, 0, len(bank.Items))
	for _, i := range bank.Items {
		v := testItemView{ID: i.ID, Version: i.Version, Item: i.Item, Answered: i.Figures.Answered, Right: i.Figures.Right}
		if d := i.Figures.Discrimination; !math.IsNaN(d) {
			v.Discrimination = &d
		}
		items = append(items, v)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"settings": bank.Settings, "version": bank.Version, "items": items})
}

func putTestBank(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Version  int              `json:"version"`
		Settings lms.TestSettings `json:"settings"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.SaveTest(r.Context(), c.actor, c.courseID, body.Version, body.Settings); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// putTestItem stores a question: a new one by POST to the list, a new version by PUT to the question.
func putTestItem(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var item lms.Item
	if err := readJSON(r, &item); err != nil {
		return err
	}
	var id lms.ItemID
	if raw := r.PathValue("item"); raw != "" {
		var err error
		if id, err = lms.ParseID[lms.ItemID](raw); err != nil {
			return err
		}
	}
	id, err := s.db.SaveItem(r.Context(), c.actor, c.courseID, id, item)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]lms.ItemID{"id": id})
}

func deleteTestItem(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := lms.ParseID[lms.ItemID](r.PathValue("item"))
	if err != nil {
		return err
	}
	if err := s.db.RetireItem(r.Context(), c.actor, c.courseID, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func putAccommodation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Extra int `json:"extra"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	person, err := lms.ParseID[lms.PersonID](r.PathValue("person"))
	if err != nil {
		return err
	}
	if err := s.db.GiveTime(r.Context(), c.actor, c.programme, person, body.Extra); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// getEvaluations sends what attendees think: nothing but their number below five.
func getEvaluations(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	f, err := s.db.EvaluationFigures(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	texts := f.Texts
	if texts == nil {
		texts = []string{}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"count": f.Count, "shown": f.Shown, "stars": f.Stars, "biased": f.Biased, "texts": texts, "least": lms.MinShown})
}

func getDesign(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	d, version, err := s.db.Design(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"design": d, "version": version})
}

func putDesign(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Version int                   `json:"version"`
		Design  lms.CertificateDesign `json:"design"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.SaveDesign(r.Context(), c.actor, c.programme, body.Version, body.Design); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postDesignPreview draws a sample with a design that is not saved. It is marked as one and carries no proof.
func postDesignPreview(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var design lms.CertificateDesign
	if err := readJSON(r, &design); err != nil {
		return err
	}
	design, err := design.Validate()
	if err != nil {
		return err
	}
	p, err := s.db.Programme(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	today := lms.Day(s.now(), p.Zone)
	fields := lms.CertificateFields{
		Layout: certificate.Layout, Number: "0000000000000000", Name: "Dr. Priyanka Srivastava", Activity: "Title of a course", Programme: p.Title,
		CreditName: "AMA PRA Category 1 Credit", Amount: 100, Provider: design.Organiser, Statement: design.Statement,
		CompletedOn: today, IssuedOn: today, HeldOn: today, Design: design,
		Evidence: lms.Evidence{CountableS: 3600, LiveS: 3120, ReplayS: 360, TestPassed: true, TestScore: 0.8, PassMark: 0.7, Evaluated: true},
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	file, err := s.fonts.Draw(certificate.Document{Fields: raw, Issued: s.now(), QR: s.public("/v"), Sample: true})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/pdf")
	_, err = w.Write(file)
	return ignoreGone(err)
}

type issuedView struct {
	Number   string                `json:"number"`
	Name     string                `json:"name"`
	Activity string                `json:"activity"`
	Credit   string                `json:"credit"`
	Amount   string                `json:"amount"`
	IssuedAt time.Time             `json:"issued_at"`
	Status   lms.CertificateStatus `json:"status"`
	Reason   string                `json:"reason"`
	Course   lms.CourseID          `json:"course"`
}

func getCertificates(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	list, err := s.db.CertificatesOf(r.Context(), c.actor, c.programme, 1000)
	if err != nil {
		return err
	}
	views := make([]issuedView, 0, len(list))
	for _, i := range list {
		f := i.Fields
		views = append(views, issuedView{f.Number.String(), f.Name, f.Activity, f.CreditName, f.Amount.String(), i.IssuedAt, i.Status, i.Reason, i.Course})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"certificates": views})
}

// postCertificate revokes a certificate or replaces it by one with the holder's name of now.
func postCertificate(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	number, err := lms.ParseCertificateNumber(r.PathValue("number"))
	if err != nil {
		return lms.ErrNotFound
	}
	switch r.PathValue("action") {
	case "revoke":
		reason, err := lms.ParseRevokeReason(body.Reason)
		if err != nil {
			return err
		}
		if err := s.db.RevokeCertificate(r.Context(), c.actor, c.programme, number, reason); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	case "replace":
		held, err := s.db.Certificate(r.Context(), c.actor, number)
		if err != nil {
			return err
		}
		if held.Programme != c.programme {
			return lms.ErrNotFound
		}
		later, err := s.db.SupersedeCertificate(r.Context(), c.actor, number, body.Reason)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, map[string]string{"number": later.String()})
	}
	return lms.ErrNotFound
}

var _ postgres.Drawer = (*Server)(nil)
