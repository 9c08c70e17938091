package lms

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"strconv"
)

// OTP is a one-time code of six decimal digits (20 bits, ASVS 5.0, 6.5.4).
type OTP string

// OTP returns the one-time code of a challenge. It is derived, not drawn: the code stands neither in the
// database nor in the queue of outgoing mail, and a resend within the first minute can repeat it. Round
// counts the codes of one challenge from 0; a new round is a new code. Nobody without the Pepper can
// tell it from a random one. (2^64 is no multiple of 10^6; the bias is below 10^-13.)
func (p Pepper) OTP(challenge string, round int) OTP {
	sum := p.Hash(ForOTP, challenge, strconv.Itoa(round))
	return OTP(fmt.Sprintf("%06d", binary.BigEndian.Uint64(sum)%1_000_000))
}

// zeros are the digits zero of the scripts that doctors' keyboards write numbers in.
var zeros = [...]rune{'0', '\u0660', '\u06f0', '\u0966', '\u09e6', '\uff10'}

// ParseOTP reads a one-time code as people type or paste it: with spaces or a hyphen, in Arabic,
// Persian, Devanagari, Bengali or full-width digits.
func ParseOTP(s string) (OTP, error) {
	if len(s) > 64 {
		return "", rejected("otp", "otp_form")
	}
	digits := make([]byte, 0, 6)
	for _, c := range s {
		switch c {
		case ' ', '\t', '\n', '\r', '-', '\u00a0', '\u2009', '\u202f':
			continue
		}
		d, ok := digit(c)
		if !ok || len(digits) == 6 {
			return "", rejected("otp", "otp_form")
		}
		digits = append(digits, d)
	}
	if len(digits) != 6 {
		return "", rejected("otp", "otp_form")
	}
	return OTP(digits), nil
}

// digit returns the ASCII digit that c stands for.
func digit(c rune) (byte, bool) {
	for _, zero := range zeros {
		if c >= zero && c <= zero+9 {
			return '0' + byte(c-zero), true
		}
	}
	return 0, false
}

// LogValue keeps codes out of logs.
func (OTP) LogValue() slog.Value { return slog.StringValue("[one-time code]") }
