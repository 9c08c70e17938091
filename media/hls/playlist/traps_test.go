package playlist

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafov/m3u8"
)

// The traps of the library that are easily walked into by the next change here: each test shows what the library does,
// and fails when it no longer does, and that what we write is free of it.

func TestTrapByterangeUnquoted(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.AppendSegment(&m3u8.MediaSegment{URI: "a", Duration: 2, Map: &m3u8.Map{URI: "i.mp4", Limit: 100, Offset: 7}})
	if !strings.Contains(p.String(), `URI="i.mp4",BYTERANGE=100@7`) {
		t.Error("the library no longer writes BYTERANGE of a MAP without the quotation marks of RFC 8216 section 4.3.2.5")
	}
	if text := encode(t, Media{Target: 3 * time.Second, Segments: segments(3)}); strings.Contains(text, "BYTERANGE") {
		t.Errorf("a byte range in\n%s", text)
	}
}

func TestTrapWindowListsTheOldest(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(2, 5)
	for n := range 5 {
		p.Append(fmt.Sprintf("s%d", n), 2, "")
	}
	if text := p.String(); !strings.Contains(text, "s0\n") || strings.Contains(text, "s4\n") {
		t.Error("a window of the library no longer lists the oldest segments")
	}
	l := live(5)
	l.First = 3
	text := encodeLive(t, l, false)
	if !strings.Contains(text, "MEDIA-SEQUENCE:3\n") || strings.Count(text, "#EXTINF") != 5 {
		t.Errorf("not all of the window is listed:\n%s", text)
	}
}

func TestTrapArgsAfterAQuery(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.Args = "key=1"
	p.Append("a?x=1", 2, "")
	if !strings.Contains(p.String(), "a?x=1?key=1") {
		t.Error("Args no longer add a second question mark")
	}
	m := Media{Target: 3 * time.Second, Segments: segments(1)}
	m.Segments[0].URI = "a.m4s?x=1"
	if text := encode(t, m); strings.Count(text, "?") != 1 || !strings.Contains(text, "a.m4s?x=1\n") {
		t.Errorf("an address is changed:\n%s", text)
	}
}

func TestTrapKeyBeforeMap(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.AppendSegment(&m3u8.MediaSegment{
		URI: "a", Duration: 2, Map: &m3u8.Map{URI: "i.mp4"}, Key: &m3u8.Key{Method: "AES-128", URI: "k"},
	})
	text := p.String()
	if strings.Index(text, "EXT-X-KEY") > strings.Index(text, "EXT-X-MAP") {
		t.Error("KEY no longer comes before MAP, which it would encrypt")
	}
	if text := encode(t, Media{Target: 3 * time.Second, Segments: segments(3)}); strings.Contains(text, "EXT-X-KEY") {
		t.Errorf("a key in\n%s", text)
	}
}

// TestTrapMapOrder: a MAP holds for what follows it, so it stands behind the DISCONTINUITY that makes it necessary and before all
// parts of its segment, which the library knows nothing of.
func TestTrapMapOrder(t *testing.T) {
	l := live(3)
	last := &l.Segments[2]
	last.Discontinuity, last.Map = true, "b.mp4"
	last.Parts = []Part{{URI: "p0.m4s", Duration: 500 * time.Millisecond, Independent: true}, {URI: "p1.m4s", Duration: 500 * time.Millisecond}}
	l.Open.Discontinuity, l.Open.Map = true, "c.mp4"
	text := encodeLive(t, l, false)
	at := -1
	for _, tag := range []string{
		"#EXT-X-DISCONTINUITY\n", `#EXT-X-MAP:URI="b.mp4"`, "#EXT-X-PROGRAM-DATE-TIME", "p0.m4s", "p1.m4s", "#EXTINF", last.URI + "\n",
		"#EXT-X-DISCONTINUITY\n", `#EXT-X-MAP:URI="c.mp4"`, "#EXT-X-PROGRAM-DATE-TIME", l.Open.Parts[0].URI,
	} {
		next := strings.Index(text[at+1:], tag)
		if next < 0 {
			t.Fatalf("%s is missing, or not in its place:\n%s", tag, text)
		}
		at += 1 + next
	}
}
