package web

import (
	"net/http"

	"lectern/lms"
	"lectern/storage/postgres"
)

// creditPage is the credit of one course for one person: what it demands, what is there, and how to claim it.
type creditPage struct {
	frame
	Path, Course, Programme string
	Number                  int
	Conditions              []condition
	Met, None               bool
	Step                    step
	Claims                  []claimForm
	Certificates            []certificateRow
	Live, Replay, Of        string
	Appeal                  *postgres.Appeal
	Field, Error, Problem   string
	Typed                   string // of a message to the organisers that was refused
}

type claimForm struct {
	Key, Name, Amount, Max, Step, Provider string
	Earned                                 bool
	Why                                    string // when nothing is earned
	Number                                 string // of the certificate that there is
	Until                                  string // deadline
	Counted                                string
}

type certificateRow struct {
	Number, Path, Name, Amount, Issued string
	Valid                              bool
	Status                             string
}

func getCredit(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	page, err := s.newCreditPage(r, c)
	if err != nil {
		return err
	}
	return s.pages.write(w, s.words(r), http.StatusOK, "credit", page)
}

func (s *Server) newCreditPage(r *http.Request, c *call) (creditPage, error) {
	list, err := s.db.ProgressOf(r.Context(), c.actor, c.courseID)
	if err != nil {
		return creditPage{}, err
	}
	say, p := s.words(r), list[0].Courses[0]
	page := creditPage{
		frame: frame{Title: "credit.title", Person: c.actor.Name}, Path: "/courses/" + string(p.ID), Course: p.Title, Programme: p.Programme.Title, Number: p.Number,
		None: p.Rules.Version == 0, Met: isDone(p), Appeal: p.Appeal,
		Live: minutesSeconds(float64(p.Evidence.LiveS)), Replay: minutesSeconds(float64(p.Evidence.ReplayS)), Of: minutesSeconds(float64(p.Evidence.CountableS)),
	}
	if !page.None {
		page.Conditions = conditions(say, p.Judgement.Root, 0)
	}
	switch {
	case claimable(p) != nil:
		t := claimable(p)
		page.Step = step{Sentence: say.t("step.claim", "amount", p.Earned[t.Key].Amount.String(), "course", p.Number), More: say.t("step.claim_more")}
	case !page.Met && p.Broadcast != nil && !page.None:
		page.Step = courseStep(say, p)
	}
	for i, t := range p.Rules.Rules.Types {
		page.Claims = append(page.Claims, newClaimForm(say, p, t, i))
	}
	for _, held := range p.Certificates {
		page.Certificates = append(page.Certificates, newCertificateRow(say, held))
	}
	return page, nil
}

func newClaimForm(say *words, p postgres.CourseProgress, t lms.CreditType, at int) claimForm {
	f := claimForm{Key: t.Key, Name: t.Name, Provider: t.Provider, Step: t.Increment.String(), Counted: minutesSeconds(float64(p.Judgement.Earned[at].CountedS))}
	earned := p.Earned[t.Key].Amount
	if held := p.Valid(t.Key); held != nil {
		f.Number = held.Fields.Number.String()
		return f
	}
	if earned == 0 {
		f.Why = say.t("credit.why_" + p.Judgement.Earned[at].Why)
		return f
	}
	f.Earned, f.Amount, f.Max = p.State == postgres.CourseEnded, earned.String(), earned.String()
	if !f.Earned {
		f.Why = say.t("credit.why_live")
	}
	return f
}

func newCertificateRow(say *words, c postgres.Certificate) certificateRow {
	return certificateRow{
		Number: c.Fields.Number.String(), Path: "/certificates/" + string(c.Fields.Number), Name: c.Fields.CreditName, Amount: c.Fields.Amount.String(),
		Issued: c.Fields.IssuedOn, Valid: isValid(c), Status: say.t("certificate.status_" + string(c.Status)),
	}
}

// creditProblem shows the page again with what was wrong with a form of it.
func (s *Server) creditProblem(w http.ResponseWriter, r *http.Request, c *call, problem error) error {
	f, _, wrong, message := fault(s.words(r), problem)
	if f.status == http.StatusInternalServerError || f.status == http.StatusNotFound {
		return problem
	}
	page, err := s.newCreditPage(r, c)
	if err != nil {
		return err
	}
	if page.Problem = message; message == "" {
		page.Problem = wrong
	}
	page.Typed = r.PostForm.Get("text")
	return s.pages.write(w, s.words(r), f.status, "credit", page)
}

// postClaim claims credit and goes to the certificate.
func postClaim(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	amount, err := lms.ParseCredit(r.PostForm.Get("amount"))
	var number lms.CertificateNumber
	if err == nil {
		number, err = s.db.ClaimCredit(r.Context(), c.actor, c.courseID, r.PostForm.Get("credit"), amount, r.PostForm.Get("attest") == "yes")
	}
	if err != nil {
		return s.creditProblem(w, r, c, err)
	}
	http.Redirect(w, r, "/certificates/"+string(number), http.StatusSeeOther)
	return nil
}

// postAppeal asks the organisers to look again.
func postAppeal(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	if err := s.db.AppealCredit(r.Context(), c.actor, c.courseID, r.PostForm.Get("text")); err != nil {
		return s.creditProblem(w, r, c, err)
	}
	http.Redirect(w, r, creditPath(c.courseID)+"#appeal", http.StatusSeeOther)
	return nil
}

// postProgrammeClaim issues the certificate of a programme.
func postProgrammeClaim(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	number, err := s.db.ClaimProgramme(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/certificates/"+string(number), http.StatusSeeOther)
	return nil
}
