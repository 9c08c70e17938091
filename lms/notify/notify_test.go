package notify

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lectern/lms"
)

// shelf is a Provider and a keeper that remembers.
type shelf struct {
	messages []Message
	err      error
}

func (s *shelf) KeepMail(_ context.Context, recipient, subject, body string) error {
	s.messages = append(s.messages, Message{To: lms.Email(recipient), Subject: subject, Text: body})
	return s.err
}

var expires = time.Date(2026, 11, 22, 14, 10, 0, 0, time.UTC)

func TestDeliverOneTimeCode(t *testing.T) {
	var s shelf
	n := lms.Notice{Kind: lms.NoticeOTP, ID: "otp-1", To: "ada@example.org", Code: "012345", ExpiresAt: expires, Zone: "Asia/Kolkata", Name: "Ada"}
	if err := New(NewMailbox(&s), "https://learn.example.org").Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	want := `Dear Ada,

your code for signing in at https://learn.example.org is

    012 345

Type it on the page where you asked for it. It can be used once, until
19:40 on 22 November 2026 (Asia/Kolkata).

Nobody from us will ever ask you for this code.

If you did not try to sign in, ignore this message: without the code
nothing happens.
`
	if m := s.messages[0]; m.To != "ada@example.org" || m.Subject != "Your sign-in code" || m.Text != want {
		t.Errorf("got %+v", m)
	}
	if code, err := lms.ParseOTP("012 345"); err != nil || code != n.Code {
		t.Errorf("the code as shown cannot be pasted: %v", err)
	}
}

func TestDeliverPersonalLink(t *testing.T) {
	var s shelf
	n := lms.Notice{
		Kind: lms.NoticeLink, ID: "link-1", To: "ben@example.org", ExpiresAt: expires, Role: lms.Presenter,
		Link: "https://learn.example.org/join/abc_DEF-1", Programme: "Fertility & IVF <2026>",
	}
	if err := New(NewMailbox(&s), "https://learn.example.org").Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	m := s.messages[0]
	for _, part := range []string{"Good day,\n", "\n    https://learn.example.org/join/abc_DEF-1\n", `"Fertility & IVF <2026>" as presenter`, "14:10 on 22 November 2026 (UTC)"} {
		if !strings.Contains(m.Text, part) {
			t.Errorf("%q is missing in:\n%s", part, m.Text)
		}
	}
}

var moved = lms.Notice{
	Kind: lms.NoticeSchedule, ID: "mail-7", To: "ada@example.org", Name: "Ada", Zone: "Asia/Kolkata", Programme: "Cardiology",
	Link: "https://learn.example.org/watch/1", ExpiresAt: expires,
	Lecture: lms.Lecture{
		ID: "1", Title: "Heart failure", Start: expires, Zone: "Europe/Berlin", Minutes: 45, Revision: 2, RevisedAt: expires.Add(-time.Hour),
	},
}

func TestDeliverNewTime(t *testing.T) {
	var s shelf
	if err := New(NewMailbox(&s), "https://learn.example.org").Deliver(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	text := s.messages[0].Text
	for _, part := range []string{
		"\"Heart failure\"", "\n    Sunday 22 November 2026, 19:40 (Asia/Kolkata)\n    Sunday 22 November 2026, 15:10 (Europe/Berlin)\n",
		"\n    https://learn.example.org/watch/1\n",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
	home := moved
	home.Zone = "Europe/Berlin"
	if m, err := render(home, "SITE"); err != nil || strings.Count(m.Text, "Europe/Berlin") != 1 {
		t.Errorf("a reader in the organisers' zone gets %v\n%s", err, m.Text)
	}
}

// TestSubjectsHoldNoSecrets: phones show subjects on the lock screen.
func TestSubjectsHoldNoSecrets(t *testing.T) {
	for kind := range postbag["en"].letters {
		m, err := render(lms.Notice{Kind: kind, ID: "1", To: "a@b.org", Name: "NAME", Code: "123456", Link: "LINK", Programme: "TITLE"}, "SITE")
		if err != nil || m.Subject == "" || strings.ContainsAny(m.Subject, "0123456789\r\n") {
			t.Errorf("%s: subject %q, %v", kind, m.Subject, err)
		}
	}
}

func TestDeliverFails(t *testing.T) {
	full := errors.New("disk full")
	s := shelf{err: full}
	n := lms.Notice{Kind: lms.NoticeOTP, ID: "otp-1", To: "ada@example.org"}
	err := New(NewMailbox(&s), "").Deliver(t.Context(), n)
	if !errors.Is(err, full) || errors.Is(err, lms.ErrInvalid) || strings.Contains(err.Error(), "ada") {
		t.Errorf("got %v, want a failure worth another try that names nobody", err)
	}
	for _, bad := range []lms.Notice{{Kind: "newsletter", ID: "1", To: "a@b.org"}, {Kind: lms.NoticeOTP, ID: "1"}, {Kind: lms.NoticeOTP, To: "a@b.org"}} {
		if err := New(NewMailbox(&s), "").Deliver(t.Context(), bad); !errors.Is(err, lms.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestEveryLanguageHasEveryLetter with the places of the English one, and its phrases.
func TestEveryLanguageHasEveryLetter(t *testing.T) {
	place := regexp.MustCompile(`\{\{.*?\}\}`)
	places := func(name string) []string {
		text, err := letterFiles.ReadFile(name)
		if err != nil {
			t.Errorf("%s is missing", name)
		}
		all := place.FindAllString(string(text), -1)
		slices.Sort(all)
		return all
	}
	names, err := fs.Glob(letterFiles, "letters/en/*.txt")
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	if len(postbag) < 3 {
		t.Errorf("%d languages", len(postbag))
	}
	for tag, words := range postbag {
		for _, name := range names {
			theirs := strings.Replace(name, "/en/", "/"+string(tag)+"/", 1)
			if !strings.HasSuffix(name, "/words.txt") && !slices.Equal(places(theirs), places(name)) {
				t.Errorf("%s has the places %q, want %q", theirs, places(theirs), places(name))
			}
		}
		for key := range postbag["en"].phrases {
			if words.phrases[key] == nil {
				t.Errorf("letters/%s/words.txt lacks %q", tag, key)
			}
		}
	}
}

// TestLettersAreInTheReadersLanguage, with the day as they write it, and a name that does not reorder the line.
func TestLettersAreInTheReadersLanguage(t *testing.T) {
	for language, want := range map[lms.Language][]string{
		"hi": {"आपका साइन-इन कोड", "आदरणीय Ada,\n", "    012 345\n", "22 नवंबर 2026, 19:40 (Asia/Kolkata)"},
		"ar": {"رمز تسجيل الدخول", "حضرة \u2068Ada\u2069،\n", "    012 345\n", "الساعة 19:40 يوم 22 نوفمبر 2026 (Asia/Kolkata)"},
		"sw": {"Your sign-in code", "Dear Ada,\n"}, "ar-EG": {"رمز تسجيل الدخول"},
	} {
		var s shelf
		n := lms.Notice{Kind: lms.NoticeOTP, ID: "otp-1", To: "ada@example.org", Code: "012345", ExpiresAt: expires, Zone: "Asia/Kolkata", Name: "Ada", Language: language}
		if err := New(NewMailbox(&s), "https://learn.example.org").Deliver(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if text := s.messages[0].Subject + "\n" + s.messages[0].Text; !strings.Contains(text, part) {
				t.Errorf("%s: %q is missing in:\n%s", language, part, text)
			}
		}
	}
}
