// Package playlist writes HLS playlists (RFC 8216) through grafov/m3u8, and is the only one to use that
// library, because it has to be used with care. What to know of it:
//
//   - AppendSegment grows TARGETDURATION by Ceil, where the RFC rounds to the nearest; here the target
//     is set first and a segment above it is refused.
//   - Custom tags come out in random order and one per name, so all of ours are one tag of several lines.
//   - Encode returns the library's own buffer, and is not safe for concurrent use; here a playlist is
//     built, encoded, copied and forgotten in one call.
//   - A default MAP hides the MAPs of segments; here only segments have one.
//   - MediaType EVENT also writes ALLOW-CACHE, which the RFC has removed; here the type is a custom tag.
//   - Closing twice after encoding writes ENDLIST twice; here it is closed once, before.
//   - EXTINF is rounded to milliseconds, so durations here are whole milliseconds.
package playlist

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/grafov/m3u8"
)

// Segment is one entry of a media playlist.
type Segment struct {
	URI           string
	Map           string        // URI of the initialisation section
	Duration      time.Duration // whole milliseconds
	Start         time.Time     // EXT-X-PROGRAM-DATE-TIME
	Discontinuity bool
	Parts         []Part // listed before it; none where nobody needs them any more
}

// Media is a media playlist from the first segment on, to which segments are only ever added.
type Media struct {
	Target   time.Duration // EXT-X-TARGETDURATION, whole seconds; never changes
	Segments []Segment
	Anchors  []Anchor
	Marks    []Mark
	Ended    bool
}

// version 7 has EXT-X-MAP for segments in fMP4 (RFC 8216 section 7).
const version = 7

// Encode returns the playlist as text: whole, or while it grows as a delta update (EXT-X-SKIP) when that is
// asked for and there is something to leave out. It fails when a segment is longer than the target allows.
func (m Media) Encode(delta bool) ([]byte, error) {
	w := writer{version: version, target: m.Target, ended: m.Ended, head: []string{"#EXT-X-PLAYLIST-TYPE:EVENT"}}
	if !m.Ended {
		w.version = liveVersion
		w.head = append(w.head, fmt.Sprintf("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%s,HOLD-BACK=%s",
			seconds(skipUntil*m.Target), seconds(holdBack*m.Target)))
		if delta {
			w.skip = skippable(m.Segments, 0, m.Target)
		}
	}
	w.head = append(w.head, ranges(m.Anchors, m.Marks)...)
	out, _, err := w.encode(m.Segments)
	return out, err
}

// lines is a custom tag that writes itself as it is.
type lines string

func (l lines) TagName() string       { return "lines" }
func (l lines) Encode() *bytes.Buffer { return bytes.NewBufferString(string(l)) }
func (l lines) String() string        { return string(l) }

// Variant is one quality of the picture, with the sound beside it.
type Variant struct {
	URI           string
	Width, Height int // zero for sound alone
	Codecs        []string
	Peak, Average int // bits per second of picture and sound together
	FrameRate     float64
}

// Master is a master playlist: one sound for all variants.
type Master struct {
	Sound    string // URI of its media playlist; "" for pictures without sound
	Variants []Variant
}

// soundGroup names the audio group.
const soundGroup = "sound"

// Encode returns the playlist as text.
func (m Master) Encode() []byte {
	p := m3u8.NewMasterPlaylist()
	group, sounds := "", []*m3u8.Alternative(nil)
	if m.Sound != "" {
		group, sounds = soundGroup, []*m3u8.Alternative{{
			Type: "AUDIO", GroupId: soundGroup, Name: "Sound", URI: m.Sound, Default: true, Autoselect: "YES",
		}}
	}
	for _, v := range m.Variants {
		params := m3u8.VariantParams{
			Bandwidth: uint32(v.Peak), AverageBandwidth: uint32(v.Average), Codecs: strings.Join(v.Codecs, ","),
			Audio: group, Alternatives: sounds,
			FrameRate: math.Round(v.FrameRate*1000) / 1000,
		}
		if v.Width > 0 {
			params.Resolution = fmt.Sprintf("%dx%d", v.Width, v.Height)
		}
		p.Append(v.URI, nil, params)
	}
	p.SetVersion(version)
	return withoutProgramID(p.Encode().Bytes())
}

// withoutProgramID removes an attribute that the library always writes and RFC 8216 no longer has.
func withoutProgramID(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte("STREAM-INF:PROGRAM-ID=0,"), []byte("STREAM-INF:"))
}
