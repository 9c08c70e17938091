package playlist

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// Subtitles is a media playlist of WebVTT files, which need no initialisation section.
type Subtitles struct {
	Target   time.Duration // EXT-X-TARGETDURATION, whole seconds; the same as of pictures and sound
	First    int           // EXT-X-MEDIA-SEQUENCE
	Breaks   int           // EXT-X-DISCONTINUITY-SEQUENCE
	Segments []Segment     // without Map and Parts
	Whole    bool          // all from the start, to which segments are only added
	Ended    bool
}

// Encode returns the playlist as text.
func (s Subtitles) Encode() ([]byte, error) {
	w := writer{version: version, target: s.Target, first: s.First, breaks: s.Breaks, ended: s.Ended}
	if s.Whole {
		w.head = []string{"#EXT-X-PLAYLIST-TYPE:EVENT"}
	}
	out, _, err := w.encode(s.Segments)
	return out, err
}

// SubtitleTrack is one language of subtitles in a master playlist.
type SubtitleTrack struct {
	URI      string // of its media playlist
	Language string // BCP 47
	Name     string // as viewers read it; no two are the same
}

// subtitleGroup names the group of subtitles.
const subtitleGroup = "subtitles"

// WithSubtitles returns a master playlist of this package with subtitles beside all variants (RFC 8216 section
// 4.3.4.1). None of them is shown unless a viewer, or the viewer's system, asks for it.
func WithSubtitles(master []byte, tracks []SubtitleTrack) []byte {
	if len(tracks) == 0 {
		return master
	}
	var media strings.Builder
	for _, t := range tracks {
		fmt.Fprintf(&media, `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="%s",NAME="%s",LANGUAGE="%s",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,`+
			`CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog",URI="%s"`+"\n", subtitleGroup, quotable(t.Name), t.Language, t.URI)
	}
	const variant = "#EXT-X-STREAM-INF:"
	var out bytes.Buffer
	for line := range bytes.Lines(master) {
		if !bytes.HasPrefix(line, []byte(variant)) {
			out.Write(line)
			continue
		}
		out.WriteString(media.String())
		media.Reset()
		fmt.Fprintf(&out, "%s,SUBTITLES=\"%s\"\n", bytes.TrimRight(line, "\r\n"), subtitleGroup)
	}
	return out.Bytes()
}

// quotable drops what a quoted string cannot hold (RFC 8216 section 4.2).
func quotable(s string) string { return strings.NewReplacer(`"`, "", "\n", "", "\r", "").Replace(s) }
