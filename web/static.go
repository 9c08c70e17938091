package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// The styles are the ones the Vite pages use, so that both kinds of page look alike.
//
//go:embed ui/shared/tokens.css ui/shared/fonts.css ui/shared/base.css
var sharedStyles embed.FS

// verifyWorker is a script that names other files; getVerifyWorker puts their addresses in.
//
//go:embed pages/verify-worker.js
var verifyWorker []byte

//go:embed all:dist
var distFiles embed.FS

// asset is a file held in memory, with its gzip form where that is smaller.
type asset struct {
	contentType string
	plain, gzip []byte
}

// newAsset compresses text once at start; pictures and fonts are compressed already.
func newAsset(name string, body []byte) (asset, error) {
	a := asset{contentType: mime.TypeByExtension(path.Ext(name)), plain: body}
	switch path.Ext(name) {
	case ".woff2":
		a.contentType = "font/woff2"
	case ".js", ".mjs":
		a.contentType = "text/javascript; charset=utf-8"
	case ".map":
		a.contentType = "application/json"
	}
	if a.contentType == "" {
		a.contentType = "application/octet-stream"
	}
	switch path.Ext(name) {
	case ".js", ".mjs", ".css", ".html", ".svg", ".json", ".map":
	default:
		return a, nil
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return a, fmt.Errorf("compress %s: %w", name, err)
	}
	if _, err := zip.Write(body); err != nil {
		return a, fmt.Errorf("compress %s: %w", name, err)
	}
	if err := zip.Close(); err != nil {
		return a, fmt.Errorf("compress %s: %w", name, err)
	}
	if packed.Len() < len(body) {
		a.gzip = packed.Bytes()
	}
	return a, nil
}

// write sends the file; cache is the Cache-Control of its address.
func (a asset) write(w http.ResponseWriter, r *http.Request, cache string) error {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", cache)
	body := a.plain
	if a.gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = a.gzip
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, err := w.Write(body)
	return ignoreGone(err)
}

func acceptsGzip(r *http.Request) bool {
	for _, coding := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// Cache lifetimes. What has its content's hash in the address never changes; the typeface and the icon have none
// and change hardly ever.
const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheMonth   = "public, max-age=2592000"
)

// staticFiles are the styles and small scripts of the templates, under /static/<hash of all>/<name>.
type staticFiles struct {
	hash  string
	files map[string]asset
}

func newStaticFiles() (*staticFiles, error) {
	s := &staticFiles{files: map[string]asset{}}
	sources := map[string]fs.FS{
		"tokens.css": sharedStyles, "fonts.css": sharedStyles, "base.css": sharedStyles,
		"pages.css": pageFiles, "zone.js": pageFiles, "join.js": pageFiles, "turn.js": pageFiles, "icon.svg": pageFiles, "verify.js": pageFiles, "exam.js": pageFiles,
	}
	names := make([]string, 0, len(sources))
	for name := range sources {
		names = append(names, name)
	}
	sort.Strings(names)
	sum := sha256.New()
	for _, name := range names {
		dir := "ui/shared/"
		if sources[name] == fs.FS(pageFiles) {
			dir = "pages/"
		}
		body, err := fs.ReadFile(sources[name], dir+name)
		if err != nil {
			return nil, fmt.Errorf("read static file: %w", err)
		}
		sum.Write(body)
		if s.files[name], err = newAsset(name, body); err != nil {
			return nil, err
		}
	}
	s.hash = hex.EncodeToString(sum.Sum(nil)[:8])
	return s, nil
}

// url is the address of a static file, for templates.
func (s *staticFiles) url(name string) (string, error) {
	if _, ok := s.files[name]; !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return "/static/" + s.hash + "/" + name, nil
}

// styles are the addresses of the style sheets in the order in which they build on each other.
func (s *staticFiles) styles() ([]string, error) {
	var urls []string
	for _, name := range []string{"fonts.css", "tokens.css", "base.css", "pages.css"} {
		u, err := s.url(name)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// loadDist reads what Vite built. The map is empty in a program that was compiled without `make web`.
func loadDist() (map[string]asset, error) {
	files := map[string]asset{}
	err := fs.WalkDir(distFiles, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		body, err := distFiles.ReadFile(name)
		if err != nil {
			return err
		}
		files[strings.TrimPrefix(name, "dist/")], err = newAsset(name, body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the built pages: %w", err)
	}
	return files, nil
}

// getStatic serves /static/{hash}/{name}. An address with another hash is of another version of the program.
func (s *Server) getStatic(w http.ResponseWriter, r *http.Request, _ *call) error {
	file, ok := s.static.files[r.PathValue("name")]
	if !ok || r.PathValue("hash") != s.static.hash {
		return errNoPage
	}
	return file.write(w, r, cacheForever)
}

// getAsset serves the files that the Vite pages load.
func (s *Server) getAsset(w http.ResponseWriter, r *http.Request, _ *call) error {
	name := r.PathValue("name")
	file, ok := s.dist["assets/"+name]
	if !ok {
		return errNoPage
	}
	return file.write(w, r, assetCache(name))
}

// hashed is how Vite names a file after its content: "player-sZNAaV2x.js".
var hashed = regexp.MustCompile(`^[A-Za-z0-9_.]+-[A-Za-z0-9_-]{8}\.[a-z0-9]+$`)

func assetCache(name string) string {
	if hashed.MatchString(name) {
		return cacheForever
	}
	return cacheMonth
}

// spokenApps are those whose words are in all languages: what attendees see. Staff work in English.
var spokenApps = []string{"player", "test"}

// appKey is a page of an application in a language.
type appKey struct{ name, tag string }

var noscript = regexp.MustCompile(`(?s)<noscript>.*?</noscript>`)

// speakApps makes the pages of spokenApps in every language: the browser must know language and direction before anything is
// drawn, and a reader without JavaScript what to do. A page that was not built is left out.
func speakApps(dist map[string]asset, spoken *languages) map[appKey]asset {
	all := map[appKey]asset{}
	for _, name := range spokenApps {
		page, built := dist[name+".html"]
		if !built {
			continue
		}
		for _, say := range spoken.all {
			html := strings.Replace(string(page.plain), `<html lang="en"`, `<html lang="`+say.tag+`" dir="`+say.dir+`"`, 1)
			html = noscript.ReplaceAllLiteralString(html, say.noscript())
			if spoken, err := newAsset(name+".html", []byte(html)); err == nil {
				all[appKey{name, say.tag}] = spoken
			}
		}
	}
	return all
}

// noscript is what an application says where JavaScript is off.
func (say *words) noscript() string {
	return `<noscript><main class="page narrow stack"><h1>` + say.t("app.noscript") + `</h1><p>` + say.t("app.noscript_do") +
		` <a href="/courses">` + say.t("courses.title") + `</a></p></main></noscript>`
}

// app serves the one page of a Vite application; what it may show is decided by the API it calls, who may
// open it by the row of the route.
func app(name string) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
		say := s.words(r)
		page, ok := s.apps[appKey{name, say.tag}]
		if !ok {
			page, ok = s.dist[name+".html"]
		}
		if !ok {
			return s.pages.write(w, say, http.StatusServiceUnavailable, "unbuilt", frame{Title: "unbuilt.title"})
		}
		return page.write(w, r, "no-store")
	}
}
