package web

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"

	"lectern/lms"
	"lectern/media/document"
	"lectern/storage/object"
	"lectern/storage/postgres"
)

// Materials is what slides and handouts need. Without a Store there are none.
type Materials struct {
	Store object.Store
	// Converter makes their pages. When it is nil, Unable says why, and nothing can be uploaded.
	Converter *document.Converter
	Unable    error
	Folder    string // for files while they come and while they are converted
}

// Rules of uploads.
const (
	uploadsAtOnce = 4                // of all people; one more is asked to come back
	uploadPause   = 20 * time.Second // without a byte
	uploadWithin  = 15 * time.Minute
)

// materialView is one file in JSON.
type materialView struct {
	ID         lms.MaterialID `json:"id"`
	Name       string         `json:"name"`
	Kind       string         `json:"kind"`
	Bytes      int64          `json:"bytes"`
	Pages      int            `json:"pages"`
	Download   bool           `json:"download"`
	State      string         `json:"state"`
	Done       int            `json:"done"`
	Error      string         `json:"error"`
	UploadedAt time.Time      `json:"uploaded_at"`
	UploadedBy string         `json:"uploaded_by"`
}

func getMaterials(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	all, err := s.db.Materials(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	provides := c.actor.Can(lms.Provide, c.scope())
	views := make([]materialView, 0, len(all))
	for _, m := range all {
		v := materialView{m.ID, m.Name, m.Kind, m.Bytes, m.Pages, m.Download, string(m.State), m.Done, m.Error, m.UploadedAt, m.UploadedBy}
		if !provides {
			v.UploadedBy = ""
		}
		views = append(views, v)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"materials": views, "provides": provides})
}

// materialID reads the {material} of the path.
func materialID(r *http.Request) (lms.MaterialID, error) {
	return lms.ParseID[lms.MaterialID](r.PathValue("material"))
}

// pageView is a page of a file: its text is what a reader who does not see it gets.
type pageView struct {
	Number int    `json:"number"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Text   string `json:"text"`
}

func getMaterialPages(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := materialID(r)
	if err != nil {
		return err
	}
	pages, err := s.db.MaterialPages(r.Context(), c.actor, c.courseID, id)
	if err != nil {
		return err
	}
	views := make([]pageView, 0, len(pages))
	for _, p := range pages {
		views = append(views, pageView(p))
	}
	return writeJSON(w, http.StatusOK, map[string]any{"pages": views})
}

// pageFile is the name of a page's picture: number and size.
var pageFile = regexp.MustCompile(`^[1-9][0-9]{0,2}-(?:320|960|1600)\.jpg$`)

// getMaterialPage sends the picture of a page.
func getMaterialPage(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	name := r.PathValue("file")
	m, err := s.readyMaterial(r, c)
	if err != nil {
		return err
	}
	if !pageFile.MatchString(name) || m.State != postgres.MaterialReady {
		return lms.ErrNotFound
	}
	w.Header().Set("Cache-Control", "private, max-age=3600")
	return s.sendObject(w, r, materialKey(c.courseID, m.ID, name), "image/jpeg", "inline")
}

// getMaterialFile sends the file itself, to those who provide it and, when it may be taken, to all who watch.
func getMaterialFile(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	m, err := s.readyMaterial(r, c)
	if err != nil {
		return err
	}
	if !m.Download && !c.actor.Can(lms.Provide, c.scope()) {
		return &lms.Problem{Kind: lms.ErrForbidden, Message: "The presenter does not offer this file for download."}
	}
	as := mime.FormatMediaType("attachment", map[string]string{"filename": m.Name})
	return s.sendObject(w, r, materialKey(c.courseID, m.ID, "original"), document.Kind(m.Kind).Type(), as)
}

func (s *Server) readyMaterial(r *http.Request, c *call) (postgres.Material, error) {
	id, err := materialID(r)
	if err != nil {
		return postgres.Material{}, err
	}
	if s.materials.Store == nil {
		return postgres.Material{}, lms.ErrNotFound
	}
	return s.db.Material(r.Context(), c.actor, c.courseID, id)
}

// sendObject sends what somebody uploaded, or what was made of it, so that a browser takes it for nothing else: no sniffing, no
// scripts, no frame, no origin (trust S-20).
func (s *Server) sendObject(w http.ResponseWriter, r *http.Request, key, contentType, disposition string) error {
	info, err := s.materials.Store.Stat(r.Context(), key)
	if errors.Is(err, object.ErrNotFound) {
		return lms.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("look for material: %w", err)
	}
	body, err := s.materials.Store.Get(r.Context(), key, 0, -1)
	if err != nil {
		return fmt.Errorf("read material: %w", err)
	}
	defer body.Close()
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(uploadWithin))
	_, err = io.Copy(w, body)
	return ignoreGone(err)
}

// materialKey is where a file's objects lie.
func materialKey(course lms.CourseID, id lms.MaterialID, name string) string {
	return "materials/" + string(course) + "/" + string(id) + "/" + name
}

// postMaterial takes a file, which is the whole body. What it is, its content says; its name is for people.
func postMaterial(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if s.materials.Store == nil || s.materials.Converter == nil {
		return &lms.Problem{Kind: lms.ErrConflict, Message: s.materialsUnable()}
	}
	query := r.URL.Query()
	name, err := lms.ParseMaterialName(query.Get("name"))
	if err != nil {
		return err
	}
	m := postgres.NewMaterial{Name: name, Download: query.Get("download") == "true"}
	if replaced := query.Get("replaces"); replaced != "" {
		if m.Replaces, err = lms.ParseID[lms.MaterialID](replaced); err != nil {
			return err
		}
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return errFull
	}
	file, err := s.receive(w, r)
	if err != nil {
		return err
	}
	defer file.close()
	kind, err := document.Sniff(file, file.size)
	if err == nil {
		err = s.materials.Converter.Takes(kind)
	}
	if err != nil {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "file", Message: "The file cannot be used: " + err.Error() + "."}
	}
	m.Kind, m.Bytes, m.SHA256 = string(kind), file.size, file.sum()
	id, err := s.db.AddMaterial(r.Context(), c.actor, c.courseID, m)
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := s.materials.Store.Put(r.Context(), materialKey(c.courseID, id, "original"), file, file.size, m.SHA256); err != nil {
		return fmt.Errorf("store material: %w", err)
	}
	if err := s.db.MaterialStored(r.Context(), id); err != nil {
		return err
	}
	select {
	case s.converting <- struct{}{}:
	default: // it is awake already
	}
	return writeJSON(w, http.StatusCreated, map[string]any{"id": id, "kind": kind})
}

func (s *Server) materialsUnable() string {
	if s.materials.Unable != nil {
		return "Files cannot be taken at the moment: " + s.materials.Unable.Error() + ". Tell the operator."
	}
	return "This server takes no files."
}

// received is a file that has come, on disk.
type received struct {
	*os.File
	size int64
	hash hash.Hash
}

func (f *received) sum() (sum [sha256.Size]byte) { copy(sum[:], f.hash.Sum(nil)); return sum }

func (f *received) close() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// receive streams a body to disk. It may take long, but not stand still.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (*received, error) {
	f, err := os.CreateTemp(s.materials.Folder, "upload-*")
	if err != nil {
		return nil, fmt.Errorf("receive file: %w", err)
	}
	file := &received{File: f, hash: sha256.New()}
	connection := http.NewResponseController(w)
	end := time.Now().Add(uploadWithin)
	_ = connection.SetWriteDeadline(end.Add(answerWithin))
	b := make([]byte, 256<<10)
	for err == nil {
		deadline := time.Now().Add(uploadPause)
		if deadline.After(end) {
			deadline = end
		}
		_ = connection.SetReadDeadline(deadline)
		var n int
		n, err = r.Body.Read(b)
		file.hash.Write(b[:n])
		file.size += int64(n)
		if _, failed := file.Write(b[:n]); failed != nil {
			err = failed
		}
	}
	if errors.Is(err, io.EOF) {
		return file, nil
	}
	file.close()
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &lms.Problem{Kind: errTooLarge, Field: "file", Message: fmt.Sprintf("A file has at most %d MB. Make its pictures smaller, or split it.", lms.MaxMaterial>>20)}
	}
	return nil, errMalformed // it stopped in the middle
}

type materialPatch struct {
	Name     *string `json:"name"`
	Download *bool   `json:"download"`
	Position *int    `json:"position"`
}

func patchMaterial(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := materialID(r)
	if err != nil {
		return err
	}
	var p materialPatch
	if err := readJSON(r, &p); err != nil {
		return err
	}
	if p.Name != nil {
		name, err := lms.ParseMaterialName(*p.Name)
		if err != nil {
			return err
		}
		p.Name = &name
	}
	if p.Position != nil && (*p.Position < 0 || *p.Position >= lms.MaxMaterials) {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "position", Message: "A place is from 0 on."}
	}
	if err := s.db.ChangeMaterial(r.Context(), c.actor, c.courseID, id, postgres.MaterialChange(p)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func deleteMaterial(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := materialID(r)
	if err == nil {
		err = s.db.RemoveMaterial(r.Context(), c.actor, c.courseID, id)
	}
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// postMaterialAction puts a removed file back, or tries one again.
func postMaterialAction(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := materialID(r)
	if err != nil {
		return err
	}
	switch r.PathValue("action") {
	case "restore":
		err = s.db.RestoreMaterial(r.Context(), c.actor, c.courseID, id)
	case "retry":
		err = s.db.RetryMaterial(r.Context(), c.actor, c.courseID, id)
	default:
		return lms.ErrNotFound
	}
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}
