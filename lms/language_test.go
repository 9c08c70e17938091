package lms

import "testing"

func TestParseLanguage(t *testing.T) {
	for in, want := range map[string]Language{
		"en": "en", "EN": "en", "pt-br": "pt-BR", "zh-hant-tw": "zh-Hant-TW", "es-419": "es-419", "sr-LATN": "sr-Latn",
		"de-CH-1996": "de-CH-1996", "sl-rozaj": "sl-rozaj", "und": "und", "fil": "fil",
	} {
		if got, err := ParseLanguage(in); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "e", "engl", "english", "en-", "-en", "en_US", "en-US-Latn", "en-x-private", "x-private", "i-klingon", "en-US-US",
		"en\n", "../en", "en-12", "zh-Hant-Hant", "de-1996-CH", "én", "en-abcdefghi", "de-aaaaa-bbbbb-ccccc-ddddd-eeeee-fffff",
	} {
		if got, err := ParseLanguage(in); err == nil {
			t.Errorf("%q was taken as %q", in, got)
		}
	}
}
