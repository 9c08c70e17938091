package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	signed "lectern/media/access"
	"lectern/media/edge"
	"lectern/storage/postgres/pgtest"
)

// edgeSite is a Lectern with an edge of ours before it, each on a listener of its own.
type edgeSite struct {
	*site
	edge string // its URL
	mu   sync.Mutex
	late time.Duration // how far the edge's clock is ahead
	log  *bytes.Buffer // of the edge; read it after stop
}

func newEdgeSite(t *testing.T) *edgeSite {
	t.Helper()
	key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	signer := must(signed.NewSigner("KEY1", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), cdnSecret))(t)
	front := httptest.NewUnstartedServer(nil)
	e := &edgeSite{edge: "http://" + front.Listener.Addr().String(), log: &bytes.Buffer{}}
	e.site = startSite(t, pgtest.New(t), t.TempDir(), func(c *Config) {
		c.CDN = &CDN{URLs: []string{e.edge}, Signer: signer, Secret: cdnSecret}
	})
	server := must(edge.New(edge.Config{
		Origin: e.url, URL: e.edge, Verifier: signer.Verifier(), Secret: cdnSecret,
		Log: slog.New(slog.NewTextHandler(&lockedWriter{w: e.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clock: func() time.Time {
			e.mu.Lock()
			defer e.mu.Unlock()
			return time.Now().Add(e.late)
		},
	}))(t)
	front.Config.Handler = server
	front.Start()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	stopSite := e.stop
	e.stop = sync.OnceFunc(func() {
		front.Close()
		cancel()
		<-done
		stopSite()
	})
	t.Cleanup(e.stop)
	return e
}

// admitted takes a viewer's grant for a course to the edge, as the player does, and returns it.
func (e *edgeSite) admitted(b *browser, course string) signed.Grant {
	e.t.Helper()
	var view accessView
	b.call("POST", "/api/courses/"+course+"/access", nil).want(e.t, http.StatusOK).json(e.t, &view)
	host := view.Hosts[0]
	body := must(json.Marshal(host.Grant))(e.t)
	r := must(http.NewRequestWithContext(e.t.Context(), "POST", host.Access, bytes.NewReader(body)))(e.t)
	r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	r.Header.Set("Origin", e.url)
	r.Header.Set("Sec-Fetch-Site", "same-site")
	res := must(b.Do(r))(e.t)
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		e.t.Fatalf("grant: %s", res.Status)
	}
	return *host.Grant
}

// fetch asks the edge with the browser's cookies.
func (e *edgeSite) fetch(b *browser, at string) reply {
	e.t.Helper()
	edge := *b.site
	edge.url = e.edge
	return (&browser{&edge, b.Client}).get(at)
}

// TestLectureThroughAnEdge is the whole way of trust S-17: a real lecture, fetched through the edge by who may, and by
// nobody else.
func TestLectureThroughAnEdge(t *testing.T) {
	e := newEdgeSite(t)
	d, other := e.demo(), e.demo()
	presenter, viewer, leaver := e.joined(d.Studio), e.joined(d.Attend[0]), e.joined(d.Console)
	e.publish(presenter, d)
	presenter.call("POST", coursePath(d, "/api/courses/%s/air"), nil).want(t, http.StatusOK)
	playlist := coursePath(d, "/hls/%s/index.m3u8")

	e.fetch(viewer, playlist).want(t, http.StatusForbidden) // a session is nothing here
	grant := e.admitted(viewer, string(d.Course))
	e.admitted(leaver, string(d.Course))
	master := eventually(t, func() reply { return e.fetch(viewer, playlist) }, func(r reply) bool { return r.StatusCode == http.StatusOK })
	if got := master.Header.Get("Access-Control-Allow-Origin"); got != e.url {
		t.Errorf("our pages may not read it: %q", got)
	}
	uri := regexp.MustCompile(`(?m)^[^#\s]\S*\.m3u8$`).FindString(master.text)
	list := e.fetch(viewer, coursePath(d, "/hls/%s/")+uri).want(t, http.StatusOK)
	segment := regexp.MustCompile(`(?m)^[^#\s]\S*\.m4s$`).FindString(list.text)
	if len(segment) < 22 {
		t.Errorf("the name %q can be guessed", segment) // 128 bits in base64
	}
	media := path.Dir(playlist) + "/" + segment
	first := e.fetch(viewer, media).want(t, http.StatusOK)
	if got := first.Header.Get("Cache-Control"); got != "max-age=31536000, immutable" || first.Header.Get("Set-Cookie") != "" {
		t.Errorf("segment: %v", first.Header)
	}
	if got := e.fetch(viewer, media).want(t, http.StatusOK); got.text != first.text {
		t.Error("the second time it is another one")
	}

	stranger := e.joined(other.Attend[0])
	e.admitted(stranger, string(other.Course))
	e.fetch(stranger, playlist).want(t, http.StatusForbidden)
	e.fetch(e.browser(), media).want(t, http.StatusForbidden)

	// Out everywhere: at once at the origin, at the edge when it has asked next, which is every three seconds.
	e.fetch(leaver, media).want(t, http.StatusOK)
	leaver.post("/sign-out", url.Values{}).want(t, http.StatusSeeOther)
	leaver.get(playlist).want(t, http.StatusUnauthorized)
	out := time.Now()
	eventually(t, func() int { return e.fetch(leaver, media).StatusCode }, func(status int) bool { return status == http.StatusForbidden })
	t.Logf("a viewer who signed out is out of the edge after %v", time.Since(out).Round(time.Millisecond))
	e.fetch(viewer, media).want(t, http.StatusOK)

	// Expired.
	e.mu.Lock()
	e.late = signed.Life
	e.mu.Unlock()
	e.fetch(viewer, media).want(t, http.StatusForbidden)

	presenter.call("POST", coursePath(d, "/api/courses/%s/end"), nil).want(t, http.StatusOK)
	e.stop()
	for name, secret := range map[string]string{"policy": grant.Policy, "signature": grant.Signature, "viewer": grant.Viewer, "secret": cdnSecret} {
		if strings.Contains(e.log.String()+e.site.log.String(), secret) {
			t.Errorf("a log holds the %s", name)
		}
	}
}
