package lms

import (
	"fmt"
	"slices"
	"strings"
)

// FacultyRole is what somebody who is in control of content does in a course.
type FacultyRole string

// The roles of faculty.
const (
	Speaker FacultyRole = "speaker"
	Chair   FacultyRole = "chair"
	Planner FacultyRole = "planner"
)

// ParseFacultyRole reads a role from outside.
func ParseFacultyRole(s string) (FacultyRole, error) {
	switch r := FacultyRole(s); r {
	case Speaker, Chair, Planner:
		return r, nil
	}
	return "", invalid("role", "Choose one of speaker, chair, planner.")
}

// Grants is what a role may do in the program: a speaker presents, a chair moderates, a planner comes for the disclosure only.
func (r FacultyRole) Grants() (Role, bool) {
	switch r {
	case Speaker:
		return Presenter, true
	case Chair:
		return Moderator, true
	case Planner:
	}
	return "", false
}

// Relationship is the nature of a financial relationship with an ineligible company: one whose business is producing, marketing,
// selling or distributing healthcare products used by or on patients (ACCME Standards for Integrity and Independence, Standard 3).
type Relationship string

// The natures that the form offers. Owner and Employee exclude from any role.
const (
	Consultant Relationship = "consultant"
	SpeakerFee Relationship = "speaker"
	Research   Relationship = "research"
	Advisor    Relationship = "advisor"
	Stock      Relationship = "stock"
	Royalties  Relationship = "royalties"
	Employee   Relationship = "employee"
	Owner      Relationship = "owner"
	OtherTie   Relationship = "other"
)

// Relationships lists the natures in the order of the form.
var Relationships = []Relationship{Consultant, SpeakerFee, Research, Advisor, Stock, Royalties, Employee, Owner, OtherTie}

// DisclosureMonths is how far back a disclosure reaches, of any amount (ACCME Standard 3.1).
const DisclosureMonths = 24

// maxTies bounds one disclosure.
const maxTies = 30

// Tie is one relationship: the company by name alone, without logo or product, and its nature.
type Tie struct {
	Company string       `json:"company"`
	Nature  Relationship `json:"nature"`
}

// Disclosure is what somebody declares of the last DisclosureMonths months, and signs with their name.
type Disclosure struct {
	None   bool // there is nothing to declare
	Ties   []Tie
	Signed string // name typed as signature
}

// ParseDisclosure tidies a disclosure from outside. Either there are ties or the person says that there are none.
func ParseDisclosure(d Disclosure) (Disclosure, error) {
	out := Disclosure{None: d.None, Ties: []Tie{}}
	if len(d.Ties) > maxTies {
		return out, invalid("ties", fmt.Sprintf("Enter at most %d relationships.", maxTies))
	}
	for _, t := range d.Ties {
		const message = "Enter the name of each company in at most 120 characters: no address, no logo, no product."
		company, err := parseLine("ties", t.Company, 1, 120, message)
		if err != nil {
			return out, err
		}
		if strings.Contains(company, "://") || strings.ContainsAny(company, "<>") {
			return out, invalid("ties", message)
		}
		if !slices.Contains(Relationships, t.Nature) {
			return out, invalid("ties", "Choose the nature of each relationship.")
		}
		if tie := (Tie{company, t.Nature}); !slices.Contains(out.Ties, tie) {
			out.Ties = append(out.Ties, tie)
		}
	}
	switch {
	case d.None && len(out.Ties) > 0:
		return out, invalid("none", "You have entered a company and said that there is none. Choose one of the two.")
	case !d.None && len(out.Ties) == 0:
		return out, invalid("none", "Enter each company, or say that there is none.")
	}
	var err error
	out.Signed, err = parseLine("signed", d.Signed, 2, 120, "Sign with your name.")
	return out, err
}

// ParseMitigation reads how a relationship was mitigated.
func ParseMitigation(s string) (string, error) {
	return parseText("how", s, 3, 1000, "Say in at most 1000 characters how it was mitigated, for example by a review of the slides.")
}

// DisclosureState is how far somebody's disclosure is.
type DisclosureState string

// The states. Only DisclosureNone and DisclosureMitigated allow a role.
const (
	DisclosureMissing   DisclosureState = "missing"
	DisclosureNone      DisclosureState = "none"      // signed: nothing to declare
	DisclosureOpen      DisclosureState = "open"      // signed, with ties that are not mitigated
	DisclosureMitigated DisclosureState = "mitigated" // signed, and all ties are
	DisclosureExcluded  DisclosureState = "excluded"  // owns or works for a company
)

// State is how far a signed disclosure is.
func (d Disclosure) State(mitigated bool) DisclosureState {
	excluded := slices.ContainsFunc(d.Ties, func(t Tie) bool { return t.Nature == Owner || t.Nature == Employee })
	switch {
	case d.Signed == "":
		return DisclosureMissing
	case excluded:
		return DisclosureExcluded
	case len(d.Ties) == 0:
		return DisclosureNone
	case mitigated:
		return DisclosureMitigated
	}
	return DisclosureOpen
}

// Complete reports whether a state allows a role.
func (s DisclosureState) Complete() bool { return s == DisclosureNone || s == DisclosureMitigated }

// Mitigate says whether a disclosure can be marked as mitigated.
func (d Disclosure) Mitigate() error {
	switch d.State(false) {
	case DisclosureOpen:
		return nil
	case DisclosureExcluded:
		return &Problem{Kind: ErrConflict, Message: "Who owns or works for an ineligible company cannot have this role; no mitigation allows it. Take them off the faculty."}
	case DisclosureMissing:
		return &Problem{Kind: ErrConflict, Message: "There is no signed disclosure yet."}
	case DisclosureNone, DisclosureMitigated:
	}
	return &Problem{Kind: ErrConflict, Message: "There is nothing to mitigate."}
}

// MustSee reports whether learners are shown the disclosures of a course before they are let in: when it promises credit, or when
// somebody has something to declare (ACCME Standard 3.5). Elsewhere they can be looked up.
func MustSee(credit CreditSettings, ties int) bool { return credit.Promised || ties > 0 }
