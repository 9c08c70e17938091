package lms

import (
	"crypto/subtle"
	"time"
)

// The limits of a one-time code sent by mail (ASVS 5.0, 6.5.5 and 6.6.2).
const (
	// OTPLife is how long a code is good. Mail may take minutes.
	OTPLife = 10 * time.Minute
	// OTPTries is how many codes may be typed into one challenge, right or wrong.
	OTPTries = 5
	// OTPRepeat is how long after sending a code a resend repeats the same one, because people type the
	// code of whichever mail arrives first.
	OTPRepeat = 60 * time.Second
	// OTPRounds is how many different codes one challenge may send.
	OTPRounds = 3
)

// Challenge is a sign-in that waits for its one-time code.
type Challenge struct {
	Round  int       // which code was sent last, from 0
	SentAt time.Time // when that code was first sent
	Tries  int       // codes typed so far, in all rounds
	Used   bool      // the right code was typed
}

var (
	errChallengeOver = &Problem{Kind: ErrExpired, Field: "otp", Code: "otp_over"}
	errWrongOTP      = &Problem{Kind: ErrInvalid, Field: "otp", Code: "otp_wrong"}
)

// Open reports whether another try may be counted: nil, or ErrExpired. It is asked in the statement that
// counts the try, before anything is compared, so that parallel tries cannot exceed the limit.
func (c Challenge) Open(now time.Time) error {
	if c.Used || c.Tries >= OTPTries || !now.Before(c.SentAt.Add(OTPLife)) {
		return errChallengeOver
	}
	return nil
}

// Verify compares a typed code with the one that was sent. The try has been counted already. A nil
// error means that the challenge is won and must be marked used in the same transaction; the last wrong
// try says ErrExpired, others ErrInvalid.
func (c Challenge) Verify(typed, sent OTP, now time.Time) error {
	if c.Used || c.Tries > OTPTries || !now.Before(c.SentAt.Add(OTPLife)) {
		return errChallengeOver
	}
	if subtle.ConstantTimeCompare([]byte(typed), []byte(sent)) == 1 {
		return nil
	}
	if c.Tries == OTPTries {
		return errChallengeOver
	}
	return errWrongOTP
}

// Resend returns the challenge after a wish for another mail: within OTPRepeat the same code goes out
// again, later a new one that voids the old. Tries are not given back. After OTPRounds codes the error
// is ErrTooMany: the person starts over.
func (c Challenge) Resend(now time.Time) (Challenge, error) {
	if c.Used || c.Tries >= OTPTries {
		return c, errChallengeOver
	}
	if now.Before(c.SentAt.Add(OTPRepeat)) {
		return c, nil
	}
	if c.Round+1 >= OTPRounds {
		return c, &Problem{Kind: ErrTooMany, Code: "otp_often", Retry: OTPLife}
	}
	c.Round++
	c.SentAt = now
	return c, nil
}
