package verify

import (
	"slices"
	"strings"
	"testing"
)

// good is two answers of a healthy stream, the second one part later.
const good = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,HOLD-BACK=6.0,PART-HOLD-BACK=1.5
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MEDIA-SEQUENCE:10
#EXT-X-TARGETDURATION:2
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-MAP:URI="a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:00.000Z
#EXTINF:2.000,
s10.m4s
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:31:00.000Z
#EXTINF:2.000,
s11.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:31:02.000Z
#EXT-X-PART:DURATION=0.5,URI="p12-0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.48,URI="p12-1.m4s"
#EXT-X-PART:DURATION=0.5,URI="p12-2.m4s"
#EXT-X-PART:DURATION=0.5,URI="p12-3.m4s"
#EXT-X-PART:DURATION=0.02,URI="p12-4.m4s"
#EXTINF:2.000,
s12.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:31:04.000Z
#EXT-X-PART:DURATION=0.5,URI="p13-0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p13-1.m4s"
#EXT-X-RENDITION-REPORT:URI="b.m3u8",LAST-MSN=13,LAST-PART=0
`

func parse(t *testing.T, text string) *Playlist {
	t.Helper()
	_, p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rulesOf applies all rules to answers in order, and returns those that were broken.
func rulesOf(t *testing.T, answers ...string) (out []string) {
	t.Helper()
	h := newHistory()
	for _, text := range answers {
		found := func(rule, format string, args ...any) {
			if !slices.Contains(out, rule) {
				out = append(out, rule)
			}
		}
		p := parse(t, text)
		checkAlone(p, found)
		h.add(p, found)
	}
	return out
}

// replace changes one place of the good playlist.
func replace(old, new string) string {
	if !strings.Contains(good, old) {
		panic(old)
	}
	return strings.Replace(good, old, new, 1)
}

// later is the good playlist when its first segment has left and the open one has one part more.
var later = strings.NewReplacer("SEQUENCE:10", "SEQUENCE:11", "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:00.000Z\n#EXTINF:2.000,\ns10.m4s\n", "",
	"#EXT-X-PRELOAD", "#EXT-X-PART:DURATION=0.5,URI=\"p13-1.m4s\"\n#EXT-X-PRELOAD").Replace(good)

// delta is the good playlist as a delta update that leaves out the first segment.
var delta = strings.Replace(strings.Replace(good, "#EXT-X-MAP:URI=\"a.mp4\"\n", "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n", 1),
	"#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:00.000Z\n#EXTINF:2.000,\ns10.m4s\n", "", 1)

func TestHealthy(t *testing.T) {
	short := strings.Replace(delta, "CAN-SKIP-UNTIL=6.0", "CAN-SKIP-UNTIL=4.0", 1)
	before := strings.Replace(good, "CAN-SKIP-UNTIL=6.0", "CAN-SKIP-UNTIL=4.0", 1)
	for name, answers := range map[string][]string{
		"once": {good}, "twice": {good, good}, "moved on": {good, later}, "delta": {before, short},
		"ended": {good, strings.Split(good, "#EXT-X-PART:DURATION=0.5,URI=\"p13-0")[0] + "#EXTINF:0.500,\ns13.m4s\n#EXT-X-ENDLIST\n"},
	} {
		if got := rulesOf(t, answers...); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestEachRuleCatchesItsFault breaks one thing after the other.
func TestEachRuleCatchesItsFault(t *testing.T) {
	control := "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,HOLD-BACK=6.0,PART-HOLD-BACK=1.5\n"
	for name, c := range map[string]struct {
		answers []string
		want    string
	}{
		"no target duration":      {[]string{replace("#EXT-X-TARGETDURATION:2\n", "")}, RuleTarget},
		"segment too long":        {[]string{replace("EXTINF:2.000", "EXTINF:2.501")}, RuleTarget},
		"no map":                  {[]string{replace("#EXT-X-MAP:URI=\"a.mp4\"\n", "")}, RuleMap},
		"no server control":       {[]string{replace(control, "")}, RuleControl},
		"no blocking":             {[]string{replace("CAN-BLOCK-RELOAD=YES,", "")}, RuleControl},
		"no part information":     {[]string{replace("#EXT-X-PART-INF:PART-TARGET=0.5\n", "")}, RuleControl},
		"small part hold-back":    {[]string{replace("PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.0")}, RuleHoldBack},
		"small hold-back":         {[]string{replace(",HOLD-BACK=6.0", ",HOLD-BACK=5.0")}, RuleHoldBack},
		"part too long":           {[]string{replace("0.5,URI=\"p12-2", "0.6,URI=\"p12-2")}, RulePartLong},
		"part too short":          {[]string{replace("0.48,URI=\"p12-1", "0.42,URI=\"p12-1")}, RulePartShort},
		"part missing":            {[]string{replace("#EXT-X-PART:DURATION=0.5,URI=\"p12-2.m4s\"\n", "")}, RulePartSum},
		"hole without disc.":      {[]string{replace("#EXT-X-DISCONTINUITY\n", "")}, RuleDate},
		"target changed":          {[]string{good, replace("TARGETDURATION:2", "TARGETDURATION:3")}, RuleConstant},
		"part target changed":     {[]string{good, replace("PART-TARGET=0.5", "PART-TARGET=0.501")}, RuleConstant},
		"hold-back changed":       {[]string{good, replace("PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.6")}, RuleConstant},
		"numbers fall":            {[]string{later, good}, RuleMonotone},
		"segment taken back":      {[]string{good, strings.Split(good, "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:31:02")[0]}, RuleMonotone},
		"end taken back":          {[]string{good + "#EXT-X-ENDLIST\n", good}, RuleMonotone},
		"part taken back":         {[]string{good, replace("#EXT-X-PART:DURATION=0.02,URI=\"p12-4.m4s\"\n", "")}, RuleMonotone},
		"segment became another":  {[]string{good, replace("s11.m4s", "x11.m4s")}, RuleChanged},
		"segment became longer":   {[]string{good, replace("#EXTINF:2.000,\ns12", "#EXTINF:2.010,\ns12")}, RuleChanged},
		"part became another":     {[]string{good, replace("p13-0.m4s", "x13-0.m4s")}, RuleChanged},
		"discontinuities counted": {[]string{good, strings.Replace(later, "DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:2", 1)}, RuleDiscSequence},
		"delta before the whole":  {[]string{delta}, RuleDelta},
		"delta of too much":       {[]string{good, delta}, RuleDelta},
	} {
		if got := rulesOf(t, c.answers...); !slices.Contains(got, c.want) {
			t.Errorf("%s: found %v, not %s", name, got, c.want)
		}
	}
}

func TestAligned(t *testing.T) {
	for name, c := range map[string]struct {
		other string
		want  bool
	}{
		"same":          {good, false},
		"length":        {replace("#EXTINF:2.000,\ns11", "#EXTINF:2.100,\ns11"), true},
		"discontinuity": {replace("#EXT-X-DISCONTINUITY\n", ""), true},
		"date":          {replace("08:31:02.000Z", "08:31:02.100Z"), true},
	} {
		ignore := func(string, string, ...any) {}
		a, b := newHistory(), newHistory()
		a.add(parse(t, good), ignore)
		b.add(parse(t, c.other), ignore)
		caught := false
		checkAligned(a, b, func(rule, _ string, _ ...any) { caught = caught || rule == RuleAligned })
		if caught != c.want {
			t.Errorf("%s: caught %v", name, caught)
		}
	}
}

func TestBlockingAnswer(t *testing.T) {
	p := parse(t, good)
	for query, want := range map[string]bool{
		"": false, "?_HLS_msn=13&_HLS_part=0": false, "?_HLS_msn=13&_HLS_part=1": true, "?_HLS_msn=14&_HLS_part=0": true,
		"?_HLS_msn=12": false, "?_HLS_msn=13": true, "?_HLS_msn=12&_HLS_part=9&_HLS_skip=YES": false,
	} {
		caught := false
		checkAnswer(query, p, func(string, string, ...any) { caught = true })
		if caught != want {
			t.Errorf("%q: caught %v", query, caught)
		}
	}
	if got := next(p, 1); got != "?_HLS_msn=13&_HLS_part=1&_HLS_skip=YES" {
		t.Errorf("asks for %s", got)
	}
}

func TestRefusesOtherText(t *testing.T) {
	for _, text := range []string{"", "<html>", "#EXTM3U\n#EXTINF:x,\na"} {
		if _, _, err := Parse(text); err == nil {
			t.Errorf("%q is no playlist", text)
		}
	}
}
