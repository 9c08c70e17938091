package lms

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
)

// rulesOf is what a course of an hour demands in the tests: 90 % watched, the test passed, the evaluation handed in.
func rulesOf(t testing.TB) CourseRules {
	t.Helper()
	rule := Rule{Kind: RuleAll, Of: []Rule{{Kind: RuleWatched, Share: 0.9}, {Kind: RuleTest}, {Kind: RuleEvaluation}}}
	rules := CourseRules{Rule: rule, Types: []CreditType{preset(t, "ama-pra-1"), preset(t, "eaccme")}}
	if err := rules.Validate(); err != nil {
		t.Fatal(err)
	}
	return rules
}

// watched is evidence of an hour's lecture.
func watched(live, replay Spans) Evidence {
	var e Evidence
	e.Profession, e.PassMark = "Physician", 0.7
	e.Watch(map[Provenance]Spans{Live: live, Replay: replay}, SpansOf(Span{0, 3600}))
	return e
}

// TestLiveAndReplayAreOneRecord: what was seen twice counts once, and each credit type takes its own minutes.
func TestLiveAndReplayAreOneRecord(t *testing.T) {
	e := watched(SpansOf(Span{0, 1440}), SpansOf(Span{1140, 3600}, Span{3600, 4000}))
	if e.WatchedS != 3600 || e.LiveS != 1440 || e.ReplayS != 2460 || e.CountableS != 3600 {
		t.Fatalf("evidence %+v", e)
	}
	e.TestPassed, e.TestScore, e.Evaluated = true, 0.8, true
	j := Judge(rulesOf(t), e)
	want := []EarnedCredit{{Key: "ama-pra-1", Amount: 100, CountedS: 3600}, {Key: "eaccme", CountedS: 1440, Why: "minutes"}}
	if !j.Met || !reflect.DeepEqual(j.Earned, want) {
		t.Errorf("got %+v", j)
	}
}

func TestEachNodeHasItsReason(t *testing.T) {
	e := watched(SpansOf(Span{0, 2560}), nil)
	e.TestScore, e.TestAttempts = 0.6, 1
	j := Judge(rulesOf(t), e)
	if j.Met || len(j.Root.Of) != 3 {
		t.Fatalf("got %+v", j)
	}
	if w := j.Root.Of[0]; w.Met || w.Have != 2560 || w.Need != 3240 {
		t.Errorf("watched %+v", w)
	}
	if test := j.Root.Of[1]; test.Met || test.Have != 0.6 || test.Need != 0.7 {
		t.Errorf("test %+v", test)
	}
	if j.Earned[0].Amount != 0 || j.Earned[0].Why != "conditions" {
		t.Errorf("earned %+v", j.Earned)
	}
	if m := j.Root.Missing(); len(m) != 3 || m[0].Kind != RuleWatched || m[2].Kind != RuleEvaluation {
		t.Errorf("missing %+v", m)
	}
	e.Waived = map[RuleKind]string{RuleTest: "The examiner was ill."}
	if test := Judge(rulesOf(t), e).Root.Of[1]; !test.Met || test.Waived == "" {
		t.Errorf("waived %+v", test)
	}
}

func TestAnyNamesTheNearest(t *testing.T) {
	any := Rule{Kind: RuleAny, Of: []Rule{
		{Kind: RuleAll, Of: []Rule{{Kind: RuleTest}, {Kind: RuleEvaluation}}},
		{Kind: RuleWatched, Share: 1},
	}}
	e := watched(SpansOf(Span{0, 1800}), nil)
	if m := any.judge(e).Missing(); len(m) != 1 || m[0].Kind != RuleWatched {
		t.Errorf("missing %+v", m)
	}
	e.TestPassed, e.Evaluated = true, true
	if j := any.judge(e); !j.Met || j.Missing() != nil {
		t.Errorf("judged %+v", j)
	}
}

// TestNothingAskedIsNothingMissed: a lecture without attention checks or polls keeps nobody from credit, but one
// that was never on air gives none.
func TestNothingAskedIsNothingMissed(t *testing.T) {
	rule := Rule{Kind: RuleAll, Of: []Rule{{Kind: RuleChecks, Share: 0.75}, {Kind: RulePolls, Share: 0.5}}}
	if j := rule.judge(Evidence{}); !j.Met {
		t.Errorf("judged %+v", j)
	}
	if j := rule.judge(Evidence{ChecksAsked: 4, ChecksAnswered: 2}); j.Met || j.Of[0].Need != 3 {
		t.Errorf("judged %+v", j)
	}
	if j := (Rule{Kind: RuleWatched, Share: 0.5}).judge(Evidence{}); j.Met {
		t.Errorf("judged %+v", j)
	}
}

func TestRulesAreChecked(t *testing.T) {
	types := []CreditType{preset(t, "ama-pra-1")}
	deep := Rule{Kind: RuleTest}
	for range maxRuleDepth {
		deep = Rule{Kind: RuleAll, Of: []Rule{deep}}
	}
	wide := Rule{Kind: RuleAll, Of: make([]Rule, maxRules)}
	for i := range wide.Of {
		wide.Of[i].Kind = RuleTest
	}
	for field, rules := range map[string]CourseRules{
		"rule.of.0.kind":  {Rule: Rule{Kind: RuleAll, Of: []Rule{{Kind: "moon"}}}, Types: types},
		"rule.of":         {Rule: Rule{Kind: RuleAny}, Types: types},
		"rule.share":      {Rule: Rule{Kind: RuleWatched, Share: 0.12345}, Types: types},
		"rule.of.1.share": {Rule: Rule{Kind: RuleAll, Of: []Rule{{Kind: RuleTest}, {Kind: RuleChecks, Share: 1.5}}}, Types: types},
		"rule.minutes":    {Rule: Rule{Kind: RuleWatched, Minutes: -3}, Types: types},
		"types":           {Rule: Rule{Kind: RuleTest}},
		"types.1.key":     {Rule: Rule{Kind: RuleTest}, Types: []CreditType{types[0], types[0]}},
		"types.0.max":     {Rule: Rule{Kind: RuleTest}, Types: []CreditType{{Key: "own", UnitMinutes: 60, Increment: 25}}},
	} {
		wantField(t, rules.Validate(), field)
	}
	for _, rule := range []Rule{deep, wide} {
		if err := (CourseRules{Rule: rule, Types: types}).Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("too large a tree: %v", err)
		}
	}
	// Enduring material needs a test that nobody can go around.
	enduring := types[0]
	enduring.Modality = ModalityEnduring
	around := Rule{Kind: RuleAny, Of: []Rule{{Kind: RuleTest}, {Kind: RuleWatched, Share: 1}}}
	wantField(t, CourseRules{Rule: around, Types: []CreditType{enduring}}.Validate(), "types.0.modality")
	if err := (CourseRules{Rule: Rule{Kind: RuleAll, Of: []Rule{{Kind: RuleTest}}}, Types: []CreditType{enduring}}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestMoveOn(t *testing.T) {
	for m, want := range map[MoveOn][4]bool{ // neither, watched, passed, both
		Passed: {false, false, true, true}, Completed: {false, true, false, true}, CompletedAndPassed: {false, false, false, true},
		CompletedOrPassed: {false, true, true, true}, NotApplicable: {true, true, true, true},
	} {
		rule, err := RuleOf(m, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, met := range want {
			e := watched(nil, nil)
			if i&1 != 0 {
				e = watched(SpansOf(Span{0, 3600}), nil)
			}
			e.TestPassed = i&2 != 0
			if got := rule.judge(e).Met; got != met {
				t.Errorf("%s, case %d: %v", m, i, got)
			}
		}
	}
	if _, err := RuleOf("Perhaps", 1); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// TestMoreEvidenceNeverEarnsLess: whatever the tree, more of anything takes nothing away.
func TestMoreEvidenceNeverEarnsLess(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 7))
	for range 3000 {
		rules := CourseRules{Rule: randomRule(random, 0), Types: CreditPresets()}
		less := randomEvidence(random)
		more := less
		more.WatchedS += random.Int64N(less.CountableS - less.WatchedS + 1)
		more.LiveS += random.Int64N(more.WatchedS - less.LiveS + 1)
		more.ReplayS += random.Int64N(more.WatchedS - less.ReplayS + 1)
		more.ChecksAnswered = less.ChecksAsked
		more.PollsAnswered = less.PollsAsked
		more.TestPassed, more.Evaluated = true, true
		a, b := Judge(rules, less), Judge(rules, more)
		for i := range a.Earned {
			if b.Earned[i].Amount < a.Earned[i].Amount {
				text, _ := json.Marshal(rules.Rule)
				t.Fatalf("%s\n%+v earns %v\n%+v earns %v", text, less, a.Earned[i], more, b.Earned[i])
			}
		}
	}
}

func randomRule(random *rand.Rand, depth int) Rule {
	kinds := []RuleKind{RuleWatched, RuleChecks, RulePolls, RuleTest, RuleEvaluation, RuleAll, RuleAny}
	if depth == 3 {
		kinds = kinds[:5]
	}
	r := Rule{Kind: kinds[random.IntN(len(kinds))], Share: float64(1+random.IntN(10)) / 10}
	if r.Kind == RuleAll || r.Kind == RuleAny {
		for range 1 + random.IntN(3) {
			r.Of = append(r.Of, randomRule(random, depth+1))
		}
	}
	return r
}

func randomEvidence(random *rand.Rand) Evidence {
	e := Evidence{CountableS: 1 + random.Int64N(7200), ChecksAsked: random.IntN(5), PollsAsked: random.IntN(5), Profession: "physician"}
	e.WatchedS = random.Int64N(e.CountableS + 1)
	e.LiveS, e.ReplayS = random.Int64N(e.WatchedS+1), random.Int64N(e.WatchedS+1)
	e.ChecksAnswered, e.PollsAnswered = random.IntN(e.ChecksAsked+1), random.IntN(e.PollsAsked+1)
	e.TestPassed, e.Evaluated = random.IntN(2) == 0, random.IntN(2) == 0
	return e
}

func BenchmarkJudge(b *testing.B) {
	rules := rulesOf(b)
	e := watched(SpansOf(Span{0, 1440}), SpansOf(Span{1140, 3600}))
	e.TestPassed, e.Evaluated = true, true
	b.ReportAllocs()
	for b.Loop() {
		Judge(rules, e)
	}
}
