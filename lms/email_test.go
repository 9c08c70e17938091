package lms

import (
	"strings"
	"testing"
)

func TestParseEmail(t *testing.T) {
	good := map[string]Email{
		"ada@example.org":                        "ada@example.org",
		"  Ada.Lovelace@Example.ORG":             "ada.lovelace@example.org",
		"a+b_c-d@sub.example.co.in":              "a+b_c-d@sub.example.co.in",
		"o'neil@x-y.example":                     "o'neil@x-y.example",
		"dr@xn--bcher-kva.example":               "dr@xn--bcher-kva.example",
		strings.Repeat("a", 64) + "@example.org": Email(strings.Repeat("a", 64) + "@example.org"),
	}
	for in, want := range good {
		if got, err := ParseEmail(in); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
	bad := []string{
		"", "ada", "ada@", "@example.org", "ada@example", "ada@@example.org", "a b@example.org", "ada@exa mple.org",
		"Ada <ada@example.org>", "<ada@example.org>", `"ada b"@example.org`, "ada@[127.0.0.1]", "ada@example..org",
		"ada@-example.org", "ada@example-.org", ".ada@example.org", "ada.@example.org", "ada@example.org, b@example.org",
		"ada@bücher.example", "ä@example.org", "ada@example.org\nBcc: x@example.org", "ada@exam_ple.org",
		strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("b", 64) + ".org",
		"a@" + strings.Repeat("abcdefgh.", 30) + "org",
	}
	for _, in := range bad {
		got, err := ParseEmail(in)
		if got != "" {
			t.Errorf("%q was read as %q", in, got)
		}
		isProblem(t, err, ErrInvalid, "email")
	}
}

// FuzzParseEmail: what is accepted is its own canonical form and carries nothing that could split a
// header.
func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{"ada@example.org", " A@B.co ", "x@y", "a\r\n@b.org", `"a"@b.org`, "K@example.org"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		email, err := ParseEmail(in)
		if err != nil {
			return
		}
		if again, err := ParseEmail(email.String()); again != email || err != nil {
			t.Errorf("%q became %q and then %q, %v", in, email, again, err)
		}
		if len(email) > 254 || strings.ContainsAny(string(email), " \r\n\t<>,;\"") || strings.ToLower(string(email)) != string(email) {
			t.Errorf("%q was accepted as %q", in, email)
		}
	})
}
