package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"lectern/lms"
	signed "lectern/media/access"
	"lectern/storage/postgres"
)

// CDN is what stands between us and those who watch: CloudFront or edges of our own, which fetch each file of a
// lecture once and check by signed cookies who gets it.
type CDN struct {
	URLs   []string // where it is reached, without a path, the preferred one first
	Signer *signed.Signer
	Secret string // by which it proves to us that it is it
}

// cdn is a checked CDN. Nil when viewers fetch from us.
type cdn struct {
	hosts    []string
	signer   *signed.Signer
	verifier *signed.Verifier
	secret   [sha256.Size]byte
}

func newCDN(c *CDN) (*cdn, error) {
	if c == nil {
		return nil, nil
	}
	if len(c.URLs) == 0 || c.Signer == nil || c.Secret == "" {
		return nil, errors.New("web.CDN lacks URLs, Signer or Secret")
	}
	n := &cdn{signer: c.Signer, verifier: c.Signer.Verifier(), secret: sha256.Sum256([]byte(c.Secret))}
	for _, text := range c.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("CDN URL %q: want http(s)://host", text)
		}
		n.hosts = append(n.hosts, u.Scheme+"://"+u.Host)
	}
	return n, nil
}

// fromEdge says whether a request was sent on by the CDN. What it asks for, it gives only to those whom it has
// checked.
func (s *Server) fromEdge(r *http.Request) bool {
	shown := r.Header.Get(signed.SecretHeader)
	if s.cdn == nil || shown == "" {
		return false
	}
	sum := sha256.Sum256([]byte(shown))
	return subtle.ConstantTimeCompare(sum[:], s.cdn.secret[:]) == 1
}

// welcomeEdge notes what a request of the CDN is about, and lets our own pages, which stand on another host, read
// the answer. The headers are the same for every viewer, because the answer is kept for all of them.
func (s *Server) welcomeEdge(w http.ResponseWriter, r *http.Request) (*call, error) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", s.url.Scheme+"://"+s.url.Host)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Cross-Origin-Resource-Policy", "same-site")
	c := &call{edge: true}
	if raw := r.PathValue("course"); raw != "" {
		id, err := lms.ParseID[lms.CourseID](raw)
		if err != nil {
			return nil, err
		}
		c.courseID = id
	}
	return c, nil
}

// accessView is where a lecture's media may be fetched.
type accessView struct {
	Hosts    []hostView `json:"hosts"` // in order of preference; none: fetch from us, by the session
	ExpiresS int        `json:"expires_s"`
	RenewS   int        `json:"renew_s"` // ask again when so many seconds have passed
}

// hostView is one host. A browser gets its cookies by sending grant to access.
type hostView struct {
	Base   string        `json:"base"`
	Access string        `json:"access,omitempty"` // absent where the answer has set the cookies already
	Grant  *signed.Grant `json:"grant,omitempty"`
}

// postAccess lets a viewer fetch a lecture's media from the CDN for at most five minutes. A cookie is for one host,
// so where the CDN is not the host of the pages, the player takes the grant there.
func postAccess(s *Server, w http.ResponseWriter, _ *http.Request, c *call) error {
	view := accessView{Hosts: []hostView{}}
	if s.cdn == nil {
		return writeJSON(w, http.StatusOK, view)
	}
	now := s.now()
	path := "/hls/" + string(c.courseID) + "/"
	for _, host := range s.cdn.hosts {
		grant, until, err := s.cdn.signer.Sign(host+path, c.viewer(), now)
		if err != nil {
			return fmt.Errorf("sign access to %s: %w", host, err)
		}
		view.ExpiresS = int(until.Sub(now).Seconds())
		view.RenewS = view.ExpiresS / 2
		one := hostView{Base: host + path}
		if host == s.url.Scheme+"://"+s.url.Host {
			s.setGrant(w, path, grant)
		} else {
			one.Access, one.Grant = host+path+"access", &grant
		}
		view.Hosts = append(view.Hosts, one)
	}
	return writeJSON(w, http.StatusOK, view)
}

// postGrant turns a grant into cookies of the host on which it is asked, for which the CDN sends the request on to
// us. The grant is its own proof. It is in the body, so that it stands in no URL and no log.
func postGrant(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var grant signed.Grant
	if err := decodeJSON(r.Body, &grant); err != nil {
		return err
	}
	path := "/hls/" + string(c.courseID) + "/"
	for _, host := range s.cdn.hosts {
		if _, err := s.cdn.verifier.Check(grant, host+path, s.now()); err == nil {
			s.setGrant(w, path, grant)
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	return &lms.Problem{Kind: lms.ErrForbidden, Message: "This grant is for another lecture or too old."}
}

// setGrant sets the cookies of a grant: for this host and this lecture only, and never sent along by another site.
func (s *Server) setGrant(w http.ResponseWriter, path string, g signed.Grant) {
	for _, c := range [][2]string{
		{signed.PolicyCookie, g.Policy},
		{signed.SignatureCookie, g.Signature},
		{signed.KeyIDCookie, g.KeyID},
		{signed.HashCookie, signed.Hash},
		{signed.ViewerCookie, g.Viewer},
	} {
		http.SetCookie(w, &http.Cookie{
			Name: c[0], Value: c[1], Path: path, MaxAge: int(signed.Life.Seconds()),
			HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteStrictMode,
		})
	}
}

// viewer names whoever may watch to an edge: a login session or a bearer token.
func (c *call) viewer() string {
	if c.token != nil {
		return signed.TokenViewer + c.token.ID
	}
	return signed.SessionViewer + c.actor.Session
}

// viewersPerQuestion is how many viewers an edge may ask about at once.
const viewersPerQuestion = 10_000

// viewersView is what an edge asks every few seconds, and the answer.
type viewersView struct {
	Viewers []viewerView `json:"viewers"`
}

type viewerView struct {
	ID     string       `json:"id"`
	Course lms.CourseID `json:"course"`
}

// postViewers tells an edge which of its viewers may not watch any longer: they signed out, were signed out, or are
// no longer of the programme.
func postViewers(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	var asked viewersView
	if err := decodeJSON(r.Body, &asked); err != nil {
		return err
	}
	if len(asked.Viewers) > viewersPerQuestion {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "viewers", Message: fmt.Sprintf("Ask about at most %d viewers at once.", viewersPerQuestion)}
	}
	list := make([]postgres.Viewer, 0, len(asked.Viewers))
	for _, v := range asked.Viewers {
		course, err := lms.ParseID[lms.CourseID](string(v.Course))
		if err != nil || v.ID == "" {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "viewers", Message: "A viewer has an id and a course."}
		}
		list = append(list, postgres.Viewer{ID: v.ID[1:], Course: course})
	}
	over, err := s.db.TurnedAway(r.Context(), list)
	if err != nil {
		return err
	}
	out := viewersView{Viewers: []viewerView{}}
	for _, i := range over {
		out.Viewers = append(out.Viewers, asked.Viewers[i])
	}
	return writeJSON(w, http.StatusOK, out)
}
