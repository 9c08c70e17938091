package web

import (
	"errors"
	"net/http"

	"lectern/lms"
	"lectern/signaling"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

func getQuestions(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	questions, err := s.db.Questions(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	return writeQuestions(w, c, questions)
}

func writeQuestions(w http.ResponseWriter, c *call, questions []postgres.Question) error {
	views := make([]protocol.Question, 0, len(questions))
	for _, q := range questions {
		view := questionView(q, c.actor, c.scope())
		view.Voted = &q.Voted
		views = append(views, view)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"questions": views})
}

func postQuestion(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Text     string `json:"text"`
		HideName bool   `json:"hide_name"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	q, err := s.db.AskQuestion(r.Context(), c.actor, c.courseID, postgres.NewQuestion{Text: body.Text, HideName: body.HideName})
	if err != nil {
		return err
	}
	s.tellQuestion(c.scope(), q)
	return writeJSON(w, http.StatusCreated, questionView(q, c.actor, c.scope()))
}

// postQuestionAction changes a question. A conflict carries the question as it is now, so that the moderator's
// page can show it without asking again.
func postQuestionAction(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := lms.ParseID[lms.QuestionID](r.PathValue("question"))
	if err != nil {
		return err
	}
	var body struct {
		Version  int          `json:"version"`
		Assignee lms.PersonID `json:"assignee"`
		Text     string       `json:"text"`

		Public bool           `json:"public"`
		Into   lms.QuestionID `json:"into"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	action := lms.Action{
		Kind: lms.ActionKind(r.PathValue("action")), Version: body.Version, Assignee: body.Assignee, Text: body.Text, Public: body.Public, Into: body.Into,
	}
	q, err := s.db.ModerateQuestion(r.Context(), c.actor, c.courseID, id, action)
	if errors.Is(err, lms.ErrConflict) && q.ID == id {
		f, field, _ := explain(err)
		return writeJSON(w, f.status, struct {
			errorBody
			Current protocol.Question `json:"current"`
		}{errorBody{Error: errorDetail{Code: f.code, Message: f.text(s.words(r)), Field: field}}, questionView(q, c.actor, c.scope())})
	}
	if err != nil {
		return err
	}
	s.tellQuestion(c.scope(), q)
	s.tellMerged(r.Context(), c, q, action.Kind)
	switch action.Kind {
	case lms.Answering, lms.Answered, lms.Restore:
		s.chaptersChanged(r.Context(), c)
	}
	return writeJSON(w, http.StatusOK, questionView(q, c.actor, c.scope()))
}

// questionView is a question as the actor may see it.
func questionView(q postgres.Question, actor lms.Actor, scope lms.Scope) protocol.Question {
	view := protocol.Question{
		ID: string(q.ID), Version: int64(q.Version), State: q.StateFor(actor, scope), Text: q.Text,
		AskedMS: or(q.AskedMS), AskedAt: q.AskedAt, Mine: actor.Person != "" && q.Asker == actor.Person,
		AnsweredMS: q.AnsweredMS, Edited: q.Original != "",
	}
	if q.AskerVisibleTo(actor, scope) {
		view.Asker = &protocol.Asker{Name: q.AskerName, Country: string(q.AskerCountry)}
	}
	if q.Assignee != "" {
		view.Assignee = &protocol.Assignee{ID: string(q.Assignee), Name: q.AssigneeName}
	}
	if actor.Can(lms.Moderate, scope) {
		view.OriginalText, view.HideName, view.MergedInto = q.Original, q.HideName, string(q.MergedInto)
		if q.ClaimedBy != "" {
			view.Claim = &protocol.Claim{ID: string(q.ClaimedBy), Name: q.ClaimerName, Until: q.ClaimedUntil}
		}
	}
	view.Votes = q.Votes
	if view.Answer = q.AnswerFor(actor, scope); view.Answer != "" {
		view.AnswerToAll = q.AnswerPublic
	}
	return view
}

// tellQuestion sends a changed question to everybody who may see it, to each in their own view. Those who may
// see it no longer get its id without the text, so that it leaves their list; of one that was never public the
// audience hears nothing. Its asker gets their own view only, in which nobody is told of a dismissal.
func (s *Server) tellQuestion(scope lms.Scope, q postgres.Question) {
	for _, to := range []struct {
		audience signaling.Audience
		reader   lms.Actor
	}{
		{signaling.Moderators, stranger(lms.Moderator, scope)},
		{signaling.Presenters, stranger(lms.Presenter, scope)},
		{signaling.Attendees.Except(q.Asker), stranger(lms.Attendee, scope)},
	} {
		view := protocol.Question{ID: string(q.ID), Version: int64(q.Version), State: string(lms.Dismissed), AskedAt: q.AskedAt}
		if q.VisibleTo(to.reader, scope) {
			view = questionView(q, to.reader, scope)
		} else if !q.WasPublic {
			continue
		}
		s.hub.Publish(string(scope.Course), to.audience, &protocol.QuestionChanged{Question: view})
	}
	// Staff who ask keep the view of their role.
	asker := stranger(lms.Attendee, scope)
	asker.Person = q.Asker
	s.hub.Publish(string(scope.Course), signaling.Attendees.Only(q.Asker), &protocol.QuestionChanged{Question: questionView(q, asker, scope)})
}

// stranger is anybody with the role: what such a reader may see is what the whole audience is sent.
func stranger(role lms.Role, scope lms.Scope) lms.Actor {
	return lms.Actor{Roles: []lms.RoleGrant{{Role: role, Programme: scope.Programme, Course: scope.Course}}}
}
