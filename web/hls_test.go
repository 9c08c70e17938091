package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lectern/lms"
)

// waitForPlaylist asks for a playlist until the recorder has closed its first segment.
func waitForPlaylist(t *testing.T, c caller, path string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); ; <-tick.C {
		a := c.do("GET", path, "")
		if a.status == http.StatusOK && strings.HasPrefix(a.body, "#EXTM3U") {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("no playlist: %d %s", a.status, a.body)
		}
	}
}

// wantHLSAccess holds who may fetch a playlist that is there, and that it looks to all others like one that is
// not (trust S-17).
func wantHLSAccess(t *testing.T, st *studio, playlist string) {
	t.Helper()
	other := st.site.demo()
	stranger := st.person(other.Attend[0])
	unknown := strings.Replace(playlist, string(st.demo.Course), "0197b3a2-5c1e-7c55-9f00-000000000000", 1)
	for _, row := range []struct {
		name   string
		caller caller
		path   string
		status int
	}{
		{"a viewer's token", st.bearer(st.demo.Course, lms.Attendee), playlist, 200},
		{"nobody", st.nobody(), playlist, 401},
		{"nobody, no such lecture", st.nobody(), unknown, 401},
		{"a token of another lecture", st.bearer(other.Course, lms.Attendee), playlist, 403},
		{"somebody of another programme", stranger, playlist, 404},
		{"a file that is not there", st.bearer(st.demo.Course, lms.Attendee), strings.Replace(playlist, "index", "nothing", 1), 404},
		{"a file of the folder that is none of the recording", st.bearer(st.demo.Course, lms.Attendee), strings.Replace(playlist, "index.m3u8", "index.json", 1), 404},
		{"a way out of the folder", st.bearer(st.demo.Course, lms.Attendee), strings.Replace(playlist, "index.m3u8", "..%2f..%2fgo.mod", 1), 404},
	} {
		if a := row.caller.do("GET", row.path, ""); a.status != row.status {
			t.Errorf("%s: %d, want %d: %s", row.name, a.status, row.status, a.body)
		}
	}
	theirs, none := stranger.do("GET", playlist, ""), stranger.do("GET", unknown, "")
	if theirs.body != none.body || theirs.status != none.status || theirs.header.Get("Cache-Control") != none.header.Get("Cache-Control") {
		t.Errorf("another's lecture: %+v\nno lecture: %+v", theirs, none)
	}
}
