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

// TestManyMayWatchByOneToken holds that a person cannot open sessions without end, that persons do not count for each
// other, and that a token, which an operator gives to many at once, has room for a crowd.
func TestManyMayWatchByOneToken(t *testing.T) {
	st := newStudio(t)
	path := "/whep/" + string(st.demo.Course)
	tries := func(c caller, most int) (n int) {
		for n < most && c.post(path, "").status != http.StatusTooManyRequests {
			n++
		}
		return n
	}
	some := rates[rateWatch].burst
	if n := tries(st.person(st.demo.Attend[0]), 3*some); n < some || n == 3*some {
		t.Errorf("%d tries of one person, want about %d", n, some)
	}
	if n := tries(st.person(st.demo.Attend[1]), some); n < some {
		t.Errorf("%d tries of the next person, want %d", n, some)
	}
	token := st.bearer(st.demo.Course, lms.Attendee)
	if n := tries(token, 10*some); n < 10*some {
		t.Errorf("%d tries by a token, want more than %d", n, 10*some)
	}
	if a := token.post("/whip/"+string(st.demo.Course), ""); a.status != http.StatusForbidden {
		t.Errorf("publish by a viewer's token: %d", a.status)
	}
}
