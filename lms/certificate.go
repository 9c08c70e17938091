package lms

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// CertificateNumber names a certificate: 16 symbols of Crockford's alphabet, 80 random bits, so that nobody finds
// one by trying (trust S-26).
type CertificateNumber string

const numberLength = 16

// NewCertificateNumber draws a number from random, which is crypto/rand.Reader outside tests.
func NewCertificateNumber(random io.Reader) (CertificateNumber, error) {
	var raw [numberLength]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("draw certificate number: %w", err)
	}
	for i, b := range raw {
		raw[i] = crockford[b&31] // 256 is a multiple of 32: unbiased
	}
	return CertificateNumber(raw[:]), nil
}

// ParseCertificateNumber reads a number as people type it from paper: in any case, with or without hyphens and
// spaces, with O for 0 and I or L for 1.
func ParseCertificateNumber(s string) (CertificateNumber, error) {
	bad := invalid("number", "A certificate's number has 16 letters and digits, like 7Q4M-X2KD-9RTB-W3HE.")
	if len(s) > codeMax || !utf8.ValidString(s) {
		return "", bad
	}
	var b strings.Builder
	for _, c := range strings.ToUpper(s) {
		switch c {
		case ' ', '\t', '\n', '\r', '-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212', '\u00a0', '\u00ad':
			continue
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		if !strings.ContainsRune(crockford, c) || b.Len() == numberLength {
			return "", bad
		}
		b.WriteRune(c)
	}
	if b.Len() != numberLength {
		return "", bad
	}
	return CertificateNumber(b.String()), nil
}

// String returns the number as it is printed: XXXX-XXXX-XXXX-XXXX.
func (n CertificateNumber) String() string {
	var groups []string
	for i := 0; i < len(n); i += codeGroup {
		groups = append(groups, string(n[i:min(i+codeGroup, len(n))]))
	}
	return strings.Join(groups, "-")
}

// CertificateStatus is where a certificate stands.
type CertificateStatus string

// The statuses. A certificate never disappears.
const (
	CertificateValid      CertificateStatus = "valid"
	CertificateSuperseded CertificateStatus = "superseded"
	CertificateRevoked    CertificateStatus = "revoked"
)

// RevokeReason is the class of why a certificate was revoked, which is public.
type RevokeReason string

// The classes.
const (
	RevokedError      RevokeReason = "error"      // issued by mistake
	RevokedMisconduct RevokeReason = "misconduct" // the conditions were not fulfilled by the person
	RevokedRequest    RevokeReason = "request"    // the holder asked for it
)

// ParseRevokeReason reads a class.
func ParseRevokeReason(s string) (RevokeReason, error) {
	switch r := RevokeReason(s); r {
	case RevokedError, RevokedMisconduct, RevokedRequest:
		return r, nil
	}
	return "", invalid("reason", "Choose why: error, misconduct or request.")
}

// CertificateFields is the snapshot of all that stands on a certificate. It is taken when the certificate is issued
// and never changed or read again from elsewhere.
type CertificateFields struct {
	Layout      int               `json:"layout"` // of the page, so that later layouts leave older certificates as they are
	Number      CertificateNumber `json:"number"`
	Name        string            `json:"name"` // of the holder
	Profession  string            `json:"profession,omitempty"`
	Activity    string            `json:"activity"`         // title of the course or programme
	Course      int               `json:"course,omitempty"` // its number in the programme; 0 for the whole programme
	Programme   string            `json:"programme"`
	CreditKey   string            `json:"credit_key"`
	CreditName  string            `json:"credit_name"`
	Amount      Credit            `json:"amount"`
	Modality    Modality          `json:"modality"`
	Provider    string            `json:"provider"`
	Statement   string            `json:"statement,omitempty"`
	HeldOn      string            `json:"held_on,omitempty"` // date of the lecture where it took place, YYYY-MM-DD
	CompletedOn string            `json:"completed_on"`      // when the last condition was met, as far as known: the day of the claim
	IssuedOn    string            `json:"issued_on"`
	Evidence    Evidence          `json:"evidence"`
	RuleVersion int               `json:"rule_version"`
	Design      CertificateDesign `json:"design"`
	LedgerRoot  string            `json:"ledger_root,omitempty"` // hexadecimal, where the ledger's chain was sealed
	CourseCount int               `json:"course_count,omitempty"`
}

// CertificateDesign is the look of certificates that an admin chooses for a programme.
type CertificateDesign struct {
	Heading     string      `json:"heading"`
	Organiser   string      `json:"organiser"`           // who issues, when a credit type names no provider
	Accent      string      `json:"accent"`              // #rrggbb of the rules and the heading
	Paper       string      `json:"paper"`               // a4 or letter
	Logo        string      `json:"logo,omitempty"`      // a data: URL of a PNG or JPEG
	Statement   string      `json:"statement,omitempty"` // instead of the credit type's
	Signatories []Signatory `json:"signatories"`
}

// Signatory is who signs for the provider.
type Signatory struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// DefaultDesign is the look until an admin has chosen one.
func DefaultDesign() CertificateDesign {
	return CertificateDesign{Heading: "Certificate", Accent: "#0b6b4b", Paper: "a4", Signatories: []Signatory{}}
}

const maxSignatories = 3

// Validate checks a design and returns it with its texts in order.
func (d CertificateDesign) Validate() (CertificateDesign, error) {
	var err error
	if d.Heading, err = parseLine("heading", d.Heading, 1, 60, "Enter a heading of at most 60 characters."); err != nil {
		return d, err
	}
	if d.Organiser, err = parseLine("organiser", d.Organiser, 0, 120, "Shorten the organiser to at most 120 characters."); err != nil {
		return d, err
	}
	if d.Statement, err = parseText("statement", d.Statement, 0, maxStatement, "Shorten the statement to at most 1000 characters."); err != nil {
		return d, err
	}
	switch {
	case !isColour(d.Accent):
		return d, invalid("accent", "Choose a colour like #0b6b4b.")
	case contrastOnWhite(d.Accent) < 4.5:
		return d, invalid("accent", "This colour is too pale to be read on white paper. Choose a darker one.")
	case d.Paper != "a4" && d.Paper != "letter":
		return d, invalid("paper", "Choose A4 or Letter.")
	case d.Logo != "" && (len(d.Logo) > maxImage || !isImage(d.Logo)):
		return d, invalid("logo", "Choose a PNG or JPEG of at most 150 kB.")
	case len(d.Signatories) > maxSignatories:
		return d, invalid("signatories", "At most three people sign.")
	}
	signatories := make([]Signatory, 0, len(d.Signatories))
	for _, s := range d.Signatories {
		if s.Name, err = parseLine("signatories", s.Name, 1, 80, "Enter each signatory's name, at most 80 characters."); err != nil {
			return d, err
		}
		if s.Title, err = parseLine("signatories", s.Title, 0, 120, "A signatory's title has at most 120 characters."); err != nil {
			return d, err
		}
		signatories = append(signatories, s)
	}
	d.Signatories = signatories
	return d, nil
}

func isColour(s string) bool {
	if len(s) != 7 || s[0] != '#' {
		return false
	}
	for _, c := range s[1:] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// SupersedeReason reads why a certificate is replaced, which is public: 3 to 200 characters.
func SupersedeReason(s string) (string, error) {
	return parseLine("reason", s, 3, 200, "Say why in 3 to 200 characters, such as: name corrected.")
}

// Day is the date in a zone, as certificates print it.
func Day(t time.Time, z Zone) string { return z.In(t).Format(time.DateOnly) }
