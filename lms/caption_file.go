package lms

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// LineProblem is something wrong with one line of a file; the first line is 1.
type LineProblem struct {
	Line    int
	Message string
}

// CaptionProblems is why a file of captions cannot be used, line by line. errors.As finds a Problem in it, with the
// first of them.
type CaptionProblems struct {
	Lines []LineProblem
	More  int // problems beyond those
}

// Error implements error.
func (p *CaptionProblems) Error() string {
	return fmt.Sprintf("%d problems, the first in line %d: %s", len(p.Lines)+p.More, p.Lines[0].Line, p.Lines[0].Message)
}

// Unwrap makes it a Problem of kind ErrInvalid.
func (p *CaptionProblems) Unwrap() error {
	return invalid("file", fmt.Sprintf("Line %d: %s", p.Lines[0].Line, p.Lines[0].Message))
}

// shownProblems bounds the list: who has to mend more has the wrong file.
const shownProblems = 20

func (p *CaptionProblems) add(line int, format string, args ...any) {
	if len(p.Lines) == shownProblems {
		p.More++
		return
	}
	p.Lines = append(p.Lines, LineProblem{line, fmt.Sprintf(format, args...)})
}

// ParseCaptions reads a WebVTT file (W3C, webvtt1), or else SubRip (.srt). It is strict where a mistake would show:
// encoding, header, times and their order. It is lenient in what is not kept: notes, styles, regions and cue
// settings are skipped, markup is dropped but for who speaks (<v>), and cues without words are left out. The error
// is a *CaptionProblems.
func ParseCaptions(file []byte) (Captions, error) {
	p := captionParser{}
	if p.begin(file) {
		p.blocks()
	}
	if len(p.problems.Lines) == 0 && len(p.cues) == 0 {
		p.problems.add(1, "There is no caption in this file.")
	}
	if len(p.problems.Lines) > 0 {
		return nil, &p.problems
	}
	return p.cues, nil
}

type captionParser struct {
	lines    []string
	at       int // of lines
	vtt      bool
	cues     Captions
	problems CaptionProblems
}

// begin checks the encoding and the header.
func (p *captionParser) begin(file []byte) bool {
	if len(file) > MaxCaptionFile {
		p.problems.add(1, "The file has more than %d MiB. Give the captions of one lecture.", MaxCaptionFile>>20)
		return false
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(file))
	p.lines = strings.Split(text, "\n")
	for i, line := range p.lines {
		switch {
		case !utf8.ValidString(line):
			p.problems.add(i+1, "These are not UTF-8 letters. Save the file as UTF-8.")
			return false
		case strings.IndexByte(line, 0) >= 0:
			p.problems.add(i+1, "There is a NUL in this line. Save the file as UTF-8 text.")
			return false
		}
	}
	first := p.lines[0]
	p.vtt = first == "WEBVTT" || strings.HasPrefix(first, "WEBVTT ") || strings.HasPrefix(first, "WEBVTT\t")
	if !p.vtt {
		if !looksLikeSRT(p.lines) {
			p.problems.add(1, `The first line must be "WEBVTT", or the file SubRip (.srt).`)
			return false
		}
		return true
	}
	for p.at = 1; p.at < len(p.lines) && p.lines[p.at] != ""; p.at++ {
		line := p.lines[p.at]
		if strings.HasPrefix(line, "X-TIMESTAMP-MAP") {
			p.problems.add(p.at+1, "This is one segment of a stream, whose times are not the lecture's. Give the whole file.")
			return false
		}
		if strings.Contains(line, "-->") {
			p.problems.add(p.at+1, "An empty line is missing after the header.")
			return false
		}
	}
	return true
}

// looksLikeSRT reports whether times come first, or after a number.
func looksLikeSRT(lines []string) bool {
	seen := 0
	for _, line := range lines {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if strings.Contains(line, "-->") {
			return true
		}
		if seen++; seen > 1 || !isAll(line, isDigit) {
			return false
		}
	}
	return false
}

// blocks reads what stands between empty lines.
func (p *captionParser) blocks() {
	for p.at < len(p.lines) {
		if blank(p.lines[p.at]) {
			p.at++
			continue
		}
		begin := p.at
		for p.at < len(p.lines) && !blank(p.lines[p.at]) {
			p.at++
		}
		p.block(begin, p.lines[begin:p.at])
		if len(p.cues) > MaxCues {
			p.problems.add(begin+1, "There are more than %d captions.", MaxCues)
			return
		}
	}
}

func blank(line string) bool { return strings.TrimSpace(line) == "" }

// block reads one: a note, a style, a region, or a cue with or without a name before its times. first is the index
// of its first line.
func (p *captionParser) block(first int, lines []string) {
	if p.vtt {
		for _, skipped := range []string{"NOTE", "STYLE", "REGION"} {
			if rest, ok := strings.CutPrefix(lines[0], skipped); ok && blank(rest[:min(1, len(rest))]) && !strings.Contains(lines[0], "-->") {
				return
			}
		}
	}
	times := 0
	if !strings.Contains(lines[0], "-->") {
		times = 1 // after its name
	}
	if times == len(lines) || !strings.Contains(lines[times], "-->") {
		p.problems.add(first+1, "Times such as 00:01:02.000 --> 00:01:05.000 are missing here.")
		return
	}
	cue, ok := p.times(first+times+1, lines[times])
	for i, line := range lines[times+1:] {
		if strings.Contains(line, "-->") {
			p.problems.add(first+times+2+i, "An empty line is missing before these times.")
			return
		}
	}
	words := strings.Join(lines[times+1:], "\n")
	if len(words) > maxCueBytes {
		p.problems.add(first+times+2, "This caption has more than %d characters.", MaxCueText)
		return
	}
	if !p.vtt {
		words = overrideTag.ReplaceAllString(words, "")
	}
	cue.Text, cue.Speaker = plainWords(words)
	switch {
	case !ok || cue.Text == "":
	case utf8.RuneCountInString(cue.Text) > MaxCueText:
		p.problems.add(first+times+2, "This caption has more than %d characters.", MaxCueText)
	case utf8.RuneCountInString(cue.Speaker) > MaxSpeaker:
		p.problems.add(first+times+2, "The name of the speaker has more than %d characters.", MaxSpeaker)
	default:
		p.cues = append(p.cues, cue)
	}
}

// clockTime is hh:mm:ss.mmm; WebVTT may leave out the hours, SubRip writes a comma.
var clockTime = regexp.MustCompile(`^(?:([0-9]{1,4}):)?([0-5][0-9]):([0-5][0-9])[.,]([0-9]{3})$`)

func parseClock(s string) (ms int64, ok bool) {
	m := clockTime.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	for i, weight := range []int64{3600_000, 60_000, 1000, 1} {
		n, _ := strconv.ParseInt(m[i+1], 10, 64) // digits by the expression, or nothing
		ms += n * weight
	}
	return ms, true
}

// times reads a line of times. Settings after them are ignored.
func (p *captionParser) times(line int, s string) (c Cue, ok bool) {
	from, to, _ := strings.Cut(s, "-->")
	to, _, _ = strings.Cut(strings.TrimSpace(to), " ")
	to, _, _ = strings.Cut(to, "\t")
	from = strings.TrimSpace(from)
	for _, t := range []struct {
		text string
		ms   *int64
	}{{from, &c.StartMS}, {to, &c.EndMS}} {
		if *t.ms, ok = parseClock(t.text); !ok {
			p.problems.add(line, "%q is no time. Write it as 00:01:02.000.", clip(t.text))
			return c, false
		}
	}
	switch n := len(p.cues); {
	case c.EndMS <= c.StartMS:
		p.problems.add(line, "This caption ends before it begins.")
	case c.EndMS > maxCueTime:
		p.problems.add(line, "This is later than any lecture lasts.")
	case c.EndMS-c.StartMS > MaxCueLength:
		p.problems.add(line, "This caption lasts longer than ten minutes.")
	case n > 0 && c.StartMS < p.cues[n-1].StartMS:
		p.problems.add(line, "This caption begins before the one above it. Put them in order.")
	default:
		return c, true
	}
	return c, false
}

// clip shortens what is shown of somebody's file.
func clip(s string) string {
	if r := []rune(s); len(r) > 20 {
		return string(r[:20]) + "…"
	}
	return s
}

// maxCueBytes is the most that is looked at for words: those that are allowed, with a good deal of markup.
const maxCueBytes = 16 * MaxCueText

// captionTag is markup, and nothing else: "p < 0.05 and n > 30" stays as it is. overrideTag is what some SubRip
// files have besides.
var (
	captionTag  = regexp.MustCompile(`(?i)</?(?:c|i|b|u|v|ruby|rt|lang|font)(?:[. \t\n][^<>]*)?>|<[0-9]+:[0-9:.]+>`)
	overrideTag = regexp.MustCompile(`\{\\an?[0-9]+\}`)
)

// plainWords drops markup. Who speaks first is returned apart; those who follow in the same cue are named in it.
func plainWords(s string) (text, speaker string) {
	var b strings.Builder
	for s != "" {
		at := captionTag.FindStringIndex(s)
		if at == nil {
			at = []int{len(s), len(s)}
		}
		b.WriteString(html.UnescapeString(s[:at[0]]))
		if name := voice(s[at[0]:at[1]]); name != "" {
			if strings.TrimSpace(b.String()) == "" {
				speaker = name
			} else {
				b.WriteString("\n" + name + ": ")
			}
		}
		s = s[at[1]:]
	}
	return cleanLines(b.String()), speaker
}

// voice returns the name in a <v> tag, which may have classes: <v.loud Dr Rao>.
func voice(tag string) string {
	if len(tag) < 3 || tag[1]|0x20 != 'v' {
		return ""
	}
	space := strings.IndexAny(tag, " \t\n")
	if space < 0 {
		return ""
	}
	return cleanLine(html.UnescapeString(strings.TrimSuffix(tag[space:], ">")))
}
