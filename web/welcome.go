package web

import (
	"cmp"
	"html/template"
	"net/http"

	"lectern/lms"
)

// welcomePage asks for what the certificate and the times need.
type welcomePage struct {
	frame
	First                 bool // the person has no name yet
	Name, Country         string
	Zone                  lms.Zone
	Next                  string
	Countries, Zones      template.HTML // options
	Field, Error, Problem string
}

func (s *Server) newWelcomePage(c *call, next string) welcomePage {
	page := welcomePage{
		frame: frame{Title: "welcome.title_later", Person: cmp.Or(c.actor.Name, c.actor.Email.String()), Script: "zone.js"},
		First: c.actor.Name == "", Name: c.actor.Name, Country: string(c.actor.Country), Zone: c.actor.Zone,
		Next: localPath(next),
	}
	if page.First {
		page.Title = "welcome.title"
	}
	return page
}

func (s *Server) writeWelcome(w http.ResponseWriter, say *words, status int, page welcomePage) error {
	page.Countries, page.Zones = s.selects.country(say, page.Country, s.now()), s.selects.zone(say, page.Zone, s.now())
	return s.pages.write(w, say, status, "welcome", page)
}

func getWelcome(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.writeWelcome(w, s.words(r), http.StatusOK, s.newWelcomePage(c, r.URL.Query().Get("next")))
}

func postWelcome(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	form, say := r.PostForm, s.words(r)
	page := s.newWelcomePage(c, form.Get("next"))
	page.Name, page.Country, page.Zone = form.Get("name"), form.Get("country"), lms.Zone(form.Get("zone"))
	profile, err := lms.ParseProfile(page.Name, page.Country, string(page.Zone))
	if err == nil && profile.Country == "" {
		err = &lms.Problem{Kind: lms.ErrInvalid, Field: "country", Code: "country"}
	}
	if err == nil {
		err = s.db.SetProfile(r.Context(), c.actor, profile)
	}
	if err == nil && form.Get("language") != "" {
		err = s.setLanguage(w, r, c.actor, form.Get("language"))
	}
	if err != nil {
		var f failure
		f, page.Field, page.Error, page.Problem = fault(say, err)
		if f.status == http.StatusInternalServerError {
			return err
		}
		return s.writeWelcome(w, say, f.status, page)
	}
	http.Redirect(w, r, page.Next, http.StatusSeeOther)
	return nil
}
