// Package lms holds the rules of the learning side as pure functions: who may do what, when a lecture
// is, what an access code looks like, which seconds of a lecture somebody has watched and where the
// replay starts. It imports the standard library only, asks no clock and no database: the time is an
// argument, and storage/postgres calls these rules inside the transaction that stores their result.
package lms

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// The kinds of failure that callers tell apart, with errors.Is. One table in web turns them into HTTP
// statuses, one in signaling into socket codes.
var (
	// ErrInvalid is input that can never be accepted as it is.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound is a thing that is not there, or that is not the actor's to know of: the two look alike.
	ErrNotFound = errors.New("not found")
	// ErrForbidden is a thing that the actor may see but not do.
	ErrForbidden = errors.New("forbidden")
	// ErrConflict is a change that was right for an earlier state of the thing.
	ErrConflict = errors.New("conflict")
	// ErrTooMany is input that would be accepted later or more slowly.
	ErrTooMany = errors.New("too many")
	// ErrExpired is a secret that is no longer good: a one-time code, a personal link, a session.
	ErrExpired = errors.New("expired")
)

// Problem is a failure that a person can do something about.
type Problem struct {
	Kind  error  // one of the sentinels above
	Field string // name of the input it is about, as in the API ("email", "local"); "" for the whole
	// Code names the sentence for the user, saying what to do, in the catalogue of texts in all languages: those of
	// "problem." in web/words. Values stand in its places.
	Code   string
	Values map[string]any
	// Message is that sentence in English, where it is for staff and programs alone and has no Code. Neither holds
	// personal data or secrets.
	Message string
	Retry   time.Duration // with ErrTooMany, after how long it is worth trying again; 0 when unknown
}

// Error implements error. It is made for logs; the user is shown the text alone.
func (p *Problem) Error() string {
	what := cmp.Or(p.Message, p.Code)
	if p.Field == "" {
		return fmt.Sprintf("%v: %s", p.Kind, what)
	}
	return fmt.Sprintf("%v %s: %s", p.Kind, p.Field, what)
}

// Unwrap makes errors.Is(err, ErrInvalid) and the like work.
func (p *Problem) Unwrap() error { return p.Kind }

// rejected returns the Problem of a field that cannot be accepted, for everybody: with the code of its text.
func rejected(field, code string) error {
	return &Problem{Kind: ErrInvalid, Field: field, Code: code}
}

// invalid returns the Problem of a field that cannot be accepted, in words for staff and programs.
func invalid(field, message string) error {
	return &Problem{Kind: ErrInvalid, Field: field, Message: message}
}
