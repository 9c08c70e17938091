package lms

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseCaptions(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       Captions
	}{
		{"the least", "WEBVTT\n\n00:01.000 --> 00:02.500\nHello", Captions{{1000, 2500, "Hello", ""}}},
		{
			"everything around", "\ufeffWEBVTT - A title\r\nKind: captions\r\n\r\nNOTE\r\nmade by hand\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\nREGION\r\nid:a\r\n\r\n" +
				"first cue\r\n00:00:01.000 --> 01:00:02.500 align:start position:10%\r\nHello\r\n  world \r\n\r\n\r\n",
			nil, // one hour long
		},
		{
			"names, settings, old line ends", "WEBVTT\ttitle\r\rNOTE skip --me\r\rintro\r00:00:01.000\t-->\t00:00:02.500\talign:start\rHello\r  world \r",
			Captions{{1000, 2500, "Hello\nworld", ""}},
		},
		{"overlap is allowed", "WEBVTT\n\n00:01.000 --> 00:09.000\na\n\n00:01.000 --> 00:02.000\nb", Captions{{1000, 9000, "a", ""}, {1000, 2000, "b", ""}}},
		{"markup goes, voices stay", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v.loud Dr. A &amp; B><i>E. coli</i> <c.red>is</c> <00:00:01.500>here</v>", Captions{{1000, 2000, "E. coli is here", "Dr. A & B"}}},
		{"two voices", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Rao>Why?</v>\n<v Kim>Because.", Captions{{1000, 2000, "Why?\nKim: Because.", "Rao"}}},
		{"signs are no markup", "WEBVTT\n\n00:01.000 --> 00:02.000\np < 0.05 and n > 30, a<b>c, <unknown> &lt;b&gt; &amp;lt;", Captions{{1000, 2000, "p < 0.05 and n > 30, ac, <unknown> <b> &lt;", ""}}},
		{"script stays words", "WEBVTT\n\n00:01.000 --> 00:02.000\n<script>alert(1)</script><img src=x onerror=alert(1)>", Captions{{1000, 2000, "<script>alert(1)</script><img src=x onerror=alert(1)>", ""}}},
		{"cues without words", "WEBVTT\n\n00:01.000 --> 00:02.000\n\n00:02.000 --> 00:03.000\n<i></i>\n\n00:03.000 --> 00:04.000\nc", Captions{{3000, 4000, "c", ""}}},
		{"long lectures", "WEBVTT\n\n100:00.000 --> 00:01.000\na", nil},
		{"hours of any length", "WEBVTT\n\n0001:00:00.000 --> 01:00:01.000\na", Captions{{3600_000, 3601_000, "a", ""}}},
		{"SubRip", "1\r\n00:00:01,000 --> 00:00:02,500\r\n{\\an8}<font color=\"red\">Hello</font>\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nworld\r\n", Captions{{1000, 2500, "Hello", ""}, {3000, 4000, "world", ""}}},
		{"SubRip without numbers", "\n00:00:01,000 --> 00:00:02,500\nHello", Captions{{1000, 2500, "Hello", ""}}},
		{"right to left", "WEBVTT\n\n00:01.000 --> 00:02.000\nالقلب &rlm;(heart)", Captions{{1000, 2000, "القلب \u200f(heart)", ""}}},
	} {
		got, err := ParseCaptions([]byte(c.file))
		if c.want == nil {
			if err == nil {
				t.Errorf("%s was taken: %v", c.name, got)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// TestCaptionProblems holds that each mistake is named with its line.
func TestCaptionProblems(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       string
	}{
		{"empty", "", "1 The first line"},
		{"no header", "Hello\n\n00:01.000 --> 00:02.000\na", "1 The first line"},
		{"header of another kind", "WEBVTTX\n\n00:01.000 --> 00:02.000\na", "1 The first line"},
		{"no cues", "WEBVTT\n\nNOTE nothing\n", "1 There is no caption"},
		{"latin letters", "WEBVTT\n\n00:01.000 --> 00:02.000\ncaf\xe9", "4 These are not UTF-8"},
		{"a NUL", "WEBVTT\n\n00:01.000 --> 00:02.000\na\x00b", "4 There is a NUL"},
		{"a binary file", "\x00\x01WEBVTT", "1 There is a NUL"},
		{"times at once", "WEBVTT\n00:01.000 --> 00:02.000\na", "2 An empty line"},
		{"a segment", "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n00:01.000 --> 00:02.000\na", "2 This is one segment"},
		{"words without times", "WEBVTT\n\n00:01.000 --> 00:02.000\na\n\nb\nc", "6 Times such as"},
		{"a name alone", "WEBVTT\n\nname", "3 Times such as"},
		{"no empty line", "WEBVTT\n\n00:01.000 --> 00:02.000\na\n00:03.000 --> 00:04.000\nb", "5 An empty line"},
		{"ends early", "WEBVTT\n\n00:02.000 --> 00:01.000\na", "3 This caption ends"},
		{"no length", "WEBVTT\n\n00:02.000 --> 00:02.000\na", "3 This caption ends"},
		{"out of order", "WEBVTT\n\n00:05.000 --> 00:06.000\na\n\n00:04.000 --> 00:05.000\nb", "6 This caption begins before"},
		{"seconds", "WEBVTT\n\n00:61.000 --> 01:02.000\na", `3 "00:61.000" is no time`},
		{"no fraction", "WEBVTT\n\n00:01 --> 00:02\na", `3 "00:01" is no time`},
		{"no end", "WEBVTT\n\n00:01.000 -->\na", `3 "" is no time`},
		{"a long word", "WEBVTT\n\n" + strings.Repeat("x", 50) + " --> 00:02\na", `3 "xxxxxxxxxxxxxxxxxxxx…" is no time`},
		{"too late", "WEBVTT\n\n48:00:00.000 --> 48:00:01.000\na", "3 This is later"},
		{"too long", "WEBVTT\n\n00:00.000 --> 10:00.001\na", "3 This caption lasts"},
		{"too many words", "WEBVTT\n\n00:00.000 --> 00:01.000\n" + strings.Repeat("é", MaxCueText+1), "4 This caption has more"},
		{"a long name", "WEBVTT\n\n00:00.000 --> 00:01.000\n<v " + strings.Repeat("x", MaxSpeaker+1) + ">a", "4 The name of the speaker"},
		{"too large", "WEBVTT\n\n" + strings.Repeat("\n", MaxCaptionFile), "1 The file has more"},
	} {
		_, err := ParseCaptions([]byte(c.file))
		var problems *CaptionProblems
		if !errors.As(err, &problems) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := fmt.Sprint(problems.Lines[0].Line, " ", problems.Lines[0].Message); !strings.HasPrefix(got, c.want) || len(problems.Lines) != 1 {
			t.Errorf("%s: %d problems, %q, want %q", c.name, len(problems.Lines), got, c.want)
		}
		var p *Problem
		if !errors.As(err, &p) || !errors.Is(err, ErrInvalid) || p.Field != "file" {
			t.Errorf("%s: is no Problem of the file: %v", c.name, err)
		}
	}
}

func TestManyProblemsAreCounted(t *testing.T) {
	_, err := ParseCaptions([]byte("WEBVTT\n\n" + strings.Repeat("00:02.000 --> 00:01.000\na\n\n", 50)))
	var problems *CaptionProblems
	if !errors.As(err, &problems) || len(problems.Lines) != shownProblems || problems.More != 30 || problems.Lines[1].Line != 6 {
		t.Errorf("%+v", problems)
	}
}

func TestTooManyCues(t *testing.T) {
	_, err := ParseCaptions([]byte("WEBVTT\n\n" + strings.Repeat("00:01.000 --> 00:02.000\na\n\n", MaxCues+5)))
	if err == nil || !strings.Contains(err.Error(), "more than 20000 captions") {
		t.Error(err)
	}
}

func TestWriteCaptions(t *testing.T) {
	c := Captions{{1000, 2500, "p < 0.05 & so\non --> x", "Dr <b>"}, {3661_001, 3662_000, "b", ""}}
	const want = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v Dr &lt;b&gt;>p &lt; 0.05 &amp; so\non --&gt; x\n\n01:01:01.001 --> 01:01:02.000\nb\n"
	if got := string(c.WebVTT()); got != want {
		t.Errorf("%q", got)
	}
	if got := string(c.Transcript()); got != "[00:00:01] Dr <b>: p < 0.05 & so on --> x\n[01:01:01] b\n" {
		t.Errorf("%q", got)
	}
	if got := string(Captions(nil).WebVTTWith("X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n")); got != "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n" {
		t.Errorf("%q", got)
	}
}

// FuzzCaptions: whatever is taken keeps the rules, holds no markup of a kind that WebVTT reads, and comes back the
// same when it is written and read again.
func FuzzCaptions(f *testing.F) {
	for _, seed := range []string{
		"WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>a &amp; b</v>\n", "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}a\n\n2\n00:00:02,000 --> 00:00:03,000\nb",
		"\ufeffWEBVTT x\r\n\r\nNOTE\r\nx\r\n\r\nid\r\n00:01.000 --> 00:02.000 line:0\r\n&#60;b>&lrm;\r\n", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v &#10;>\u2028<v>\n",
		"WEBVTT\n\n00:01.000 --> 00:02.000\n{\\an&#49;}&#xD800;<00:01>\n\n00:01.000 --> 00:01.001\n<v<v a>b>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		first, err := ParseCaptions(file)
		if err != nil {
			var problems *CaptionProblems
			if !errors.As(err, &problems) || len(problems.Lines) == 0 || problems.Lines[0].Line < 1 {
				t.Fatalf("refused without a line: %v", err)
			}
			return
		}
		before := int64(0)
		for _, cue := range first {
			if cue.StartMS < before || cue.EndMS <= cue.StartMS || cue.EndMS > maxCueTime || cue.Text == "" || cue.Text != cleanLines(cue.Text) || strings.Contains(cue.Speaker, "\n") {
				t.Fatalf("against the rules: %+v", cue)
			}
			before = cue.StartMS
		}
		written := first.WebVTT()
		if strings.Count(string(written), "-->") != len(first) {
			t.Fatalf("times in the words: %q", written)
		}
		second, err := ParseCaptions(written)
		if err != nil && len(written) <= MaxCaptionFile {
			t.Fatalf("not read again: %v\n%q", err, written)
		}
		if err == nil && !slices.Equal(first, second) {
			t.Fatalf("changed:\n%v\n%v", first, second)
		}
		for _, e := range []EditList{trimmed, nil} {
			for _, cue := range first.OnRecording(e) {
				if cue.EndMS <= cue.StartMS {
					t.Fatalf("no length on the recording: %+v", cue)
				}
			}
		}
	})
}
