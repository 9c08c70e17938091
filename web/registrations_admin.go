package web

import (
	"net/http"
	"strconv"
	"time"

	"lectern/lms"
)

type registrationRulesView struct {
	Open    bool     `json:"open"`
	Watch   bool     `json:"watch"`   // while a decision is pending
	Seats   int      `json:"seats"`   // 0 for no limit
	Viewers int      `json:"viewers"` // in one lecture at the same time; 0 for no limit
	Domains []string `json:"domains"`
	Licence string   `json:"licence"`
}

type registrationView struct {
	Person     lms.PersonID          `json:"person"`
	Name       string                `json:"name"`
	Email      lms.Email             `json:"email"`
	Country    lms.Country           `json:"country"`
	Profession string                `json:"profession"`
	Licence    string                `json:"licence"`
	State      lms.RegistrationState `json:"state"`
	Source     string                `json:"source"`
	Rule       string                `json:"rule"`
	Reason     string                `json:"reason"`
	AppliedAt  time.Time             `json:"applied_at"`
	OfferUntil *time.Time            `json:"offer_until"`
	Seq        int64                 `json:"seq"`
}

// queueView is what the admin decides about. Page is the address to register at.
type queueView struct {
	Rules  registrationRulesView         `json:"rules"`
	Taken  int                           `json:"taken"`
	Counts map[lms.RegistrationState]int `json:"counts"`
	Items  []registrationView            `json:"registrations"`
	More   bool                          `json:"more"`
	Page   string                        `json:"page"`
}

func getRegistrationQueue(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	state := lms.RegistrationState(r.URL.Query().Get("state"))
	if state == "" {
		state = lms.RegistrationPending
	}
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // what is no number is 0
	q, err := s.db.Registrations(r.Context(), c.actor, c.programme, state, after)
	if err != nil {
		return err
	}
	view := queueView{
		Rules: registrationRulesView(q.Rules), Taken: q.Taken, Counts: q.Counts, More: q.More, Items: make([]registrationView, 0, len(q.Items)),
		Page: s.url.Scheme + "://" + s.url.Host + "/register/" + string(c.programme),
	}
	for _, item := range q.Items {
		view.Items = append(view.Items, registrationView(item))
	}
	return writeJSON(w, http.StatusOK, view)
}

func putRegistrationRules(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body registrationRulesView
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.SetRegistrationRules(r.Context(), c.actor, c.programme, lms.RegistrationRules(body)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func postDecision(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	person, err := lms.ParseID[lms.PersonID](r.PathValue("person"))
	if err != nil {
		return err
	}
	var body struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	state, err := s.db.DecideRegistration(r.Context(), c.actor, c.programme, person, lms.Decision(r.PathValue("action")), body.Reason)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]lms.RegistrationState{"state": state})
}
