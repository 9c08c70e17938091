package web

import (
	"errors"
	"net/http"
	"strings"

	"lectern/lms"
	"lectern/storage/postgres"
)

// joinPage is what a personal link opens: one button. Looking at it uses nothing up, because mail scanners
// look at links; pressing the button does.
type joinPage struct {
	frame
	Token, Name string
	Where       string // key of what the link opens, or empty
}

// rooms are the keys of what the first part of a path opens.
var rooms = map[string]string{
	"studio": "join.studio", "console": "join.console", "admin": "join.admin",
	"analytics": "join.analytics", "watch": "join.watch", "courses": "join.courses", "disclosure": "join.disclosure",
}

func getJoin(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	token := r.PathValue("token")
	found, err := s.db.PeekJoinLink(r.Context(), token)
	if err != nil {
		return linkOver(s.words(r), err)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(found.Path, "/"), "/")
	return s.pages.write(w, s.words(r), http.StatusOK, "join", joinPage{
		frame: frame{Title: "join.title", Script: "join.js"},
		Token: token, Name: found.Name, Where: rooms[first],
	})
}

func postJoin(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	token := r.PathValue("token")
	session, path, err := s.db.RedeemJoinLink(r.Context(), token, s.device(r), r.UserAgent())
	if errors.Is(err, postgres.ErrOtherDevice) {
		return s.proveOwner(w, r, token)
	}
	if err != nil {
		return linkOver(s.words(r), err)
	}
	return s.enter(w, r, session, localPath(path))
}

// proveOwner asks for a one-time code in a browser that a link does not belong to: the mail goes to the link's owner.
func (s *Server) proveOwner(w http.ResponseWriter, r *http.Request, token string) error {
	in := postgres.StartSignIn{Remote: clientAddr(r, s.proxies), Device: s.device(r)}
	challenge, email, path, err := s.db.StartByJoinLink(r.Context(), token, in)
	if err != nil {
		return linkOver(s.words(r), err)
	}
	s.setCookie(w, s.challengeName(), challengeValue(challenge.Cookie, email.String()), lms.OTPLife)
	http.Redirect(w, r, "/sign-in/code"+nextQuery(localPath(path)), http.StatusSeeOther)
	return nil
}

// linkOver says what to do about a link that signs nobody in, whether it is unknown, used or too old.
func linkOver(say *words, err error) error {
	if errors.Is(err, lms.ErrNotFound) || errors.Is(err, lms.ErrExpired) {
		return &lms.Problem{Kind: lms.ErrExpired, Message: say.t("join.over")}
	}
	return err
}
