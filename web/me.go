package web

import (
	"net/http"

	"lectern/lms"
)

// meView is who is signed in. A grant without a course is for the whole programme.
type meView struct {
	Person personView  `json:"person"`
	Roles  []grantView `json:"roles"`
}

type personView struct {
	ID      lms.PersonID `json:"id"`
	Name    string       `json:"name"`
	Email   lms.Email    `json:"email"`
	Country lms.Country  `json:"country"`
	Zone    lms.Zone     `json:"zone"`
	// Language is the one they chose, "" for none.
	Language lms.Language `json:"language"`
}

type grantView struct {
	Role      lms.Role        `json:"role"`
	Programme lms.ProgrammeID `json:"programme"`
	Course    *lms.CourseID   `json:"course"`
}

func getMe(_ *Server, w http.ResponseWriter, _ *http.Request, c *call) error {
	a := c.actor
	view := meView{Person: personView{a.Person, a.Name, a.Email, a.Country, a.Zone, a.Language}, Roles: make([]grantView, 0, len(a.Roles))}
	for _, grant := range a.Roles {
		v := grantView{Role: grant.Role, Programme: grant.Programme}
		if grant.Course != "" {
			v.Course = &grant.Course
		}
		view.Roles = append(view.Roles, v)
	}
	return writeJSON(w, http.StatusOK, view)
}
