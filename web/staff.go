package web

import (
	"net/http"
	"slices"
	"strconv"

	"lectern/lms"
	"lectern/storage/postgres"
)

// patchStaff gives somebody another role or other courses.
func patchStaff(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := grantID(r)
	if err != nil {
		return err
	}
	var body struct {
		Role   string       `json:"role"`
		Course lms.CourseID `json:"course"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	change := postgres.StaffChange{}
	if change.Role, err = lms.ParseRole(body.Role); err != nil {
		return err
	}
	if body.Course != "" {
		if change.Course, err = lms.ParseID[lms.CourseID](string(body.Course)); err != nil {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "course", Message: "Choose a course of this programme."}
		}
	}
	affected, err := s.db.ChangeStaff(r.Context(), c.actor, c.programme, id, change)
	if err != nil {
		return err
	}
	s.askAnew(affected)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteStaff takes a role away. Whoever has no other is out of everything at once.
func deleteStaff(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := grantID(r)
	if err != nil {
		return err
	}
	affected, err := s.db.RemoveStaff(r.Context(), c.actor, c.programme, id)
	if err != nil {
		return err
	}
	s.askAnew(affected)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// grantID reads the {grant} of the path.
func grantID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("grant"), 10, 64)
	if err != nil || id < 1 {
		return 0, lms.ErrNotFound
	}
	return id, nil
}

// askAnew ends the sockets and media of somebody whose rights have changed. Their pages come back by themselves with the rights
// they have now, or are refused.
func (s *Server) askAnew(a postgres.Affected) {
	s.hub.Reconnect(a.Person)
	s.dismiss(func(session mediaSession) bool { return slices.Contains(a.Sessions, session.Owner()) })
}

// signedOutElsewhere ends the sockets and media of sessions that are over.
func (s *Server) signedOutElsewhere(a postgres.Affected) {
	for _, session := range a.Sessions {
		s.hub.Disconnect(a.Person, session)
	}
	s.dismiss(func(session mediaSession) bool { return slices.Contains(a.Sessions, session.Owner()) })
}
