package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"lectern/lms"
	"lectern/lms/phone"
	"lectern/storage/postgres"
)

// registerPage is where somebody registers by themself for a programme that is open. What was typed stays on an error.
type registerPage struct {
	frame
	Programme                                                  postgres.OpenProgramme
	When                                                       *when // the next lecture
	Email, Name, Country, Profession, Licence, Phone, ZoneName string
	Agreed                                                     bool
	Turn                                                       bool // they have waited, and it is their turn
	Countries, Zones                                           template.HTML
	Field, Error, Problem                                      string
}

func (s *Server) newRegisterPage(r *http.Request) (registerPage, error) {
	page := registerPage{frame: frame{Title: "register.title", Script: "zone.js"}}
	id, err := lms.ParseID[lms.ProgrammeID](r.PathValue("programme"))
	if err != nil {
		return page, err
	}
	page.Programme, err = s.db.OpenProgramme(r.Context(), id)
	return page, err
}

// fill takes over what was typed.
func (p *registerPage) fill(form url.Values) {
	p.Email, p.Name, p.Country, p.Profession = form.Get("email"), form.Get("name"), form.Get("country"), form.Get("profession")
	p.Licence, p.Phone, p.ZoneName, p.Agreed = form.Get("licence"), form.Get("phone"), form.Get("zone"), form.Get("consent") != ""
}

func (s *Server) writeRegister(w http.ResponseWriter, say *words, status int, page registerPage) error {
	now := s.now()
	page.Countries, page.Zones = s.selects.country(say, page.Country, now), s.selects.zone(say, lms.Zone(page.ZoneName), now)
	if page.Programme.Next != nil {
		shown := newWhen(say, *page.Programme.Next, lms.Zone(page.ZoneName), page.Programme.Zone, now)
		page.When = &shown
	}
	return s.pages.write(w, say, status, "register", page)
}

func (p *registerPage) path() string { return "/register/" + string(p.Programme.ID) }

func getRegister(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	page, err := s.newRegisterPage(r)
	if err != nil {
		return err
	}
	if err := s.lookIn(w, r); err != nil {
		return s.wait(w, r, err, page.path())
	}
	if form, ok := s.typed(r); ok && form.Get("from") == page.path() {
		page.fill(form)
		page.Turn, page.Script = true, "turn.js"
	} else if c.signedIn() {
		page.Email, page.Name, page.Country, page.ZoneName = c.actor.Email.String(), c.actor.Name, string(c.actor.Country), string(c.actor.Zone)
	}
	return s.writeRegister(w, s.words(r), http.StatusOK, page)
}

// postRegister keeps what was said with a challenge. The answer does not tell whether the address is known.
func postRegister(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	page, err := s.newRegisterPage(r)
	if err != nil {
		return err
	}
	page.fill(r.PostForm)
	challenge, err := s.startRegistration(w, r, page)
	if errors.Is(err, errWaiting) {
		s.keepTyped(w, r.PostForm, page.path())
		return s.wait(w, r, err, page.path())
	}
	if err != nil {
		say := s.words(r)
		var f failure
		f, page.Field, page.Error, page.Problem = fault(say, err)
		if f.status == http.StatusInternalServerError {
			return err
		}
		return s.writeRegister(w, say, f.status, page)
	}
	s.setCookie(w, s.challengeName(), challengeValue(challenge.Cookie, page.Email), lms.OTPLife)
	s.forgetTyped(w, r)
	http.Redirect(w, r, "/sign-in/code?next=%2Fregistrations", http.StatusSeeOther)
	return nil
}

func (s *Server) startRegistration(w http.ResponseWriter, r *http.Request, page registerPage) (postgres.Challenge, error) {
	email, err := lms.ParseEmail(page.Email)
	if err != nil {
		return postgres.Challenge{}, err
	}
	a, err := lms.ParseApplication(page.Name, page.Country, page.Profession, page.Licence, page.ZoneName, page.Agreed)
	if err != nil {
		return postgres.Challenge{}, err
	}
	if a.Phone, err = phone.Parse(page.Phone, a.Country); err != nil {
		return postgres.Challenge{}, err
	}
	if err := s.passDoor(w, r); err != nil {
		return postgres.Challenge{}, err
	}
	defer s.inside(s.now())
	in := postgres.StartSignIn{
		Email: email, Remote: clientAddr(r, s.proxies), Device: s.device(r), Language: lms.Language(s.words(r).tag),
	}
	return s.db.StartRegistration(r.Context(), in, page.Programme.ID, a)
}

// registrationsPage is how somebody stands, with what they can do about it.
type registrationsPage struct {
	frame
	Rows []registrationRow
}

type registrationRow struct {
	Programme         lms.ProgrammeID
	Title, Line, Note string
	Offered, Mine     bool // an offer waits; it can be withdrawn
	Watch             bool
}

// registrationLines are the keys of how somebody stands.
var registrationLines = map[lms.RegistrationState]string{
	lms.RegistrationPending: "registrations.pending", lms.RegistrationApproved: "registrations.approved",
	lms.RegistrationRejected: "registrations.rejected", lms.RegistrationWaitlisted: "registrations.waitlisted",
	lms.RegistrationOffered: "registrations.offered", lms.RegistrationCancelled: "registrations.cancelled",
}

func getRegistrations(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	mine, err := s.db.MyRegistrations(r.Context(), c.actor)
	if err != nil {
		return err
	}
	say := s.words(r)
	page := registrationsPage{frame: frame{Title: "registrations.title", Person: c.actor.Name}}
	for _, m := range mine {
		row := registrationRow{
			Programme: m.Programme, Title: m.Title, Line: say.t(registrationLines[m.State]), Note: m.Reason,
			Offered: m.State == lms.RegistrationOffered, Mine: m.State != lms.RegistrationCancelled && m.State != lms.RegistrationRejected,
			Watch: c.actor.Can(lms.Watch, lms.Scope{Programme: m.Programme}),
		}
		switch {
		case m.State == lms.RegistrationWaitlisted:
			row.Note = say.t("registrations.ahead", "count", m.Ahead)
		case m.OfferUntil != nil:
			until := newMoment(say, *m.OfferUntil, zoneOr(c.actor.Zone), s.now())
			row.Note = say.t("registrations.until", "day", until.OnDay, "clock", until.Clock, "zone", until.Zone)
		}
		page.Rows = append(page.Rows, row)
	}
	return s.pages.write(w, say, http.StatusOK, "registrations", page)
}

func zoneOr(zone lms.Zone) lms.Zone {
	if zone == "" {
		return "UTC"
	}
	return zone
}

// postRegistration accepts an offer of a seat or withdraws a registration.
func postRegistration(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	id, err := lms.ParseID[lms.ProgrammeID](r.PostForm.Get("programme"))
	if err != nil {
		return err
	}
	switch r.PostForm.Get("do") {
	case "accept":
		err = s.db.AcceptOffer(r.Context(), c.actor, id)
	case "cancel":
		err = s.db.CancelRegistration(r.Context(), c.actor, id)
	default:
		err = errMalformed
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/registrations", http.StatusSeeOther)
	return nil
}
