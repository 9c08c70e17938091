package lms

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaterialID names slides or a handout of a course.
type MaterialID string

// Bounds of materials.
const (
	// MaxMaterial is the largest file, in bytes.
	MaxMaterial = 100 << 20
	// MaxMaterials is how many files a course has.
	MaxMaterials = 30
	maxQuery     = 200
	maxTerms     = 8
)

// ParseMaterialName reads the name under which material is shown: that of the file, in any script, without its folder.
func ParseMaterialName(s string) (string, error) {
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	name, err := parseLine("name", s, 1, 200, "")
	if err != nil {
		return "", invalid("name", "Give the file a name of at most 200 characters.")
	}
	return name, nil
}

// ErrTooManyMaterials is what a course that has MaxMaterials says to one more.
var ErrTooManyMaterials = &Problem{Kind: ErrConflict, Message: "This course has 30 files already. Remove one first."}

// ParseSearch cuts what somebody looks for into its words, folded, at most eight of them. None is no error: nothing is found.
func ParseSearch(s string) []string {
	if len(s) > 4*maxQuery {
		s = s[:4*maxQuery]
	}
	words := strings.FieldsFunc(Folded(strings.ToValidUTF8(s, "")), func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) && !unicode.Is(unicode.Join_Control, c)
	})
	return words[:min(len(words), maxTerms)]
}

// Folded makes texts alike that differ in case or in the accents of Latin, Greek and Cyrillic letters only, or in the vowel
// marks of Arabic. What else is a mark, such as the vowels of Devanagari, belongs to the word.
func Folded(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, c := range s {
		switch {
		case c >= 0x300 && c <= 0x36f, c >= 0x64b && c <= 0x652, c == 0x640: // accents, harakat, tatweel
			continue
		case c >= utf8.RuneSelf:
			if base, ok := plainLetters[unicode.ToLower(c)]; ok {
				b.WriteString(base)
				continue
			}
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// plainLetters are composed letters without their accents: the standard library cannot decompose.
var plainLetters = func() map[rune]string {
	all := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ı': "i"}
	for _, group := range []string{
		"aàáâãäåāăąǎạảấầẩẫậắằẳẵặ", "cçćĉċč", "dď", "eèéêëēĕėęěẹẻẽếềểễệ", "gĝğġģ", "hĥ", "iìíîïĩīĭįǐịỉ", "jĵ", "kķ", "lĺļľ", "nñńņňʼn",
		"oòóôõöōŏőǒơọỏốồổỗộớờởỡợ", "rŕŗř", "sśŝşšș", "tţťț", "uùúûüũūŭůűųǔưụủứừửữự", "wŵ", "yýÿŷỳỵỷỹ", "zźżž",
		"αά", "εέ", "ηή", "ιίϊΐ", "οό", "υύϋΰ", "ωώ", "её", "иѝ", "اأإآ", "يى", "هة",
	} {
		base, size := utf8.DecodeRuneInString(group)
		for _, c := range group[size:] {
			all[c] = string(base)
		}
	}
	return all
}()
