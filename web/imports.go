package web

import (
	"io"
	"net/http"
	"time"

	"lectern/lms"
	"lectern/lms/roster"
)

// importView is a list of people on its way into a programme.
type importView struct {
	ID      string    `json:"id"`
	File    string    `json:"file"`
	State   string    `json:"state"` // checked, entering or done
	Invite  bool      `json:"invite"`
	Total   int       `json:"total"`
	Done    int       `json:"done"`
	Added   int       `json:"added"`
	Changed int       `json:"changed"`
	MadeAt  time.Time `json:"made_at"`
}

// checkedView is what reading a file has found. Import is null when something is wrong in it: then nothing is kept.
type checkedView struct {
	Rows     int              `json:"rows"`
	Good     int              `json:"good"`
	Problems []roster.Problem `json:"problems"`
	More     int              `json:"more"` // problems beyond those
	Import   *importView      `json:"import"`
}

// postImport reads a CSV or XLSX file, the body as it is, and tells every problem by row and column. A file without any is
// kept to be entered. Nobody is enrolled and nothing is sent.
func postImport(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	file, err := io.ReadAll(r.Body)
	if err != nil {
		return bodyError(err)
	}
	list, err := roster.Read(file)
	if err != nil {
		return err
	}
	say := s.words(r)
	view := checkedView{Rows: list.Rows, Good: len(list.People), Problems: list.Problems, More: list.More}
	for i, p := range view.Problems {
		if p.Message == "" {
			view.Problems[i].Message = say.t("problem." + p.Code)
		}
	}
	if len(view.Problems) > 0 {
		return writeJSON(w, http.StatusOK, view)
	}
	view.Problems = []roster.Problem{}
	if len(list.People) == 0 {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "file", Message: "The file names nobody: it has no row but the one that names the columns."}
	}
	in, err := s.db.StageImport(r.Context(), c.actor, c.programme, r.URL.Query().Get("file"), list.People)
	if err != nil {
		return err
	}
	kept := importView(in)
	view.Import = &kept
	return writeJSON(w, http.StatusCreated, view)
}

func getImports(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	all, err := s.db.Imports(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	list := make([]importView, 0, len(all))
	for _, in := range all {
		list = append(list, importView(in))
	}
	return writeJSON(w, http.StatusOK, map[string]any{"imports": list})
}

// postEnter enters a list that was checked, and with invite sends the invitations. Its progress shows in getImports.
func postEnter(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Invite bool `json:"invite"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	in, err := s.db.EnterImport(r.Context(), c.actor, c.programme, r.PathValue("import"), body.Invite)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, importView(in))
}
