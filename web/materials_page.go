package web

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"lectern/lms"
	"lectern/storage/postgres"
)

// materialsPage shows the slides and handouts of a course, page by page, and takes new ones. It needs no JavaScript.
type materialsPage struct {
	frame
	Course   lms.CourseID
	Heading  string
	Provides bool
	Files    []materialFile
	Problem  string
	Removed  string // id of what was just removed
}

type materialFile struct {
	postgres.Material
	Pages    []postgres.MaterialPage
	Waiting  string // how far its pages are
	May      bool   // the reader may take the file
	Provides bool
	Base     string // of its addresses
}

func getMaterialsPage(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.writeMaterials(w, r, c, http.StatusOK, "")
}

func (s *Server) writeMaterials(w http.ResponseWriter, r *http.Request, c *call, status int, problem string) error {
	all, err := s.db.Materials(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	say := s.words(r)
	page := materialsPage{
		frame: frame{Title: "materials.title", Person: c.actor.Name}, Course: c.courseID, Heading: c.course.Title,
		Provides: c.actor.Can(lms.Provide, c.scope()), Problem: problem,
	}
	if removed, err := lms.ParseID[lms.MaterialID](r.URL.Query().Get("removed")); err == nil {
		page.Removed = string(removed)
	}
	for _, m := range all {
		file := materialFile{
			Material: m, Provides: page.Provides, May: m.Download || page.Provides,
			Base: fmt.Sprintf("/api/courses/%s/materials/%s", c.courseID, m.ID),
		}
		switch m.State {
		case postgres.MaterialReady:
			if file.Pages, err = s.db.MaterialPages(r.Context(), c.actor, c.courseID, m.ID); err != nil {
				return err
			}
		case postgres.MaterialWaiting:
			file.Waiting = say.t("materials.waiting", "done", m.Done, "total", m.Pages)
		}
		page.Files = append(page.Files, file)
	}
	return s.pages.write(w, say, status, "materials", page)
}

// postMaterialsPage takes a file from the form of the page.
func postMaterialsPage(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return errMediaType
	}
	file, err := parts.NextPart()
	if err != nil || file.FormName() != "file" {
		return errMalformed
	}
	query := r.URL.Query()
	query.Set("name", file.FileName())
	r.URL.RawQuery = query.Encode()
	r.Body = io.NopCloser(file)
	if err := postMaterial(s, &answerless{w}, r, c); err != nil {
		f, _, _ := explain(err)
		if f.status >= http.StatusInternalServerError {
			return err
		}
		return s.writeMaterials(w, r, c, f.status, f.text(s.words(r)))
	}
	http.Redirect(w, r, materialsPath(c.courseID), http.StatusSeeOther)
	return nil
}

// answerless keeps the answer for programs from people, who get a page.
type answerless struct{ http.ResponseWriter }

func (a *answerless) Unwrap() http.ResponseWriter     { return a.ResponseWriter }
func (a *answerless) Header() http.Header             { return http.Header{} }
func (a *answerless) Write(b []byte) (n int, _ error) { return len(b), nil }
func (a *answerless) WriteHeader(int)                 {}
func materialsPath(course lms.CourseID) string        { return "/courses/" + string(course) + "/materials" }

// postMaterialsAction is a button of the page: remove, restore or retry.
func postMaterialsAction(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := materialID(r)
	if err != nil {
		return err
	}
	to := materialsPath(c.courseID)
	if strings.HasSuffix(r.URL.Path, "/remove") {
		if err := s.db.RemoveMaterial(r.Context(), c.actor, c.courseID, id); err != nil {
			return err
		}
		to += "?removed=" + string(id)
	} else if err := postMaterialAction(s, &answerless{w}, r, c); err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
