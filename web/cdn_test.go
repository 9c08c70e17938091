package web

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lectern/lms"
	signed "lectern/media/access"
	"lectern/storage/postgres/pgtest"
)

const (
	cdnHost   = "https://cdn.example.org"
	cdnSecret = "a secret that only this test and its edge have"
)

// newCDNSite is a site whose media come from a CDN, and from its own host when that is asked for.
func newCDNSite(t *testing.T, ownHost bool) *site {
	t.Helper()
	key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	signer := must(signed.NewSigner("KEY1", text, cdnSecret))(t)
	return startSite(t, pgtest.New(t), t.TempDir(), func(c *Config) {
		c.CDN = &CDN{URLs: []string{cdnHost}, Signer: signer, Secret: cdnSecret}
		if ownHost {
			c.CDN.URLs = append(c.CDN.URLs, c.URL)
		}
	})
}

func TestAccessWithoutCDN(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.joined(d.Attend[0])
	var got accessView
	b.call("POST", coursePath(d, "/api/courses/%s/access"), nil).want(t, http.StatusOK).json(t, &got)
	if got.Hosts == nil || len(got.Hosts) != 0 {
		t.Errorf("got %+v", got)
	}
	b.send("POST", coursePath(d, "/hls/%s/access"), strings.NewReader("{}"), http.Header{signed.SecretHeader: {""}}).want(t, http.StatusNotFound)
}

// TestGrantBecomesCookies: the player takes its grant to the CDN's host, which sends that on to us (trust S-17, S-18).
func TestGrantBecomesCookies(t *testing.T) {
	s := newCDNSite(t, true)
	d, other := s.demo(), s.demo()
	b := s.joined(d.Attend[0])
	answer := b.call("POST", coursePath(d, "/api/courses/%s/access"), nil).want(t, http.StatusOK)
	var got accessView
	answer.json(t, &got)
	if len(got.Hosts) != 2 || got.ExpiresS > 300 || got.ExpiresS < 280 || got.RenewS > got.ExpiresS/2 {
		t.Fatalf("got %+v", got)
	}
	abroad, here := got.Hosts[0], got.Hosts[1]
	path := coursePath(d, "/hls/%s/")
	if abroad.Base != cdnHost+path || abroad.Access != cdnHost+path+"access" || abroad.Grant == nil {
		t.Fatalf("the CDN's host: %+v", abroad)
	}
	if here.Base != s.url+path || here.Grant != nil || here.Access != "" {
		t.Errorf("our own host: %+v", here)
	}
	checkCookies(t, answer.Cookies(), path)

	body := string(must(json.Marshal(abroad.Grant))(t))
	send := func(path, secret string) reply {
		t.Helper()
		header := http.Header{"Content-Type": {"text/plain;charset=UTF-8"}, "Origin": {s.url}, "Sec-Fetch-Site": {"same-site"}}
		if secret != "" {
			header.Set(signed.SecretHeader, secret)
		}
		return s.browser().send("POST", path, strings.NewReader(body), header)
	}
	taken := send(path+"access", cdnSecret).want(t, http.StatusNoContent)
	checkCookies(t, taken.Cookies(), path)
	if got := taken.Header.Get("Access-Control-Allow-Origin"); got != s.url {
		t.Errorf("our pages may not read the answer: allowed is %q", got)
	}
	send(path+"access", "").want(t, http.StatusNotFound)
	send(path+"access", cdnSecret+"x").want(t, http.StatusNotFound)
	send(coursePath(other, "/hls/%s/access"), cdnSecret).want(t, http.StatusForbidden)

	s.stop()
	for name, secret := range map[string]string{
		"policy": abroad.Grant.Policy, "signature": abroad.Grant.Signature, "viewer": abroad.Grant.Viewer, "secret": cdnSecret,
	} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds the %s", name)
		}
		if strings.Contains(abroad.Base+abroad.Access, secret) {
			t.Errorf("a URL holds the %s", name)
		}
	}
}

func checkCookies(t *testing.T, cookies []*http.Cookie, path string) {
	t.Helper()
	want := []string{signed.PolicyCookie, signed.SignatureCookie, signed.KeyIDCookie, signed.HashCookie, signed.ViewerCookie}
	for _, c := range cookies {
		if i := slices.Index(want, c.Name); i >= 0 {
			want = slices.Delete(want, i, i+1)
		}
		if c.Path != path || c.Domain != "" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge > 300 || c.MaxAge < 1 {
			t.Errorf("cookie %+v", c)
		}
	}
	if len(want) > 0 {
		t.Errorf("cookies that are not set: %v", want)
	}
}

// TestEdgeFetchesForAll: who shows the secret gets media without a session, with headers that let our pages read them
// and other sites' not.
func TestEdgeFetchesForAll(t *testing.T) {
	s := newCDNSite(t, false)
	d := s.demo()
	playlist := coursePath(d, "/hls/%s/index.m3u8")
	b := s.browser()
	b.get(playlist).want(t, http.StatusUnauthorized)
	b.send("GET", playlist, nil, http.Header{signed.SecretHeader: {"guess"}}).want(t, http.StatusUnauthorized)
	r := b.send("GET", playlist, nil, http.Header{signed.SecretHeader: {cdnSecret}}).want(t, http.StatusNotFound) // not on air yet
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": s.url, "Access-Control-Allow-Credentials": "true", "Cross-Origin-Resource-Policy": "same-site",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	watcher := s.joined(d.Attend[0])
	direct := watcher.get(playlist).want(t, http.StatusNotFound)
	if got := direct.Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("other sites may read what a session fetches: %q", got)
	}
	if csp := direct.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, cdnHost) {
		t.Errorf("policy %q", csp)
	}
	// The secret opens nothing else.
	b.send("GET", "/api/courses", nil, http.Header{signed.SecretHeader: {cdnSecret}}).want(t, http.StatusUnauthorized)
}

// TestEdgeAsksWhoIsOut: an edge learns who signed out, whose token was revoked and who never was of the programme.
func TestEdgeAsksWhoIsOut(t *testing.T) {
	s := newCDNSite(t, false)
	d, other := s.demo(), s.demo()
	viewer := func(b *browser, header http.Header) string {
		t.Helper()
		var got accessView
		b.send("POST", coursePath(d, "/api/courses/%s/access"), nil, header).want(t, http.StatusOK).json(t, &got)
		id, _, _ := strings.Cut(got.Hosts[0].Grant.Viewer, ".")
		return id
	}
	leaver, stayer := s.joined(d.Attend[0]), s.joined(d.Console)
	token := must(s.db.IssueToken(t.Context(), d.Course, lms.Attendee, time.Hour))(t)
	gone, stays, machine := viewer(leaver, nil), viewer(stayer, nil), viewer(s.browser(), http.Header{"Authorization": {"Bearer " + token}})
	ask := func(want ...string) {
		t.Helper()
		question := viewersView{}
		for _, id := range []string{gone, stays, machine, "snobody"} {
			question.Viewers = append(question.Viewers, viewerView{id, d.Course})
		}
		question.Viewers = append(question.Viewers, viewerView{stays, other.Course}) // of another programme
		body := must(json.Marshal(question))(t)
		var out viewersView
		s.browser().send("POST", "/edge/viewers", strings.NewReader(string(body)), http.Header{signed.SecretHeader: {cdnSecret}}).want(t, http.StatusOK).json(t, &out)
		var got []string
		for _, v := range out.Viewers {
			if v.Course == d.Course {
				got = append(got, v.ID)
			} else {
				got = append(got, "elsewhere")
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("out are %v, want %v", got, want)
		}
	}
	ask("snobody", "elsewhere")
	leaver.post("/sign-out", url.Values{}).want(t, http.StatusSeeOther)
	if err := s.db.RevokeToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	ask(gone, machine, "snobody", "elsewhere")
}

// TestSignedOutIsOutAtOnce: a yes is remembered for a moment, but not beyond the sign-out.
func TestSignedOutIsOutAtOnce(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.joined(d.Attend[0])
	playlist := coursePath(d, "/hls/%s/index.m3u8")
	b.get(playlist).want(t, http.StatusNotFound)
	session := b.Jar.Cookies(must(url.Parse(s.url))(t))
	b.post("/sign-out", url.Values{}).want(t, http.StatusSeeOther)
	after := s.browser()
	after.Jar.SetCookies(must(url.Parse(s.url))(t), session) // somebody kept the cookie
	after.get(playlist).want(t, http.StatusUnauthorized)
}

func TestFourMayWait(t *testing.T) {
	var q waiting
	a, b := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	var leave func()
	for range maxWaiting {
		l, may := q.enter(a)
		if !may {
			t.Fatal("turned away too early")
		}
		leave = l
	}
	if _, may := q.enter(a); may {
		t.Error("a fifth may wait")
	}
	lb, may := q.enter(b)
	if !may {
		t.Error("one viewer's requests count for another")
	}
	leave()
	if _, may := q.enter(a); !may {
		t.Error("a place that was left is not free")
	}
	if lb(); len(q.n) != 1 {
		t.Errorf("%d viewers are remembered", len(q.n))
	}
}
