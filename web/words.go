package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/bidi"

	"lectern/lms"
	"lectern/lms/locale"
)

// wordFiles are the catalogues, one per language: texts by key, or their plural forms by CLDR category. A text
// may hold {{.name}} places and, for say.parts, elements such as <link>the page</link>.
//
//go:embed words
var wordFiles embed.FS

// english is the language of what a catalogue lacks and of readers whose languages we do not speak.
var english = language.English

// languages are all catalogues.
type languages struct {
	match language.Matcher
	all   []*words // in the order of match, English first
}

// words are the texts of the pages in one language.
type words struct {
	tag   string // BCP 47, for the lang attribute
	dir   string // "ltr" or "rtl"
	name  string // of the language, in itself
	texts *i18n.Localizer
	dates locale.Dates
}

// newLanguages reads words/<tag>.json. There must be one for English.
func newLanguages(files fs.FS) (*languages, error) {
	bundle := i18n.NewBundle(english)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	names, err := fs.Glob(files, "words/*.json")
	if err != nil {
		return nil, fmt.Errorf("list catalogues: %w", err)
	}
	tags := []language.Tag{english}
	for _, name := range names {
		if _, err := bundle.LoadMessageFileFS(files, name); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", name, err)
		}
		tag, err := language.Parse(strings.TrimSuffix(path.Base(name), ".json"))
		if err != nil {
			return nil, fmt.Errorf("catalogue %s: its name is no language: %w", name, err)
		}
		if tag != english {
			tags = append(tags, tag)
		}
	}
	l := &languages{match: language.NewMatcher(tags)}
	for _, tag := range tags {
		l.all = append(l.all, &words{
			tag: tag.String(), dir: direction(tag), name: display.Self.Name(tag),
			texts: i18n.NewLocalizer(bundle, tag.String()), dates: locale.For(tag.String()),
		})
	}
	return l, nil
}

// direction is that of the script a language is written in most often, by CLDR.
func direction(tag language.Tag) string {
	switch script, _ := tag.Script(); script.String() {
	case "Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa":
		return "rtl"
	}
	return "ltr"
}

// of chooses a language by Accept-Language (RFC 9110 section 12.5.4). Without a common one it is English.
func (l *languages) of(r *http.Request) *words {
	_, i := language.MatchStrings(l.match, r.Header.Get("Accept-Language"))
	return l.all[i]
}

// named is the language with exactly this tag, nil when we do not speak it.
func (l *languages) named(tag string) *words {
	for _, say := range l.all {
		if say.tag == tag {
			return say
		}
	}
	return nil
}

// t is the text with this key. Names and values for its places follow in pairs; the value named "count" also
// chooses the plural form. A key that stands in no catalogue stands for itself.
func (say *words) t(key string, pairs ...any) string {
	values := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[fmt.Sprint(pairs[i])] = say.isolated(pairs[i+1])
	}
	text, err := say.texts.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: values, PluralCount: values["count"]})
	if err != nil && text == "" { // a text in English instead comes with an error, too
		return key
	}
	return text
}

// problem words what a rule has refused, by its code.
func (say *words) problem(p *lms.Problem) string {
	pairs := make([]any, 0, 2*len(p.Values))
	for name, value := range p.Values {
		pairs = append(pairs, name, value)
	}
	return say.t("problem."+p.Code, pairs...)
}

// isolated keeps a value that may run against the sentence from reordering it, by FSI and PDI (UAX 9 section 2.4.2).
func (say *words) isolated(value any) any {
	text, ok := value.(string)
	if !ok || say.dir == "ltr" && !strings.ContainsFunc(text, toTheLeft) {
		return value
	}
	return "\u2068" + text + "\u2069"
}

// toTheLeft reports whether a letter is of a script that is written from right to left.
func toTheLeft(r rune) bool {
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.R || p.Class() == bidi.AL
}

// part is a piece of a text that stands in an element of its own, which the template knows by name, or, without
// a name, between elements.
type part struct{ Name, Text string }

var element = regexp.MustCompile(`<(\w+)(?:/>|>([^<]*)</\w+>)`)

// parts cuts the text with this key at its elements, so that a translation may order them as its grammar wants.
// What people enter is put there by the template: it never goes through here.
func (say *words) parts(key string) []part {
	text := say.t(key)
	var all []part
	at := 0
	for _, m := range element.FindAllStringSubmatchIndex(text, -1) {
		all = append(all, part{Text: text[at:m[0]]})
		named := part{Name: text[m[2]:m[3]]}
		if m[4] >= 0 {
			named.Text = text[m[4]:m[5]]
		}
		all = append(all, named)
		at = m[1]
	}
	return append(all, part{Text: text[at:]})
}

// number is a small number as it stands in a heading, in letters where the language has them so.
func (say *words) number(n int) string {
	letters := strings.Fields(say.t("number.letters"))
	if n >= 0 && n < len(letters) {
		return letters[n]
	}
	return fmt.Sprint(n)
}
