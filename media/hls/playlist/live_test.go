package playlist

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafov/m3u8"
)

// live is a playlist of n segments of two seconds with two parts each, of which one more part is written.
func live(n int) Live {
	all := segments(n)
	for i := range all {
		all[i].Duration = 2 * time.Second
		for p := range 2 {
			all[i].Parts = append(all[i].Parts, Part{URI: fmt.Sprintf("s%d-%d.m4s", i, p), Duration: time.Second, Independent: p == 0})
		}
	}
	l := Live{Target: 3 * time.Second, PartTarget: 512 * time.Millisecond, First: 7, Segments: all}
	l.Open = &Open{Segment: Segment{Map: "a.mp4", Start: all[n-1].Start.Add(2 * time.Second)}, Hint: "s9-1.m4s"}
	l.Open.Parts = []Part{{URI: "s9-0.m4s", Duration: 500 * time.Millisecond, Independent: true}}
	l.Reports = []Report{{URI: "b.m3u8", MSN: 9, Part: 0}, {URI: "c.m3u8", MSN: 8, Part: -1}}
	l.Anchors = []Anchor{{At: all[0].Start, Timeline: 1500 * time.Millisecond}}
	return l
}

func encodeLive(t *testing.T, l Live, delta bool) string {
	t.Helper()
	b, err := l.Encode(delta)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLiveWhole compares a low-latency playlist with what it has to be, byte for byte.
func TestLiveWhole(t *testing.T) {
	l := live(2)
	l.Breaks = 3
	l.Open.Discontinuity, l.Open.Map = true, "b.mp4"
	const want = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=18.00000,HOLD-BACK=9.00000,PART-HOLD-BACK=1.53600
#EXT-X-PART-INF:PART-TARGET=0.51200
#EXT-X-DATERANGE:ID="run-1500",CLASS="lectern.run",START-DATE="2026-11-22T08:30:00.123Z",X-TIMELINE-MS=1500
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-TARGETDURATION:3
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-MAP:URI="a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:00.123Z
#EXT-X-PART:DURATION=1.00000,URI="s0-0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.00000,URI="s0-1.m4s"
#EXTINF:2.000,
s0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:02.156Z
#EXT-X-PART:DURATION=1.00000,URI="s1-0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.00000,URI="s1-1.m4s"
#EXTINF:2.000,
s1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="b.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:04.156Z
#EXT-X-PART:DURATION=0.50000,URI="s9-0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="s9-1.m4s"
#EXT-X-RENDITION-REPORT:URI="b.m3u8",LAST-MSN=9,LAST-PART=0
#EXT-X-RENDITION-REPORT:URI="c.m3u8",LAST-MSN=8
`
	if got := encodeLive(t, l, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDelta applies delta updates to what a player has, and gets the whole playlist.
func TestDelta(t *testing.T) {
	for n := 1; n < 40; n++ {
		l := live(n)
		l.Breaks = n % 2
		if n > 12 {
			l.Segments[n-10].Map, l.Segments[n-10].Discontinuity = "b.mp4", true // sometimes just at the boundary
		}
		whole, delta := encodeLive(t, l, false), encodeLive(t, l, true)
		if 2*n <= 18 {
			if delta != whole {
				t.Errorf("%d segments: there is nothing to skip in\n%s", n, delta)
			}
			continue
		}
		head, rest, found := strings.Cut(delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=")
		var skipped int
		fmt.Sscan(rest, &skipped)
		if !found || skipped == 0 {
			t.Fatalf("%d segments: no EXT-X-SKIP in\n%s", n, delta)
		}
		if listed := strings.Count(delta, "#EXTINF"); listed+skipped != n {
			t.Errorf("%d segments: lists %d, skips %d", n, listed, skipped)
		}
		// What is left begins no later than 18 s before the edge, and leaves out all that ends before that.
		if left := 500*time.Millisecond + time.Duration(n-skipped)*2*time.Second; left <= 18*time.Second || left > 20*time.Second {
			t.Errorf("%d segments: %v are left", n, left)
		}
		_, rest, _ = strings.Cut(rest, "\n")
		if !strings.HasPrefix(whole, head) || !strings.HasSuffix(whole, rest) {
			t.Errorf("%d segments: the delta is not what the whole is without the skipped:\n%s", n, delta)
		}
	}
}

// TestDeltaOfRecording leaves out the start of hours, and nothing once the lecture is over.
func TestDeltaOfRecording(t *testing.T) {
	m := Media{Target: 3 * time.Second, Segments: segments(7200)}
	whole, _ := m.Encode(false)
	delta, _ := m.Encode(true)
	if len(delta) > 2000 || !strings.HasSuffix(string(whole), string(delta[strings.Index(string(delta), "#EXT-X-PROGRAM"):])) {
		t.Errorf("a delta of %d bytes:\n%.3000s", len(delta), delta)
	}
	m.Ended = true
	whole, _ = m.Encode(false)
	if delta, _ = m.Encode(true); string(delta) != string(whole) {
		t.Error("a recording that has ended has no delta updates")
	}
}

// TestLiveEnded has no word of what no longer comes.
func TestLiveEnded(t *testing.T) {
	l := live(3)
	l.Ended = true
	got := encodeLive(t, l, true)
	for _, tag := range []string{"SERVER-CONTROL", "PART-INF", "PRELOAD-HINT", "RENDITION-REPORT", "EXT-X-SKIP", "s9-0"} {
		if strings.Contains(got, tag) {
			t.Errorf("%s in\n%s", tag, got)
		}
	}
	if !strings.HasSuffix(got, "#EXT-X-ENDLIST\n") {
		t.Errorf("no end:\n%s", got)
	}
}

// TestMarks writes chapters into all playlists, with titles that cannot break a line.
func TestMarks(t *testing.T) {
	l := live(2)
	at := l.Segments[0].Start
	l.Marks = []Mark{{ID: "question-1", Class: "lectern.question", At: at.Add(time.Second), Timeline: 2500 * time.Millisecond, Title: "Is \"5 mg\"\r\n#EXT-X-ENDLIST\x00 enough?"}}
	const want = `#EXT-X-DATERANGE:ID="question-1",CLASS="lectern.question",START-DATE="2026-11-22T08:30:01.123Z",X-TIMELINE-MS=2500,X-TITLE="Is '5 mg' #EXT-X-ENDLIST enough?"` + "\n"
	for what, got := range map[string]string{
		"live": encodeLive(t, l, false), "delta": encodeLive(t, l, true),
		"recording": encode(t, Media{Target: l.Target, Segments: l.Segments, Anchors: l.Anchors, Marks: l.Marks, Ended: true}),
	} {
		if !strings.Contains(got, want) || !strings.Contains(got, `ID="run-1500"`) {
			t.Errorf("%s:\n%s", what, got)
		}
	}
	if got := title(strings.Repeat("é", 200)); len([]rune(got)) != titleLimit {
		t.Errorf("a title of %d characters", len([]rune(got)))
	}
}

// TestBetweenSegments has neither parts nor a hint to offer.
func TestBetweenSegments(t *testing.T) {
	l := live(2)
	l.Open = nil
	if got := encodeLive(t, l, false); strings.Contains(got, "HINT") || !strings.Contains(got, "s1.m4s\n#EXT-X-RENDITION-REPORT") {
		t.Errorf("got\n%s", got)
	}
}

func TestTrapDiscontinuitySequence(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(1, 2)
	p.AppendSegment(&m3u8.MediaSegment{URI: "a", Duration: 2, Discontinuity: true})
	p.Slide("b", 2, "")
	if strings.Contains(p.String(), "DISCONTINUITY-SEQUENCE") {
		t.Error("the library counts discontinuities that slide out: Breaks can go")
	}
}
