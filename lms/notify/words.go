package notify

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"

	"lectern/lms"
	"lectern/lms/locale"
)

// letterFiles are the messages by language and kind: the subject on the first line, an empty line, the text. In
// words.txt of each language stand the phrases that several letters use.
//
//go:embed letters
var letterFiles embed.FS

// script is a message of one kind in one language. What comes from people stands in the body only, never in a header.
type script struct {
	subject string
	body    *template.Template
}

// words are the letters of one language.
type words struct {
	letters map[lms.NoticeKind]script
	phrases map[string]*template.Template
	dates   locale.Dates
	rtl     bool // written from right to left
}

// languages are the words by tag.
type languages map[lms.Language]*words

// postbag is all that we can write. The files are part of the program: what is wrong in them, the first test finds.
var postbag = mustRead(letterFiles)

func mustRead(files fs.FS) languages {
	all, err := readLetters(files)
	if err != nil {
		panic(err)
	}
	return all
}

// of returns the words of a language, or of the one it is a variety of, else those in English.
func (l languages) of(tag lms.Language) *words {
	if w := l[tag]; w != nil {
		return w
	}
	base, _, _ := strings.Cut(string(tag), "-")
	if w := l[lms.Language(base)]; w != nil {
		return w
	}
	return l["en"]
}

func readLetters(files fs.FS) (languages, error) {
	names, err := fs.Glob(files, "letters/*/*.txt")
	if err != nil {
		return nil, err
	}
	all := languages{}
	for _, name := range names {
		tag, kind := lms.Language(path.Base(path.Dir(name))), strings.TrimSuffix(path.Base(name), ".txt")
		w := all[tag]
		if w == nil {
			w = &words{letters: map[lms.NoticeKind]script{}, phrases: map[string]*template.Template{}, dates: locale.For(string(tag)), rtl: tag == "ar"}
			all[tag] = w
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		if kind == "words" {
			err = w.readPhrases(string(text))
		} else {
			err = w.readLetter(lms.NoticeKind(kind), string(text))
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return all, nil
}

func (w *words) readLetter(kind lms.NoticeKind, text string) error {
	subject, body, ok := strings.Cut(text, "\n\n")
	if !ok || strings.ContainsAny(subject, "\r\n{") {
		return fmt.Errorf("want a subject without places, an empty line and the text")
	}
	parsed, err := template.New(string(kind)).Option("missingkey=error").Parse(body)
	w.letters[kind] = script{subject, parsed}
	return err
}

func (w *words) readPhrases(text string) error {
	for line := range strings.Lines(text) {
		key, phrase, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			return fmt.Errorf("%q: want a key, a colon and a phrase", line)
		}
		parsed, err := template.New(key).Option("missingkey=error").Parse(phrase)
		if err != nil {
			return err
		}
		w.phrases[key] = parsed
	}
	return nil
}

// say is the phrase with this key. One that we do not have stands for itself.
func (w *words) say(key string, value any) string {
	phrase := w.phrases[key]
	var text strings.Builder
	if phrase == nil || phrase.Execute(&text, value) != nil {
		_, last, _ := strings.Cut(key, ".")
		return last
	}
	return text.String()
}

func (w *words) greeting(name string) string {
	if name == "" {
		return w.say("greeting_nameless", nil)
	}
	return w.say("greeting", w.isolated(name))
}

func (w *words) moment(key, clock, day string, zone lms.Zone) string {
	return w.say(key, map[string]string{"Clock": clock, "Day": day, "Zone": string(zone)})
}

// isolated keeps what people have entered from reordering a sentence, by FSI and PDI (UAX 9 section 2.4.2).
func (w *words) isolated(value string) string {
	if !w.rtl || value == "" {
		return value
	}
	return "\u2068" + value + "\u2069"
}
