package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lectern/lms"
)

// TestFromNothingToPublished: an admin sets a programme up by the API, and follows what is missing to the end.
func TestFromNothingToPublished(t *testing.T) {
	s := newSite(t)
	admin := s.joined(s.demo().Admin)
	var p programmeView
	admin.call("POST", "/api/programmes", map[string]any{"title": "Cardiology", "zone": "Europe/Berlin"}).want(t, http.StatusCreated).json(t, &p)
	base := "/api/programmes/" + string(p.ID)
	var pub publicationView
	read := func() publicationView {
		t.Helper()
		pub = publicationView{}
		admin.get(base+"/publication").want(t, http.StatusOK).json(t, &pub)
		return pub
	}
	if read(); pub.State != "draft" || len(pub.Missing) != 1 || pub.Missing[0].Code != lms.MissingCourses || pub.Missing[0].Link != "/admin/"+string(p.ID)+"#schedule" {
		t.Fatalf("%+v", pub)
	}
	var problem errorBody
	admin.call("POST", base+"/publication", map[string]any{"version": pub.Version}).want(t, http.StatusConflict).json(t, &problem)
	if !strings.Contains(problem.Error.Message, "There is no course yet") {
		t.Errorf("problem %+v", problem)
	}
	var course courseView
	admin.call("POST", base+"/courses", map[string]any{
		"title": "Murmurs", "local": time.Now().AddDate(0, 0, 20).Format("2006-01-02") + "T19:30", "zone": "Europe/Berlin", "minutes": 45,
	}).want(t, http.StatusCreated).json(t, &course)
	var invited struct{ Link string }
	admin.call("POST", base+"/faculty", map[string]any{"name": "Dr Heart", "email": "heart@clinic.example", "role": "speaker", "course": course.ID}).
		want(t, http.StatusCreated).json(t, &invited)
	if read(); len(pub.Missing) != 1 || pub.Missing[0].Code != lms.MissingDisclosure || pub.Missing[0].Person == nil {
		t.Fatalf("%+v", pub.Missing)
	}

	// The speaker comes by the link, which leads to the form, and signs.
	speaker := s.browser()
	joined := speaker.post("/join/"+strings.TrimPrefix(invited.Link, s.url+"/join/"), nil).want(t, http.StatusSeeOther)
	form := "/disclosure/" + string(p.ID)
	if joined.Header.Get("Location") != form {
		t.Errorf("the link leads to %s", joined.Header.Get("Location"))
	}
	speaker.get(form).want(t, http.StatusOK)
	speaker.post(form, url.Values{"signed": {"Dr Heart"}}).want(t, http.StatusUnprocessableEntity)
	more := speaker.post(form, url.Values{"company": {"Stent Ltd"}, "nature": {"research"}, "more": {"1"}}).want(t, http.StatusOK)
	if !strings.Contains(more.text, "Stent Ltd") || strings.Count(more.text, `name="company"`) < 5 {
		t.Error("what was typed is lost when more lines are asked for")
	}
	speaker.post(form, url.Values{"company": {"Stent Ltd", ""}, "nature": {"research", ""}, "signed": {"Dr Heart"}}).want(t, http.StatusSeeOther)
	if page := speaker.get(form+"?saved=1").want(t, http.StatusOK); !strings.Contains(page.text, "Stent Ltd") || !strings.Contains(page.text, "Signed by") {
		t.Error("the form does not show what was signed")
	}
	if read(); len(pub.Missing) != 1 || pub.Missing[0].Code != lms.MissingMitigation {
		t.Fatalf("%+v", pub.Missing)
	}
	admin.call("PUT", base+"/disclosures/"+string(*pub.Missing[0].Person)+"/mitigation", map[string]any{"version": 1, "how": "Slides were reviewed."}).
		want(t, http.StatusOK)
	pub.Settings.Languages, pub.Settings.Courses[0].Elective = []lms.Language{"en", "hi"}, true
	admin.call("PUT", base+"/draft", map[string]any{"version": pub.Version, "settings": pub.Settings}).want(t, http.StatusOK).json(t, &pub)
	admin.call("POST", base+"/publication", map[string]any{"version": pub.Version}).want(t, http.StatusOK).json(t, &pub)
	if pub.State != "published" || pub.Published != 1 || pub.Changed || len(pub.Versions) != 1 {
		t.Errorf("%+v", pub)
	}
	if v := admin.get(base+"/versions/1").want(t, http.StatusOK); !strings.Contains(v.text, "Murmurs") || !strings.Contains(v.text, "Dr Heart") {
		t.Errorf("version 1: %s", v.text)
	}
	admin.get(base+"/versions/2").want(t, http.StatusNotFound)

	var copied programmeView
	admin.call("POST", base+"/copy", map[string]any{"title": "Cardiology again", "days": 364}).want(t, http.StatusCreated).json(t, &copied)
	if len(copied.Courses) != 1 || copied.State != "draft" || copied.Courses[0].Local[10:] != "T19:30" {
		t.Errorf("copy %+v", copied)
	}
}

// TestDisclosuresOfOthersAreNotFound: a presenter reads and signs their own only.
func TestDisclosuresOfOthersAreNotFound(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin, presenter, attendee := s.joined(d.Admin), s.joined(d.Studio), s.joined(d.Attend[0])
	var me, boss struct{ Person personRef }
	presenter.get("/api/me").want(t, http.StatusOK).json(t, &me)
	admin.get("/api/me").want(t, http.StatusOK).json(t, &boss)
	base := "/api/programmes/" + string(d.Programme) + "/disclosures/"
	signed := map[string]any{"none": true, "ties": []any{}, "signed": "Dr Meera Nambiar"}
	presenter.get(base+string(me.Person.ID)).want(t, http.StatusOK)
	presenter.call("PUT", base+string(me.Person.ID), signed).want(t, http.StatusOK)
	presenter.get(base+string(boss.Person.ID)).want(t, http.StatusNotFound)
	presenter.call("PUT", base+string(boss.Person.ID), signed).want(t, http.StatusNotFound)
	admin.get(base+string(me.Person.ID)).want(t, http.StatusOK)
	admin.call("PUT", base+string(me.Person.ID), signed).want(t, http.StatusNotFound) // nobody signs for another
	attendee.get(base+string(me.Person.ID)).want(t, http.StatusNotFound)
	attendee.get("/disclosure/"+string(d.Programme)).want(t, http.StatusNotFound)
	other := s.demo()
	presenter.get("/disclosure/"+string(other.Programme)).want(t, http.StatusNotFound)
}

// TestLearnersAreShownDisclosuresFirst, when there is something to disclose; the page of the lecture opens after that.
func TestLearnersAreShownDisclosuresFirst(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin, presenter, attendee := s.joined(d.Admin), s.joined(d.Studio), s.joined(d.Attend[0])
	watch, shown := coursePath(d, "/watch/%s"), coursePath(d, "/courses/%s/disclosures")
	attendee.get(watch).want(t, studioStatus(s)) // nothing to disclose, and no credit
	var me struct{ Person personRef }
	presenter.get("/api/me").json(t, &me)
	base := "/api/programmes/" + string(d.Programme) + "/disclosures/" + string(me.Person.ID)
	presenter.call("PUT", base, map[string]any{"none": false, "ties": []map[string]string{{"company": "Serono <b>", "nature": "research"}}, "signed": "Dr N"}).
		want(t, http.StatusUnprocessableEntity)
	presenter.call("PUT", base, map[string]any{"none": false, "ties": []map[string]string{{"company": "Serono", "nature": "research"}}, "signed": "Dr N"}).
		want(t, http.StatusOK)
	if r := attendee.get(watch).want(t, http.StatusSeeOther); r.Header.Get("Location") != shown {
		t.Errorf("led to %s", r.Header.Get("Location"))
	}
	presenter.get(watch).want(t, studioStatus(s)) // who works there is let in
	page := attendee.get(shown).want(t, http.StatusOK)
	version := regexp.MustCompile(`name="version" value="(\w+)"`).FindStringSubmatch(page.text)
	if version == nil || !strings.Contains(page.text, "Serono") || !strings.Contains(page.text, "not been mitigated") || strings.Contains(page.text, "<img") {
		t.Fatalf("page %s", page.text)
	}
	// What is shown changes before the button is pressed: it is shown again.
	admin.call("PUT", base+"/mitigation", map[string]any{"version": 2, "how": "Reviewed"}).want(t, http.StatusOK)
	page = attendee.post(shown, url.Values{"version": {version[1]}}).want(t, http.StatusConflict)
	version = regexp.MustCompile(`name="version" value="(\w+)"`).FindStringSubmatch(page.text)
	attendee.get(watch).want(t, http.StatusSeeOther)
	attendee.post(shown, url.Values{"version": {version[1]}}).want(t, http.StatusSeeOther)
	attendee.get(watch).want(t, studioStatus(s))
	var api shownView
	attendee.get(coursePath(d, "/api/courses/%s/disclosures")).want(t, http.StatusOK).json(t, &api)
	if !api.Must || !api.Seen || len(api.People) != 1 || !api.People[0].Mitigated {
		t.Errorf("%+v", api)
	}
}

// TestCancelledCourse: its page says so, calendars cancel it, and it can be undone.
func TestCancelledCourse(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin, attendee := s.joined(d.Admin), s.joined(d.Attend[0])
	var p programmeView
	admin.get("/api/programmes/"+string(d.Programme)).want(t, http.StatusOK).json(t, &p)
	second := string(p.Courses[1].ID)
	entry := func() string {
		return strings.ReplaceAll(attendee.get("/courses/"+second+"/lecture.ics").want(t, http.StatusOK).text, "\r\n ", "")
	}
	before := entry()
	if strings.Contains(before, "CANCELLED") || !strings.Contains(before, "SEQUENCE:0\r\n") {
		t.Errorf("before\n%s", before)
	}
	var c courseView
	admin.call("POST", "/api/courses/"+second+"/cancellation", map[string]any{"reason": "The speaker is ill."}).want(t, http.StatusOK).json(t, &c)
	if c.State != "cancelled" || c.CancelReason != "The speaker is ill." {
		t.Errorf("course %+v", c)
	}
	after := entry()
	uid := regexp.MustCompile(`UID:\S+`)
	if !strings.Contains(after, "STATUS:CANCELLED\r\n") || !strings.Contains(after, "SEQUENCE:1\r\n") || uid.FindString(after) != uid.FindString(before) {
		t.Errorf("after\n%s", after)
	}
	if page := attendee.get("/watch/"+second).want(t, http.StatusOK); !strings.Contains(page.text, "The speaker is ill.") || !strings.Contains(page.text, "does not take place") {
		t.Error("the page of the lecture does not say so")
	}
	if page := attendee.get("/courses").want(t, http.StatusOK); !strings.Contains(page.text, "Cancelled. It was planned for") {
		t.Error("the list of courses does not say so")
	}
	admin.call("DELETE", "/api/courses/"+second+"/cancellation", nil).want(t, http.StatusOK).json(t, &c)
	if c.State != "scheduled" || !strings.Contains(entry(), "SEQUENCE:2\r\n") || !strings.Contains(entry(), "STATUS:CONFIRMED\r\n") {
		t.Errorf("restored %+v\n%s", c, entry())
	}
}

// TestWindowOfAccess: outside it the audience gets no media and no page of the lecture, and reads when it opens.
func TestWindowOfAccess(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin, attendee, presenter := s.joined(d.Admin), s.joined(d.Attend[0]), s.joined(d.Studio)
	base := "/api/programmes/" + string(d.Programme)
	var pub publicationView
	admin.get(base+"/publication").want(t, http.StatusOK).json(t, &pub)
	second := pub.Settings.Courses[1].Course
	var c courseView
	admin.get("/api/courses/"+string(second)).want(t, http.StatusOK).json(t, &c)
	pub.Settings.Courses[1].Opens = c.Local[:10] + "T19:00" // half an hour before it starts
	admin.call("PUT", base+"/draft", map[string]any{"version": pub.Version, "settings": pub.Settings}).want(t, http.StatusOK).json(t, &pub)
	attendee.get("/watch/"+string(second)).want(t, studioStatus(s)) // not published yet
	admin.call("POST", base+"/publication", map[string]any{"version": pub.Version}).want(t, http.StatusOK)
	page := attendee.send("GET", "/watch/"+string(second), nil, http.Header{"Accept": {"text/html"}}).want(t, http.StatusForbidden)
	if !strings.Contains(page.text, "19:00") || !strings.Contains(page.text, "Asia/Kolkata") {
		t.Errorf("page %s", page.text)
	}
	attendee.get("/hls/"+string(second)+"/index.m3u8").want(t, http.StatusForbidden)
	attendee.call("POST", "/api/courses/"+string(second)+"/ticket", nil).want(t, http.StatusForbidden)
	attendee.get("/api/courses/"+string(second)).want(t, http.StatusOK)
	presenter.get("/watch/"+string(second)).want(t, studioStatus(s))
}

// TestADraftDoesNotExistForDoctors: not by code, not by id.
func TestADraftDoesNotExistForDoctors(t *testing.T) {
	s := newSite(t)
	admin := s.joined(s.demo().Admin)
	var p programmeView
	admin.call("POST", "/api/programmes", map[string]any{"title": "Secret", "zone": "UTC"}).want(t, http.StatusCreated).json(t, &p)
	base := "/api/programmes/" + string(p.ID)
	var course courseView
	admin.call("POST", base+"/courses", map[string]any{"title": "First", "local": "2036-01-10T19:30", "zone": "UTC", "minutes": 45}).want(t, http.StatusCreated).json(t, &course)
	var made struct{ Codes []string }
	admin.call("POST", base+"/codes", map[string]any{"label": "x", "count": 1, "uses": 1}).want(t, http.StatusCreated).json(t, &made)
	doctor := s.signIn("doctor@hospital.example", made.Codes[0])
	for _, path := range []string{"/watch/%", "/api/courses/%", "/courses/%/lecture.ics", "/api/courses/%/resume", "/courses/%/disclosures"} {
		doctor.get(strings.ReplaceAll(path, "%", string(course.ID))).want(t, http.StatusNotFound)
	}
	var list struct{ Courses []courseView }
	doctor.get("/api/courses").want(t, http.StatusOK).json(t, &list)
	if len(list.Courses) != 0 {
		t.Errorf("%d courses", len(list.Courses))
	}
}
