package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

// icons are drawn in a box of 24 with a stroke of 1.75 and round ends, as base.css says.
var icons = map[string]template.HTML{
	"person":   `<circle cx="12" cy="8.5" r="3.8"/><path d="M4.5 20a7.5 7.5 0 0 1 15 0"/>`,
	"people":   `<circle cx="9" cy="9" r="3.2"/><path d="M3 19a6 6 0 0 1 12 0M15.5 6.2a3.2 3.2 0 0 1 0 5.6M17.5 14.2A6 6 0 0 1 21 19"/>`,
	"alert":    `<path d="M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.2"/>`,
	"tick":     `<path d="m5 12.5 4.5 4.5L19 7.5"/>`,
	"clock":    `<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>`,
	"calendar": `<rect x="4" y="5.5" width="16" height="14.5" rx="2"/><path d="M4 10h16M8.5 3.5v4M15.5 3.5v4"/>`,
	"chevron":  `<path d="m9.5 6 6 6-6 6"/>`,
	"play":     `<path d="M7 4.5v15l12-7.5z"/>`,
	"camera":   `<rect x="3" y="6.5" width="12.5" height="11" rx="2"/><path d="m15.5 11 5.5-3v8l-5.5-3"/>`,
	"list":     `<path d="M9 6.5h11M9 12h11M9 17.5h11M4.5 6.5h.2M4.5 12h.2M4.5 17.5h.2"/>`,
	"mail":     `<rect x="3.5" y="5.5" width="17" height="13" rx="2"/><path d="m4 7 8 6 8-6"/>`,
}

// icon draws one of icons; extra are classes of base.css such as "s" or "turns".
func icon(name string, extra ...string) (template.HTML, error) {
	path, ok := icons[name]
	if !ok {
		return "", fmt.Errorf("no icon named %q", name)
	}
	class := strings.Join(append([]string{"icon"}, extra...), " ")
	return `<svg class="` + template.HTML(template.HTMLEscapeString(class)) + //nolint:gosec // classes are ours, and escaped
		`" viewBox="0 0 24 24" aria-hidden="true">` + path + `</svg>`, nil
}

// pages are the parsed html/template pages by language and name. They need no JavaScript.
type pages map[*words]map[string]*template.Template

// newPages parses every page in every language.
func newPages(static *staticFiles, languages *languages) (pages, error) {
	all := pages{}
	for _, say := range languages.all {
		var err error
		if all[say], err = parsePages(static, languages, say); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parsePages parses every page together with the layout.
func parsePages(static *staticFiles, languages *languages, say *words) (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(template.FuncMap{
		"icon":    icon,
		"static":  static.url,
		"styles":  static.styles,
		"t":       say.t,
		"parts":   say.parts,
		"lang":    func() string { return say.tag },
		"dir":     func() string { return say.dir },
		"stars":   func() []int { return []int{1, 2, 3, 4, 5} },
		"tongues": func() []tongue { return languages.tongues(say) },
	}).ParseFS(pageFiles, "pages/layout.html")
	if err != nil {
		return nil, fmt.Errorf("parse layout: %w", err)
	}
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		return nil, fmt.Errorf("list pages: %w", err)
	}
	all := map[string]*template.Template{}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".html") || name == "layout.html" {
			continue
		}
		page, err := template.Must(layout.Clone()).ParseFS(pageFiles, "pages/"+name)
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		all[strings.TrimSuffix(name, ".html")] = page.Lookup(name)
	}
	return all, nil
}

// tongue is a language that a reader may choose.
type tongue struct {
	Tag, Dir, Name string
	Chosen         bool
}

func (l *languages) tongues(reader *words) []tongue {
	all := make([]tongue, 0, len(l.all))
	for _, say := range l.all {
		all = append(all, tongue{say.tag, say.dir, say.name, say == reader})
	}
	return all
}

// frame is what the layout needs to know of every page; page models embed it.
type frame struct {
	Title  string // key of the title of the browser's tab
	Person string // name of who is signed in, empty for nobody
	Script string // a file of static, for pages that one small script makes nicer

	Refresh template.HTML // the element of a page that asks again by itself
}

// write renders a page into memory first, so that an error in a template does not leave half a page.
func (p pages) write(w http.ResponseWriter, say *words, status int, name string, data any) error {
	var body bytes.Buffer
	if err := p[say][name].Execute(&body, data); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	w.Header().Add("Vary", "Accept-Language, Cookie")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return ignoreGone(err)
}
