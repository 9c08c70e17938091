package lms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Pepper is the server's secret for hashing what people type and what their browsers keep: access codes,
// one-time codes, links and sessions. It lives outside the database, so that a stolen copy of the
// database cannot be searched for a code of 20 or 65 bits (ASVS 5.0, 6.5.2 asks for more than a plain
// hash below 112 bits, and a slow salted hash could not be looked up by value).
type Pepper struct{ key [sha256.Size]byte }

// Purpose separates the uses of one Pepper: the hashes of the same text for two purposes differ.
type Purpose string

// What is hashed.
const (
	ForAccessCode Purpose = "access-code"
	ForOTP        Purpose = "otp"
	ForChallenge  Purpose = "challenge"
	ForSession    Purpose = "session"
	ForJoinLink   Purpose = "join-link"
	ForToken      Purpose = "token"
	ForCalendar   Purpose = "calendar"
	ForDevice     Purpose = "device"
	ForAudit      Purpose = "audit"
	// ForAuditSource hashes addresses of clients, which the audit forgets before its rows.
	ForAuditSource Purpose = "audit-source"
	ForRemote      Purpose = "remote" // addresses that are counted, not kept
	// ForSigningKey is the key under which the private halves of signing keys are stored.
	ForSigningKey Purpose = "signing-key"
)

// NewPepper makes a Pepper of at least 32 bytes from crypto/rand, kept by the operator.
func NewPepper(secret []byte) (Pepper, error) {
	if len(secret) < sha256.Size {
		return Pepper{}, errors.New("the pepper needs at least 32 random bytes")
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("lectern pepper"))
	var p Pepper
	mac.Sum(p.key[:0])
	return p, nil
}

// Hash returns the HMAC-SHA-256 of the parts, 32 bytes. Each part is preceded by its length, so that
// moving a character from one part to the next changes the result.
func (p Pepper) Hash(purpose Purpose, parts ...string) []byte {
	mac := hmac.New(sha256.New, p.key[:])
	for _, part := range append([]string{string(purpose)}, parts...) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		mac.Write(size[:])
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// Matches reports whether hash is that of the parts, in constant time.
func (p Pepper) Matches(hash []byte, purpose Purpose, parts ...string) bool {
	return hmac.Equal(hash, p.Hash(purpose, parts...))
}

// String hides the key from every kind of printing.
func (Pepper) String() string { return "[pepper]" }

// GoString hides the key from %#v.
func (Pepper) GoString() string { return "[pepper]" }

// LogValue hides the key from logs.
func (Pepper) LogValue() slog.Value { return slog.StringValue("[pepper]") }

// NewSecret draws 256 random bits for a session, a link or a bearer token: 43 characters that may stand
// in a URL or a cookie. The database keeps their Hash.
func NewSecret(random io.Reader) (string, error) {
	var raw [32]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("draw secret: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}
