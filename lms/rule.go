package lms

import (
	"fmt"
	"math"
	"strings"
)

// RuleKind is a node of the tree of conditions for credit.
type RuleKind string

// The kinds. The first two join others.
const (
	RuleAll        RuleKind = "all"
	RuleAny        RuleKind = "any"
	RuleWatched    RuleKind = "watched"    // a share of what counts, or minutes
	RuleChecks     RuleKind = "checks"     // a share of the attention checks answered
	RulePolls      RuleKind = "polls"      // a share of the polls answered
	RuleTest       RuleKind = "test"       // passed
	RuleEvaluation RuleKind = "evaluation" // handed in
	RuleDisclosure RuleKind = "disclosure" // seen before the lecture (ACCME Standard 3)
	RuleIdentity   RuleKind = "identity"   // verified
)

// Rule is a condition for credit: a leaf, or all or any of others.
type Rule struct {
	Kind    RuleKind `json:"kind"`
	Of      []Rule   `json:"of,omitempty"`
	Share   float64  `json:"share,omitempty"`   // of watched, checks and polls, from 0 to 1 with at most 4 decimals
	Minutes int      `json:"minutes,omitempty"` // of watched, instead of Share
	Only    Modality `json:"only,omitempty"`    // of watched: live or enduring seconds alone
}

// Limits of a tree.
const (
	maxRuleDepth = 5
	maxRules     = 40
)

// CourseRules is one version of what a course demands and gives. It is frozen when the course starts.
type CourseRules struct {
	Rule  Rule         `json:"rule"`
	Types []CreditType `json:"types"`
}

// MoveOn is the criterion of completion in the names of cmi5.
type MoveOn string

// The criteria of cmi5, section 10.2.4.
const (
	Passed             MoveOn = "Passed"
	Completed          MoveOn = "Completed"
	CompletedAndPassed MoveOn = "CompletedAndPassed"
	CompletedOrPassed  MoveOn = "CompletedOrPassed"
	NotApplicable      MoveOn = "NotApplicable"
)

// RuleOf translates a criterion of cmi5, where completed means to have watched the share.
func RuleOf(m MoveOn, share float64) (Rule, error) {
	watched, test := Rule{Kind: RuleWatched, Share: share}, Rule{Kind: RuleTest}
	switch m {
	case Passed:
		return test, nil
	case Completed:
		return watched, nil
	case CompletedAndPassed:
		return Rule{Kind: RuleAll, Of: []Rule{watched, test}}, nil
	case CompletedOrPassed:
		return Rule{Kind: RuleAny, Of: []Rule{watched, test}}, nil
	case NotApplicable:
		return Rule{Kind: RuleAll}, nil
	}
	return Rule{}, invalid("move_on", "Choose one of Passed, Completed, CompletedAndPassed, CompletedOrPassed and NotApplicable.")
}

// Validate checks rules as an admin has entered them. The error's field is a path such as "rule.of.1.share" or
// "types.0.max".
func (r CourseRules) Validate() error {
	count := 0
	if err := r.Rule.validate("rule", 1, &count); err != nil {
		return err
	}
	if len(r.Types) == 0 || len(r.Types) > maxCreditTypes {
		return invalid("types", fmt.Sprintf("A course gives 1 to %d types of credit.", maxCreditTypes))
	}
	keys := map[string]bool{}
	for i, t := range r.Types {
		if err := within(t.Validate(), fmt.Sprintf("types.%d", i)); err != nil {
			return err
		}
		if keys[t.Key] {
			return invalid(fmt.Sprintf("types.%d.key", i), "Each credit type needs a key of its own.")
		}
		keys[t.Key] = true
		if t.Modality == ModalityEnduring && !r.Rule.demands(RuleTest) {
			return invalid(fmt.Sprintf("types.%d.modality", i), "Enduring material needs a test that must be passed: add it to the conditions.")
		}
	}
	return nil
}

// within puts the path of what holds it in front of a problem's field.
func within(err error, path string) error {
	if p, ok := err.(*Problem); ok && p != nil { //nolint:errorlint // as invalid returned it
		return &Problem{Kind: p.Kind, Field: path + "." + p.Field, Message: p.Message}
	}
	return err
}

func (r Rule) validate(path string, depth int, count *int) error {
	*count++
	switch {
	case depth > maxRuleDepth:
		return invalid(path, fmt.Sprintf("Conditions can be nested %d deep.", maxRuleDepth))
	case *count > maxRules:
		return invalid(path, fmt.Sprintf("There can be %d conditions.", maxRules))
	}
	switch r.Kind {
	case RuleAll, RuleAny:
		if r.Kind == RuleAny && len(r.Of) == 0 {
			return invalid(path+".of", "Add a condition, or nobody can ever fulfil this.")
		}
		for i, part := range r.Of {
			if err := part.validate(fmt.Sprintf("%s.of.%d", path, i), depth+1, count); err != nil {
				return err
			}
		}
		return nil
	case RuleWatched:
		if r.Only != "" && r.Only != ModalityLive && r.Only != ModalityEnduring {
			return invalid(path+".only", "Choose live or enduring, or neither.")
		}
		if r.Minutes != 0 {
			if r.Minutes < 1 || r.Minutes > 24*60 {
				return invalid(path+".minutes", "Enter 1 to 1440 minutes.")
			}
			return nil
		}
		return validShare(path, r.Share)
	case RuleChecks, RulePolls:
		return validShare(path, r.Share)
	case RuleTest, RuleEvaluation, RuleDisclosure, RuleIdentity:
		return nil
	}
	return invalid(path+".kind", "There is no such condition.")
}

func validShare(path string, share float64) error {
	if math.IsNaN(share) || share <= 0 || share > 1 || math.Abs(share*1e4-math.Round(share*1e4)) > 1e-6 {
		return invalid(path+".share", "Enter a share above 0 and up to 100 %.")
	}
	return nil
}

// demands reports whether nobody can fulfil the rule without the kind.
func (r Rule) demands(kind RuleKind) bool {
	switch r.Kind {
	case RuleAll:
		for _, part := range r.Of {
			if part.demands(kind) {
				return true
			}
		}
		return false
	case RuleAny:
		for _, part := range r.Of {
			if !part.demands(kind) {
				return false
			}
		}
		return len(r.Of) > 0
	}
	return r.Kind == kind
}

// Uses reports whether a condition of the kind stands anywhere in the rule.
func (r Rule) Uses(kind RuleKind) bool {
	for _, part := range r.Of {
		if part.Uses(kind) {
			return true
		}
	}
	return r.Kind == kind
}

// Evidence is all that is known of a person and a course when credit is decided.
type Evidence struct {
	CountableS       int64   `json:"countable_s"` // that can be watched at all
	WatchedS         int64   `json:"watched_s"`   // of them, each once
	LiveS            int64   `json:"live_s"`      // of them, while on air
	ReplayS          int64   `json:"replay_s"`    // of them, from the recording; a second may be in both
	ChecksAsked      int     `json:"checks_asked"`
	ChecksAnswered   int     `json:"checks_answered"`
	PollsAsked       int     `json:"polls_asked"`
	PollsAnswered    int     `json:"polls_answered"`
	TestScore        float64 `json:"test_score"` // of the attempt that counts, from 0 to 1
	TestAttempts     int     `json:"test_attempts"`
	TestPassed       bool    `json:"test_passed"`
	PassMark         float64 `json:"pass_mark"` // in force for that attempt, or for the next one
	Evaluated        bool    `json:"evaluated"`
	DisclosureSeen   bool    `json:"disclosure_seen"`
	IdentityVerified bool    `json:"identity_verified"`
	Profession       string  `json:"-"`
	// Waived are the conditions that an admin has set aside for this person, each with the reason given.
	Waived map[RuleKind]string `json:"waived,omitempty"`
}

// Watch fills in the watched seconds from the ledger.
func (e *Evidence) Watch(seconds map[Provenance]Spans, countable Spans) {
	live := seconds[Live].Union(seconds[DVR]).Intersect(countable)
	replay := seconds[Replay].Intersect(countable)
	e.CountableS, e.LiveS, e.ReplayS = countable.Len(), live.Len(), replay.Len()
	e.WatchedS = live.Union(replay).Len()
}

// Mark enters that a condition of the kind is fulfilled, or, with a reason, that it was waived.
func (e *Evidence) Mark(kind RuleKind, waiver string) {
	if waiver != "" {
		if e.Waived == nil {
			e.Waived = map[RuleKind]string{}
		}
		e.Waived[kind] = waiver
		return
	}
	switch kind {
	case RuleEvaluation:
		e.Evaluated = true
	case RuleDisclosure:
		e.DisclosureSeen = true
	case RuleIdentity:
		e.IdentityVerified = true
	}
}

// Judged is a condition with what is there and what is needed.
type Judged struct {
	Kind   RuleKind `json:"kind"`
	Met    bool     `json:"met"`
	Waived string   `json:"waived,omitempty"` // the reason, when an admin has set it aside
	Have   float64  `json:"have"`             // seconds of watched; answered checks and polls; score of the test
	Need   float64  `json:"need"`             // the same of what is demanded
	Only   Modality `json:"only,omitempty"`
	Of     []Judged `json:"of,omitempty"`
}

// EarnedCredit is what one credit type gives for the evidence.
type EarnedCredit struct {
	Key    string `json:"key"`
	Amount Credit `json:"amount"` // 0 when nothing is earned
	// Counted are the seconds it is made of, of the type's modality.
	CountedS int64 `json:"counted_s"`
	// Why is empty, or says why the amount is 0: "conditions", "profession" or "minutes".
	Why string `json:"why,omitempty"`
}

// Judgement is the answer of the rules to the evidence.
type Judgement struct {
	Met    bool           `json:"met"`
	Root   Judged         `json:"root"`
	Earned []EarnedCredit `json:"earned"`
}

// Judge applies rules to evidence. It depends on nothing else, so that the same version and evidence always give
// the same answer with its reasons.
func Judge(rules CourseRules, e Evidence) Judgement {
	j := Judgement{Root: rules.Rule.judge(e)}
	j.Met = j.Root.Met
	for _, t := range rules.Types {
		earned := EarnedCredit{Key: t.Key, CountedS: t.Seconds(e)}
		amount := t.Amount(earned.CountedS)
		switch {
		case !j.Met:
			earned.Why = "conditions"
		case !t.For(e.Profession):
			earned.Why = "profession"
		case amount == 0:
			earned.Why = "minutes"
		default:
			earned.Amount = amount
		}
		j.Earned = append(j.Earned, earned)
	}
	return j
}

func (r Rule) judge(e Evidence) Judged {
	j := Judged{Kind: r.Kind, Only: r.Only}
	switch r.Kind {
	case RuleAll, RuleAny:
		met := 0
		for _, part := range r.Of {
			judged := part.judge(e)
			if judged.Met {
				met++
			}
			j.Of = append(j.Of, judged)
		}
		j.Have, j.Need = float64(met), float64(len(r.Of))
		if r.Kind == RuleAny {
			j.Need = 1
		}
		j.Met = met >= int(j.Need)
		return j
	case RuleWatched:
		j.Have, j.Need = float64(CreditType{Modality: r.Only}.Seconds(e)), math.Ceil(r.Share*float64(e.CountableS)-1e-9)
		if r.Minutes > 0 {
			j.Need = float64(r.Minutes * 60)
		}
		// Of a lecture that was never on air nothing can have been watched.
		j.Met = e.CountableS > 0 && j.Have >= j.Need
	case RuleChecks:
		j.Have, j.Need = float64(e.ChecksAnswered), math.Ceil(r.Share*float64(e.ChecksAsked)-1e-9)
		j.Met = j.Have >= j.Need
	case RulePolls:
		j.Have, j.Need = float64(e.PollsAnswered), math.Ceil(r.Share*float64(e.PollsAsked)-1e-9)
		j.Met = j.Have >= j.Need
	case RuleTest:
		j.Have, j.Need, j.Met = e.TestScore, e.PassMark, e.TestPassed
	case RuleEvaluation:
		j.yesNo(e.Evaluated)
	case RuleDisclosure:
		j.yesNo(e.DisclosureSeen)
	case RuleIdentity:
		j.yesNo(e.IdentityVerified)
	}
	if reason := e.Waived[r.Kind]; reason != "" && !j.Met {
		j.Met, j.Waived = true, reason
	}
	return j
}

func (j *Judged) yesNo(is bool) {
	j.Need, j.Met = 1, is
	if is {
		j.Have = 1
	}
}

// Missing lists the conditions that are not met and could be the next thing to do, in their order. Of "any" only
// the one that is nearest is named.
func (j Judged) Missing() []Judged {
	if j.Met {
		return nil
	}
	switch j.Kind {
	case RuleAll:
		var all []Judged
		for _, part := range j.Of {
			all = append(all, part.Missing()...)
		}
		return all
	case RuleAny:
		var nearest []Judged
		for _, part := range j.Of {
			if m := part.Missing(); nearest == nil || len(m) < len(nearest) || len(m) == len(nearest) && m[0].fulfilled() > nearest[0].fulfilled() {
				nearest = m
			}
		}
		return nearest
	}
	return []Judged{j}
}

func (j Judged) fulfilled() float64 {
	if j.Need <= 0 {
		return 0
	}
	return j.Have / j.Need
}

// ParseReason reads why a condition is waived, a certificate revoked or an appeal made: 10 to 1000 characters.
func ParseReason(s string) (string, error) {
	return parseText("reason", s, 10, 1000, "Say why, in 10 to 1000 characters.")
}

// ParseWaivable reads the kind of a condition that an admin may set aside. Where watching is waived, the amount is
// still that of the minutes which are there.
func ParseWaivable(s string) (RuleKind, error) {
	switch k := RuleKind(strings.TrimSpace(s)); k {
	case RuleWatched, RuleChecks, RulePolls, RuleTest, RuleEvaluation, RuleDisclosure, RuleIdentity:
		return k, nil
	}
	return "", invalid("condition", "Choose the condition to set aside.")
}
