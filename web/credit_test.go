package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/lms/certificate"
	"lectern/lms/credential"
	"lectern/storage/postgres"
	"lectern/storage/postgres/pgtest"
)

// heldLecture puts the demo's first course on air, ends it at once after an hour of its timeline, and lets the first
// attendee have watched all of it.
func heldLecture(s *site, d postgres.Demo, database *pgx.Conn) *browser {
	s.t.Helper()
	ctx := s.t.Context()
	presenter := actorOf(s.joined(d.Studio))
	if _, err := s.db.GoOnAir(ctx, presenter, d.Course); err != nil {
		s.t.Fatal(err)
	}
	exec := func(sql string) {
		s.t.Helper()
		if _, err := database.Exec(ctx, sql); err != nil {
			s.t.Fatal(err)
		}
	}
	exec(`update broadcast_runs set started_at = started_at - interval '1 hour'`)
	exec(`update broadcasts set started_at = started_at - interval '1 hour'`)
	if _, err := s.db.EndBroadcast(ctx, presenter, d.Course, postgres.Recording{
		LengthMS: 3_600_000, Edits: lms.EditList{{LengthMS: 3_600_000}},
	}); err != nil {
		s.t.Fatal(err)
	}
	attendee := s.joined(d.Attend[0])
	exec(`insert into attendance (person_id, broadcast_id, provenance, watched, first_at, last_at)
		select persons.id, broadcasts.id, 'replay', '{[0,3600)}', now(), now() from persons, broadcasts where persons.name = 'Dr Grace Wanjiru'`)
	return attendee
}

// actorOf is who is signed in in a browser.
func actorOf(b *browser) lms.Actor {
	return must(b.db.SessionPerson(b.t.Context(), sessionCookie(b)))(b.t)
}

var question = regexp.MustCompile(`<legend>[\s\S]*?<br>([^<]*)</legend>`)

// solveTest goes through a test by its forms.
func solveTest(t *testing.T, b *browser, course lms.CourseID, rightly bool) reply {
	t.Helper()
	path := "/courses/" + string(course) + "/test"
	attempt := b.post(path, url.Values{}).want(t, http.StatusSeeOther).Header.Get("Location")
	for q := 1; ; q++ {
		page := b.get(fmt.Sprintf("%s?q=%d", attempt, q)).want(t, http.StatusOK).text
		m := question.FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("no question in %s", page)
		}
		form := url.Values{"q": {fmt.Sprint(q)}, "then": {"next"}}
		switch {
		case strings.Contains(m[1], "low AMH"):
			form.Set("choice", "0")
		case strings.Contains(m[1], "change a measured"):
			form["choice"] = []string{"0", "1", "3"}
		case strings.Contains(m[1], "Order by"):
			for i := range 4 {
				form.Set(fmt.Sprintf("rank%d", i), fmt.Sprint(i+1))
			}
		default:
			form.Set("number", "11")
		}
		if !rightly {
			form = url.Values{"q": {fmt.Sprint(q)}, "then": {"next"}, "number": {"3"}}
		}
		last := strings.Contains(page, `value="submit"`)
		if last {
			form.Set("then", "submit")
		}
		b.post(attempt, form).want(t, http.StatusSeeOther)
		if last {
			return b.get(attempt).want(t, http.StatusOK)
		}
	}
}

// TestFromTestToCertificate goes through the pages as a doctor does, with the test passed at the second attempt.
func TestFromTestToCertificate(t *testing.T) {
	at := pgtest.New(t)
	s := startSite(t, at, t.TempDir())
	database := must(pgx.Connect(t.Context(), at))(t)
	defer database.Close(context.Background())
	d := s.demo()
	b := heldLecture(s, d, database)
	course := "/courses/" + string(d.Course)
	for path, want := range map[string]string{"/progress": "Take the test of course 1", course + "/credit": "Pass the test, pass mark 70", course + "/test": "3 of 4 answers must be right"} {
		if page := b.get(path).want(t, http.StatusOK).text; !strings.Contains(page, want) {
			t.Errorf("%s lacks %q", path, want)
		}
	}
	if page := solveTest(t, b, d.Course, false).text; !strings.Contains(page, "0 %, not passed") || strings.Contains(page, "A low number of oocytes") {
		t.Errorf("after the first attempt: %s", page)
	}
	if page := solveTest(t, b, d.Course, true).text; !strings.Contains(page, "Passed with 100 %") || !strings.Contains(page, "hardly of their quality") {
		t.Errorf("after the second attempt: %s", page)
	}
	form := url.Values{"bias": {"none"}, "text": {"Well done."}}
	for _, dimension := range lms.Dimensions[1:] {
		form.Set(string(dimension), "5")
	}
	if page := b.post(course+"/evaluation", form).want(t, http.StatusUnprocessableEntity).text; !strings.Contains(page, "Well done.") {
		t.Error("what was typed is lost")
	}
	form.Set(string(lms.Dimensions[0]), "4")
	b.post(course+"/evaluation", form).want(t, http.StatusSeeOther)
	if page := b.get("/progress").want(t, http.StatusOK).text; !strings.Contains(page, "Claim 1.00 credits for course 1") || !strings.Contains(page, "1 of 10 courses complete") {
		t.Errorf("progress: %s", page)
	}
	claim := url.Values{"credit": {"sample"}, "amount": {"1.01"}, "attest": {"yes"}}
	if page := b.post(course+"/claim", claim).want(t, http.StatusUnprocessableEntity).text; !strings.Contains(page, "Claim at most 1.00") {
		t.Errorf("too much: %s", page)
	}
	claim.Set("amount", "1.00")
	place := b.post(course+"/claim", claim).want(t, http.StatusSeeOther).Header.Get("Location")
	page := b.get(place).want(t, http.StatusOK).text
	if !strings.Contains(page, "This certificate is valid") || !strings.Contains(page, "Dr Grace Wanjiru") {
		t.Errorf("certificate: %s", page)
	}
	file := b.get(place+"/certificate.pdf").want(t, http.StatusOK)
	if file.Header.Get("Content-Type") != "application/pdf" || b.get(place+"/certificate.pdf").text != file.text {
		t.Error("the file is another each time")
	}
	keys, err := credential.ParseJWKS([]byte(s.browser().get(keysPath).want(t, http.StatusOK).text))
	if err != nil {
		t.Fatal(err)
	}
	fonts, err := certificate.NewFonts(certificate.FontDirs...)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := fonts.Check([]byte(file.text), keys)
	if err != nil || !checked.Unchanged || checked.Fields.Name != "Dr Grace Wanjiru" {
		t.Errorf("%+v, %v", checked.Unchanged, err)
	}
	edited := bytes.Replace([]byte(file.text), []byte("/Producer"), []byte("/Produced"), 1)
	if again, err := fonts.Check(edited, keys); err != nil || again.Unchanged {
		t.Errorf("an edited file: %v, %v", again.Unchanged, err)
	}
	if _, err := credential.OpenBadge(b.get(place+"/credential.jws").want(t, http.StatusOK).text, keys); err != nil {
		t.Error(err)
	}
	s.joined(d.Attend[1]).get(place).want(t, http.StatusNotFound)
	s.browser().get(place+"/certificate.pdf").want(t, http.StatusSeeOther)
	for _, path := range []string{"/transcript/transcript.html", "/transcript/transcript.csv"} {
		if body := b.get(path).want(t, http.StatusOK).text; !strings.Contains(body, "Ovarian reserve") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if body := b.get("/transcript/transcript.pdf").want(t, http.StatusOK).text; !strings.HasPrefix(body, "%PDF-") {
		t.Error("no PDF")
	}
}

// TestAnybodyChecksACertificate: forgiving of how it is typed, all fields shown, the status after correcting and revoking.
func TestAnybodyChecksACertificate(t *testing.T) {
	at := pgtest.New(t)
	s := startSite(t, at, t.TempDir())
	database := must(pgx.Connect(t.Context(), at))(t)
	defer database.Close(context.Background())
	d := s.demo()
	b := heldLecture(s, d, database)
	course := "/courses/" + string(d.Course)
	solveTest(t, b, d.Course, true)
	form := url.Values{"bias": {"none"}}
	for _, dimension := range lms.Dimensions {
		form.Set(string(dimension), "5")
	}
	b.post(course+"/evaluation", form).want(t, http.StatusSeeOther)
	place := b.post(course+"/claim", url.Values{"credit": {"sample"}, "amount": {"1"}, "attest": {"yes"}}).want(t, http.StatusSeeOther).Header.Get("Location")
	number := strings.TrimPrefix(place, "/certificates/")
	stranger := s.browser()
	typed := strings.ToLower(strings.NewReplacer("0", "o", "1", "l").Replace(number))
	for _, path := range []string{"/v/" + number, "/v/" + typed, "/v?number=" + lms.CertificateNumber(number).String()} {
		a := stranger.get(path).want(t, http.StatusOK)
		for _, want := range []string{"This certificate is valid", "Dr Grace Wanjiru", "Ovarian reserve", "1.00 Sample credit", "0 min live and 60 min replay of 60 min", "Sample Academy", "They count nowhere", "Course director"} {
			if !strings.Contains(a.text, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		if a.Header.Get("X-Robots-Tag") == "" {
			t.Error("robots may keep it")
		}
	}
	stranger.get("/v/0000000000000000").want(t, http.StatusNotFound)
	stranger.get("/v/not-a-number").want(t, http.StatusUnprocessableEntity)
	admin := actorOf(s.joined(d.Admin))
	if err := s.db.RevokeCertificate(t.Context(), admin, d.Programme, lms.CertificateNumber(number), lms.RevokedRequest); err != nil {
		t.Fatal(err)
	}
	// What is revoked says so, and still what it said.
	if body := stranger.get("/v/"+number).want(t, http.StatusOK).text; !strings.Contains(body, "Revoked") || !strings.Contains(body, "at the holder") || !strings.Contains(body, "Dr Grace Wanjiru") {
		t.Errorf("revoked: %s", body)
	}
	keys, _ := credential.ParseJWKS([]byte(stranger.get(keysPath).want(t, http.StatusOK).text))
	revoked, err := credential.OpenStatusList(stranger.get("/credentials/status/0").want(t, http.StatusOK).text, keys)
	if err != nil || !revoked(0) {
		t.Errorf("the status list: %v", err)
	}
	stranger.get("/credentials/status/7").want(t, http.StatusNotFound)
	// Thirty a minute from one network.
	refused := false
	for range 40 {
		refused = refused || stranger.get("/v/"+number).StatusCode == http.StatusTooManyRequests
	}
	if !refused {
		t.Error("numbers can be tried without end")
	}
}
