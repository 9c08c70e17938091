// Package credential signs what a certificate says, so that others can check it without us: a short claim for the
// QR code (CBOR and Ed25519), and an Open Badges 3.0 credential (a JWT signed with RS256), with the list of those
// that are no longer good.
package credential

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-jose/go-jose/v4"
)

// rsaBits is the size of RSA keys. Open Badges 3.0 section 8.2.4.1 asks for 2048 at least.
const rsaBits = 2048

// Key signs claims and credentials. A pair of keys is replaced by another from time to time; the public halves of
// all of them stay known.
type Key struct {
	ID  string // names the pair: 8 hexadecimal digits
	ed  ed25519.PrivateKey
	rsa *rsa.PrivateKey
}

// PublicKey is what is needed to check a signature.
type PublicKey struct {
	ID  string
	Ed  ed25519.PublicKey
	RSA *rsa.PublicKey
}

// NewKey draws a pair of keys. It takes about half a second.
func NewKey(random io.Reader) (Key, error) {
	_, ed, err := ed25519.GenerateKey(random)
	if err != nil {
		return Key{}, fmt.Errorf("draw an Ed25519 key: %w", err)
	}
	r, err := rsa.GenerateKey(random, rsaBits)
	if err != nil {
		return Key{}, fmt.Errorf("draw an RSA key: %w", err)
	}
	return newKey(ed, r)
}

func newKey(ed ed25519.PrivateKey, r *rsa.PrivateKey) (Key, error) {
	public, ok := ed.Public().(ed25519.PublicKey)
	if !ok {
		return Key{}, errors.New("not an Ed25519 key")
	}
	sum := sha256.Sum256(append(x509.MarshalPKCS1PublicKey(&r.PublicKey), public...))
	return Key{ID: hex.EncodeToString(sum[:4]), ed: ed, rsa: r}, nil
}

// Public returns the public halves.
func (k Key) Public() PublicKey {
	public, _ := k.ed.Public().(ed25519.PublicKey)
	return PublicKey{ID: k.ID, Ed: public, RSA: &k.rsa.PublicKey}
}

// Marshal returns the private halves, to be stored encrypted.
func (k Key) Marshal() []byte {
	return append(append([]byte(nil), k.ed.Seed()...), x509.MarshalPKCS1PrivateKey(k.rsa)...)
}

// ParseKey reads what Marshal wrote.
func ParseKey(raw []byte) (Key, error) {
	if len(raw) <= ed25519.SeedSize {
		return Key{}, errors.New("a signing key is too short")
	}
	r, err := x509.ParsePKCS1PrivateKey(raw[ed25519.SeedSize:])
	if err != nil {
		return Key{}, fmt.Errorf("read a signing key: %w", err)
	}
	return newKey(ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize]), r)
}

// String hides the key from every kind of printing.
func (k Key) String() string { return "[key " + k.ID + "]" }

// GoString hides the key from %#v.
func (k Key) GoString() string { return k.String() }

// JWKS returns public keys as a JSON Web Key Set (RFC 7517): of each pair the RSA key under the pair's name, and the
// Ed25519 key (RFC 8037) under the name with "-qr".
func JWKS(keys []PublicKey) ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys,
			jose.JSONWebKey{Key: k.RSA, KeyID: k.ID, Algorithm: string(jose.RS256), Use: "sig"},
			jose.JSONWebKey{Key: k.Ed, KeyID: k.ID + qrSuffix, Algorithm: string(jose.EdDSA), Use: "sig"})
	}
	if set.Keys == nil {
		set.Keys = []jose.JSONWebKey{}
	}
	return json.Marshal(set)
}

const qrSuffix = "-qr"

// ParseJWKS reads a key set as JWKS writes it.
func ParseJWKS(raw []byte) ([]PublicKey, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	byID := map[string]*PublicKey{}
	var order []string
	for _, k := range set.Keys {
		id := k.KeyID
		ed, isEd := k.Key.(ed25519.PublicKey)
		if isEd && len(id) > len(qrSuffix) {
			id = id[:len(id)-len(qrSuffix)]
		}
		if byID[id] == nil {
			byID[id] = &PublicKey{ID: id}
			order = append(order, id)
		}
		if r, ok := k.Key.(*rsa.PublicKey); ok {
			byID[id].RSA = r
		} else if isEd {
			byID[id].Ed = ed
		}
	}
	keys := make([]PublicKey, 0, len(order))
	for _, id := range order {
		keys = append(keys, *byID[id])
	}
	return keys, nil
}

func find(keys []PublicKey, id string) (PublicKey, bool) {
	for _, k := range keys {
		if k.ID == id {
			return k, true
		}
	}
	return PublicKey{}, false
}
