package web

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"lectern/lms"
)

func testEnglish(t *testing.T) *words {
	t.Helper()
	return must(newLanguages(wordFiles))(t).all[0]
}

// catalogue is a file of words as it is written.
func catalogue(t *testing.T, name string) map[string]any {
	t.Helper()
	texts := map[string]any{}
	if err := json.Unmarshal(must(wordFiles.ReadFile(name))(t), &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

// templates are the sources of the pages by name.
func templates(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range must(fs.Glob(pageFiles, "pages/*.html"))(t) {
		all[name] = string(must(pageFiles.ReadFile(name))(t))
	}
	return all
}

var (
	keyForm  = regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)
	keyStart = regexp.MustCompile(`^[a-z]+\.(?:[a-z_]+_)?$`)
	fileName = regexp.MustCompile(`\.(?:js|html|csv|vtt|txt|pdf|ics|json|xlsx)$`)
	keyUse   = regexp.MustCompile(`\b(?:t|parts) "([^"]*)"`)
)

// keysInGo are the string constants of our Go code that look like a key and begin like one of known.
func keysInGo(t *testing.T, known map[string]any) map[string]string {
	t.Helper()
	groups := map[string]bool{}
	for key := range known {
		group, _, _ := strings.Cut(key, ".")
		groups[group] = true
	}
	used := map[string]string{}
	for _, name := range must(filepath.Glob("*.go"))(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(must(parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution))(t), func(n ast.Node) bool {
			constant, ok := n.(*ast.BasicLit)
			if !ok || constant.Kind != token.STRING {
				return true
			}
			text := must(strconv.Unquote(constant.Value))(t)
			group, _, _ := strings.Cut(text, ".")
			if !groups[group] || fileName.MatchString(text) {
				return true
			}
			if keyForm.MatchString(text) && !strings.HasSuffix(text, "_") {
				used[text] = name
			}
			// The beginning of keys that are put together.
			if keyStart.MatchString(text) {
				for key := range known {
					if strings.HasPrefix(key, text) {
						used[key] = name
					}
				}
			}
			return true
		})
	}
	return used
}

// problemCodes are the codes of problems that the rules and the database give, with where they stand.
func problemCodes(t *testing.T) map[string]string {
	t.Helper()
	given := regexp.MustCompile(`(?:\bCode: +|\brejected\("\w+", )"([a-z_]+)"`)
	codes := map[string]string{}
	for _, folder := range []string{"../lms", "../storage/postgres", "."} {
		for _, name := range must(filepath.Glob(folder + "/*.go"))(t) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, m := range given.FindAllStringSubmatch(string(must(os.ReadFile(name))(t)), -1) {
				codes[m[1]] = name
			}
		}
	}
	if len(codes) < 10 {
		t.Fatalf("found %d codes", len(codes))
	}
	return codes
}

// TestEveryKeyIsUsedAndStandsInTheCatalogue walks the templates, the Go code and the table of failures.
func TestEveryKeyIsUsedAndStandsInTheCatalogue(t *testing.T) {
	known := catalogue(t, "words/en.json")
	used := keysInGo(t, known)
	for name, source := range templates(t) {
		for _, m := range keyUse.FindAllStringSubmatch(source, -1) {
			used[m[1]] = name
		}
	}
	for code, where := range problemCodes(t) {
		used["problem."+code] = where
	}
	for _, d := range lms.Dimensions {
		used["evaluation."+string(d)] = "lms/evaluation.go"
	}
	used[failureUnknown.title+"_do"] = "errors.go"
	for _, row := range failures {
		used[row.title+"_do"] = "errors.go"
	}
	for key, where := range used {
		if known[key] == nil {
			t.Errorf("%s: no text with the key %q in words/en.json", where, key)
		}
	}
	for key := range known {
		if used[key] == "" {
			t.Errorf("words/en.json: nothing shows %q", key)
		}
	}
}

// pluralForms are the categories of CLDR for whole numbers, by language.
var pluralForms = map[string][]string{
	"en": {"one", "other"}, "hi": {"one", "other"}, "ar": {"few", "many", "one", "other", "two", "zero"},
}

// untranslated are the beginnings of keys whose texts are in English alone: pages for staff.
var untranslated = []string{}

// TestEveryCatalogueIsComplete: a translation has all texts, the places and elements of the English one, and its
// language's forms of a text that depends on a number.
func TestEveryCatalogueIsComplete(t *testing.T) {
	place := regexp.MustCompile(`\{\{\.\w+\}\}|<\w+`)
	places := func(text any) []string {
		if forms, ok := text.(map[string]any); ok {
			text = forms["other"]
		}
		found := place.FindAllString(text.(string), -1)
		slices.Sort(found)
		return found
	}
	original := catalogue(t, "words/en.json")
	for _, name := range must(fs.Glob(wordFiles, "words/*.json"))(t) {
		translated := catalogue(t, name)
		forms := pluralForms[strings.TrimSuffix(filepath.Base(name), ".json")]
		for key, text := range original {
			their := translated[key]
			if their == nil && slices.ContainsFunc(untranslated, func(start string) bool { return strings.HasPrefix(key, start) }) {
				continue
			}
			if their == nil {
				t.Errorf("%s lacks %q", name, key)
				continue
			}
			if !slices.Equal(places(their), places(text)) {
				t.Errorf("%s: %q has the places %q, want %q", name, key, places(their), places(text))
			}
			_, depends := text.(map[string]any)
			if their, ok := their.(map[string]any); ok != depends || ok && !slices.Equal(slices.Sorted(maps.Keys(their)), forms) {
				t.Errorf("%s: %q has the forms %q, want %q", name, key, slices.Sorted(maps.Keys(their)), forms)
			}
		}
		for key := range translated {
			if original[key] == nil {
				t.Errorf("%s: English has no %q", name, key)
			}
		}
	}
}

// TestNoTemplateSpeaksByItself: what people read or hear comes from the catalogue, but for the name of the product.
func TestNoTemplateSpeaksByItself(t *testing.T) {
	action := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	spoken := regexp.MustCompile(`\s(?:title|alt|placeholder|aria-label|label)="([^"]*)"`)
	tag := regexp.MustCompile(`<[^>]*>`)
	letter := regexp.MustCompile(`\p{L}`)
	for name, source := range templates(t) {
		source = action.ReplaceAllString(source, "")
		read := strings.Split(tag.ReplaceAllString(source, "\n"), "\n")
		for _, m := range spoken.FindAllStringSubmatch(source, -1) {
			read = append(read, m[1])
		}
		for _, text := range read {
			text = strings.TrimSpace(strings.NewReplacer("Lectern", "", "XXXX-XXXX-XXXX-XX", "", "PDF", "", "CSV", "").Replace(text))
			if letter.MatchString(text) {
				t.Errorf("%s says %q by itself", name, text)
			}
		}
	}
}

// TestEveryPlaceIsFilled, and every key of a page that is shown is known.
func TestEveryPlaceIsFilled(t *testing.T) {
	spoken := must(newLanguages(wordFiles))(t)
	all := testPages(t, spoken)
	unfilled := regexp.MustCompile(`no value|\{\{|>\s*[a-z]+\.[a-z_]+\s*[<-]`)
	for name, data := range samplePages(t) {
		if found := unfilled.FindString(render(t, spoken, all, name, data)); found != "" {
			t.Errorf("%s: %q", name, found)
		}
	}
}

// twoLanguages are English and as much Arabic as shows its direction, its six plural forms and its word order.
func twoLanguages(t *testing.T) *languages {
	t.Helper()
	return must(newLanguages(fstest.MapFS{
		"words/en.json": {Data: []byte(`{"page.title": "Courses", "page.only": "Only here", "page.link": "Go to <link>the page</link>, <name/>!"}`)},
		"words/ar.json": {Data: []byte(`{"page.title": "دورات", "page.link": "<name/>: <link>الصفحة</link>",
			"page.count": {"zero": "صفر", "one": "واحدة", "two": "دورتان", "few": "{{.count}} دورات", "many": "{{.count}} دورة", "other": "{{.count}} دورة أخرى"}}`)},
	}))(t)
}

func TestLanguageIsTheReaders(t *testing.T) {
	spoken := twoLanguages(t)
	for header, want := range map[string]string{
		"": "en ltr", "ar": "ar rtl", "ar-EG,en;q=0.8": "ar rtl", "en-GB,ar;q=0.5": "en ltr", "sw, ar;q=0.3": "ar rtl",
		"sw": "en ltr", "*": "en ltr", "\x00;;q=": "en ltr", strings.Repeat("ar-", 5000): "en ltr",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", header)
		if say := spoken.of(r); say.tag+" "+say.dir != want {
			t.Errorf("%.40q: %s %s, want %s", header, say.tag, say.dir, want)
		}
	}
}

func TestPluralsFollowTheLanguage(t *testing.T) {
	arabic := twoLanguages(t).all[1]
	for n, want := range map[int]string{0: "صفر", 1: "واحدة", 2: "دورتان", 3: "3 دورات", 11: "11 دورة", 100: "100 دورة أخرى"} {
		if got := arabic.t("page.count", "count", n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	english := testEnglish(t)
	for n, want := range map[int]string{0: "No courses", 1: "One course", 12: "Twelve courses", 13: "13 courses"} {
		if got := english.t("courses.count", "count", n, "number", english.number(n)); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestMissingTextIsEnglish, so that a page is whole while its translation is not.
func TestMissingTextIsEnglish(t *testing.T) {
	arabic := twoLanguages(t).all[1]
	if got := arabic.t("page.only"); got != "Only here" {
		t.Errorf("got %q", got)
	}
	if got := arabic.t("page.unknown"); got != "page.unknown" {
		t.Errorf("got %q", got)
	}
}

// TestValuesDoNotReorderASentence: only what may run the other way is set apart, and numbers never are.
func TestValuesDoNotReorderASentence(t *testing.T) {
	english := testEnglish(t)
	for title, want := range map[string]string{"IVF": "IVF. Cairo (EET)", "علاج": "\u2068علاج\u2069. Cairo (EET)", "טיפול": "\u2068טיפול\u2069. Cairo (EET)"} {
		if got := english.t("lead.staff_more", "title", title, "zone", "Cairo (EET)"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	arabic := twoLanguages(t).all[1]
	if got := arabic.isolated("IVF"); got != "\u2068IVF\u2069" || arabic.isolated(3) != 3 {
		t.Errorf("got %q", got)
	}
}

func TestPartsKeepTheOrderOfTheLanguage(t *testing.T) {
	spoken := twoLanguages(t)
	for i, want := range [][]part{
		{{"", "Go to "}, {"link", "the page"}, {"", ", "}, {"name", ""}, {"", "!"}},
		{{"", ""}, {"name", ""}, {"", ": "}, {"link", "الصفحة"}, {"", ""}},
	} {
		if got := spoken.all[i].parts("page.link"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", spoken.all[i].tag, got, want)
		}
	}
}

func TestCataloguesThatCannotBeRead(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"no language": {"words/notalanguage.json": {Data: []byte(`{"a.b": "c"}`)}},
		"broken":      {"words/en.json": {Data: []byte(`{"a.b": `)}},
	} {
		if _, err := newLanguages(files); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
