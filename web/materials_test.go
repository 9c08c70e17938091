package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"lectern/media/document"
	"lectern/storage/object"
	"lectern/storage/postgres/pgtest"
)

// withMaterials gives a site a store and, where this machine has a sandbox, a converter, which works until the test ends.
func withMaterials(t *testing.T) (*site, *object.Dir) {
	t.Helper()
	converter, err := document.Find(t.Context(), "")
	if err != nil {
		t.Skipf("nothing can be converted here: %v", err)
	}
	store := must(object.OpenDir(t.TempDir()))(t)
	t.Cleanup(func() { store.Close() })
	folder := t.TempDir()
	s := startSite(t, pgtest.New(t), t.TempDir(), func(c *Config) {
		c.Materials = Materials{Store: store, Converter: converter, Folder: folder}
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.web.ConvertMaterials(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("%d files are left of uploads, %v", len(left), err)
		}
	})
	return s, store
}

type materialList struct {
	Materials []materialView `json:"materials"`
	Provides  bool           `json:"provides"`
}

func (b *browser) materials(path string) materialList {
	b.t.Helper()
	var list materialList
	b.get(path).want(b.t, http.StatusOK).json(b.t, &list)
	return list
}

// settled asks until no file is being converted any more.
func (b *browser) settled(path string) materialList {
	b.t.Helper()
	for {
		list := b.materials(path)
		waiting := false
		for _, m := range list.Materials {
			waiting = waiting || m.State == "waiting"
		}
		if !waiting {
			return list
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-b.t.Context().Done():
			b.t.Fatal("a file is still being converted")
		}
	}
}

func (b *browser) uploadFile(path, query string, file []byte) reply {
	b.t.Helper()
	return b.send("POST", path+"?"+query, bytes.NewReader(file), http.Header{"Content-Type": {"application/octet-stream"}})
}

// TestMaterialFromUploadToSearch: a presenter uploads, the audience reads, finds and, when they may, downloads.
func TestMaterialFromUploadToSearch(t *testing.T) {
	s, store := withMaterials(t)
	d := s.demo()
	other := s.demo()
	presenter, attendee, stranger := s.joined(d.Studio), s.joined(d.Attend[0]), s.joined(other.Admin)
	path := coursePath(d, "/api/courses/%s/materials")
	handout := must(os.ReadFile("testdata/handout.pdf"))(t)

	if list := presenter.materials(path); len(list.Materials) != 0 || !list.Provides {
		t.Errorf("at first: %+v", list)
	}
	for name, refused := range map[string]struct {
		query string
		file  string
		want  int
		says  string
	}{
		"SVG":     {"name=a.pdf", `<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>`, 422, "no PDF"},
		"m3u8":    {"name=a.mp4", "#EXTM3U\nfile:///etc/passwd\n", 422, "no PDF"},
		"no name": {"name=", "%PDF-1.7", 422, "name"},
		"foreign": {"name=a.pdf&replaces=" + unknownID, string(handout), 404, ""},
	} {
		if r := presenter.uploadFile(path, refused.query, []byte(refused.file)); r.StatusCode != refused.want || !strings.Contains(r.text, refused.says) {
			t.Errorf("%s: %s %s", name, r.Status, r.text)
		}
	}
	attendee.uploadFile(path, "name=a.pdf", handout).want(t, http.StatusForbidden)
	stranger.uploadFile(path, "name=a.pdf", handout).want(t, http.StatusNotFound)
	presenter.uploadFile(path, "name=Handout%20%E0%A4%AA%E0%A4%BE%E0%A4%A0.pdf", handout).want(t, http.StatusCreated)
	list := presenter.settled(path)
	if len(list.Materials) != 1 || list.Materials[0].State != "ready" || list.Materials[0].Pages != 3 || list.Materials[0].Kind != "pdf" {
		t.Fatalf("after the upload: %+v", list)
	}
	one := path + "/" + string(list.Materials[0].ID)

	// What was made of it, with headers that let a browser make nothing else of it.
	var pages struct{ Pages []pageView }
	attendee.get(one).want(t, http.StatusOK).json(t, &pages)
	if len(pages.Pages) != 3 || !strings.Contains(pages.Pages[1].Text, "AMH") {
		t.Errorf("pages: %+v", pages)
	}
	r := attendee.get(one+"/pages/2-960.jpg").want(t, http.StatusOK)
	if r.Header.Get("Content-Type") != "image/jpeg" || r.Header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" ||
		r.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(r.text, "\xff\xd8") {
		t.Errorf("a page comes with %v", r.Header)
	}
	for _, none := range []string{"/pages/4-960.jpg", "/pages/1-961.jpg", "/pages/original", "/pages/..%2Foriginal"} {
		attendee.get(one+none).want(t, http.StatusNotFound)
	}
	stranger.get(one+"/pages/1-320.jpg").want(t, http.StatusNotFound)
	strange := strings.Replace(one, string(d.Course), string(other.Course), 1)
	stranger.get(strange+"/pages/1-320.jpg").want(t, http.StatusNotFound)

	// The file itself only where that is allowed.
	attendee.get(one+"/file").want(t, http.StatusForbidden)
	presenter.call("PATCH", one, map[string]any{"download": true, "name": "محاضرة.pdf"}).want(t, http.StatusNoContent)
	r = attendee.get(one+"/file").want(t, http.StatusOK)
	if sum := sha256.Sum256([]byte(r.text)); hex.EncodeToString(sum[:]) != hex.EncodeToString(sha256Of(handout)) || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment; filename*=utf-8''") {
		t.Errorf("the file comes as %v", r.Header)
	}

	// The search finds a page by the beginning of a word, whatever its accents, and says where.
	page := attendee.get("/courses?q=f%C3%A9cond%20AMH").want(t, http.StatusOK).text
	for _, want := range []string{"1 place found", "<mark>AMH</mark>", "/materials#m" + string(list.Materials[0].ID) + "-2"} {
		if !strings.Contains(page, want) {
			t.Errorf("the search lacks %s", want)
		}
	}
	if page := stranger.get("/courses?q=fecondation").want(t, http.StatusOK).text; strings.Contains(page, "<mark>") {
		t.Error("the search finds another programme's material")
	}

	// The form of the page sends the same file as a browser does.
	form := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"form.svg\"\r\n\r\n<svg/>\r\n--x--\r\n"
	r = presenter.send("POST", coursePath(d, "/courses/%s/materials"), strings.NewReader(form), http.Header{"Content-Type": {"multipart/form-data; boundary=x"}})
	if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(r.text, "no PDF") {
		t.Errorf("the form with a bad file: %s", r.Status)
	}

	// The page of the audience shows it, and takes no uploads.
	sheet := attendee.get(coursePath(d, "/courses/%s/materials")).want(t, http.StatusOK).text
	if !strings.Contains(sheet, "/pages/2-960.jpg") || strings.Contains(sheet, `type="file"`) {
		t.Error("the audience's page lacks the second page, or takes files")
	}

	// Removed, it is gone for all, and can be put back.
	attendee.send("DELETE", one, nil, nil).want(t, http.StatusForbidden)
	presenter.send("DELETE", one, nil, nil).want(t, http.StatusNoContent)
	attendee.get(one+"/pages/1-320.jpg").want(t, http.StatusNotFound)
	presenter.post(one+"/restore", nil).want(t, http.StatusNoContent)
	attendee.get(one+"/pages/1-320.jpg").want(t, http.StatusOK)

	// A new one takes the place of the old when it is ready; a broken one does not.
	presenter.uploadFile(path, "name=broken.pdf&replaces="+string(list.Materials[0].ID), []byte("%PDF-1.7\nbroken")).want(t, http.StatusCreated)
	list = presenter.settled(path)
	if len(list.Materials) != 2 || list.Materials[1].State != "failed" || !strings.Contains(list.Materials[1].Error, "damaged") {
		t.Fatalf("after a broken one: %+v", list)
	}
	if seen := attendee.materials(path); len(seen.Materials) != 1 || seen.Provides {
		t.Errorf("the audience sees %+v", seen)
	}
	presenter.uploadFile(path, "name=new.pdf&replaces="+string(list.Materials[0].ID), handout).want(t, http.StatusCreated)
	presenter.settled(path)
	if seen := attendee.materials(path); len(seen.Materials) != 1 || seen.Materials[0].Name != "new.pdf" {
		t.Errorf("after a new one the audience sees %+v", seen)
	}
	if objects := must(store.List(t.Context(), "materials/", "", 1000))(t); len(objects) != 2*(1+9)+1 {
		t.Errorf("%d objects in the store", len(objects))
	}
}

func sha256Of(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }

// TestWithoutSandboxNothingIsTaken, and it is said why.
func TestWithoutSandboxNothingIsTaken(t *testing.T) {
	store := must(object.OpenDir(t.TempDir()))(t)
	defer store.Close()
	s := startSite(t, pgtest.New(t), t.TempDir(), func(c *Config) {
		c.Materials = Materials{Store: store, Unable: document.ErrUnable, Folder: t.TempDir()}
	})
	d := s.demo()
	r := s.joined(d.Admin).uploadFile(coursePath(d, "/api/courses/%s/materials"), "name=a.pdf", []byte("%PDF-1.7")).want(t, http.StatusConflict)
	if !strings.Contains(r.text, document.ErrUnable.Error()) {
		t.Errorf("says %s", r.text)
	}
}
