package access

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// checkedKept bounds the memory of signatures that were found good; they are shared by many viewers.
const checkedKept = 4096

// Verifier does with signed cookies what CloudFront does, and looks for the viewer besides. Safe for concurrent
// use.
type Verifier struct {
	keyID string
	key   *rsa.PublicKey
	tags  Tags

	mu      sync.Mutex
	checked map[[sha256.Size]byte]statement
}

// NewVerifier takes a public key from PEM (or the private one, of which it uses the public half), its ID, and the
// secret that is shared with the origin.
func NewVerifier(keyID string, key []byte, secret string) (*Verifier, error) {
	public, err := parsePublic(key)
	if err != nil {
		return nil, err
	}
	return &Verifier{keyID: keyID, key: public, tags: NewTags(secret), checked: map[[sha256.Size]byte]statement{}}, nil
}

// Request returns the viewer whose cookies a request carries, if these are good for a URL at a time. Browsers send
// the cookie of the longest path first (RFC 6265 section 5.4), so the first of a name counts.
func (v *Verifier) Request(r *http.Request, url string, now time.Time) (viewer string, err error) {
	g, hash := fromCookies(r)
	switch {
	case g == (Grant{}):
		return "", ErrNone
	case hash != Hash:
		return "", ErrRefused
	}
	return v.Check(g, url, now)
}

// fromCookies reads the cookies of a request, and the name of their hash algorithm.
func fromCookies(r *http.Request) (g Grant, hash string) {
	for _, c := range r.Cookies() { // one pass: each costs as much as all of them
		var to *string
		switch c.Name {
		case PolicyCookie:
			to = &g.Policy
		case SignatureCookie:
			to = &g.Signature
		case KeyIDCookie:
			to = &g.KeyID
		case ViewerCookie:
			to = &g.Viewer
		case HashCookie:
			to = &hash
		default:
			continue
		}
		if *to == "" {
			*to = c.Value
		}
	}
	return g, hash
}

// Check returns the viewer of a grant that is good for a URL at a time; else ErrRefused or ErrExpired.
func (v *Verifier) Check(g Grant, url string, now time.Time) (viewer string, err error) {
	s, err := v.statement(g)
	if err != nil {
		return "", err
	}
	switch {
	case !matches(s.Resource, url), s.Condition.After != nil && now.Unix() < s.Condition.After.Seconds:
		return "", ErrRefused
	case now.Unix() >= s.Condition.Before.Seconds:
		return "", ErrExpired
	}
	viewer, ok := v.tags.Open(g.Viewer, g.Policy)
	if !ok {
		return "", ErrRefused
	}
	return viewer, nil
}

// statement is what was signed. A good signature is remembered by its hash.
func (v *Verifier) statement(g Grant) (statement, error) {
	if g.KeyID != v.keyID || len(g.Policy) > maxCookie || len(g.Signature) > maxCookie {
		return statement{}, ErrRefused
	}
	id := sha256.Sum256([]byte(g.Policy + " " + g.Signature))
	v.mu.Lock()
	s, known := v.checked[id]
	v.mu.Unlock()
	if known {
		return s, nil
	}
	text, err := decode(g.Policy)
	if err != nil {
		return statement{}, ErrRefused
	}
	signature, err := decode(g.Signature)
	if err != nil {
		return statement{}, ErrRefused
	}
	sum := sha256.Sum256(text)
	if rsa.VerifyPKCS1v15(v.key, crypto.SHA256, sum[:], signature) != nil {
		return statement{}, ErrRefused
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields() // a condition that we do not know is one that we cannot hold to
	var p policy
	if d.Decode(&p) != nil || len(p.Statement) != 1 || p.Statement[0].Condition.Before == nil {
		return statement{}, ErrRefused
	}
	s = p.Statement[0]
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.checked) >= checkedKept {
		clear(v.checked)
	}
	v.checked[id] = s
	return s, nil
}
