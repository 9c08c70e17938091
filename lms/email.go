package lms

import (
	"log/slog"
	"net/mail"
	"strings"
)

// Email is a mail address in the one form in which it is stored and compared: trimmed and in lower
// case. Strictly the part before the @ is case sensitive (RFC 5321 section 2.4), but no provider in use
// treats it so, and doctors type it both ways.
type Email string

// ParseEmail reads a mail address as a person types it. It takes the plain form only: no display name,
// no quoted local part, no address literal, and a domain with a dot. Lengths are those of RFC 5321
// section 4.5.3.1: 64 before the @, 254 in all.
func ParseEmail(s string) (Email, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" || len(s) > 254 {
		return "", rejected("email", "email_form")
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || parsed.Name != "" {
		return "", rejected("email", "email_form")
	}
	at := strings.LastIndexByte(s, '@')
	local, domain := s[:at], s[at+1:]
	if len(local) > 64 || !plainLocal(local) || !plainDomain(domain) {
		return "", rejected("email", "email_form")
	}
	return Email(s), nil
}

// plainLocal reports whether the part before the @ is an ASCII dot-atom (RFC 5322 section 3.2.3).
func plainLocal(s string) bool {
	for _, c := range s {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),:;<>@[\]`, c) {
			return false
		}
	}
	return s != ""
}

// plainDomain reports whether s is a host name of two labels or more (RFC 1123 section 2.1). A domain in
// another script has to be given in its ASCII form, which is what mail servers exchange.
func plainDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// String returns the address.
func (e Email) String() string { return string(e) }

// LogValue keeps addresses out of logs.
func (Email) LogValue() slog.Value { return slog.StringValue("[email]") }
