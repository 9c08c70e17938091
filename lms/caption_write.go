package lms

import (
	"fmt"
	"strings"
)

// escaped makes words safe inside a cue of WebVTT: nothing of them is markup, or a line of times.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// WebVTT writes the cues as a file (W3C, webvtt1).
func (c Captions) WebVTT() []byte { return c.WebVTTWith("") }

// WebVTTWith is WebVTT with lines in the header, each ended, such as the X-TIMESTAMP-MAP of a segment.
func (c Captions) WebVTTWith(header string) []byte {
	var b strings.Builder
	b.WriteString("WEBVTT\n" + header)
	for _, cue := range c {
		fmt.Fprintf(&b, "\n%s --> %s\n", clockOf(cue.StartMS), clockOf(cue.EndMS))
		if cue.Speaker != "" {
			fmt.Fprintf(&b, "<v %s>", escaped.Replace(cue.Speaker))
		}
		b.WriteString(escaped.Replace(cue.Text) + "\n")
	}
	return []byte(b.String())
}

// Transcript writes the cues to be read: one line each, with its time, and with who speaks where that is said.
func (c Captions) Transcript() []byte {
	var b strings.Builder
	for _, cue := range c {
		clock, _, _ := strings.Cut(clockOf(cue.StartMS), ".")
		fmt.Fprintf(&b, "[%s] ", clock)
		if cue.Speaker != "" {
			b.WriteString(cue.Speaker + ": ")
		}
		b.WriteString(strings.ReplaceAll(cue.Text, "\n", " ") + "\n")
	}
	return []byte(b.String())
}

// clockOf writes milliseconds as hh:mm:ss.mmm.
func clockOf(ms int64) string {
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
