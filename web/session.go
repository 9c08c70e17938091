package web

import (
	"net/http"
	"strings"
	"time"
)

// sessionLife is how long the browser keeps the cookie. The server ends a session earlier when it is idle,
// signed out or revoked (trust S-07: at most 7 days).
const sessionLife = 7 * 24 * time.Hour

// cookieName is the cookie of a login session. With https it has the prefix that makes browsers refuse one
// that was set by another host, without Secure or for a part of the site (RFC 6265bis section 4.1.3.2).
func (s *Server) cookieName() string { return s.cookiePrefix() + "lectern" }

// challengeName is the cookie that ties a one-time code to the browser that asked for it.
func (s *Server) challengeName() string { return s.cookiePrefix() + "lectern-challenge" }

// deviceName is the cookie of a browser in which somebody has proved who they are; placeName that of a place in the queue at
// the door; typedName what was typed before the door asked to wait.
func (s *Server) deviceName() string { return s.cookiePrefix() + "lectern-device" }
func (s *Server) placeName() string  { return s.cookiePrefix() + "lectern-place" }
func (s *Server) typedName() string  { return s.cookiePrefix() + "lectern-typed" }

// deviceLife is how long a browser stays known. The server counts for itself.
const deviceLife = 90 * 24 * time.Hour

// cookie is what the request carries under a name, or "".
func cookie(r *http.Request, name string, longest int) string {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > longest {
		return ""
	}
	return c.Value
}

// device is the secret of the browser, or "".
func (s *Server) device(r *http.Request) string { return cookie(r, s.deviceName(), 128) }

func (s *Server) cookiePrefix() string {
	if s.secure() {
		return "__Host-"
	}
	return ""
}

// secure reports whether people reach us by https. Only a server on loopback does without.
func (s *Server) secure() bool { return s.url.Scheme == "https" }

// setCookie sets a cookie for life, or removes it when value is empty.
func (s *Server) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	c := &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// sessionToken is the secret of the login session that the request carries, or "".
func (s *Server) sessionToken(r *http.Request) string {
	c, err := r.Cookie(s.cookieName())
	if err != nil || len(c.Value) > 128 {
		return ""
	}
	return c.Value
}

// renewSession gives the browser the new secret of a session whose person's rights have changed (trust S-07).
func (s *Server) renewSession(w http.ResponseWriter, r *http.Request, c *call) error {
	if !c.renew {
		return nil
	}
	token, err := s.db.RenewSession(r.Context(), s.sessionToken(r))
	if err == nil && token != "" {
		s.setCookie(w, s.cookieName(), token, sessionLife)
	}
	return err
}

// bearerToken is the secret of an Authorization header (RFC 6750 section 2.1), or "".
func bearerToken(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(token) > 512 {
		return ""
	}
	return strings.TrimSpace(token)
}

// localPath returns next when it is a path of this site that a page may send people to, else "/". A value
// such as "//host" or "/\host" would leave the site.
func localPath(next string) string {
	if len(next) > 512 || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}
