package playlist

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafov/m3u8"
)

// The tests named Trap show what the library does that this package works around, so that a new version
// of it which does otherwise is noticed; each is followed by what this package does instead.

func segments(n int) (out []Segment) {
	start := time.Date(2026, 11, 22, 14, 0, 0, 123e6, time.FixedZone("IST", 19800))
	for i := range n {
		out = append(out, Segment{
			URI: fmt.Sprintf("s%d.m4s", i), Map: "a.mp4", Duration: 2033 * time.Millisecond,
			Start: start.Add(time.Duration(i) * 2033 * time.Millisecond),
		})
	}
	return out
}

func encode(t *testing.T, m Media) string {
	t.Helper()
	b, err := m.Encode(false)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWhole compares a playlist with what it has to be, byte for byte.
func TestWhole(t *testing.T) {
	all := segments(3)
	all[1].Map = "b.mp4"
	all[2].Map, all[2].Discontinuity = "b.mp4", true
	const want = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-TARGETDURATION:3
#EXT-X-MAP:URI="a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:00.123Z
#EXTINF:2.033,
s0.m4s
#EXT-X-MAP:URI="b.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:02.156Z
#EXTINF:2.033,
s1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="b.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:04.189Z
#EXTINF:2.033,
s2.m4s
#EXT-X-ENDLIST
`
	if got := encode(t, Media{Target: 3 * time.Second, Segments: all, Ended: true}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTrapTargetGrows(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.TargetDuration = 2
	p.Append("a", 2.4, "")
	if p.TargetDuration == 2 {
		t.Error("the library no longer raises TARGETDURATION: simplify Encode")
	}
	m := Media{Target: 2 * time.Second, Segments: segments(1)}
	m.Segments[0].Duration = 2400 * time.Millisecond // rounds to 2
	text := encode(t, m)
	if !strings.Contains(text, "TARGETDURATION:2\n") || !strings.Contains(text, "#EXTINF:2.400,") {
		t.Errorf("target or duration changed:\n%s", text)
	}
	m.Segments[0].Duration = 2600 * time.Millisecond
	if _, err := m.Encode(false); err == nil {
		t.Error("a segment above the target must be refused")
	}
}

func TestTrapSharedBuffer(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.Append("a", 2, "")
	p.Encode().WriteString("more")
	if !strings.Contains(p.String(), "more") {
		t.Error("the library no longer hands out its own buffer: the copy can go")
	}
	m := Media{Target: 3 * time.Second, Segments: segments(1)}
	first, _ := m.Encode(false)
	clear(first)
	if second := encode(t, m); strings.Contains(second, "\x00") {
		t.Error("two results share memory")
	}
}

func TestTrapEventType(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.MediaType = m3u8.EVENT
	p.Append("a", 2, "")
	if !strings.Contains(p.String(), "ALLOW-CACHE") {
		t.Error("the library no longer writes ALLOW-CACHE: use its MediaType")
	}
	if text := encode(t, Media{Target: 3 * time.Second, Segments: segments(1)}); strings.Contains(text, "ALLOW-CACHE") {
		t.Errorf("ALLOW-CACHE in\n%s", text)
	}
}

func TestTrapDefaultMap(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.SetDefaultMap("default.mp4", 0, 0)
	p.AppendSegment(&m3u8.MediaSegment{URI: "a", Duration: 2, Map: &m3u8.Map{URI: "own.mp4"}})
	if strings.Contains(p.String(), "own.mp4") {
		t.Error("a default MAP no longer hides those of segments")
	}
	if text := encode(t, Media{Target: 3 * time.Second, Segments: segments(9)}); strings.Count(text, "EXT-X-MAP") != 1 {
		t.Errorf("MAP is not written once:\n%s", text)
	}
}

func TestTrapCloseTwice(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.Append("a", 2, "")
	p.Encode()
	p.Close()
	p.Close()
	if strings.Count(p.String(), "ENDLIST") == 1 {
		t.Error("the library closes once now")
	}
	if text := encode(t, Media{Target: 3 * time.Second, Segments: segments(1), Ended: true}); strings.Count(text, "ENDLIST") != 1 {
		t.Errorf("ENDLIST is not there once:\n%s", text)
	}
}

func TestTrapCustomTags(t *testing.T) {
	orders := map[string]bool{}
	for range 200 {
		p, _ := m3u8.NewMediaPlaylist(0, 1)
		for _, name := range []string{"#A", "#B", "#C"} {
			p.SetCustomTag(named(name))
		}
		orders[p.String()] = true
	}
	if len(orders) == 1 {
		t.Error("the library orders custom tags now: the one tag of many lines can go")
	}
	texts := map[string]bool{}
	for range 50 {
		texts[encode(t, Media{Target: 3 * time.Second, Segments: segments(2)})] = true
	}
	if len(texts) != 1 {
		t.Error("the same playlist has several texts")
	}
}

type named string

func (n named) TagName() string { return string(n) }
func (n named) String() string  { return string(n) }
func (n named) Encode() *bytes.Buffer {
	return bytes.NewBufferString(string(n))
}

func TestTrapFullPlaylist(t *testing.T) {
	p, _ := m3u8.NewMediaPlaylist(0, 1)
	p.Append("a", 2, "")
	if p.Append("b", 2, "") == nil {
		t.Error("the library grows now: the capacity can go")
	}
	if text := encode(t, Media{Target: 3 * time.Second, Segments: segments(7200)}); strings.Count(text, "#EXTINF") != 7200 {
		t.Error("segments are missing")
	}
}

func TestTrapProgramID(t *testing.T) {
	p := m3u8.NewMasterPlaylist()
	p.Append("a", nil, m3u8.VariantParams{Bandwidth: 1})
	if !strings.Contains(p.String(), "PROGRAM-ID") {
		t.Error("the library no longer writes PROGRAM-ID: withoutProgramID can go")
	}
	const want = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS="avc1.42e01f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="sound",FRAME-RATE=29.970
high.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=96000,AVERAGE-BANDWIDTH=96000,CODECS="mp4a.40.2",AUDIO="sound"
audio.m3u8
`
	got := string(Master{Sound: "audio.m3u8", Variants: []Variant{
		{URI: "high.m3u8", Width: 1280, Height: 720, Codecs: []string{"avc1.42e01f", "mp4a.40.2"}, Peak: 900000, Average: 800000, FrameRate: 29.97},
		{URI: "audio.m3u8", Codecs: []string{"mp4a.40.2"}, Peak: 96000, Average: 96000},
	}}.Encode())
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// BenchmarkFourHours encodes the longest playlist there is.
func BenchmarkFourHours(b *testing.B) {
	m := Media{Target: 3 * time.Second, Segments: segments(7200)}
	for b.Loop() {
		text, err := m.Encode(false)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(text)), "bytes")
	}
}
