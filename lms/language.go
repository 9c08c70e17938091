package lms

import "strings"

// Language is a language tag (BCP 47, RFC 5646) in its usual letters: "en", "pt-BR", "zh-Hant-TW".
type Language string

// Undetermined is the language of what nobody has told (ISO 639-2).
const Undetermined Language = "und"

// maxLanguage is the length that RFC 5646 section 4.4.1 asks everybody to take.
const maxLanguage = 35

// ParseLanguage reads a well-formed tag (RFC 5646 section 2.1): a language of two or three letters, then script,
// region and variants, in this order. Whether the subtags are registered is not asked; extensions, private and
// grandfathered tags are refused, because players of HLS do not know them.
func ParseLanguage(s string) (Language, error) {
	const help = "Give the language as a tag such as en, pt-BR or zh-Hant."
	parts := strings.Split(s, "-")
	if len(s) > maxLanguage || len(parts[0]) < 2 || len(parts[0]) > 3 || !isAll(parts[0], isLetter) {
		return "", invalid("language", help)
	}
	parts[0] = strings.ToLower(parts[0])
	const script, region, variant = 1, 2, 3
	for i, at := 1, script; i < len(parts); i++ {
		p := parts[i]
		switch {
		case at <= script && len(p) == 4 && isAll(p, isLetter):
			parts[i], at = strings.ToUpper(p[:1])+strings.ToLower(p[1:]), region
		case at <= region && (len(p) == 2 && isAll(p, isLetter) || len(p) == 3 && isAll(p, isDigit)):
			parts[i], at = strings.ToUpper(p), variant
		case len(p) >= 5 && len(p) <= 8 && isAll(p, isAlphanumeric), len(p) == 4 && isDigit(p[0]) && isAll(p, isAlphanumeric):
			parts[i], at = strings.ToLower(p), variant
		default:
			return "", invalid("language", help)
		}
	}
	return Language(strings.Join(parts, "-")), nil
}

func isAll(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool       { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool        { return c >= '0' && c <= '9' }
func isAlphanumeric(c byte) bool { return isLetter(c) || isDigit(c) }
