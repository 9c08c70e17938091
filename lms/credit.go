package lms

import (
	"fmt"
	"strings"
	"time"
)

// Credit is an amount of credit in hundredths: 125 is 1.25 credits.
type Credit int32

// String returns the amount with two decimals, as certificates print it.
func (c Credit) String() string { return fmt.Sprintf("%d.%02d", c/100, c%100) }

// Modality is the form of learning that an accreditor recognises.
type Modality string

// The modalities. The seconds that earn are those watched while the lecture was on air, rewound or not, those
// watched from the recording, or both together.
const (
	ModalityLive     Modality = "live"
	ModalityEnduring Modality = "enduring"
	ModalityBlended  Modality = "blended"
)

// Rounding is how minutes become an amount of credit.
type Rounding string

// The roundings.
const (
	RoundNearest Rounding = "nearest" // a half goes up
	RoundDown    Rounding = "down"
)

// CreditType is one kind of credit that a course gives, with its accreditor's arithmetic (lms.md 1.9).
type CreditType struct {
	Key         string   `json:"key"` // names it in addresses and for good: "ama-pra-1"
	Name        string   `json:"name"`
	Provider    string   `json:"provider"`     // who gives it, as printed
	UnitMinutes int      `json:"unit_minutes"` // that are worth 1.00
	Increment   Credit   `json:"increment"`    // amounts are multiples of it
	Rounding    Rounding `json:"rounding"`
	Min         Credit   `json:"min"` // less is nothing
	Max         Credit   `json:"max"` // for the whole course
	Modality    Modality `json:"modality"`
	Professions []string `json:"professions,omitempty"` // whose credit it is; empty for everybody
	ClaimDays   int      `json:"claim_days,omitempty"`  // after the lecture; 0 for no deadline
	Statement   string   `json:"statement,omitempty"`   // printed; {name}, {credits}, {title}, {provider} are filled in
}

// Limits of a credit type.
const (
	maxCredit      = Credit(10000)
	maxCreditTypes = 8
	maxStatement   = 1000
	maxClaimDays   = 3660
)

// CreditPresets are the credit types that most courses start from, to be completed with provider and maximum.
// AMA PRA Category 1: 60 minutes are 1, in quarters, nearest. EACCME: 0.5 for each 30 minutes. Indian state
// councils: often 1 point for 2 hours; their rules differ.
func CreditPresets() []CreditType {
	return []CreditType{
		{
			Key: "ama-pra-1", Name: "AMA PRA Category 1 Credit", UnitMinutes: 60, Increment: 25, Rounding: RoundNearest, Min: 25, Max: 100,
			Modality: ModalityBlended, Professions: []string{"physician"},
			Statement: "{provider} designates this activity for a maximum of {max} AMA PRA Category 1 Credit(s). Physicians should claim only the credit commensurate with the extent of their participation in the activity.",
		},
		{
			Key: "eaccme", Name: "EACCME ECMEC", UnitMinutes: 60, Increment: 50, Rounding: RoundDown, Min: 50, Max: 100, Modality: ModalityLive,
			Statement: "{provider}: this event is accredited with {max} European CME credit(s) (ECMEC).",
		},
		{
			Key: "india-state", Name: "State medical council credit hours", UnitMinutes: 120, Increment: 50, Rounding: RoundDown, Min: 50, Max: 100,
			Modality: ModalityBlended,
		},
		{Key: "participation", Name: "Certificate of participation", UnitMinutes: 60, Increment: 1, Rounding: RoundDown, Min: 1, Max: 100, Modality: ModalityBlended},
	}
}

// Validate checks a credit type as an admin has entered it. The error names the field.
func (t CreditType) Validate() error {
	switch {
	case len(t.Key) < 2 || len(t.Key) > 40 || !isWord(t.Key):
		return invalid("key", "A credit type's key has 2 to 40 letters, digits, - and _.")
	case t.UnitMinutes < 1 || t.UnitMinutes > 24*60:
		return invalid("unit_minutes", "Enter how many minutes are worth 1 credit, from 1 to 1440.")
	case t.Increment < 1 || t.Increment > 1000:
		return invalid("increment", "Enter a step between 0.01 and 10 credits.")
	case t.Max < t.Increment || t.Max > maxCredit:
		return invalid("max", "Enter a maximum of at least one step and at most 100 credits.")
	case t.Min < 0 || t.Min > t.Max:
		return invalid("min", "The minimum lies between 0 and the maximum.")
	case t.Rounding != RoundNearest && t.Rounding != RoundDown:
		return invalid("rounding", "Round to the nearest step, or down.")
	case t.Modality != ModalityLive && t.Modality != ModalityEnduring && t.Modality != ModalityBlended:
		return invalid("modality", "Choose live, enduring or blended.")
	case t.ClaimDays < 0 || t.ClaimDays > maxClaimDays:
		return invalid("claim_days", "Enter the days for claiming, or 0 for no deadline.")
	case len(t.Professions) > 20:
		return invalid("professions", "Name at most 20 professions.")
	}
	for _, p := range t.Professions {
		if _, err := parseLine("professions", p, 1, 60, "A profession has at most 60 characters."); err != nil {
			return err
		}
	}
	if _, err := parseLine("name", t.Name, 1, 120, "Enter the credit's name, at most 120 characters."); err != nil {
		return err
	}
	if _, err := parseLine("provider", t.Provider, 0, 200, "Enter the provider in at most 200 characters."); err != nil {
		return err
	}
	_, err := parseText("statement", t.Statement, 0, maxStatement, "Shorten the statement to at most 1000 characters.")
	return err
}

// Amount returns the credit that seconds of learning are worth, before any rule: whole increments, rounded as
// the type says, nothing below its minimum and never more than its maximum.
func (t CreditType) Amount(seconds int64) Credit {
	step := int64(t.UnitMinutes) * 60 * int64(t.Increment) // hundredths of seconds per increment
	if step <= 0 || seconds <= 0 {
		return 0
	}
	steps := seconds * 100 / step
	if t.Rounding == RoundNearest {
		steps = (2*seconds*100 + step) / (2 * step)
	}
	amount := min(steps*int64(t.Increment), int64(t.Max/t.Increment*t.Increment))
	if amount < int64(t.Min) {
		return 0
	}
	return Credit(amount)
}

// Seconds picks those of the evidence that this type counts.
func (t CreditType) Seconds(e Evidence) int64 {
	switch t.Modality {
	case ModalityLive:
		return e.LiveS
	case ModalityEnduring:
		return e.ReplayS
	}
	return e.WatchedS
}

// Deadline is until when the credit can be claimed; zero for no deadline.
func (t CreditType) Deadline(ended time.Time) time.Time {
	if t.ClaimDays == 0 || ended.IsZero() {
		return time.Time{}
	}
	return ended.AddDate(0, 0, t.ClaimDays)
}

// For reports whether somebody of the profession can have this credit.
func (t CreditType) For(profession string) bool {
	if len(t.Professions) == 0 {
		return true
	}
	for _, p := range t.Professions {
		if strings.EqualFold(strings.TrimSpace(p), strings.TrimSpace(profession)) {
			return true
		}
	}
	return false
}

// CheckClaim says whether a doctor may claim an amount of what is earned. It must be attested that the claim is
// "only the credit commensurate with participation", be whole increments, and come before the deadline.
func (t CreditType) CheckClaim(claimed, earned Credit, attested bool, ended, now time.Time) error {
	switch deadline := t.Deadline(ended); {
	case earned <= 0:
		return &Problem{Kind: ErrConflict, Field: "amount", Message: "This credit is not earned yet. The page shows what is missing."}
	case !attested:
		return invalid("attest", "Confirm that you claim only the credit commensurate with your participation.")
	case claimed < max(t.Min, 1):
		return invalid("amount", fmt.Sprintf("Claim at least %v.", max(t.Min, t.Increment)))
	case claimed > earned:
		return invalid("amount", fmt.Sprintf("Claim at most %v, which is what you have earned.", earned))
	case claimed%t.Increment != 0:
		return invalid("amount", fmt.Sprintf("Claim in steps of %v.", t.Increment))
	case !deadline.IsZero() && now.After(deadline):
		return &Problem{Kind: ErrExpired, Field: "amount", Message: "The time for claiming this credit is over. Ask the organisers."}
	}
	return nil
}

// ParseCredit reads an amount like 1.25 or 0,5.
func ParseCredit(s string) (Credit, error) {
	whole, part, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(s), ",", "."), ".")
	bad := invalid("amount", "Enter an amount like 1.25.")
	if len(whole) == 0 || len(whole) > 3 || len(part) > 2 {
		return 0, bad
	}
	for len(part) < 2 {
		part += "0"
	}
	var c Credit
	for _, d := range whole + part {
		if d < '0' || d > '9' {
			return 0, bad
		}
		c = c*10 + Credit(d-'0')
	}
	return c, nil
}

// FillStatement puts the printed values into a statement's template.
func (t CreditType) FillStatement(name, title string, credits Credit) string {
	return strings.NewReplacer(
		"{name}", name, "{title}", title, "{provider}", t.Provider, "{credits}", credits.String(), "{max}", t.Max.String(), "{credit}", t.Name,
	).Replace(t.Statement)
}
