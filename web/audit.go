package web

import (
	"net/http"
	"strconv"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// maxAuditWords bounds what somebody searches the audit for, in bytes.
const maxAuditWords = 200

type auditView struct {
	ID      int64          `json:"id"`
	At      time.Time      `json:"at"`
	Actor   *personRef     `json:"actor"` // null for the operator, a bearer token or a job
	Action  string         `json:"action"`
	Course  *auditCourse   `json:"course"` // null for deeds about the programme
	Object  string         `json:"object,omitempty"`
	Detail  map[string]any `json:"detail,omitempty"`
	Request string         `json:"request,omitempty"`
	Source  string         `json:"source,omitempty"`
	Sealed  bool           `json:"sealed"`
}

type auditCourse struct {
	ID     lms.CourseID `json:"id"`
	Number int          `json:"number"`
	Title  string       `json:"title"`
}

// getAudit lists deeds in a programme, newest first.
func getAudit(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	query := r.URL.Query()
	q := postgres.AuditQuery{Words: query.Get("q")}
	if len(q.Words) > maxAuditWords {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "q", Message: "Search for fewer words."}
	}
	if before := query.Get("before"); before != "" {
		var err error
		if q.Before, err = strconv.ParseInt(before, 10, 64); err != nil || q.Before < 1 {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "before", Message: "Give the id of the last deed of the page before."}
		}
	}
	entries, more, err := s.db.Audit(r.Context(), c.actor, c.programme, q)
	if err != nil {
		return err
	}
	views := make([]auditView, 0, len(entries))
	for _, e := range entries {
		v := auditView{ID: e.ID, At: e.At.UTC(), Action: e.Action, Object: e.Object, Detail: e.Detail, Request: e.Request, Source: e.Source, Sealed: e.Sealed}
		if e.Actor.ID != "" {
			v.Actor = &personRef{e.Actor.ID, e.Actor.Name}
		}
		if e.Course.ID != "" {
			v.Course = &auditCourse{e.Course.ID, e.Course.Number, e.Course.Title}
		}
		views = append(views, v)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"deeds": views, "more": more})
}
