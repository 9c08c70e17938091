package web

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

func postVote(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.vote(w, r, c, true)
}

func deleteVote(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.vote(w, r, c, false)
}

// vote counts the actor's vote, or counts it no more, and tells everybody who sees the question.
func (s *Server) vote(w http.ResponseWriter, r *http.Request, c *call, vote bool) error {
	id, err := lms.ParseID[lms.QuestionID](r.PathValue("question"))
	if err != nil {
		return err
	}
	q, err := s.db.VoteQuestion(r.Context(), c.actor, c.courseID, id, vote)
	if err != nil {
		return err
	}
	s.tellQuestion(c.scope(), q)
	view := questionView(q, c.actor, c.scope())
	view.Voted = &q.Voted
	return writeJSON(w, http.StatusOK, view)
}

// getSimilar lists near duplicates of a question.
func getSimilar(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := lms.ParseID[lms.QuestionID](r.PathValue("question"))
	if err != nil {
		return err
	}
	similar, err := s.db.SimilarQuestions(r.Context(), c.actor, c.courseID, id)
	if err != nil {
		return err
	}
	return writeQuestions(w, c, similar)
}

// tellMerged tells those who asked what was merged into a question how it stands, and the audience of its votes.
func (s *Server) tellMerged(ctx context.Context, c *call, changed postgres.Question, action lms.ActionKind) {
	if action == lms.Claim || action == lms.Release {
		return
	}
	all, err := s.db.Questions(ctx, c.actor, c.courseID)
	if err != nil {
		s.log.ErrorContext(ctx, "merged questions not told", "course", c.courseID, "error", err)
		return
	}
	for _, q := range all {
		if q.MergedInto == changed.ID || q.ID == changed.MergedInto {
			s.tellQuestion(c.scope(), q)
		}
	}
}

// getQuestionsCSV is for moderators: with the names, also of those who hid them from the audience.
func getQuestionsCSV(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	questions, err := s.db.Questions(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="questions-course-%d.csv"`, c.course.Number))
	out := csv.NewWriter(w)
	rows := [][]string{{"asked_at", "asked_s", "state", "votes", "asker", "country", "name_hidden", "text", "original_text", "assignee", "answered_s", "answer", "answer_public"}}
	for _, q := range questions {
		answered := ""
		if q.AnsweredMS != nil {
			answered = strconv.FormatInt(*q.AnsweredMS/1000, 10)
		}
		rows = append(rows, []string{
			q.AskedAt.Format(time.RFC3339), strconv.FormatInt(or(q.AskedMS)/1000, 10), string(q.State), strconv.Itoa(q.Votes),
			csvText(q.AskerName), csvText(string(q.AskerCountry)), strconv.FormatBool(q.HideName), csvText(q.Text), csvText(q.Original),
			csvText(q.AssigneeName), answered, csvText(q.Answer), strconv.FormatBool(q.AnswerPublic),
		})
	}
	return out.WriteAll(rows)
}
