package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestSecondWall walks every route that takes an id with the ids of another organisation, and looks whether anything of it comes
// out or is changed (trust S-02). Built with -tags noauthz, nobody but PostgreSQL refuses anything: the caller passes for an admin
// of whatever they name.
func TestSecondWall(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	conn := must(pgx.Connect(t.Context(), s.database))(t)
	defer conn.Close(t.Context())
	// What must not come out: words that stand in the other programme alone.
	canaries := []string{"canary-programme", "canary-course", "canary-person", "canary-question", "canary-organisation"}
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`update programmes set title = 'canary-programme' where id = $1`, e.other.Programme)
	exec(`update courses set title = 'canary-course', summary = 'canary-course' where programme_id = $1`, e.other.Programme)
	exec(`update organisations set name = 'canary-organisation' where id = $1`, e.otherOrganisation)
	exec(`update persons set name = 'canary-person' where id in (select person_id from enrolments where programme_id = $1
		union select person_id from role_grants where programme_id = $1)`, e.other.Programme)
	exec(`insert into questions (course_id, person_id, text, hide_name, state, asked_at)
		select $1, person_id, 'canary-question', false, 'approved', now() from enrolments where programme_id = $2 limit 1`, e.other.Course, e.other.Programme)
	// What must not change: all that hangs on the other programme.
	state := func() (digest string) {
		t.Helper()
		err := conn.QueryRow(t.Context(), `
			select md5(concat_ws('|',
				(select string_agg(p::text, ',' order by id) from programmes p where id = $1),
				(select string_agg(c::text, ',' order by c.id) from courses c where c.programme_id = $1),
				(select string_agg(g::text, ',' order by id) from role_grants g where programme_id = $1 or organisation_id = $2),
				(select string_agg(b::text, ',' order by id) from access_code_batches b where programme_id = $1),
				(select string_agg(q::text, ',' order by q.id) from questions q join courses c on c.id = q.course_id where programme_id = $1),
				(select string_agg(b::text, ',' order by b.id) from broadcasts b join courses c on c.id = b.course_id where programme_id = $1),
				(select string_agg(n::text, ',' order by person_id) from enrolments n where programme_id = $1),
				(select count(*) from panel p join courses c on c.id = p.course_id where programme_id = $1),
				(select count(*) from path_tests p join courses c on c.id = p.course_id where programme_id = $1),
				(select count(*) from caption_tracks k join courses c on c.id = k.course_id where programme_id = $1),
				(select o::text from organisations o where id = $2)))`, e.other.Programme, e.otherOrganisation).Scan(&digest)
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	before, asked, refused := state(), 0, 0
	bodies := []any{
		map[string]any{},
		map[string]any{"version": 1, "title": "taken over", "name": "taken over"},
		map[string]any{"name": "Mallory", "email": "mallory@clinic.example", "role": "admin"},
		map[string]any{"text": "Why?"},
		map[string]any{"label": "x", "count": 1, "uses": 1},
		map[string]any{"player": "player-of-mallory"},
		map[string]any{"confirm": "canary-course", "confirmed": true},
		map[string]any{"title": "x", "local": "2027-01-10T10:00", "zone": "UTC", "minutes": 60},
	}
	for _, rt := range s.web.routes() {
		if rt.method == http.MethodOptions || !strings.Contains(rt.path, "{course}") && !strings.Contains(rt.path, "{programme}") &&
			!strings.Contains(rt.path, "{organisation}") {
			continue
		}
		for _, who := range []string{"attendee", "admin", "sponsor"} {
			for _, body := range bodies {
				s.web.limits.forget()
				r := e.who[who].call(rt.method, fill(rt.path, e.other, e.otherOrganisation), body)
				if asked++; r.StatusCode >= 400 {
					refused++
				}
				for _, canary := range canaries {
					if strings.Contains(r.text, canary) {
						t.Errorf("%s %s as %s: %s tells %q", rt.method, rt.path, who, r.Status, canary)
					}
				}
				if rt.method == http.MethodGet {
					break
				}
				if after := state(); after != before {
					t.Errorf("%s %s as %s with %v: %s changed the other programme", rt.method, rt.path, who, body, r.Status)
					before = after
				}
			}
		}
	}
	t.Logf("%d requests, %d refused, first wall up: %t", asked, refused, firstWall)
	if refused == 0 {
		t.Error("nothing was refused")
	}
}
