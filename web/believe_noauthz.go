//go:build noauthz

package web

import (
	"net/http"

	"lectern/lms"
)

// believe takes whoever calls for an admin of whatever they name: no check of a route, a use case or a statement's scope
// refuses anything after that. What is left is PostgreSQL's own wall, which TestSecondWall shows to hold. A program built so is
// for that test only.
func (s *Server) believe(r *http.Request, c *call) {
	if !c.signedIn() {
		return
	}
	if programme := lms.ProgrammeID(r.PathValue("programme")); programme != "" {
		c.actor.Roles = append(c.actor.Roles, lms.RoleGrant{Role: lms.Admin, Programme: programme})
	}
	if course := lms.CourseID(r.PathValue("course")); course != "" {
		programme, err := s.db.ProgrammeOf(r.Context(), course) // beyond the wall
		if err == nil {
			c.actor.Roles = append(c.actor.Roles, lms.RoleGrant{Role: lms.Admin, Programme: programme})
		}
	}
	if organisation := lms.OrganisationID(r.PathValue("organisation")); organisation != "" {
		c.actor.Organisations = append(c.actor.Organisations, lms.OrganisationGrant{Role: lms.Admin, Organisation: organisation})
	}
}
