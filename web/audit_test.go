package web

import (
	"fmt"
	"net/http"
	"testing"
)

// TestAudit: an admin looks up who did what, from where, page by page.
func TestAudit(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin := s.joined(d.Admin)
	base := "/api/programmes/" + string(d.Programme)
	for i := range 60 {
		s.web.limits.forget()
		admin.call("POST", base+"/codes", map[string]any{"label": fmt.Sprint("Batch ", i), "count": 1, "uses": 1}).want(t, http.StatusCreated)
	}
	admin.call("PATCH", "/api/courses/"+string(d.Course), map[string]any{"version": 1, "title": "Murmurs"}).want(t, http.StatusOK)
	type page struct {
		Deeds []auditView
		More  bool
	}
	ask := func(query string) (p page) {
		admin.get(base+"/audit"+query).want(t, http.StatusOK).json(t, &p)
		return p
	}
	first := ask("")
	if len(first.Deeds) != 50 || !first.More {
		t.Fatalf("%d deeds, more %t", len(first.Deeds), first.More)
	}
	newest := first.Deeds[0]
	if newest.Action != "update course" || newest.Actor == nil || newest.Actor.Name == "" || newest.Course == nil || newest.Course.Title != "Murmurs" ||
		newest.Source != "127.0.0.1" || newest.Request == "" {
		t.Errorf("newest %+v", newest)
	}
	next := ask(fmt.Sprintf("?before=%d", first.Deeds[49].ID))
	if len(next.Deeds) < 11 || next.More || next.Deeds[0].ID >= first.Deeds[49].ID {
		t.Errorf("next page: %d deeds, more %t", len(next.Deeds), next.More)
	}
	if found := ask("?q=MURMURS+update"); len(found.Deeds) != 1 || found.Deeds[0].ID != newest.ID {
		t.Errorf("found %+v", found)
	}
	if found := ask("?q=100%25"); len(found.Deeds) != 0 {
		t.Errorf("found %+v", found)
	}
	admin.get(base+"/audit?before=x").want(t, http.StatusUnprocessableEntity)
}
