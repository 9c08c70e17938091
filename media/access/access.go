// Package access says who may fetch the media of one lecture from a content delivery network: it signs and checks
// CloudFront's cookies with a custom policy, and names the viewer to an edge of our own, so that one who was
// turned away is out before the policy ends.
package access

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// Life is how long a policy is good for at most (trust S-18). A player renews it while it plays.
const Life = 5 * time.Minute

// Names of the cookies. The first four are CloudFront's ("Set signed cookies using a custom policy" in its
// developer guide); the last one is for an edge of our own, and means nothing to CloudFront.
const (
	PolicyCookie    = "CloudFront-Policy"
	SignatureCookie = "CloudFront-Signature"
	KeyIDCookie     = "CloudFront-Key-Pair-Id"
	HashCookie      = "CloudFront-Hash-Algorithm"
	ViewerCookie    = "Lectern-Viewer"
)

// Hash is the only hash algorithm that is signed with and believed.
const Hash = "SHA256"

// SecretHeader carries the secret that an edge and its origin share, so that the origin knows the edge.
const SecretHeader = "X-Lectern-Edge"

// maxCookie bounds what is looked at; a policy of ours has about 250 bytes, a signature of 4096 bits 684.
const maxCookie = 1 << 10

// Grant is what a browser shows to fetch media, as the values of the cookies.
type Grant struct {
	Policy    string `json:"policy"`
	Signature string `json:"signature"`
	KeyID     string `json:"key_id"`
	Viewer    string `json:"viewer"`
}

// Errors of a check. All of them mean that nothing may be fetched.
var (
	ErrNone    = errors.New("no signed cookies")
	ErrRefused = errors.New("the signed cookies are not good for this")
	ErrExpired = errors.New("the signed cookies have expired")
)

// policy is the document that is signed, as CloudFront reads it.
type policy struct {
	Statement []statement `json:"Statement"`
}

type statement struct {
	Resource  string    `json:"Resource"`
	Condition condition `json:"Condition"`
}

type condition struct {
	Before *epoch `json:"DateLessThan"`
	After  *epoch `json:"DateGreaterThan,omitempty"`
}

type epoch struct {
	Seconds int64 `json:"AWS:EpochTime"`
}

// CloudFront's base64 has three other characters than the standard one, which cookies could not hold.
var (
	toCookie   = strings.NewReplacer("+", "-", "=", "_", "/", "~")
	fromCookie = strings.NewReplacer("-", "+", "_", "=", "~", "/")
)

func encode(b []byte) string { return toCookie.Replace(base64.StdEncoding.EncodeToString(b)) }

func decode(s string) ([]byte, error) {
	if len(s) > maxCookie {
		return nil, ErrRefused
	}
	return base64.StdEncoding.DecodeString(fromCookie.Replace(s))
}

// matches compares a URL with a resource, in which * stands for any characters and ? for one.
func matches(resource, url string) bool {
	star, mark := -1, 0
	r, u := 0, 0
	for u < len(url) {
		switch {
		case r < len(resource) && resource[r] == '*':
			star, mark = r, u
			r++
		case r < len(resource) && (resource[r] == '?' || resource[r] == url[u]):
			r, u = r+1, u+1
		case star >= 0: // let the last star take one more
			mark++
			r, u = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(resource[r:], "*") == ""
}
