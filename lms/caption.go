package lms

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cue is one caption: what is said from StartMS to EndMS, milliseconds of the session timeline (or of a recording,
// where that is said). Text and Speaker are plain words without markup; Text may have several lines, none empty.
type Cue struct {
	StartMS, EndMS int64
	Text           string
	Speaker        string // "" when not said
}

// Captions are cues in the order of their beginnings. They may overlap.
type Captions []Cue

// CaptionSource says where a version of captions comes from.
type CaptionSource string

// The sources.
const (
	CaptionsUploaded CaptionSource = "upload" // a file
	CaptionsLive     CaptionSource = "live"   // written while the lecture was on air
	CaptionsHeard    CaptionSource = "speech" // by speech recognition
)

// Limits of captions. Five hours of fast speech are about 9,000 cues in 700 KB.
const (
	MaxCaptionFile = 2 << 20 // bytes
	MaxCues        = 20_000
	MaxCueText     = 1_000         // characters of one cue
	MaxSpeaker     = 80            // characters of a speaker's name
	MaxCueLength   = 10 * 60_000   // ms; the player looks no further back
	maxCueTime     = 48 * 3600_000 // ms
	maxLiveText    = 400           // characters of one live line
)

// A live line is shown for as long as it takes to read it at 15 characters a second, the pace of subtitles on
// television, and a moment to find it, but neither flashes nor lingers.
const (
	readMSPerCharacter = 1000 / 15
	findMS             = 1000
	leastLiveMS        = 2500
	mostLiveMS         = 8000
)

// LiveCue makes the cue of a line that has just been written, at the live edge of the timeline. It refuses a line
// without words or with too many.
func LiveCue(text, speaker string, edgeMS int64) (Cue, error) {
	text, speaker = cleanLines(text), cleanLine(speaker)
	n := int64(utf8.RuneCountInString(text))
	switch {
	case n == 0:
		return Cue{}, invalid("text", "Write what is said.")
	case n > maxLiveText:
		return Cue{}, invalid("text", "Send at most 400 characters at a time.")
	case utf8.RuneCountInString(speaker) > MaxSpeaker:
		return Cue{}, invalid("speaker", "A name has at most 80 characters.")
	}
	shown := min(mostLiveMS, max(leastLiveMS, findMS+n*readMSPerCharacter))
	return Cue{StartMS: edgeMS, EndMS: edgeMS + shown, Text: text, Speaker: speaker}, nil
}

// sliverMS is what is left of a longer cue by a cut and is too short to be read.
const sliverMS = 100

// OnRecording returns the cues where a recording shows them: what lies in a removed stretch is gone, and a cue that
// reaches into one is cut there. Times of the result are the recording's.
func (c Captions) OnRecording(e EditList) Captions {
	var out Captions
	for _, cue := range c {
		first := len(out)
		for _, p := range e {
			from, to := max(cue.StartMS, p.TimelineMS), min(cue.EndMS, p.TimelineMS+p.LengthMS)
			if to <= from || to-from < min(sliverMS, cue.EndMS-cue.StartMS) {
				continue
			}
			shown := cue
			shown.StartMS, shown.EndMS = p.RecordingMS+from-p.TimelineMS, p.RecordingMS+to-p.TimelineMS
			if n := len(out); n > first && out[n-1].EndMS == shown.StartMS {
				out[n-1].EndMS = shown.EndMS // the cut is inside the cue
				continue
			}
			out = append(out, shown)
		}
	}
	out.sort()
	return out
}

// OnTimeline is the way back: cues timed by a recording, where they lie on the session timeline. A cue across a cut
// of the recording also covers what was removed there. Cues outside the recording are dropped.
func (c Captions) OnTimeline(e EditList) Captions {
	var out Captions
	for _, cue := range c {
		placed := Cue{StartMS: -1, Text: cue.Text, Speaker: cue.Speaker}
		for _, p := range e {
			from, to := max(cue.StartMS, p.RecordingMS), min(cue.EndMS, p.RecordingMS+p.LengthMS)
			if to <= from {
				continue
			}
			from, to = p.TimelineMS+from-p.RecordingMS, p.TimelineMS+to-p.RecordingMS
			if placed.StartMS < 0 {
				placed.StartMS, placed.EndMS = from, to
			} else if to-placed.StartMS <= MaxCueLength {
				placed.EndMS = to
			}
		}
		if placed.StartMS >= 0 {
			out = append(out, placed)
		}
	}
	out.sort()
	return out
}

// Showing narrows a stretch of the timeline to what is kept of it: from the first kept moment to the last. It is
// false when nothing is: what was taken out of a recording is not to be read in its captions either.
func (e EditList) Showing(fromMS, toMS int64) (from, to int64, ok bool) {
	for _, p := range e {
		a, b := max(fromMS, p.TimelineMS), min(toMS, p.TimelineMS+p.LengthMS)
		if b <= a {
			continue
		}
		if !ok {
			from = a
		}
		to, ok = b, true
	}
	return from, to, ok
}

// Between returns the cues of which something is shown from one moment to another.
func (c Captions) Between(fromMS, toMS int64) Captions {
	end, _ := slices.BinarySearchFunc(c, toMS, func(cue Cue, at int64) int { return cmp.Compare(cue.StartMS, at) })
	var out Captions
	begin, _ := slices.BinarySearchFunc(c, fromMS-MaxCueLength, func(cue Cue, at int64) int { return cmp.Compare(cue.StartMS, at) })
	for _, cue := range c[begin:max(begin, end)] {
		if cue.EndMS > fromMS {
			out = append(out, cue)
		}
	}
	return out
}

func (c Captions) sort() {
	slices.SortStableFunc(c, func(a, b Cue) int { return cmp.Compare(a.StartMS, b.StartMS) })
}

// cleanLines makes plain lines of what somebody wrote: no control characters, no space at the ends, no empty line.
func cleanLines(text string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text), "\n") {
		if line = cleanLine(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// cleanLine makes one line: runs of white space are one space, control characters and what is no UTF-8 are dropped.
func cleanLine(line string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r) || r == '\ufeff' {
			return -1
		}
		return r
	}, line)), " ")
}
