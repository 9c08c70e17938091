package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/storage/postgres"
)

// cast of the matrix: everybody who may knock, with their browsers. The people of the other programme hold the
// same roles there.
type everybody struct {
	demo, other                     postgres.Demo
	organisation, otherOrganisation string
	who                             map[string]*browser
}

func newEverybody(s *site) everybody {
	e := everybody{demo: s.demo(), other: s.demo()}
	e.who = map[string]*browser{
		"anonymous": s.browser(),
		"attendee":  s.joined(e.demo.Attend[0]),
		"presenter": s.joined(e.demo.Studio),
		"moderator": s.joined(e.demo.Console),
		"admin":     s.joined(e.demo.Admin),
		"stranger":  s.joined(e.other.Admin),
	}
	admin := e.who["admin"]
	for _, role := range []lms.Role{lms.Producer, lms.Captioner, lms.Sponsor, lms.Auditor} {
		var made struct{ Link string }
		admin.call("POST", "/api/programmes/"+string(e.demo.Programme)+"/staff", map[string]any{
			"name": "The " + string(role), "email": string(role) + "@staff.example", "role": role,
		}).want(s.t, http.StatusCreated).json(s.t, &made)
		e.who[string(role)] = s.joined(made.Link[strings.LastIndex(made.Link, "/")+1:])
	}
	// An admin of the organisation who has no part in any programme of it. Who comes by a link is in one programme only, so
	// the demo's admin signs in to name them.
	e.organisation, e.otherOrganisation = s.organisation(e.demo.Programme), s.organisation(e.other.Programme)
	s.signIn("admin@demo.example", "").call("POST", "/api/organisations/"+e.organisation+"/staff", map[string]any{
		"name": "The Runner", "email": "runner@staff.example", "role": lms.Admin,
	}).want(s.t, http.StatusCreated)
	e.who["runner"] = s.signIn("runner@staff.example", "")
	return e
}

// organisation is whose a programme is.
func (s *site) organisation(programme lms.ProgrammeID) (id string) {
	s.t.Helper()
	conn := must(pgx.Connect(s.t.Context(), s.database))(s.t)
	defer conn.Close(s.t.Context())
	if err := conn.QueryRow(s.t.Context(), `select organisation_id from programmes where id = $1`, programme).Scan(&id); err != nil {
		s.t.Fatal(err)
	}
	return id
}

// fill puts ids of one programme into a pattern.
func fill(pattern string, d postgres.Demo, organisation ...string) string {
	return strings.NewReplacer(
		"{organisation}", strings.Join(organisation, ""), "{grant}", "999999999",
		"{course}", string(d.Course), "{programme}", string(d.Programme), "{question}", unknownID, "{person}", unknownID, "{batch}", unknownID, "{material}", unknownID,
		"{member}", unknownID, "{import}", unknownID,
		"{attempt}", unknownID, "{appeal}", unknownID, "{item}", unknownID, "{number}", "0000000000000000", "{list}", "0", "{language}", "en", "{file}", "transcript.vtt",
		"{action}", "approve", "{session}", "abc", "{token}", "nonsense", "{file...}", "index.m3u8", "{name...}", "nothing.js",
		"{hash}", "0", "{name}", "nothing.css", "{$}", "",
	).Replace(pattern)
}

const unknownID = "00000000-0000-4000-8000-000000000000"

// Who sees slides and handouts, and who provides them.
const (
	watchers  = "attendee captioner presenter moderator producer admin"
	providers = "presenter producer admin"
)

// The declared matrix, written a second time on purpose: who gets past the door of each route. "all" is
// everybody; "people" whoever is signed in, in any programme. Everybody who is missing is turned away.
var matrix = map[string]string{
	// Programmes as drafts, faculty and rehearsals.
	"GET /courses/{course}/disclosures":                                  "attendee captioner presenter moderator producer admin",
	"POST /courses/{course}/disclosures":                                 "attendee captioner presenter moderator producer admin",
	"GET /disclosure/{programme}":                                        "people",
	"POST /disclosure/{programme}":                                       "people",
	"POST /api/courses/{course}/cancellation":                            "admin",
	"DELETE /api/courses/{course}/cancellation":                          "admin",
	"GET /api/courses/{course}/disclosures":                              "attendee captioner presenter moderator producer admin",
	"GET /api/courses/{course}/rehearsal":                                "presenter producer admin",
	"POST /api/courses/{course}/rehearsal":                               "presenter producer admin",
	"POST /api/courses/{course}/rehearsal/end":                           "presenter producer admin",
	"DELETE /api/courses/{course}/rehearsal":                             "presenter producer admin",
	"GET /rehearsal/{course}/{file...}":                                  "presenter producer admin",
	"GET /api/programmes/{programme}/publication":                        "producer auditor admin",
	"POST /api/programmes/{programme}/publication":                       "admin",
	"PUT /api/programmes/{programme}/draft":                              "admin",
	"GET /api/programmes/{programme}/versions/{number}":                  "producer auditor admin",
	"POST /api/programmes/{programme}/closing":                           "admin",
	"DELETE /api/programmes/{programme}/closing":                         "admin",
	"POST /api/programmes/{programme}/copy":                              "admin",
	"GET /api/programmes/{programme}/faculty":                            "producer auditor admin",
	"POST /api/programmes/{programme}/faculty":                           "admin",
	"DELETE /api/programmes/{programme}/faculty/{member}":                "admin",
	"GET /api/programmes/{programme}/preparations":                       "producer auditor admin",
	"PUT /api/programmes/{programme}/disclosures/{person}/mitigation":    "admin",
	"DELETE /api/programmes/{programme}/disclosures/{person}/mitigation": "admin",
	"GET /api/programmes/{programme}/disclosures/{person}":               "people",
	"PUT /api/programmes/{programme}/disclosures/{person}":               "people",

	// Everything else.
	"GET /{$}": "all", "GET /sign-in": "all", "POST /sign-in": "all", "GET /sign-in/code": "all", "POST /sign-in/code": "all",
	"POST /sign-out": "people", "GET /join/{token}": "all", "POST /join/{token}": "all", "GET /welcome": "people", "POST /welcome": "people",
	"POST /language": "all", "POST /api/sign-in": "all", "POST /api/sign-in/code": "all", "GET /api/mailbox": "all",
	"GET /devices": "people", "POST /devices": "people",
	"GET /courses": "people", "GET /mailbox": "all", "GET /assets/{name...}": "all", "GET /static/{hash}/{name}": "all",
	// Slides and handouts, apart from the rest so that their rows are.
	"GET /courses/{course}/materials":                             watchers,
	"POST /courses/{course}/materials":                            providers,
	"POST /courses/{course}/materials/{material}/{action}":        providers,
	"GET /api/courses/{course}/materials":                         watchers,
	"POST /api/courses/{course}/materials":                        providers,
	"GET /api/courses/{course}/materials/{material}":              watchers,
	"PATCH /api/courses/{course}/materials/{material}":            providers,
	"DELETE /api/courses/{course}/materials/{material}":           providers,
	"POST /api/courses/{course}/materials/{material}/{action}":    providers,
	"GET /api/courses/{course}/materials/{material}/file":         watchers,
	"GET /api/courses/{course}/materials/{material}/pages/{file}": watchers,

	"GET /watch/{course}":                                      "attendee captioner presenter moderator producer admin",
	"GET /test/{course}":                                       "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/path-probe":                    "attendee captioner presenter moderator producer admin",
	"GET /api/courses/{course}/path-blob":                      "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/path-blob":                     "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/path-tests":                    "attendee captioner presenter moderator producer admin",
	"GET /api/programmes/{programme}/path-tests":               "producer auditor admin",
	"GET /studio/{course}":                                     "presenter producer admin",
	"GET /console/{course}":                                    "moderator producer admin",
	"GET /captioner/{course}":                                  "captioner moderator producer admin",
	"GET /api/courses/{course}/captions":                       "attendee captioner presenter moderator producer admin",
	"GET /api/courses/{course}/captions/{language}":            "attendee captioner presenter moderator producer admin",
	"PUT /api/courses/{course}/captions/{language}":            "producer admin",
	"DELETE /api/courses/{course}/captions/{language}":         "producer admin",
	"GET /api/courses/{course}/captions/{language}/{file}":     "captioner presenter moderator producer admin",
	"POST /api/courses/{course}/captions/{language}/live":      "captioner moderator producer admin",
	"POST /api/courses/{course}/captions/{language}/lines":     "captioner moderator producer admin",
	"POST /api/courses/{course}/captions/{language}/publish":   "producer admin",
	"GET /api/courses/{course}/caption-versions":               "producer auditor admin",
	"POST /api/courses/{course}/transcription":                 "producer admin",
	"DELETE /api/courses/{course}/transcription":               "producer admin",
	"GET /analytics/{course}":                                  "presenter moderator producer auditor admin",
	"GET /admin":                                               "producer auditor admin stranger",
	"GET /admin/{programme}":                                   "producer auditor admin",
	"GET /courses/{course}/lecture.ics":                        "attendee captioner presenter moderator producer admin",
	"POST /calendar":                                           "people",
	"GET /calendar/{token}/lectures.ics":                       "all",
	"GET /api/me":                                              "people",
	"GET /api/courses":                                         "people",
	"GET /api/courses/{course}":                                "attendee captioner presenter moderator producer admin",
	"PATCH /api/courses/{course}":                              "admin",
	"GET /api/courses/{course}/chapters":                       "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/ticket":                        "attendee captioner presenter moderator producer admin",
	"GET /api/courses/{course}/resume":                         "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/reports":                       "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/playing":                       "attendee captioner presenter moderator producer admin",
	"GET /api/courses/{course}/ice":                            "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/air":                           "presenter producer admin",
	"POST /api/courses/{course}/end":                           "presenter producer admin",
	"GET /api/courses/{course}/health":                         "presenter producer admin",
	"GET /admin/recording/{course}":                            "producer auditor admin",
	"GET /api/courses/{course}/recording":                      "producer auditor admin",
	"PUT /api/courses/{course}/recording/cut":                  "producer admin",
	"PUT /api/courses/{course}/recording/retention":            "admin",
	"PUT /api/programmes/{programme}/retention":                "admin",
	"DELETE /api/courses/{course}/recording":                   "admin",
	"GET /api/courses/{course}/recording/preview/{file...}":    "producer auditor admin",
	"GET /api/courses/{course}/questions":                      "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/questions":                     "attendee presenter moderator producer admin",
	"GET /api/courses/{course}/questions.csv":                  "moderator producer admin",
	"GET /api/courses/{course}/questions/{question}/similar":   "moderator producer admin",
	"POST /api/courses/{course}/questions/{question}/vote":     "attendee presenter moderator producer admin",
	"DELETE /api/courses/{course}/questions/{question}/vote":   "attendee presenter moderator producer admin",
	"POST /api/courses/{course}/questions/{question}/{action}": "presenter moderator producer admin",
	"GET /api/courses/{course}/analytics":                      "presenter moderator producer auditor admin",
	"GET /api/courses/{course}/analytics/people":               "moderator auditor admin",
	"GET /api/courses/{course}/analytics.csv":                  "moderator auditor admin",
	"GET /api/programmes":                                      "producer auditor admin stranger",
	"POST /api/programmes":                                     "admin stranger",
	"GET /api/programmes/{programme}":                          "producer auditor admin",
	"GET /api/programmes/{programme}/audit":                    "auditor admin",
	"PATCH /api/programmes/{programme}":                        "admin",
	"POST /api/programmes/{programme}/courses":                 "admin",
	"POST /api/programmes/{programme}/codes":                   "admin",
	"DELETE /api/programmes/{programme}/codes/{batch}":         "admin",
	"GET /register/{programme}":                                "all", "POST /register/{programme}": "all", "GET /registrations": "people", "POST /registrations": "people",
	"GET /api/programmes/{programme}/imports": "admin", "POST /api/programmes/{programme}/imports": "admin", "POST /api/programmes/{programme}/imports/{import}": "admin",
	"GET /api/programmes/{programme}/registrations":                    "admin",
	"PUT /api/programmes/{programme}/registrations":                    "admin",
	"POST /api/programmes/{programme}/registrations/{person}/{action}": "admin",
	"POST /api/programmes/{programme}/codes/look-up":                   "admin",
	"POST /api/programmes/{programme}/codes/revoke":                    "admin",
	"DELETE /api/programmes/{programme}/people/{person}/links":         "admin",
	"POST /api/programmes/{programme}/staff":                           "admin",
	"PATCH /api/programmes/{programme}/staff/{grant}":                  "admin",
	"DELETE /api/programmes/{programme}/staff/{grant}":                 "admin",
	"GET /api/organisations":                                           "people",
	"GET /api/organisations/{organisation}":                            "runner",
	"PATCH /api/organisations/{organisation}":                          "runner",
	"POST /api/organisations/{organisation}/staff":                     "runner",
	"DELETE /api/organisations/{organisation}/staff/{grant}":           "runner",
	"OPTIONS /whip/{course}":                                           "all", "OPTIONS /whip/{course}/{session}": "all",
	"GET /admin/credit/{course}":                                      "admin",
	"GET /api/courses/{course}/credit":                                "admin",
	"PUT /api/courses/{course}/credit":                                "admin",
	"POST /api/courses/{course}/credit/preview":                       "admin",
	"POST /api/courses/{course}/waivers":                              "admin",
	"POST /api/courses/{course}/identities":                           "admin",
	"GET /api/courses/{course}/appeals":                               "admin",
	"POST /api/courses/{course}/appeals/{appeal}":                     "admin",
	"GET /api/courses/{course}/test":                                  "admin",
	"PUT /api/courses/{course}/test":                                  "admin",
	"POST /api/courses/{course}/test/items":                           "admin",
	"PUT /api/courses/{course}/test/items/{item}":                     "admin",
	"DELETE /api/courses/{course}/test/items/{item}":                  "admin",
	"GET /api/courses/{course}/evaluations":                           "presenter moderator producer auditor admin",
	"PUT /api/programmes/{programme}/accommodations/{person}":         "admin",
	"GET /api/programmes/{programme}/design":                          "admin",
	"PUT /api/programmes/{programme}/design":                          "admin",
	"POST /api/programmes/{programme}/design/preview":                 "admin",
	"GET /api/programmes/{programme}/certificates":                    "admin",
	"POST /api/programmes/{programme}/certificates/{number}/{action}": "admin",
	"GET /api/programmes/{programme}/pars.txt":                        "admin",
	"GET /progress":                            "people",
	"GET /courses/{course}/credit":             "attendee captioner presenter moderator producer admin",
	"POST /courses/{course}/claim":             "attendee captioner presenter moderator producer admin",
	"POST /courses/{course}/appeal":            "attendee captioner presenter moderator producer admin",
	"GET /courses/{course}/test":               "attendee captioner presenter moderator producer admin",
	"POST /courses/{course}/test":              "attendee captioner presenter moderator producer admin",
	"GET /courses/{course}/test/{attempt}":     "attendee captioner presenter moderator producer admin",
	"POST /courses/{course}/test/{attempt}":    "attendee captioner presenter moderator producer admin",
	"GET /courses/{course}/evaluation":         "attendee captioner presenter moderator producer admin",
	"POST /courses/{course}/evaluation":        "attendee captioner presenter moderator producer admin",
	"POST /programmes/{programme}/certificate": "attendee captioner presenter moderator producer admin",
	"GET /certificates/{number}":               "people",
	"GET /certificates/{number}/{file}":        "people",
	"GET /transcript/{file}":                   "people",
	"GET /v":                                   "all",
	"GET /v/{number}":                          "all",
	"GET /v/worker.js":                         "all",
	"GET /.well-known/jwks.json":               "all",
	"GET /.well-known/issuer.json":             "all",
	"GET /credentials/status/{list}":           "all",
	"OPTIONS /whep/{course}":                   "all", "OPTIONS /whep/{course}/{session}": "all", "OPTIONS /whep/{course}/{session}/layer": "all",
	"GET /whep/{course}/{session}/layer":                 "attendee captioner presenter moderator producer admin",
	"POST /whep/{course}/{session}/layer":                "attendee captioner presenter moderator producer admin",
	"POST /whip/{course}":                                "presenter moderator producer admin",
	"PATCH /whip/{course}/{session}":                     "presenter moderator producer admin",
	"DELETE /whip/{course}/{session}":                    "presenter moderator producer admin",
	"DELETE /whip/{course}/{session}/screen":             "presenter moderator producer admin",
	"POST /whep/{course}":                                "attendee captioner presenter moderator producer admin",
	"PATCH /whep/{course}/{session}":                     "attendee captioner presenter moderator producer admin",
	"DELETE /whep/{course}/{session}":                    "attendee captioner presenter moderator producer admin",
	"GET /hls/{course}/{file...}":                        "attendee captioner presenter moderator producer admin",
	"POST /api/courses/{course}/access":                  "attendee captioner presenter moderator producer admin",
	"POST /hls/{course}/access":                          "edge",
	"POST /edge/viewers":                                 "edge",
	"POST /backstage/{course}":                           "presenter moderator producer admin",
	"PATCH /backstage/{course}/{session}":                "presenter moderator producer admin",
	"DELETE /backstage/{course}/{session}":               "presenter moderator producer admin",
	"GET /api/courses/{course}/panel":                    "presenter moderator producer admin",
	"GET /api/courses/{course}/panel/candidates":         "presenter moderator producer admin",
	"POST /api/courses/{course}/panel/me/{action}":       "presenter moderator producer admin",
	"POST /api/courses/{course}/panel/{person}/{action}": "presenter moderator producer admin",
	"GET /socket":                                        "all",
	"GET /ping":                                          "all",
}

func mayEnter(allowed, who string) bool {
	switch allowed {
	case "all":
		return true
	case "people":
		return who != "anonymous"
	}
	if who == "runner" { // an admin of all programmes
		return regexp.MustCompile(`\b(admin|runner)\b`).MatchString(allowed)
	}
	return regexp.MustCompile(`\b` + who + `\b`).MatchString(allowed)
}

// TestRoleMatrix walks the table of routes with everybody (trust S-01). What a handler says of the empty
// request that gets past the door (400, 409, 422, a 404 of its own) is not the matter here, so the door is
// asked itself.
func TestRoleMatrix(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	routes := s.web.routes()
	for _, rt := range routes {
		key := rt.method + " " + rt.path
		allowed, declared := matrix[key]
		if !declared {
			t.Errorf("%s is not declared", key)
		}
		delete(matrix, key)
		for who, b := range e.who {
			s.web.limits.forget()
			got := s.door(b, rt, fill(rt.path, e.demo, e.organisation))
			want := 0
			switch {
			case mayEnter(allowed, who):
			case allowed == "edge":
				want = http.StatusNotFound
			case who == "anonymous":
				want = http.StatusUnauthorized
			case who == "stranger" && strings.Contains(rt.path, "{"), allowed == "runner":
				want = http.StatusNotFound
			default:
				want = http.StatusForbidden
			}
			if got != want {
				t.Errorf("%s as %s: door says %d, want %d", key, who, got, want)
			}
		}
	}
	for key := range matrix {
		t.Errorf("%s is declared, but is no route", key)
	}
}

// door asks what stands in front of a handler: 0 when the request would reach it, else the status.
func (s *site) door(b *browser, rt route, path string) int {
	s.t.Helper()
	r := must(http.NewRequestWithContext(s.t.Context(), rt.method, s.url+path, http.NoBody))(s.t)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range b.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	status := 0
	mux := http.NewServeMux()
	mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.web.admit(w, r, rt); err != nil {
			f, _, _ := explain(err)
			status = f.status
		}
	})
	mux.ServeHTTP(discard{}, r)
	return status
}

// discard is a ResponseWriter that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// TestForeignIDsLookUnknown: for each route that takes an id, the id of another programme and one of nothing get
// the same answer (trust S-02).
func TestForeignIDsLookUnknown(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	nothing := postgres.Demo{Course: unknownID, Programme: unknownID}
	malformed := postgres.Demo{Course: "1", Programme: "x'--"}
	same := func(r reply) string {
		for _, varying := range []string{"X-Request-Id", "Date"} {
			r.Header.Del(varying)
		}
		id := regexp.MustCompile(`class="code">[A-Z0-9]+<`)
		return r.Status + strings.Join(sortedHeader(r.Header), "\n") + id.ReplaceAllString(r.text, "")
	}
	for _, rt := range s.web.routes() {
		if !strings.Contains(rt.path, "{course}") && !strings.Contains(rt.path, "{programme}") && !strings.Contains(rt.path, "{organisation}") ||
			rt.method == http.MethodOptions {
			continue
		}
		for who, b := range e.who {
			if who == "anonymous" || who == "stranger" {
				continue
			}
			s.web.limits.forget()
			ask := func(d postgres.Demo, organisation string) string {
				return same(b.call(rt.method, fill(rt.path, d, organisation), map[string]any{}))
			}
			foreign, unknown, bad := ask(e.other, e.otherOrganisation), ask(nothing, unknownID), ask(malformed, "x'--")
			if foreign != unknown || bad != unknown {
				t.Errorf("%s %s as %s:\nforeign   %s\nunknown   %s\nmalformed %s", rt.method, rt.path, who, foreign, unknown, bad)
			}
			if !strings.HasPrefix(unknown, "404") {
				t.Errorf("%s %s as %s: %s", rt.method, rt.path, who, unknown)
			}
		}
	}
}

func sortedHeader(h http.Header) []string {
	var lines []string
	for name, values := range h {
		lines = append(lines, name+": "+strings.Join(values, ","))
	}
	slices.Sort(lines)
	return lines
}

// TestForeignObjectsStayForeign: an id within an id, and an id in a body, are held to the programme of the path.
func TestForeignObjectsStayForeign(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	admin, stranger := e.who["admin"], e.who["stranger"]
	var made struct{ Batch batchView }
	stranger.call("POST", "/api/programmes/"+string(e.other.Programme)+"/codes", map[string]any{"label": "x", "count": 1, "uses": 1}).
		want(t, http.StatusCreated).json(t, &made)
	admin.call("DELETE", "/api/programmes/"+string(e.demo.Programme)+"/codes/"+string(made.Batch.ID), nil).want(t, http.StatusNotFound)
	admin.call("POST", "/api/programmes/"+string(e.demo.Programme)+"/staff", map[string]any{
		"name": "Dr X", "email": "x@clinic.example", "role": "presenter", "course": e.other.Course,
	}).want(t, http.StatusNotFound)

	var asked struct{ ID lms.QuestionID }
	s.joined(e.other.Attend[0]).call("POST", coursePath(e.other, "/api/courses/%s/questions"), map[string]any{"text": "Why?"}).
		want(t, http.StatusCreated).json(t, &asked)
	e.who["moderator"].call("POST", coursePath(e.demo, "/api/courses/%s/questions/")+string(asked.ID)+"/approve", map[string]any{"version": 1}).
		want(t, http.StatusNotFound)
}

// TestCrossSiteRequestsAreRefused on every route that changes something (trust S-09), however they come.
func TestCrossSiteRequestsAreRefused(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	admin := e.who["admin"]
	for _, rt := range s.web.routes() {
		if rt.method == http.MethodGet || rt.method == http.MethodOptions {
			continue
		}
		for name, header := range map[string]http.Header{
			"another site":       {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			"a sister site":      {"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://127.0.0.1:1"}},
			"an old browser":     {"Sec-Fetch-Site": nil, "Origin": {"https://evil.example"}},
			"a sandboxed frame":  {"Sec-Fetch-Site": nil, "Origin": {"null"}},
			"a cookie by itself": {"Sec-Fetch-Site": nil, "Origin": nil},
		} {
			r := admin.send(rt.method, fill(rt.path, e.demo, e.organisation), nil, header)
			if r.StatusCode != http.StatusForbidden || !strings.Contains(r.text, "our own pages") {
				t.Errorf("%s %s from %s: %s", rt.method, rt.path, name, r.Status)
			}
		}
	}
	// An old browser on our own page is let in.
	admin.send("POST", "/sign-out", nil, http.Header{"Sec-Fetch-Site": nil, "Origin": {s.url}}).want(t, http.StatusSeeOther)
}

// TestSignOutEndsEverything: the session's secret is worth nothing afterwards (trust S-07).
func TestSignOutEndsEverything(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.joined(d.Attend[0])
	hls := coursePath(d, "/hls/%s/index.m3u8")
	b.get(hls).want(t, http.StatusNotFound) // never on air, but the door was open
	token := sessionCookie(b)
	b.post("/sign-out", url.Values{}).want(t, http.StatusSeeOther)
	s.browser().send("GET", "/api/me", nil, http.Header{"Cookie": {"lectern=" + token}}).want(t, http.StatusUnauthorized)
	s.browser().send("GET", coursePath(d, "/api/courses/%s"), nil, http.Header{"Cookie": {"lectern=" + token}}).want(t, http.StatusUnauthorized)
}
