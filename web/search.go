package web

import (
	"fmt"
	"net/http"
	"strings"

	"lectern/lms"
	"lectern/storage/postgres"
)

// search is what somebody looked for on the page of their courses, and what was found.
type search struct {
	Query string
	Asked bool
	Hits  []hit
	Found string
}

type hit struct {
	Path, Title, Where string
	Excerpt            []part // Name is "mark" for what was found
}

// search looks in the courses and materials of the actor.
func (s *Server) search(r *http.Request, say *words, actor lms.Actor) (search, error) {
	found := search{Query: r.URL.Query().Get("q"), Asked: strings.TrimSpace(r.URL.Query().Get("q")) != ""}
	if len(found.Query) > 800 {
		found.Query = ""
	}
	if !found.Asked {
		return found, nil
	}
	hits, err := s.db.Search(r.Context(), actor, lms.ParseSearch(found.Query))
	if err != nil {
		return found, err
	}
	for _, h := range hits {
		one := hit{Path: "/watch/" + string(h.Course), Title: h.Title, Where: say.t("search.course", "number", h.Number), Excerpt: excerpt(h.Excerpt)}
		if h.Material != nil {
			one.Path = fmt.Sprintf("%s#m%s-%d", materialsPath(h.Course), *h.Material, h.Page)
			one.Title, one.Where = h.Name, say.t("search.page", "page", h.Page, "number", h.Number, "title", h.Title)
		}
		found.Hits = append(found.Hits, one)
	}
	found.Found = say.t("search.found", "count", len(hits))
	return found, nil
}

// excerpt cuts a text at the marks around what was found.
func excerpt(text string) []part {
	var parts []part
	for i, piece := range strings.Split(text, postgres.HitStart) {
		marked, rest, ok := strings.Cut(piece, postgres.HitEnd)
		if i == 0 || !ok {
			parts = append(parts, part{Text: piece})
			continue
		}
		parts = append(parts, part{Name: "mark", Text: marked}, part{Text: rest})
	}
	return parts
}
