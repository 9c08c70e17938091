package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"lectern/media/access"
)

// fetch asks the origin for one file. Viewers' headers do not go there: the answer is for all of them.
func (s *Server) fetch(ctx context.Context, k key) (*object, error) {
	address := s.origin.Scheme + "://" + s.origin.Host + k.path
	if k.query != "" {
		address += "?" + k.query
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	s.introduce(r)
	if k.zipped {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	asked := s.config.Clock()
	res, err := s.config.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the origin: %w", err)
	}
	defer res.Body.Close()
	body, err := readAll(res)
	if err != nil {
		return nil, fmt.Errorf("ask the origin: %w", err)
	}
	o := &object{status: res.StatusCode, header: res.Header, body: body, came: asked, fresh: freshness(res.Header)}
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("the origin does not know us: LECTERN_CDN_SECRET must be the same here and there")
	case res.StatusCode >= 500:
		o.fresh = 0
	case k.query != "":
		// The origin answers when it has what was asked for, which may be seconds after the question: the answer is as
		// old as its end.
		o.came = s.config.Clock()
	}
	return o, nil
}

// introduce makes the origin know us.
func (s *Server) introduce(r *http.Request) {
	r.Header.Set(access.SecretHeader, s.config.Secret)
	r.Header.Set("User-Agent", "lectern-edge")
	r.Header.Set("Via", "1.1 lectern-edge")
}

// readAll reads a body of a bounded size, into one piece of memory where its length is known.
func readAll(res *http.Response) ([]byte, error) {
	if res.ContentLength > maxObject {
		return nil, fmt.Errorf("%s: %d bytes are too many", res.Request.URL.Path, res.ContentLength)
	}
	if res.ContentLength >= 0 {
		b := make([]byte, res.ContentLength)
		_, err := io.ReadFull(res.Body, b)
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxObject+1))
	if err == nil && len(b) > maxObject {
		err = fmt.Errorf("%s: more than %d bytes", res.Request.URL.Path, maxObject)
	}
	return b, err
}

// maxGrant bounds the body of a grant.
const maxGrant = 8 << 10

// passOn sends a grant to the origin, which makes cookies of it that the viewer's browser keeps for us.
func (s *Server) passOn(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions { // our page sends what needs no leave; others do not get it
		refuse(w, http.StatusMethodNotAllowed, "only POST")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), fetchWithin)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, s.origin.Scheme+"://"+s.origin.Host+r.URL.EscapedPath(), http.MaxBytesReader(w, r.Body, maxGrant))
	if err != nil {
		refuse(w, http.StatusBadRequest, "not a grant")
		return
	}
	s.introduce(out)
	for _, name := range []string{"Content-Type", "Origin"} {
		if v := r.Header[name]; v != nil {
			out.Header[name] = v
		}
	}
	res, err := s.config.Client.Do(out)
	if err != nil {
		s.config.Log.Warn("the origin takes no grant", "err", err)
		refuse(w, http.StatusBadGateway, "the origin does not answer")
		return
	}
	defer res.Body.Close()
	for _, name := range append([]string{"Set-Cookie"}, passed...) {
		if v := res.Header[name]; v != nil {
			w.Header()[name] = v
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	if pages := res.Header.Get("Access-Control-Allow-Origin"); pages != "" {
		s.viewers.heard(pages)
	}
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, io.LimitReader(res.Body, maxGrant))
}

// askEvery is how often the origin is asked who is out: a viewer is so within this and the time of one request, which
// is well under the 10 s of trust.md.
const askEvery = 3 * time.Second

// askWithin bounds one question.
const askWithin = 5 * time.Second

// question is what we ask, and what the origin answers.
type question struct {
	Viewers []viewer `json:"viewers"`
}

type viewer struct {
	ID     string `json:"id"`
	Course string `json:"course"`
}

// askAtOnce is how many viewers one question may be about.
const askAtOnce = 10_000

// ask asks about all who were here lately. While the origin does not answer, nobody is turned away: their cookies end
// within five minutes by themselves.
func (s *Server) ask(ctx context.Context) error {
	here := s.viewers.here()
	for len(here) > 0 {
		n := min(len(here), askAtOnce)
		out, err := s.askAbout(ctx, here[:n])
		if err != nil {
			return err
		}
		s.viewers.judge(here[:n], out)
		here = here[n:]
	}
	return nil
}

func (s *Server) askAbout(ctx context.Context, here []viewer) ([]viewer, error) {
	body, err := json.Marshal(question{here})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.origin.Scheme+"://"+s.origin.Host+"/edge/viewers", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	s.introduce(r)
	r.Header.Set("Content-Type", "application/json")
	res, err := s.config.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the origin says %s", res.Status)
	}
	if pages := res.Header.Get("Access-Control-Allow-Origin"); pages != "" {
		s.viewers.heard(pages)
	}
	var answer question
	if err := json.NewDecoder(io.LimitReader(res.Body, maxObject)).Decode(&answer); err != nil {
		return nil, err
	}
	return answer.Viewers, nil
}
