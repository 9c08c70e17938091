package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// wantHeaders checks what stands on every response (trust S-27).
func wantHeaders(t *testing.T, r reply) {
	t.Helper()
	what := r.Request.Method + " " + r.Request.URL.Path + " " + r.Status
	csp := r.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'self'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "object-src 'none'", "base-uri 'none'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%s: policy lacks %s", what, part)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("%s: policy %s", what, csp)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin", "Referrer-Policy": "same-origin",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %s is %q", what, name, got)
		}
	}
	if r.Header.Get("X-Request-Id") == "" || r.Header.Get("Server") != "" || r.Header.Get("X-Powered-By") != "" {
		t.Errorf("%s: %v", what, r.Header)
	}
	if r.Header.Get("Cache-Control") == "" && r.Request.Method != http.MethodOptions && !strings.HasPrefix(r.Request.URL.Path, "/hls/") {
		t.Errorf("%s says nothing of caches", what)
	}
}

func TestHeadersStandOnEveryResponse(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	for _, who := range []string{"anonymous", "attendee", "admin"} {
		for _, rt := range s.web.routes() {
			if rt.path == "/sign-out" {
				continue
			}
			s.web.limits.forget()
			wantHeaders(t, e.who[who].call(rt.method, fill(rt.path, e.demo), map[string]any{}))
		}
	}
	nobody := s.browser()
	wantHeaders(t, nobody.get("/no/such/page").want(t, http.StatusNotFound))
	wantHeaders(t, nobody.get("/api/nothing").want(t, http.StatusNotFound))
	wantHeaders(t, nobody.get("//double").want(t, http.StatusNotFound))
	wantHeaders(t, nobody.send("POST", "/", nil, nil).want(t, http.StatusMethodNotAllowed))
	wantHeaders(t, nobody.send("TRACE", "/", nil, nil).want(t, http.StatusMethodNotAllowed))
	wantHeaders(t, nobody.send("POST", "/sign-in", nil, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}).want(t, http.StatusForbidden))
	wantHeaders(t, nobody.send("POST", "/sign-in", strings.NewReader(strings.Repeat("x", bodyForm+1)),
		http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}).want(t, http.StatusRequestEntityTooLarge))
}

func TestErrorsComeAsPagesToPeopleAndAsJSONToPrograms(t *testing.T) {
	s := newSite(t)
	nobody := s.browser()
	page := nobody.get("/no/such/page").want(t, http.StatusNotFound)
	if !strings.Contains(page.text, "<h1>There is nothing here</h1>") || !strings.Contains(page.text, page.Header.Get("X-Request-Id")) {
		t.Errorf("page %s", page.text)
	}
	var problem errorBody
	api := nobody.get("/api/me").want(t, http.StatusUnauthorized)
	api.json(t, &problem)
	if problem.Error.Code != "signed_out" || problem.Error.Message == "" || api.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("json %+v", problem)
	}
	r := nobody.get("/watch/"+unknownID).want(t, http.StatusSeeOther)
	if got := r.Header.Get("Location"); got != "/sign-in?next="+url.QueryEscape("/watch/"+unknownID) {
		t.Errorf("sent to %s", got)
	}
	if allow := nobody.send("PUT", "/sign-in", nil, nil).want(t, http.StatusMethodNotAllowed).Header.Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("allows %q", allow)
	}
}

func TestHTTPSMakesCookiesAndTransportStrict(t *testing.T) {
	plain := securityHeaders(&url.URL{Scheme: "http", Host: "127.0.0.1:8080"}, nil)
	strict := securityHeaders(&url.URL{Scheme: "https", Host: "lectures.example.org"}, nil)
	if plain.Get("Strict-Transport-Security") != "" || strict.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("HSTS %q and %q", plain.Get("Strict-Transport-Security"), strict.Get("Strict-Transport-Security"))
	}
	if !strings.Contains(plain.Get("Content-Security-Policy"), "ws://127.0.0.1:8080;") ||
		!strings.Contains(strict.Get("Content-Security-Policy"), "wss://lectures.example.org;") {
		t.Error("the policy does not name the socket")
	}
	s := &Server{url: &url.URL{Scheme: "https", Host: "lectures.example.org"}}
	if s.cookieName() != "__Host-lectern" || s.challengeName() != "__Host-lectern-challenge" || !s.secure() {
		t.Errorf("cookies %s and %s", s.cookieName(), s.challengeName())
	}
}

func TestStaticFilesAreForEverAndSmall(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	address := must(s.web.static.url("base.css"))(t)
	r := b.send("GET", address, nil, http.Header{"Accept-Encoding": {"gzip"}}).want(t, http.StatusOK)
	if r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("Cache-Control") != cacheForever || r.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers %v", r.Header)
	}
	plain := b.send("GET", address, nil, http.Header{"Accept-Encoding": {"br, gzip;q=0"}}).want(t, http.StatusOK)
	if plain.Header.Get("Content-Encoding") != "" || !strings.Contains(plain.text, ".button") || len(r.text) >= len(plain.text) {
		t.Errorf("plain %v, %d bytes; packed %d bytes", plain.Header, len(plain.text), len(r.text))
	}
	b.get("/static/0/base.css").want(t, http.StatusNotFound)
	b.get("/static/"+s.web.static.hash+"/../../server.go").want(t, http.StatusNotFound)
	for _, path := range []string{"/assets/../pages/sign-in.html", "/assets/.gitignore", "/assets/"} {
		if r := b.get(path); r.StatusCode == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}

// TestLogsHoldNoPersonalData: what people enter and what lets them in is not in the log (trust S-32).
func TestLogsHoldNoPersonalData(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.signIn("canary@clinic.example", d.Codes[2].String())
	token := sessionCookie(b)
	b.get("/courses?canary=query")
	b.get("/join/canarytoken")
	b.call("POST", coursePath(d, "/api/courses/%s/questions"), map[string]any{"text": "canary question"})
	b.call("POST", "/api/canarypath", map[string]any{"canary": 1})
	s.stop()
	log := s.log.String()
	for _, secret := range []string{"canary", token, d.Codes[2].String(), string(d.Codes[2]), "127.0.0.1:"} {
		for line := range strings.Lines(log) {
			if strings.Contains(line, secret) && strings.Contains(line, `"msg":"request"`) {
				t.Errorf("logged %q: %s", secret, line)
			}
		}
	}
	if !strings.Contains(log, `"route":"GET /join/{token}"`) {
		t.Error("the access log does not name routes")
	}
}

// TestEverydayFilesAreLoggedQuietly: what each page loads is logged at debug level, unless it fails.
func TestEverydayFilesAreLoggedQuietly(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.get(must(s.web.static.url("base.css"))(t)).want(t, http.StatusOK)
	b.get("/static/0/base.css").want(t, http.StatusNotFound)
	b.get("/sign-in").want(t, http.StatusOK)
	s.stop()
	var got []string
	for line := range strings.Lines(s.log.String()) {
		var said struct {
			Level, Msg, Route string
			Status            int
		}
		if err := json.Unmarshal([]byte(line), &said); err == nil && said.Msg == "request" {
			got = append(got, fmt.Sprint(said.Level, " ", said.Route, " ", said.Status))
		}
	}
	want := []string{"DEBUG GET /static/{hash}/{name} 200", "INFO GET /static/{hash}/{name} 404", "INFO GET /sign-in 200"}
	if !slices.Equal(got, want) {
		t.Errorf("logged %q, want %q", got, want)
	}
}

func TestOnlyNamesWithAHashAreForEver(t *testing.T) {
	for name, want := range map[string]string{
		"player--sZNAaV2.js": cacheForever, "admin-btT_OHkq.css": cacheForever, "icon.svg": cacheMonth,
		"fonts/ibm-plex-sans-latin-400-normal.woff2": cacheMonth,
	} {
		if got := assetCache(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
