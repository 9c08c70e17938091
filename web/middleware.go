package web

import (
	"bufio"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

type contextKey struct{}

// requestID names a request in logs and on error pages.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(contextKey{}).(string)
	return id
}

// outermost gives every response its headers and its request id, writes the access log and turns a panic
// into an error page. The log names the route instead of the path and query, which may hold a personal link,
// and neither person nor address (trust S-32).
func (s *Server) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.now()
		id := rand.Text()[:12]
		r = r.WithContext(context.WithValue(r.Context(), contextKey{}, id))
		for name, values := range s.headers {
			w.Header()[name] = values
		}
		w.Header().Set("X-Request-Id", id)
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				s.recovered(rec, r, cause)
			}
			s.observe(r, rec, s.now().Sub(start))
		}()
		next.ServeHTTP(rec, r)
	})
}

// recovered answers after a panic. http.ErrAbortHandler is how a handler ends a response it cannot finish.
func (s *Server) recovered(rec *recorder, r *http.Request, cause any) {
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	s.log.ErrorContext(r.Context(), "panic", "request", requestID(r.Context()), "route", r.Pattern, "cause", cause, "stack", string(debug.Stack()))
	if rec.status == 0 {
		if err := writeFailure(s, rec, r); err != nil {
			s.log.ErrorContext(r.Context(), "answer failed", "request", requestID(r.Context()), "error", err)
		}
	}
}

func writeFailure(s *Server, w http.ResponseWriter, r *http.Request) error {
	if forPeople(r) {
		return s.errorPage(w, r, failureUnknown)
	}
	return writeJSON(w, failureUnknown.status, errorBody{Error: errorDetail{Code: failureUnknown.code, Message: failureUnknown.text(s.words(r))}})
}

func (s *Server) observe(r *http.Request, rec *recorder, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	status := rec.status
	if status == 0 {
		status = http.StatusOK
	}
	s.metrics.observe(route, status, took)
	level := slog.LevelInfo
	if status < http.StatusBadRequest && everyday(r.URL.Path) {
		level = slog.LevelDebug
	}
	s.log.Log(r.Context(), level, "request", "request", requestID(r.Context()), "route", route, "method", methodName(r.Method),
		"status", status, "bytes", rec.bytes, "ms", took.Milliseconds())
}

// everyday reports whether a path is asked for so often, by every page or every few seconds, that its success is
// not worth a line.
func everyday(path string) bool {
	for _, often := range []string{"/assets/", "/static/", "/hls/", "/ping"} {
		if strings.HasPrefix(path, often) {
			return true
		}
	}
	return false
}

// methodName keeps what a client made up out of the logs.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodPut:
		return method
	}
	return "other"
}

// recorder remembers what was answered. Unwrap lets http.ResponseController reach the connection below;
// Hijack is for the socket's upgrade, which asks for the interface itself.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	rec.status = http.StatusSwitchingProtocols
	return http.NewResponseController(rec.ResponseWriter).Hijack()
}

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && status >= 200 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
}
