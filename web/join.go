package web

import (
	"errors"
	"net/http"
	"strings"

	"lectern/lms"
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
	"analytics": "join.analytics", "watch": "join.watch", "courses": "join.courses",
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
	session, path, err := s.db.RedeemJoinLink(r.Context(), r.PathValue("token"), r.UserAgent())
	if err != nil {
		return linkOver(s.words(r), err)
	}
	return s.enter(w, r, session, localPath(path))
}

// linkOver says what to do about a link that signs nobody in, whether it is unknown, used or too old.
func linkOver(say *words, err error) error {
	if errors.Is(err, lms.ErrNotFound) || errors.Is(err, lms.ErrExpired) {
		return &lms.Problem{Kind: lms.ErrExpired, Message: say.t("join.over")}
	}
	return err
}
