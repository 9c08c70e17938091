package web

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lectern/lms"
)

// Failures that only HTTP knows.
var (
	errSignedOut   = errors.New("not signed in")
	errMalformed   = errors.New("malformed request")
	errTooLarge    = errors.New("request too large")
	errMediaType   = errors.New("unsupported media type")
	errCrossOrigin = errors.New("cross-origin request")
	errMethod      = errors.New("method not allowed")
	errFull        = errors.New("no room for more")
	errWaiting     = errors.New("waiting to come in")
	// The conditions of a PATCH to a media session: RFC 9110 section 13.1.1 and RFC 6585 section 3.
	errPreconditionFailed  = errors.New("precondition failed")
	errPreconditionMissing = errors.New("precondition required")
	// errNoPage is lms.ErrNotFound for what is no thing of the programme: a path that leads nowhere.
	errNoPage = errors.New("no such page")
)

// failure is how an error is told to a client.
type failure struct {
	status  int
	code    string       // for programs, in JSON
	title   string       // key of what happened, for the page; with "_do" after it, of what to do
	problem *lms.Problem // what says better what to do, or nil
}

// text tells what to do.
func (f failure) text(say *words) string {
	switch {
	case f.problem != nil && f.problem.Code != "":
		return say.problem(f.problem)
	case f.problem != nil && f.problem.Message != "":
		return f.problem.Message
	}
	return say.t(f.title + "_do")
}

// failures is the one table from errors to HTTP; the first match counts. Unknown ids and ids of other
// programmes are both ErrNotFound, so their answers are the same byte for byte but for the request id.
var failures = []struct {
	is          error
	status      int
	code, title string
}{
	{errSignedOut, http.StatusUnauthorized, "signed_out", "error.signed_out"},
	{errMalformed, http.StatusBadRequest, "malformed", "error.malformed"},
	{errTooLarge, http.StatusRequestEntityTooLarge, "too_large", "error.too_large"},
	{errMediaType, http.StatusUnsupportedMediaType, "media_type", "error.media_type"},
	{errCrossOrigin, http.StatusForbidden, "cross_origin", "error.cross_origin"},
	{errMethod, http.StatusMethodNotAllowed, "method", "error.method"},
	{errNoPage, http.StatusNotFound, "not_found", "error.not_found"},
	{lms.ErrNotFound, http.StatusNotFound, "not_found", "error.not_found"},
	{lms.ErrForbidden, http.StatusForbidden, "forbidden", "error.forbidden"},
	{lms.ErrConflict, http.StatusConflict, "conflict", "error.conflict"},
	{lms.ErrTooMany, http.StatusTooManyRequests, "too_many", "error.too_many"},
	{lms.ErrExpired, http.StatusGone, "expired", "error.expired"},
	{lms.ErrInvalid, http.StatusUnprocessableEntity, "invalid", "error.invalid"},
	{errNotPublished, http.StatusConflict, "not_on_air", "error.not_on_air"},
	{errFull, http.StatusServiceUnavailable, "full", "error.full"},
	{errWaiting, http.StatusTooManyRequests, "waiting", "waiting.title"},
	{errPreconditionFailed, http.StatusPreconditionFailed, "precondition", "error.precondition_failed"},
	{errPreconditionMissing, http.StatusPreconditionRequired, "precondition", "error.precondition_missing"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "busy", "error.busy"},
}

var failureUnknown = failure{status: http.StatusInternalServerError, code: "internal", title: "error.internal"}

// explain finds what a client is told about err: the row of the table, the field it is about and, for 429 and
// 503, how long to wait.
func explain(err error) (f failure, field string, wait time.Duration) {
	f = failureUnknown
	for _, row := range failures {
		if errors.Is(err, row.is) {
			f = failure{status: row.status, code: row.code, title: row.title}
			break
		}
	}
	if waiting := waitingOf(err); waiting != nil {
		wait = time.Duration(waiting.Retry) * time.Second
	}
	var problem *lms.Problem
	if errors.As(err, &problem) {
		field, wait, f.problem = problem.Field, problem.Retry, problem
	}
	if wait == 0 && (f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable) {
		wait = time.Second
	}
	return f, field, wait
}

// fail answers a request that could not be served, as JSON for programs and as a page for people. Errors
// nobody foresaw are logged here, once.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f, field, wait := explain(err)
	if f.status == http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "request failed", "request", requestID(r.Context()), "route", r.Pattern, "error", err)
	}
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	if !forPeople(r) {
		if f.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		err = writeJSON(w, f.status, errorBody{Error: errorDetail{Code: f.code, Message: f.text(s.words(r)), Field: field}, Waiting: waitingOf(err)})
	} else if f.status == http.StatusUnauthorized && r.Method == http.MethodGet {
		http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
		return
	} else {
		err = s.errorPage(w, r, f)
	}
	if err != nil {
		s.log.ErrorContext(r.Context(), "answer failed", "request", requestID(r.Context()), "error", err)
	}
}

// errorBody is the JSON form of every error.
type errorBody struct {
	Error   errorDetail    `json:"error"`
	Waiting *waitingDetail `json:"waiting,omitempty"` // where one stands, when coming in has to wait
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

type link struct{ Path, Label string }

// errorPage says what happened and what to do next.
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, f failure) error {
	say := s.words(r)
	action := link{"/", say.t("error.home")}
	if f.status == http.StatusUnauthorized {
		action = link{"/sign-in", say.t("error.sign_in")}
	}
	return s.pages.write(w, say, f.status, "error", struct {
		frame
		Message, Request string
		Status           int
		Action           link
	}{frame{Title: f.title}, f.text(say), requestID(r.Context()), f.status, action})
}

// forPeople reports whether a request is answered by pages; the other paths are read by programs.
func forPeople(r *http.Request) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "api", "whip", "whep", "hls", "socket", "assets", "static":
		return false
	}
	return true
}

// ignoreGone drops the error of writing to a client that has left, which is nobody's fault.
func ignoreGone(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, context.Canceled) ||
		errors.Is(err, http.ErrBodyNotAllowed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
