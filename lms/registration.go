package lms

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// RegistrationState is how somebody's registration for a programme stands.
type RegistrationState string

// The states. Pending, approved and offered ones hold a seat.
const (
	RegistrationPending    RegistrationState = "pending"    // waits for a decision
	RegistrationApproved   RegistrationState = "approved"   // may watch, and what is watched counts
	RegistrationRejected   RegistrationState = "rejected"   // turned down, with a reason
	RegistrationWaitlisted RegistrationState = "waitlisted" // all seats are taken
	RegistrationOffered    RegistrationState = "offered"    // a seat is kept for them until the offer ends
	RegistrationCancelled  RegistrationState = "cancelled"  // withdrawn by the doctor, or an offer that ended
)

// Seated reports whether the state holds a seat.
func (s RegistrationState) Seated() bool {
	return s == RegistrationPending || s == RegistrationApproved || s == RegistrationOffered
}

// RegistrationRules say who may register for a programme by themself and who decides.
type RegistrationRules struct {
	Open    bool     // there is a public page to register on
	Watch   bool     // who waits for a decision may watch meanwhile; credit is withheld
	Seats   int      // registrations at most; 0 for no limit
	Viewers int      // attendees watching one lecture at the same time; 0 for no limit
	Domains []string // of mail addresses that are approved at once, such as hospital.org, with everything below
	Licence string   // pattern of licence numbers that are approved at once (RE2, the whole number); "" for none
}

// Bounds of the rules.
const (
	mostSeats   = 1_000_000
	mostDomains = 100
	mostPattern = 200
)

// ParseRegistrationRules checks rules as an admin enters them.
func ParseRegistrationRules(r RegistrationRules) (RegistrationRules, error) {
	if r.Seats < 0 || r.Seats > mostSeats {
		return r, invalid("seats", "Enter how many may register, up to 1,000,000, or nothing for no limit.")
	}
	if r.Viewers < 0 || r.Viewers > mostSeats {
		return r, invalid("viewers", "Enter how many may watch at the same time, up to 1,000,000, or nothing for no limit.")
	}
	domains := []string{}
	for _, d := range r.Domains {
		d = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(d)), "@")
		if d == "" {
			continue
		}
		if !plainDomain(d) {
			return r, invalid("domains", "Enter domains like hospital.org, one on each line.")
		}
		domains = append(domains, d)
	}
	slices.Sort(domains)
	if r.Domains = slices.Compact(domains); len(r.Domains) > mostDomains {
		return r, invalid("domains", "Enter at most 100 domains.")
	}
	r.Licence = strings.TrimSpace(r.Licence)
	if _, err := r.licencePattern(); err != nil || len(r.Licence) > mostPattern {
		return r, invalid("licence", "This is no pattern. For example, MCI-[0-9]{5,6} is for MCI- and five or six digits.")
	}
	return r, nil
}

func (r RegistrationRules) licencePattern() (*regexp.Regexp, error) {
	return regexp.Compile(`(?i)^(?:` + r.Licence + `)$`)
}

// Application is what somebody says of themself who registers.
type Application struct {
	Name       string  `json:"name"` // as on the certificate
	Country    Country `json:"country"`
	Profession string  `json:"profession"`
	Licence    string  `json:"licence"` // "" when not given
	Zone       Zone    `json:"zone"`    // "" when the browser did not say
	Phone      string  `json:"phone"`   // E.164; "" when not given
	Consent    string  `json:"consent"` // version of the text that was agreed to
}

// ConsentVersion is the version of the text that is agreed to on registration (consent.text in web/words). A changed text
// is a new version.
const ConsentVersion = "2026-11"

// ParseApplication reads what was typed. The phone number and the address are checked by their own packages.
func ParseApplication(name, country, profession, licence, zone string, agreed bool) (Application, error) {
	n, err := parseLine("name", name, 2, 120, "")
	if err != nil {
		return Application{}, rejected("name", "name")
	}
	c, err := ParseCountry(country)
	if err != nil {
		return Application{}, err
	}
	if c == "" {
		return Application{}, rejected("country", "country")
	}
	p, err := parseLine("profession", profession, 2, 60, "")
	if err != nil {
		return Application{}, rejected("profession", "profession")
	}
	l, err := ParseLicence(licence)
	if err != nil {
		return Application{}, err
	}
	a := Application{Name: n, Country: c, Profession: p, Licence: l, Consent: ConsentVersion}
	if zone != "" {
		if a.Zone, err = ParseZone(zone); err != nil {
			return Application{}, err
		}
	}
	if !agreed {
		return Application{}, rejected("consent", "consent")
	}
	return a, nil
}

// ParseName reads a name as it shall stand on the certificate, or nothing.
func ParseName(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	n, err := parseLine("name", s, 2, 120, "")
	if err != nil {
		return "", rejected("name", "name")
	}
	return n, nil
}

// ParseProfession reads what somebody is, such as a gynaecologist, or nothing.
func ParseProfession(s string) (string, error) {
	p, err := parseLine("profession", s, 0, 60, "")
	if err != nil {
		return "", rejected("profession", "profession")
	}
	return p, nil
}

// ParseLicence reads the number of a licence to practise, in upper case, or nothing.
func ParseLicence(s string) (string, error) {
	l, err := parseLine("licence", s, 0, 40, "")
	if err != nil {
		return "", rejected("licence", "licence")
	}
	return strings.ToUpper(l), nil
}

// BadPhone is said of a telephone number that cannot exist (package phone).
func BadPhone() error { return rejected("phone", "phone") }

// Judge decides about an application as far as rules can, and says by which rule: "code", "domain" or "licence". What no
// rule approves is pending. Nothing is ever rejected by a rule.
func (r RegistrationRules) Judge(email Email, a Application, byCode bool) (state RegistrationState, rule string) {
	if byCode {
		return RegistrationApproved, "code"
	}
	_, domain, _ := strings.Cut(string(email), "@")
	for _, d := range r.Domains {
		if domain == d || strings.HasSuffix(domain, "."+d) {
			return RegistrationApproved, "domain"
		}
	}
	if pattern, err := r.licencePattern(); err == nil && r.Licence != "" && a.Licence != "" && pattern.MatchString(a.Licence) {
		return RegistrationApproved, "licence"
	}
	return RegistrationPending, ""
}

// Decision is what an admin makes of a registration.
type Decision string

// The decisions.
const (
	ApproveRegistration  Decision = "approve"
	RejectRegistration   Decision = "reject"
	WaitlistRegistration Decision = "waitlist"
)

// Decide returns the state after a decision. Deciding the same again changes nothing and is told by changed. Errors:
// ErrConflict for one that the doctor has withdrawn, ErrInvalid.
func (s RegistrationState) Decide(d Decision, reason string) (next RegistrationState, changed bool, err error) {
	next = map[Decision]RegistrationState{ApproveRegistration: RegistrationApproved, RejectRegistration: RegistrationRejected, WaitlistRegistration: RegistrationWaitlisted}[d]
	switch {
	case next == "":
		return s, false, invalid("decision", "Choose one of approve, reject, waitlist.")
	case d == RejectRegistration && strings.TrimSpace(reason) == "":
		return s, false, invalid("reason", "Say why, in a sentence that the doctor will read.")
	case s == next:
		return s, false, nil
	case s == RegistrationCancelled:
		return s, false, &Problem{Kind: ErrConflict, Message: "This registration was withdrawn meanwhile."}
	}
	return next, true, nil
}

// ParseDecisionReason reads why something was decided: one paragraph of at most 500 characters, or nothing.
func ParseDecisionReason(s string) (string, error) {
	return parseLine("reason", s, 0, 500, "Shorten the reason to at most 500 characters.")
}

// How long a seat is kept for who was offered it (lms.md 1.1).
const (
	offerLife  = 24 * time.Hour
	offerShort = 15 * time.Minute
	offerLate  = 2 * time.Hour // before the start, from when on offers are short
)

// OfferEnds returns until when an offer made now is good, with the next lecture of the programme at start; the zero time
// when there is none to come.
func OfferEnds(now, start time.Time) time.Time {
	if !start.IsZero() && start.Sub(now) < offerLate {
		return now.Add(offerShort)
	}
	return now.Add(offerLife)
}
