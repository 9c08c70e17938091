package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lectern/lms"
)

// TestLanguageIsOfTheProfileElseChosenElseTheBrowsers, without JavaScript, from the first page to the mail.
func TestLanguageIsOfTheProfileElseChosenElseTheBrowsers(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.browser()
	arabic := http.Header{"Accept-Language": {"ar-EG,en;q=0.5"}}
	spoken := func(path, want string, header http.Header) {
		t.Helper()
		if r := b.send("GET", path, nil, header).want(t, http.StatusOK); !strings.Contains(r.text, want) {
			t.Errorf("%s lacks %s", path, want)
		}
	}
	spoken("/sign-in", `<html lang="en" dir="ltr">`, nil)
	spoken("/sign-in", `<html lang="ar" dir="rtl">`, arabic)

	form := func(values url.Values, header http.Header) reply {
		header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		return b.send("POST", "/language", strings.NewReader(values.Encode()), header)
	}
	r := form(url.Values{"language": {"hi"}}, http.Header{"Referer": {s.url + "/sign-in?next=%2Fcourses"}}).want(t, http.StatusSeeOther)
	if to := r.Header.Get("Location"); to != "/sign-in?next=%2Fcourses" {
		t.Errorf("after the choice: %s", to)
	}
	spoken("/sign-in", `<html lang="hi" dir="ltr">`, arabic)
	form(url.Values{"language": {"tlh"}}, http.Header{}).want(t, http.StatusUnprocessableEntity)
	if to := form(url.Values{"language": {"hi"}}, http.Header{"Referer": {"https://elsewhere.example/x"}}).Header.Get("Location"); to != "/" {
		t.Errorf("a choice made elsewhere leads to %s", to)
	}

	// A mistake is told in the language, the mail is written in it, and the profile takes it over.
	r = b.post("/sign-in", url.Values{"email": {"reader"}}).want(t, http.StatusUnprocessableEntity)
	if !strings.Contains(r.text, "ईमेल पता इस प्रकार लिखें") {
		t.Error("the mistake is not told in Hindi")
	}
	b.post("/sign-in", url.Values{"email": {"reader@clinic.example"}, "code": {d.Codes[0].String()}}).want(t, http.StatusSeeOther)
	b.post("/sign-in/code", url.Values{"otp": {s.otp("reader@clinic.example")}}).want(t, http.StatusSeeOther)
	if mails := must(s.db.Mailbox(t.Context(), 1))(t); mails[0].Subject != "आपका साइन-इन कोड" {
		t.Errorf("the mail is called %q", mails[0].Subject)
	}
	b.post("/welcome", url.Values{"name": {"डॉ. आशा राव"}, "country": {"IN"}, "zone": {"Asia/Kolkata"}}).want(t, http.StatusSeeOther)
	spoken("/courses", `<html lang="hi" dir="ltr">`, arabic)
	other := s.signIn("reader@clinic.example", "")
	if page := other.get("/courses").want(t, http.StatusOK); !strings.Contains(page.text, `<html lang="hi"`) || !strings.Contains(page.text, "डॉ. आशा राव") {
		t.Error("another device of the same reader is not in Hindi")
	}

	// The profile's language goes before a cookie; the choice of somebody signed in is the profile's.
	other.post("/welcome", url.Values{"name": {"Dr A"}, "country": {"IN"}, "zone": {"Asia/Kolkata"}, "language": {"ar"}}).want(t, http.StatusSeeOther)
	spoken("/courses", `<html lang="ar" dir="rtl">`, nil)
	var me meView
	b.get("/api/me").want(t, http.StatusOK).json(t, &me)
	if me.Person.Language != "ar" {
		t.Errorf("the profile's language is %q", me.Person.Language)
	}
	if r := b.get("/api/courses/" + unknownID); !strings.Contains(r.text, "تحقّق من العنوان") {
		t.Errorf("a program of the page is told %s", r.text)
	}
}

// TestApplicationsOfAttendeesSpeak: language and direction stand in the page before any script runs.
func TestApplicationsOfAttendeesSpeak(t *testing.T) {
	page := must(newAsset("player.html", []byte(`<html lang="en" class="stage"><noscript>English</noscript></html>`)))(t)
	spoken := must(newLanguages(wordFiles))(t)
	apps := speakApps(map[string]asset{"player.html": page, "studio.html": page}, spoken)
	if len(apps) != len(spoken.all) {
		t.Errorf("%d pages, want one for each language", len(apps))
	}
	got := string(apps[appKey{"player", "ar"}].plain)
	if !strings.HasPrefix(got, `<html lang="ar" dir="rtl" class="stage">`) || !strings.Contains(got, "JavaScript") || strings.Contains(got, "English") {
		t.Errorf("got %s", got)
	}
}

// TestCountriesAreNamedInTheLanguage, all of them, in the order of its alphabet.
func TestCountriesAreNamedInTheLanguage(t *testing.T) {
	spoken := must(newLanguages(wordFiles))(t)
	c := must(newChoices(spoken))(t)
	name := func(tag string, code lms.Country) (string, int) {
		for i, country := range c.named[tag] {
			if country.Code == string(code) {
				return country.Name, i
			}
		}
		return "", -1
	}
	for tag, want := range map[string]string{"en": "India", "hi": "भारत", "ar": "الهند"} {
		if got, _ := name(tag, "IN"); got != want || len(c.named[tag]) != len(c.countries) {
			t.Errorf("%s: %q of %d countries", tag, got, len(c.named[tag]))
		}
	}
	_, jordan := name("ar", "JO")
	_, india := name("ar", "IN")
	if _, yemen := name("ar", "YE"); jordan > india || india > yemen {
		t.Errorf("الأردن is country %d, الهند %d, اليمن %d", jordan, india, yemen)
	}
}
