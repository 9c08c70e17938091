package web

import (
	"net/http"
	"strings"
	"testing"

	"lectern/lms"
)

// wantLayers holds what may be chosen for a session that shows a picture, and by whom.
func wantLayers(t *testing.T, st *studio, viewer caller, opened answer) {
	t.Helper()
	path := opened.header.Get("Location") + "/layer"
	if link := strings.Join(opened.header.Values("Link"), ", "); !strings.Contains(link, "<"+path+`>; rel="`+layerRel+`"`) {
		t.Errorf("the answer does not name %s: %s", path, link)
	}
	choose := func(c caller, body string) answer {
		return c.do("POST", path, body, "Content-Type", "application/json")
	}
	for _, tt := range []struct {
		name   string
		answer answer
		status int
		body   string
	}{
		{"before a choice", viewer.do("GET", path, ""), 200, `"wanted":"auto"`},
		{"a layer", choose(viewer, `{"encodingId":"low"}`), 200, `"wanted":"low"`},
		{"no such layer", choose(viewer, `{"encodingId":"f"}`), 422, "encodingId"},
		{"another field", choose(viewer, `{"layer":"low"}`), 400, ""},
		{"somebody else", choose(st.person(st.demo.Attend[1]), `{"encodingId":"low"}`), 404, ""},
		{"nobody", choose(st.nobody(), `{"encodingId":"low"}`), 401, ""},
		{"a token of the course, another session", choose(st.bearer(st.demo.Course, lms.Attendee), `{"encodingId":"low"}`), 404, ""},
		{"sound alone", choose(viewer, `{"encodingId":"audio"}`), 200, `"wanted":"audio"`},
		{"after it", viewer.do("GET", path, ""), 200, `"wanted":"audio"`},
	} {
		if tt.answer.status != tt.status || !strings.Contains(tt.answer.body, tt.body) {
			t.Errorf("%s: %d %s; want %d with %s", tt.name, tt.answer.status, tt.answer.body, tt.status, tt.body)
		}
	}
	state := func() string { return viewer.do("GET", path, "").body }
	eventually(t, state, func(s string) bool { return strings.Contains(s, `"shown":"audio","limited":false`) })
	if a := choose(viewer, `{"encodingId":"auto"}`); a.status != http.StatusOK {
		t.Errorf("automatic: %d %s", a.status, a.body)
	}
	eventually(t, state, func(s string) bool { return strings.Contains(s, `"shown":"high"`) })
}
