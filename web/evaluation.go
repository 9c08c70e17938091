package web

import (
	"net/http"
	"strconv"

	"lectern/lms"
)

// evaluationPage asks what somebody thinks of a lecture.
type evaluationPage struct {
	frame
	Course, Path          string
	Number                int
	Done                  bool
	Dimensions            []dimensionView
	Bias, BiasText, Text  string
	Field, Error, Problem string
}

type dimensionView struct {
	Name  string
	Stars int
	Wrong bool
}

func evaluationPath(id lms.CourseID) string { return "/courses/" + string(id) + "/evaluation" }

func (s *Server) newEvaluationPage(c *call) evaluationPage {
	return evaluationPage{
		frame: frame{Title: "evaluation.title", Person: c.actor.Name}, Course: c.course.Title, Number: c.course.Number, Path: "/courses/" + string(c.courseID),
	}
}

func getEvaluation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	page := s.newEvaluationPage(c)
	var err error
	if page.Done, err = s.db.Evaluated(r.Context(), c.actor, c.courseID); err != nil {
		return err
	}
	for _, d := range lms.Dimensions {
		page.Dimensions = append(page.Dimensions, dimensionView{Name: string(d)})
	}
	return s.pages.write(w, s.words(r), http.StatusOK, "evaluation", page)
}

func postEvaluation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	form := r.PostForm
	e := lms.Evaluation{Stars: map[lms.Dimension]int{}, Bias: lms.Bias(form.Get("bias")), BiasText: form.Get("bias_text"), Text: form.Get("text")}
	page := s.newEvaluationPage(c)
	for _, d := range lms.Dimensions {
		if n, err := strconv.Atoi(form.Get(string(d))); err == nil {
			e.Stars[d] = n
		}
		page.Dimensions = append(page.Dimensions, dimensionView{Name: string(d), Stars: e.Stars[d]})
	}
	if err := s.db.Evaluate(r.Context(), c.actor, c.courseID, e); err != nil {
		f, field, wrong, message := fault(s.words(r), err)
		if f.status == http.StatusInternalServerError || f.status == http.StatusNotFound {
			return err
		}
		page.Field, page.Error, page.Problem = field, wrong, message
		if page.Problem == "" {
			page.Problem = wrong
		}
		for i, d := range page.Dimensions {
			page.Dimensions[i].Wrong = d.Name == field
		}
		page.Bias, page.BiasText, page.Text = form.Get("bias"), form.Get("bias_text"), form.Get("text")
		return s.pages.write(w, s.words(r), f.status, "evaluation", page)
	}
	http.Redirect(w, r, creditPath(c.courseID), http.StatusSeeOther)
	return nil
}
