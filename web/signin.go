package web

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"lectern/lms"
	"lectern/storage/postgres"
)

// signInPage is step 1: email and, the first time, an access code. What was typed stays on an error.
type signInPage struct {
	frame
	Email, Code, Next     string
	Turn                  bool // they have waited, and it is their turn
	Field, Error, Problem string
}

// fault puts the message of err beside the field it is about, or above the form.
func fault(say *words, err error) (f failure, field, message, above string) {
	f, field, _ = explain(err)
	if field == "" {
		return f, "", "", f.text(say)
	}
	return f, field, f.text(say), ""
}

func getSignIn(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	next := localPath(r.URL.Query().Get("next"))
	if c.signedIn() {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	page := signInPage{frame: frame{Title: "signin.title"}, Next: next}
	if err := s.lookIn(w, r); err != nil {
		return s.wait(w, r, err, "/sign-in"+nextQuery(next))
	}
	if form, ok := s.typed(r); ok && form.Get("from") == "/sign-in" {
		page.Email, page.Code, page.Next, page.Turn = form.Get("email"), form.Get("code"), localPath(form.Get("next")), true
		page.Script = "turn.js"
	}
	return s.pages.write(w, s.words(r), http.StatusOK, "sign-in", page)
}

// postSignIn starts a challenge. The answer is the same for a known, an unknown and a used address or code:
// a stranger learns nothing (trust S-03).
func postSignIn(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	page := signInPage{
		frame: frame{Title: "signin.title"},
		Email: r.PostForm.Get("email"), Code: r.PostForm.Get("code"), Next: localPath(r.PostForm.Get("next")),
	}
	challenge, err := s.startSignIn(w, r, page.Email, page.Code)
	if errors.Is(err, errWaiting) {
		s.keepTyped(w, r.PostForm, "/sign-in")
		return s.wait(w, r, err, "/sign-in"+nextQuery(page.Next))
	}
	if err != nil {
		var f failure
		f, page.Field, page.Error, page.Problem = fault(s.words(r), err)
		if f.status == http.StatusInternalServerError {
			return err
		}
		return s.pages.write(w, s.words(r), f.status, "sign-in", page)
	}
	s.setCookie(w, s.challengeName(), challengeValue(challenge.Cookie, page.Email), lms.OTPLife)
	s.forgetTyped(w, r)
	http.Redirect(w, r, "/sign-in/code"+nextQuery(page.Next), http.StatusSeeOther)
	return nil
}

// startSignIn passes the door with details that can be read, and begins.
func (s *Server) startSignIn(w http.ResponseWriter, r *http.Request, email, code string) (postgres.Challenge, error) {
	parsed, err := lms.ParseEmail(email)
	if err != nil {
		return postgres.Challenge{}, err
	}
	in := postgres.StartSignIn{
		Email: parsed, Remote: clientAddr(r, s.proxies), Device: s.device(r), Language: lms.Language(s.words(r).tag),
	}
	if strings.TrimSpace(code) != "" {
		if in.Code, err = lms.ParseAccessCode(code); err != nil {
			return postgres.Challenge{}, err
		}
	}
	if err := s.passDoor(w, r); err != nil {
		return postgres.Challenge{}, err
	}
	defer s.inside(s.now())
	return s.db.StartSignIn(r.Context(), in)
}

// nextQuery carries the page to open after signing in.
func nextQuery(next string) string {
	if next == "/" {
		return ""
	}
	return "?next=" + url.QueryEscape(next)
}

// codePage is step 2: the one-time code.
type codePage struct {
	frame
	Email            string // masked
	OTP, Next, Error string
	Sent, Mailbox    bool
}

func (s *Server) newCodePage(r *http.Request, next string) codePage {
	_, email := s.challenge(r)
	return codePage{frame: frame{Title: "code.title"}, Email: email, Next: localPath(next), Mailbox: s.mailbox}
}

func getCode(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	page := s.newCodePage(r, r.URL.Query().Get("next"))
	if cookie, _ := s.challenge(r); cookie == "" {
		http.Redirect(w, r, "/sign-in"+nextQuery(page.Next), http.StatusSeeOther)
		return nil
	}
	page.Sent = r.URL.Query().Has("again")
	return s.pages.write(w, s.words(r), http.StatusOK, "code", page)
}

// postCode takes the one-time code, or sends another mail when the button for that was pressed.
func postCode(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	page := s.newCodePage(r, r.PostForm.Get("next"))
	page.OTP = r.PostForm.Get("otp")
	cookie, _ := s.challenge(r)
	if cookie == "" {
		http.Redirect(w, r, "/sign-in"+nextQuery(page.Next), http.StatusSeeOther)
		return nil
	}
	if r.PostForm.Get("again") != "" {
		return s.sendAgain(w, r, cookie, page)
	}
	session, err := s.verify(r, cookie, page.OTP)
	if err != nil {
		return s.codeRefused(w, s.words(r), page, err)
	}
	s.setCookie(w, s.challengeName(), "", 0)
	return s.enter(w, r, session, page.Next)
}

func (s *Server) verify(r *http.Request, cookie, typed string) (postgres.Session, error) {
	otp, err := lms.ParseOTP(typed)
	if err != nil {
		return postgres.Session{}, err
	}
	remote := clientAddr(r, s.proxies)
	defer s.inside(s.now())
	session, err := s.db.VerifyOTP(r.Context(), cookie, otp, remote, r.UserAgent())
	if err != nil {
		return session, err
	}
	s.begun.finish(network(remote).String())
	session.Device, err = s.db.RememberDevice(r.Context(), session, s.device(r))
	return session, err
}

func (s *Server) sendAgain(w http.ResponseWriter, r *http.Request, cookie string, page codePage) error {
	if err := s.db.ResendOTP(r.Context(), cookie, clientAddr(r, s.proxies)); err != nil {
		return s.codeRefused(w, s.words(r), page, err)
	}
	// A new code is good for its whole life, and so is what it is bound to.
	if sent, err := r.Cookie(s.challengeName()); err == nil {
		s.setCookie(w, s.challengeName(), sent.Value, lms.OTPLife)
	}
	query := url.Values{"again": {"1"}}
	if page.Next != "/" {
		query.Set("next", page.Next)
	}
	http.Redirect(w, r, "/sign-in/code?"+query.Encode(), http.StatusSeeOther)
	return nil
}

// codeRefused shows the form again with what was typed in it.
func (s *Server) codeRefused(w http.ResponseWriter, say *words, page codePage, err error) error {
	f, _, _ := explain(err)
	if f.status == http.StatusInternalServerError {
		return err
	}
	page.Error = f.text(say)
	return s.pages.write(w, say, f.status, "code", page)
}

// challengeValue is what the cookie of a challenge holds: its secret and, for the page that asks for the code, the
// masked address it went to. It stays in the browser of whoever typed the address.
func challengeValue(secret, email string) string {
	return secret + "." + base64.RawURLEncoding.EncodeToString([]byte(masked(strings.TrimSpace(email))))
}

// challenge reads the cookie. Both are empty when there is none.
func (s *Server) challenge(r *http.Request) (secret, email string) {
	c, err := r.Cookie(s.challengeName())
	if err != nil || len(c.Value) > 512 {
		return "", ""
	}
	secret, coded, _ := strings.Cut(c.Value, ".")
	text, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil || !utf8.Valid(text) {
		return secret, ""
	}
	return secret, string(text)
}

// masked shows enough of an address to find a slip of the finger, and to others in the room no more than that.
func masked(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	runes := []rune(local)
	if !ok || len(runes) == 0 {
		return ""
	}
	if len(runes) < 3 {
		return string(runes[:1]) + "\u2026@" + domain
	}
	return string(runes[:1]) + "\u2026" + string(runes[len(runes)-1:]) + "@" + domain
}

// enter starts the session in the browser and opens next, by way of the welcome page where the person has not
// said their name yet. The session's secret is new with every sign-in.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, session postgres.Session, next string) error {
	if err := s.leaveBefore(r); err != nil {
		return err
	}
	s.setCookie(w, s.cookieName(), session.Token, sessionLife)
	s.setCookie(w, s.deviceName(), session.Device, deviceLife)
	actor, err := s.db.SessionPerson(r.Context(), session.Token)
	if err != nil {
		return err
	}
	if err := s.keepLanguage(r, actor); err != nil {
		return err
	}
	if actor.Name == "" {
		next = "/welcome" + nextQuery(next)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// leaveBefore ends the session that the browser had until now: nobody can sign it out any more.
func (s *Server) leaveBefore(r *http.Request) error {
	before := s.sessionToken(r)
	if before == "" {
		return nil
	}
	s.grants.forget(before)
	if err := s.db.SignOut(r.Context(), before); err != nil && !errors.Is(err, lms.ErrNotFound) {
		return err
	}
	return nil
}

// postSignOut ends the session here and, through its sockets and media, wherever it is in use. The person's other
// devices stay signed in.
func postSignOut(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.db.SignOut(r.Context(), s.sessionToken(r)); err != nil && !errors.Is(err, lms.ErrNotFound) {
		return err
	}
	s.grants.forget(s.sessionToken(r))
	s.hub.Disconnect(c.actor.Person, c.actor.Session)
	s.dismiss(func(session mediaSession) bool { return session.Owner() == c.actor.Session })
	s.setCookie(w, s.cookieName(), "", 0)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}
