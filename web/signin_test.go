package web

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"lectern/lms"
)

func TestSignInFromCodeToSignOut(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.browser()

	// What was typed stays in the form when something is wrong with it.
	r := b.post("/sign-in", url.Values{"email": {"reader@clinic.example"}, "code": {"7H2K"}}).want(t, http.StatusUnprocessableEntity)
	for _, want := range []string{`value="reader@clinic.example"`, `value="7H2K"`, "14 letters and digits", `aria-invalid="true"`} {
		if !strings.Contains(r.text, want) {
			t.Errorf("the form lacks %s", want)
		}
	}

	typed := strings.ToLower(strings.ReplaceAll(d.Codes[0].String(), "-", " "))
	r = b.post("/sign-in", url.Values{"email": {" Reader@Clinic.example "}, "code": {typed}, "next": {"/courses"}}).want(t, http.StatusSeeOther)
	if got := r.Header.Get("Location"); got != "/sign-in/code?next=%2Fcourses" {
		t.Errorf("after step 1: %s", got)
	}
	cookie := r.Cookies()[0]
	if cookie.Name != "lectern-challenge" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure {
		t.Errorf("challenge cookie %v", cookie)
	}
	otp := s.otp("reader@clinic.example")
	if page := b.get("/sign-in/code").want(t, http.StatusOK); !strings.Contains(page.text, "R\u2026r@clinic.example") && !strings.Contains(page.text, "R\u2026r@Clinic.example") {
		t.Error("the page does not say where the code went")
	}

	r = b.post("/sign-in/code", url.Values{"otp": {"12 34"}}).want(t, http.StatusUnprocessableEntity)
	if !strings.Contains(r.text, `value="12 34"`) {
		t.Error("the code that was typed is gone")
	}
	r = b.post("/sign-in/code", url.Values{"otp": {otp[:3] + " " + otp[3:]}, "next": {"/courses"}}).want(t, http.StatusSeeOther)
	if got := r.Header.Get("Location"); got != "/welcome?next=%2Fcourses" {
		t.Errorf("after step 2: %s", got)
	}

	b.get("/courses").want(t, http.StatusSeeOther) // no name yet
	b.post("/welcome", url.Values{"name": {"Dr A. Reader"}, "country": {""}, "zone": {"Africa/Nairobi"}}).want(t, http.StatusUnprocessableEntity)
	r = b.post("/welcome", url.Values{"name": {"Dr A. Reader"}, "country": {"KE"}, "zone": {"Africa/Nairobi"}, "next": {"/courses"}}).want(t, http.StatusSeeOther)
	if r.Header.Get("Location") != "/courses" {
		t.Errorf("after the welcome: %s", r.Header.Get("Location"))
	}
	r = b.get("/courses").want(t, http.StatusOK)
	for _, want := range []string{"Dr A. Reader", "Ten courses", "your time, Nairobi (EAT)", "event time, Kolkata (IST)", coursePath(d, "/watch/%s")} {
		if !strings.Contains(r.text, want) {
			t.Errorf("the programme lacks %q", want)
		}
	}
	var me meView
	b.get("/api/me").want(t, http.StatusOK).json(t, &me)
	if me.Person.Email != "reader@clinic.example" || me.Person.Country != "KE" || len(me.Roles) != 1 || me.Roles[0].Role != lms.Attendee {
		t.Errorf("me is %+v", me)
	}

	token := sessionCookie(b)
	b.post("/sign-out", nil).want(t, http.StatusSeeOther)
	if sessionCookie(b) != "" {
		t.Error("the cookie is still there")
	}
	thief := s.browser()
	r = thief.send("GET", "/api/me", nil, http.Header{"Cookie": {"lectern=" + token}})
	r.want(t, http.StatusUnauthorized)
}

func sessionCookie(b *browser) string {
	u, _ := url.Parse(b.url)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == "lectern" {
			return c.Value
		}
	}
	return ""
}

// TestStrangersLearnNothingFromSignIn: whether a code or an address is good shows only to who can read its mail
// (trust S-03).
func TestStrangersLearnNothingFromSignIn(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	unknown := must(lms.NewAccessCode(strings.NewReader("a source of no randomness at all, but long enough")))(t)
	var first reply
	for i, form := range []url.Values{
		{"email": {"one@clinic.example"}, "code": {d.Codes[0].String()}},
		{"email": {"two@clinic.example"}, "code": {unknown.String()}},
		{"email": {"three@clinic.example"}},
		{"email": {"presenter@demo.example"}},
	} {
		r := s.browser().post("/sign-in", form).want(t, http.StatusSeeOther)
		r.Header.Del("X-Request-Id")
		r.Header.Del("Date")
		if len(r.Header.Values("Set-Cookie")) != 1 {
			t.Errorf("%d cookies", len(r.Header.Values("Set-Cookie")))
		}
		secret, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ".") // behind it is the address as it was typed
		length := len(secret)
		r.Header.Del("Set-Cookie")
		if i == 0 {
			first = r
			first.ContentLength = int64(length)
			continue
		}
		if r.text != first.text || int64(length) != first.ContentLength || len(r.Header) != len(first.Header) || r.Header.Get("Location") != first.Header.Get("Location") {
			t.Errorf("case %d answers %v %q, the first one %v %q", i, r.Header, r.text, first.Header, first.text)
		}
	}
}

// TestOneTimeCodeIsGoodOnce: of a hundred posts at the same time exactly one gets in (trust S-04).
func TestOneTimeCodeIsGoodOnce(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.browser()
	b.post("/sign-in", url.Values{"email": {"racer@clinic.example"}, "code": {d.Codes[1].String()}}).want(t, http.StatusSeeOther)
	form := url.Values{"otp": {s.otp("racer@clinic.example")}}
	var in, out, slow int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			r := b.post("/sign-in/code", form)
			mu.Lock()
			defer mu.Unlock()
			switch r.StatusCode {
			case http.StatusSeeOther:
				if strings.HasPrefix(r.Header.Get("Location"), "/welcome") {
					in++
				}
			case http.StatusGone:
				out++
			case http.StatusTooManyRequests:
				slow++
			default:
				t.Errorf("%s: %s", r.Status, r.text)
			}
		})
	}
	all.Wait()
	if in != 1 {
		t.Errorf("%d got in, %d were refused, %d were too fast", in, out, slow)
	}
}

func TestSendAgainRepeatsTheCode(t *testing.T) {
	s := newSite(t)
	s.demo()
	b := s.browser()
	b.post("/sign-in", url.Values{"email": {"presenter@demo.example"}}).want(t, http.StatusSeeOther)
	first := s.otp("presenter@demo.example")
	r := b.post("/sign-in/code", url.Values{"again": {"1"}, "next": {"/courses"}}).want(t, http.StatusSeeOther)
	if c := r.Cookies(); len(c) != 1 || c[0].Name != "lectern-challenge" || c[0].MaxAge != int(lms.OTPLife.Seconds()) {
		t.Errorf("the challenge does not live as long as the code that was sent again: %v", c)
	}
	if got := r.Header.Get("Location"); got != "/sign-in/code?again=1&next=%2Fcourses" {
		t.Errorf("sent to %s", got)
	}
	if again := s.otp("presenter@demo.example"); again != first || first == "" {
		t.Errorf("first %q, then %q", first, again)
	}
	if !strings.Contains(b.get("/sign-in/code?again=1").text, "Sent again") {
		t.Error("the page does not say so")
	}
	b.post("/sign-in/code", url.Values{"otp": {first}}).want(t, http.StatusSeeOther)
}

func TestPersonalLinkBelongsToItsBrowser(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.browser()
	for range 3 { // a mail scanner looks as often as it likes
		r := b.get("/join/"+d.Studio).want(t, http.StatusOK)
		if !strings.Contains(r.text, "Dr Meera Nambiar") || !strings.Contains(r.text, "opens the studio") {
			t.Errorf("the page says %s", r.text)
		}
	}
	if r := b.post("/join/"+d.Studio, nil).want(t, http.StatusSeeOther); r.Header.Get("Location") != coursePath(d, "/studio/%s") && r.Header.Get("Location") != "/courses" {
		t.Errorf("leads to %s", r.Header.Get("Location"))
	}
	b.post("/join/"+d.Studio, nil).want(t, http.StatusSeeOther) // in the same browser again
	other := s.browser()
	r := other.post("/join/"+d.Studio, nil).want(t, http.StatusSeeOther)
	if got := r.Header.Get("Location"); !strings.HasPrefix(got, "/sign-in/code?next=") {
		t.Errorf("in another browser it leads to %s", got)
	}
	other.post("/sign-in/code", url.Values{"otp": {s.otp("presenter@demo.example")}}).want(t, http.StatusSeeOther)
	s.browser().get("/join/nonsense").want(t, http.StatusGone)
}

func TestNextNeverLeavesTheSite(t *testing.T) {
	for next, want := range map[string]string{
		"/courses": "/courses", "/watch/x?t=5": "/watch/x?t=5", "": "/", "//evil.example": "/", `/\evil.example`: "/",
		"https://evil.example": "/", "javascript:alert(1)": "/", "/a\r\nSet-Cookie: x": "/", "/\t/evil.example": "/",
	} {
		if got := localPath(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}
