package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"lectern/lms"
)

// languageLife is how long a browser remembers which language was chosen in it.
const languageLife = 365 * 24 * time.Hour

type languageKey struct{}

// withLanguage makes the language of whoever is signed in that of the answer to r.
func withLanguage(r *http.Request, actor lms.Actor) *http.Request {
	if actor.Language == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), languageKey{}, string(actor.Language)))
}

// words are those for the reader of the answer to r: of their profile, else as chosen in this browser, else by what the
// browser asks for (RFC 9110 section 12.5.4).
func (s *Server) words(r *http.Request) *words {
	profile, _ := r.Context().Value(languageKey{}).(string)
	for _, tag := range []string{profile, s.chosenLanguage(r)} {
		if say := s.languages.named(tag); say != nil {
			return say
		}
	}
	return s.languages.of(r)
}

func (s *Server) languageName() string { return s.cookiePrefix() + "lectern-language" }

// chosenLanguage is the one chosen in this browser, or "".
func (s *Server) chosenLanguage(r *http.Request) string {
	c, err := r.Cookie(s.languageName())
	if err != nil || s.languages.named(c.Value) == nil {
		return ""
	}
	return c.Value
}

// postLanguage is the chooser that stands on the pages: it needs neither JavaScript nor somebody signed in.
func postLanguage(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	if err := s.setLanguage(w, r, c.actor, r.PostForm.Get("language")); err != nil {
		return err
	}
	http.Redirect(w, r, s.cameFrom(r), http.StatusSeeOther)
	return nil
}

// setLanguage remembers a choice in the browser and, of somebody who is signed in, for their other devices and their mail.
func (s *Server) setLanguage(w http.ResponseWriter, r *http.Request, actor lms.Actor, tag string) error {
	say := s.languages.named(tag)
	if say == nil {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "language", Code: "language"}
	}
	s.setCookie(w, s.languageName(), say.tag, languageLife)
	if actor.Person == "" {
		return nil
	}
	return s.db.SetLanguage(r.Context(), actor, lms.Language(say.tag))
}

// keepLanguage makes the language chosen before signing in that of a profile that has none.
func (s *Server) keepLanguage(r *http.Request, actor lms.Actor) error {
	chosen := s.chosenLanguage(r)
	if chosen == "" || actor.Language != "" {
		return nil
	}
	return s.db.SetLanguage(r.Context(), actor, lms.Language(chosen))
}

// cameFrom is the page of this site that a form was sent from, as the browser says.
func (s *Server) cameFrom(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil || (from.Host != s.url.Host && from.Host != r.Host) {
		return "/"
	}
	return localPath(from.RequestURI())
}
