package relay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

const (
	// Life is how long credentials open relays (trust S-15).
	Life = 5 * time.Minute
	// keepFor is how long they go on keeping a relay that was opened in time: a client signs each refresh with
	// what it opened the relay with, and a lecture outlasts Life.
	keepFor = 12 * time.Hour
)

// Credentials open relays for one person until they expire.
type Credentials struct {
	Username, Password string
	Expires            time.Time
}

// Credentials makes some for owner, a person or a bearer token, whose relays are counted together.
func (s *Server) Credentials(owner string) Credentials {
	expires := s.clock().Add(Life)
	name := strconv.FormatInt(expires.Unix(), 10) + ":" + owner
	return Credentials{Username: name, Password: s.password(name), Expires: expires}
}

// password belongs to a user name, which says when it expires and whose it is: nothing is stored.
func (s *Server) password(username string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte("turn credentials\x00" + username))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// authenticate says with which key a request must be signed. pion checks that it is.
func (s *Server) authenticate(r *turn.RequestAttributes) (owner string, key []byte, ok bool) {
	at, owner, found := strings.Cut(r.Username, ":")
	expires, err := strconv.ParseInt(at, 10, 64)
	if !found || err != nil || owner == "" {
		s.failed(r.SrcAddr)
		return "", nil, false
	}
	limit := time.Unix(expires, 0)
	if r.Method != stun.MethodAllocate {
		limit = limit.Add(keepFor)
	}
	if !s.clock().Before(limit) {
		s.failed(r.SrcAddr)
		return "", nil, false
	}
	return owner, turn.GenerateAuthKey(r.Username, r.Realm, s.password(r.Username)), true
}
