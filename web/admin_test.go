package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestReadyWhenEverythingRuns: and no longer once it has been stopped.
func TestReadyWhenEverythingRuns(t *testing.T) {
	s := newSite(t)
	h := s.web.AdminHandler(prometheus.NewRegistry())
	ask := func() string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Body.String()
	}
	eventually(t, ask, func(said string) bool { return said == "ok\n" })
	s.stop()
	if said := ask(); !strings.Contains(said, "recordings: ") {
		t.Errorf("after the end: %s", said)
	}
}

func TestAdminSaysWhatIsNotReady(t *testing.T) {
	broken := errors.New("the database does not answer")
	var failure error
	h := adminHandler(prometheus.NewRegistry(),
		check{"database", func(context.Context) error { return failure }},
		check{"media", func(context.Context) error { return nil }})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/debug/pprof/"} {
		if w := get(path); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	failure = broken
	w := get("/readyz")
	if w.Code != http.StatusServiceUnavailable || strings.TrimSpace(w.Body.String()) != "database: the database does not answer" {
		t.Errorf("/readyz: %d %q", w.Code, w.Body)
	}
	if w := get("/livez"); w.Code != http.StatusOK {
		t.Errorf("/livez follows the database: %d", w.Code)
	}
}
