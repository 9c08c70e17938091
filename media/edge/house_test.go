package edge

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"lectern/media/access"
)

const secret = "a secret that only this test and its origin have"

// clock is set by tests.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// source is an origin of which a test says what it answers, and which counts. The Lectern itself is behind an edge in
// web's tests.
type source struct {
	mu     sync.Mutex
	asked  map[string]int
	out    map[viewer]bool
	header http.Header // of the last question
	answer func(w http.ResponseWriter, r *http.Request)
}

func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(access.SecretHeader) != secret {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "https://lectures.example.org")
	if r.URL.Path == "/edge/viewers" {
		var q question
		_ = json.NewDecoder(r.Body).Decode(&q)
		answer := question{Viewers: []viewer{}}
		s.mu.Lock()
		for _, v := range q.Viewers {
			if s.out[v] {
				answer.Viewers = append(answer.Viewers, v)
			}
		}
		s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	s.mu.Lock()
	s.asked[r.URL.RequestURI()]++
	s.header = r.Header.Clone()
	s.mu.Unlock()
	s.answer(w, r)
}

func (s *source) times(uri string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[uri]
}

// house is an edge in front of a source.
type house struct {
	t      *testing.T
	edge   *Server
	url    string
	source *source
	signer *access.Signer
	clock  *clock
	log    *bytes.Buffer
}

func newHouse(t *testing.T, memory int64, answer func(http.ResponseWriter, *http.Request)) *house {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := access.NewSigner("KEY1", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), secret)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, signer: signer, clock: &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, log: &bytes.Buffer{}}
	h.source = &source{asked: map[string]int{}, out: map[viewer]bool{}, answer: answer}
	origin := httptest.NewServer(h.source)
	t.Cleanup(origin.Close)
	front := httptest.NewUnstartedServer(nil)
	h.url = "http://" + front.Listener.Addr().String()
	h.edge, err = New(Config{
		Origin: origin.URL, URL: h.url, Verifier: signer.Verifier(), Secret: secret, Memory: memory, Clock: h.clock.now,
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	front.Config.Handler = h.edge
	front.Start()
	t.Cleanup(front.Close)
	return h
}

// grant is what a viewer of a lecture shows.
func (h *house) grant(lecture, viewer string) access.Grant {
	h.t.Helper()
	g, _, err := h.signer.Sign(h.url+"/hls/"+lecture+"/", viewer, h.clock.now())
	if err != nil {
		h.t.Fatal(err)
	}
	return g
}

type reply struct {
	*http.Response
	body string
}

func (h *house) do(ctx context.Context, method, path string, g access.Grant, header ...string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, h.url+path, nil)
	if err != nil {
		return reply{}, err
	}
	if g != (access.Grant{}) {
		for name, value := range map[string]string{
			access.PolicyCookie: g.Policy, access.SignatureCookie: g.Signature, access.KeyIDCookie: g.KeyID, access.HashCookie: access.Hash, access.ViewerCookie: g.Viewer,
		} {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res, string(b)}, err
}

func (h *house) get(path string, g access.Grant, header ...string) reply {
	h.t.Helper()
	r, err := h.do(h.t.Context(), http.MethodGet, path, g, header...)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// until looks again and again.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
