package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// Tags names viewers to an edge of our own: who was turned away cannot wait for the end of a policy, which is the
// same for all viewers of a lecture and has no place for a name. A tag belongs to one policy.
type Tags struct{ key []byte }

// NewTags makes tags that only those who have the secret make and read.
func NewTags(secret string) Tags {
	key := sha256.Sum256([]byte("viewer tag\n" + secret))
	return Tags{key[:]}
}

// Seal names a viewer, an ID without a dot.
func (t Tags) Seal(viewer, policy string) string { return viewer + "." + t.seal(viewer, policy) }

// Open returns the viewer of a tag that belongs to the policy.
func (t Tags) Open(tag, policy string) (viewer string, ok bool) {
	viewer, seal, found := strings.Cut(tag, ".")
	if !found || viewer == "" || len(tag) > maxCookie {
		return "", false
	}
	return viewer, subtle.ConstantTimeCompare([]byte(seal), []byte(t.seal(viewer, policy))) == 1
}

func (t Tags) seal(viewer, policy string) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(viewer + "\n" + policy))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// How the name of a viewer begins: it is the ID of a login session, of which one person has one, or of a bearer
// token, which an operator may give to many.
const (
	SessionViewer = "s"
	TokenViewer   = "t"
)
