package access

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"time"
)

// expiryStep is what the end of a policy is rounded down to, so that viewers who come at one time share one
// signature, which costs about a millisecond.
const expiryStep = 10 * time.Second

// signedKept bounds the memory of signatures: more lectures than are ever watched within ten seconds.
const signedKept = 1024

// Signer signs policies with the private key whose public half the network has under an ID. Safe for concurrent
// use.
type Signer struct {
	keyID string
	key   *rsa.PrivateKey
	tags  Tags

	mu     sync.Mutex
	signed map[signedKey]Grant
}

type signedKey struct {
	resource string
	until    int64
}

// NewSigner takes the private key from PEM (PKCS #1 or #8), the ID that CloudFront gave its public half, and the
// secret that we share with our own edges.
func NewSigner(keyID string, key []byte, secret string) (*Signer, error) {
	private, err := parsePrivate(key)
	if err != nil {
		return nil, err
	}
	if keyID == "" {
		return nil, errors.New("the key lacks an ID")
	}
	return &Signer{keyID: keyID, key: private, tags: NewTags(secret), signed: map[signedKey]Grant{}}, nil
}

// Sign lets a viewer fetch whatever begins with base, a URL that ends in a slash, until the time that is returned:
// at most Life from now, and at least ten seconds less.
func (s *Signer) Sign(base, viewer string, now time.Time) (Grant, time.Time, error) {
	until := now.Add(Life).Truncate(expiryStep)
	g, err := s.policy(base+"*", until)
	if err != nil {
		return Grant{}, time.Time{}, err
	}
	g.Viewer = s.tags.Seal(viewer, g.Policy)
	return g, until, nil
}

func (s *Signer) policy(resource string, until time.Time) (Grant, error) {
	key := signedKey{resource, until.Unix()}
	s.mu.Lock()
	g, known := s.signed[key]
	s.mu.Unlock()
	if known {
		return g, nil
	}
	text, err := json.Marshal(policy{[]statement{{resource, condition{Before: &epoch{until.Unix()}}}}})
	if err != nil {
		return Grant{}, err
	}
	sum := sha256.Sum256(text)
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return Grant{}, fmt.Errorf("sign policy: %w", err)
	}
	g = Grant{Policy: encode(text), Signature: encode(signature), KeyID: s.keyID}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.signed) >= signedKept {
		clear(s.signed)
	}
	s.signed[key] = g
	return g, nil
}

func parsePrivate(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the key is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not RSA")
	}
	return private, nil
}

// parsePublic reads a public key, or the public half of a private one.
func parsePublic(text []byte) (*rsa.PublicKey, error) {
	if private, err := parsePrivate(text); err == nil {
		return &private.PublicKey, nil
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the key is not PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the key is not RSA")
	}
	return public, nil
}

// Verifier believes what the signer signs.
func (s *Signer) Verifier() *Verifier {
	return &Verifier{keyID: s.keyID, key: &s.key.PublicKey, tags: s.tags, checked: map[[sha256.Size]byte]statement{}}
}
