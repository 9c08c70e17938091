package web

import (
	"net/http"

	"lectern/lms"
	"lectern/storage/postgres"
)

// organisationView is an organisation as its admins see it.
type organisationView struct {
	ID         lms.OrganisationID `json:"id"`
	Name       string             `json:"name"`
	Version    int                `json:"version"`
	Programmes int                `json:"programmes"`
	Staff      []staffView        `json:"staff,omitempty"`
}

func newOrganisationView(o postgres.Organisation) organisationView {
	return organisationView{ID: o.ID, Name: o.Name, Version: o.Version, Programmes: o.Programmes}
}

// getOrganisations lists those that the caller runs.
func getOrganisations(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	list, err := s.db.Organisations(r.Context(), c.actor)
	if err != nil {
		return err
	}
	views := make([]organisationView, 0, len(list))
	for _, o := range list {
		views = append(views, newOrganisationView(o))
	}
	return writeJSON(w, http.StatusOK, map[string]any{"organisations": views})
}

func getOrganisation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.sendOrganisation(w, r, c, http.StatusOK)
}

func (s *Server) sendOrganisation(w http.ResponseWriter, r *http.Request, c *call, status int) error {
	o, err := s.db.Organisation(r.Context(), c.actor, c.organisation)
	if err != nil {
		return err
	}
	view := newOrganisationView(o.Organisation)
	for _, member := range o.Staff {
		view.Staff = append(view.Staff, newStaffView(member))
	}
	return writeJSON(w, status, view)
}

func patchOrganisation(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Version int    `json:"version"`
		Name    string `json:"name"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.RenameOrganisation(r.Context(), c.actor, c.organisation, body.Version, body.Name); err != nil {
		return err
	}
	return s.sendOrganisation(w, r, c, http.StatusOK)
}

// postOrganisationStaff gives somebody a role in all programmes of the organisation.
func postOrganisationStaff(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Name  string `json:"name"`
		Email string `json:"email"`
		Role  string `json:"role"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	member := postgres.NewStaff{Name: body.Name}
	var err error
	if member.Email, err = lms.ParseEmail(body.Email); err != nil {
		return err
	}
	if member.Role, err = lms.ParseRole(body.Role); err != nil {
		return err
	}
	if err := s.db.AddOrganisationStaff(r.Context(), c.actor, c.organisation, member); err != nil {
		return err
	}
	return s.sendOrganisation(w, r, c, http.StatusCreated)
}

func deleteOrganisationStaff(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := grantID(r)
	if err != nil {
		return err
	}
	affected, err := s.db.RemoveOrganisationStaff(r.Context(), c.actor, c.organisation, id)
	if err != nil {
		return err
	}
	s.askAnew(affected)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
