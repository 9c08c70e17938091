package web

import (
	"fmt"
	"net/http"
	"slices"

	"lectern/lms"
	"lectern/storage/postgres"
)

// progressPage is how far one person has come in each of their programmes.
type progressPage struct {
	frame
	Programmes []programmeProgress
}

type programmeProgress struct {
	ID          lms.ProgrammeID
	Title       string
	Done, Total int
	Segments    []segment
	Step        step
	Courses     []progressRow
	// Certificate of the programme: the valid one, or whether it can be asked for.
	Number    string
	Claimable bool
	Required  int
}

// step is the next best thing to do, as a sentence and one button.
type step struct {
	Sentence, More string
	Path, Label    string // empty when there is nothing to do
}

type progressRow struct {
	Number            int
	Title, Path, Line string
	Percent           int
	Done              bool
	Credits           string
}

// condition is one line of what a course demands.
type condition struct {
	Text  string
	Met   bool
	Depth int
	Group bool
}

func getProgress(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if c.actor.Name == "" {
		http.Redirect(w, r, "/welcome?next=%2Fprogress", http.StatusSeeOther)
		return nil
	}
	list, err := s.db.ProgressOf(r.Context(), c.actor, "")
	if err != nil {
		return err
	}
	say := s.words(r)
	page := progressPage{frame: frame{Title: "progress.title", Person: c.actor.Name}}
	for _, p := range list {
		page.Programmes = append(page.Programmes, newProgrammeProgress(say, p))
	}
	return s.pages.write(w, say, http.StatusOK, "progress", page)
}

func newProgrammeProgress(say *words, p postgres.Progress) programmeProgress {
	view := programmeProgress{ID: p.Programme.ID, Title: p.Programme.Title, Total: len(p.Courses)}
	certified := 0
	items := make([]postgres.CourseItem, 0, len(p.Courses))
	for _, c := range p.Courses {
		done := isDone(c)
		if done {
			view.Done++
		}
		if c.Required {
			view.Required++
			if slices.ContainsFunc(c.Certificates, isValid) {
				certified++
			}
		}
		share := watchedShare(c.Evidence)
		if done {
			share = 1
		}
		items = append(items, postgres.CourseItem{CourseView: c.CourseView, WatchedShare: share})
		view.Courses = append(view.Courses, newProgressRow(say, c, done))
	}
	view.Segments = ring(items)
	view.Step = nextStep(say, p.Courses)
	for _, c := range p.Certificates {
		if isValid(c) {
			view.Number = c.Fields.Number.String()
		}
	}
	view.Claimable = view.Number == "" && view.Required > 0 && certified == view.Required
	return view
}

func isValid(c postgres.Certificate) bool { return c.Status == lms.CertificateValid }

// isDone reports whether all that a course demands has been done.
func isDone(c postgres.CourseProgress) bool {
	return len(c.Earned) > 0 || c.Judgement.Met || slices.ContainsFunc(c.Certificates, isValid)
}

func watchedShare(e lms.Evidence) float64 {
	if e.CountableS == 0 {
		return 0
	}
	return float64(e.WatchedS) / float64(e.CountableS)
}

func newProgressRow(say *words, c postgres.CourseProgress, done bool) progressRow {
	row := progressRow{Number: c.Number, Title: c.Title, Path: creditPath(c.ID), Done: done}
	if share := watchedShare(c.Evidence); share > 0 {
		row.Percent = wholePercent(share)
	}
	var held lms.Credit
	for _, certificate := range c.Certificates {
		if isValid(certificate) {
			held += certificate.Fields.Amount
		}
	}
	switch {
	case held > 0:
		row.Line, row.Credits = say.t("progress.row_certified"), say.t("progress.credits", "amount", held.String())
	case claimable(c) != nil:
		row.Line = say.t("progress.row_claim")
	case c.Rules.Version == 0:
		row.Line = say.t("progress.row_none")
	case c.Broadcast == nil:
		row.Line = say.t("progress.row_ahead")
	case c.Judgement.Met:
		row.Line = say.t("progress.row_met")
	default:
		row.Line = say.t("progress.row_open", "count", len(c.Judgement.Root.Missing()), "what", conditionText(say, c.Judgement.Root.Missing()[0]))
	}
	return row
}

func creditPath(id lms.CourseID) string { return "/courses/" + string(id) + "/credit" }

// claimable returns a credit that is earned and not claimed yet, or nil.
func claimable(c postgres.CourseProgress) *lms.CreditType {
	if c.State != postgres.CourseEnded {
		return nil
	}
	for i, t := range c.Rules.Rules.Types {
		if c.Earned[t.Key].Amount > 0 && c.Valid(t.Key) == nil {
			return &c.Rules.Rules.Types[i]
		}
	}
	return nil
}

// nextStep finds the one thing to do next: claim what is earned, then finish what is nearest to its end.
func nextStep(say *words, courses []postgres.CourseProgress) step {
	for _, c := range courses {
		if t := claimable(c); t != nil {
			return step{
				Sentence: say.t("step.claim", "amount", c.Earned[t.Key].Amount.String(), "course", c.Number),
				More:     say.t("step.claim_more"), Path: creditPath(c.ID) + "#claim", Label: say.t("step.claim_do"),
			}
		}
	}
	open := slices.DeleteFunc(slices.Clone(courses), func(c postgres.CourseProgress) bool {
		return c.Rules.Version == 0 || c.Broadcast == nil || isDone(c)
	})
	if len(open) == 0 {
		if slices.ContainsFunc(courses, func(c postgres.CourseProgress) bool { return c.Rules.Version > 0 && !isDone(c) }) {
			return step{Sentence: say.t("step.wait"), More: say.t("step.wait_more"), Path: "/courses", Label: say.t("step.wait_do")}
		}
		return step{Sentence: say.t("step.done"), More: say.t("step.done_more")}
	}
	best := slices.MinFunc(open, func(a, b postgres.CourseProgress) int {
		if n := len(a.Judgement.Root.Missing()) - len(b.Judgement.Root.Missing()); n != 0 {
			return n
		}
		switch x, y := watchedShare(a.Evidence), watchedShare(b.Evidence); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return a.Number - b.Number
	})
	return courseStep(say, best)
}

// courseStep is the next thing to do in one course whose conditions are not all met.
func courseStep(say *words, c postgres.CourseProgress) step {
	missing := c.Judgement.Root.Missing()
	if len(missing) == 0 {
		return step{}
	}
	first := missing[0]
	var st step
	switch first.Kind {
	case lms.RuleWatched:
		st = step{
			Sentence: say.t("step.watch", "time", minutesSeconds(first.Need-first.Have), "course", c.Number),
			Path:     "/watch/" + string(c.ID), Label: say.t("step.watch_do"),
		}
	case lms.RuleTest:
		st = step{Sentence: say.t("step.test", "course", c.Number), Path: testPath(c.ID), Label: say.t("step.test_do")}
	case lms.RuleEvaluation:
		st = step{Sentence: say.t("step.evaluate", "course", c.Number), Path: evaluationPath(c.ID), Label: say.t("step.evaluate_do")}
	default:
		st = step{Sentence: say.t("step.other", "course", c.Number, "what", conditionText(say, first)), Path: "/watch/" + string(c.ID), Label: say.t("step.watch_do")}
	}
	if len(missing) > 1 {
		st.More = say.t("step.then", "what", conditionText(say, missing[1]))
	}
	return st
}

// minutesSeconds writes 680 as "11 min 20 s".
func minutesSeconds(s float64) string {
	n := int(s + 0.5)
	if n < 60 {
		return fmt.Sprintf("%d s", n)
	}
	if n%60 == 0 {
		return fmt.Sprintf("%d min", n/60)
	}
	return fmt.Sprintf("%d min %d s", n/60, n%60)
}

// conditionText says a condition with what is there and what is needed.
func conditionText(say *words, j lms.Judged) string {
	if j.Waived != "" {
		return say.t("condition.waived", "what", say.t("condition.name_"+string(j.Kind)), "reason", j.Waived)
	}
	switch j.Kind {
	case lms.RuleWatched:
		key := "condition.watched"
		if j.Only != "" {
			key += "_" + string(j.Only)
		}
		return say.t(key, "have", minutesSeconds(j.Have), "need", minutesSeconds(j.Need))
	case lms.RuleChecks, lms.RulePolls:
		return say.t("condition."+string(j.Kind), "have", int(j.Have), "need", int(j.Need))
	case lms.RuleTest:
		if j.Have == 0 && !j.Met {
			return say.t("condition.test_open", "need", int(j.Need*100+0.5))
		}
		return say.t("condition.test", "have", int(j.Have*100+0.5), "need", int(j.Need*100+0.5))
	case lms.RuleAll, lms.RuleAny:
		return say.t("condition." + string(j.Kind))
	}
	return say.t("condition." + string(j.Kind))
}

// conditions flattens the tree into lines.
func conditions(say *words, j lms.Judged, depth int) []condition {
	if j.Kind != lms.RuleAll && j.Kind != lms.RuleAny {
		return []condition{{Text: conditionText(say, j), Met: j.Met, Depth: depth}}
	}
	var lines []condition
	if depth > 0 || j.Kind == lms.RuleAny {
		lines = append(lines, condition{Text: conditionText(say, j), Met: j.Met, Depth: depth, Group: true})
		depth++
	}
	for _, part := range j.Of {
		lines = append(lines, conditions(say, part, depth)...)
	}
	return lines
}
