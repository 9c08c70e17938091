package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lectern/lms"
)

func TestAdminRunsAProgramme(t *testing.T) {
	s := newSite(t)
	admin := s.joined(s.demo().Admin)
	var p programmeView
	admin.call("POST", "/api/programmes", map[string]any{"title": "Cardiology, 2027", "zone": "Europe/Berlin"}).want(t, http.StatusCreated).json(t, &p)
	base := "/api/programmes/" + string(p.ID)
	admin.call("PATCH", base, map[string]any{"version": p.Version, "title": "Cardiology"}).want(t, http.StatusOK).json(t, &p)
	if p.Title != "Cardiology" || p.Version != 2 {
		t.Errorf("programme %+v", p)
	}
	admin.call("PATCH", base, map[string]any{"version": 1, "title": "Too late"}).want(t, http.StatusConflict)

	// Clocks go forward over this hour, so nobody can begin then.
	lecture := map[string]any{"title": "Murmurs", "local": "2027-03-28T02:30", "zone": "Europe/Berlin", "minutes": 45}
	var problem errorBody
	admin.call("POST", base+"/courses", lecture).want(t, http.StatusUnprocessableEntity).json(t, &problem)
	if problem.Error.Field != "local" || !strings.Contains(problem.Error.Message, "does not exist") {
		t.Errorf("problem %+v", problem)
	}
	// And back over this one, so it comes twice.
	lecture["local"] = "2027-10-31T02:30"
	admin.call("POST", base+"/courses", lecture).want(t, http.StatusUnprocessableEntity).json(t, &problem)
	if problem.Error.Field != "fold" {
		t.Errorf("problem %+v", problem)
	}
	lecture["fold"] = 1
	var course courseView
	admin.call("POST", base+"/courses", lecture).want(t, http.StatusCreated).json(t, &course)
	if !course.Start.Equal(time.Date(2027, 10, 31, 1, 30, 0, 0, time.UTC)) || course.Local != "2027-10-31T02:30" || course.Number != 1 || course.State != "scheduled" {
		t.Errorf("course %+v", course)
	}
	admin.call("PATCH", "/api/courses/"+string(course.ID), map[string]any{"version": course.Version, "local": "2027-11-02T19:30"}).
		want(t, http.StatusOK).json(t, &course)
	if !course.Start.Equal(time.Date(2027, 11, 2, 18, 30, 0, 0, time.UTC)) || course.Title != "Murmurs" {
		t.Errorf("course %+v", course)
	}

	var codes struct {
		Batch batchView
		Codes []string
	}
	admin.call("POST", base+"/codes", map[string]any{"label": "Congress", "count": 3, "uses": 2}).want(t, http.StatusCreated).json(t, &codes)
	if len(codes.Codes) != 3 || codes.Batch.Count != 3 || codes.Codes[0][:4] != codes.Batch.Prefix {
		t.Errorf("codes %+v", codes)
	}
	var staff struct{ Link string }
	admin.call("POST", base+"/staff", map[string]any{"name": "Dr Heart", "email": "heart@clinic.example", "role": "presenter"}).
		want(t, http.StatusCreated).json(t, &staff)
	presenter := s.joined(strings.TrimPrefix(staff.Link, s.url+"/join/"))
	presenter.get("/studio/"+string(course.ID)).want(t, studioStatus(s))
	presenter.get("/admin/"+string(p.ID)).want(t, http.StatusForbidden)

	admin.call("DELETE", base+"/codes/"+string(codes.Batch.ID), nil).want(t, http.StatusNoContent)
	admin.get(base).want(t, http.StatusOK).json(t, &p)
	if len(p.Courses) != 1 || len(p.Batches) != 1 || !p.Batches[0].Revoked || len(p.Staff) != 2 {
		t.Errorf("programme %+v", p)
	}
}

// studioStatus is what a page of Vite answers: it is there only after `make web`.
func studioStatus(s *site) int {
	if _, built := s.web.dist["studio.html"]; built {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

func TestBodiesAreHeldToTheirShape(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.joined(d.Attend[0])
	path := coursePath(d, "/api/courses/%s/questions")
	for name, tc := range map[string]struct {
		body, kind string
		status     int
		code       string
	}{
		"no JSON":           {`text`, "application/json", 400, "malformed"},
		"two values":        {`{"text":"a"}{}`, "application/json", 400, "malformed"},
		"a misspelt field":  {`{"txt":"a"}`, "application/json", 400, "malformed"},
		"a wrong type":      {`{"text":5}`, "application/json", 422, "invalid"},
		"an empty question": {`{"text":" "}`, "application/json", 422, "invalid"},
		"a form":            {`text=a`, "application/x-www-form-urlencoded", 415, "media_type"},
		"too much":          {`{"text":"` + strings.Repeat("a", bodyJSON) + `"}`, "application/json", 413, "too_large"},
	} {
		var problem errorBody
		b.send("POST", path, strings.NewReader(tc.body), http.Header{"Content-Type": {tc.kind}}).want(t, tc.status).json(t, &problem)
		if problem.Error.Code != tc.code || problem.Error.Message == "" {
			t.Errorf("%s: %+v", name, problem)
		}
	}
}

func TestBeforeTheLecture(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	attendee, presenter := s.joined(d.Attend[0]), s.joined(d.Studio)
	var resume resumeView
	attendee.get(coursePath(d, "/api/courses/%s/resume?t=90")).want(t, http.StatusOK).json(t, &resume)
	if resume.Mode != lms.ModeNone || resume.HLS != coursePath(d, "/hls/%s/index.m3u8") || resume.Edits == nil || resume.Gaps == nil {
		t.Errorf("resume %+v", resume)
	}
	attendee.get(coursePath(d, "/api/courses/%s/resume?t=soon")).want(t, http.StatusUnprocessableEntity)
	presenter.call("POST", coursePath(d, "/api/courses/%s/air"), nil).want(t, http.StatusConflict)
	presenter.call("POST", coursePath(d, "/api/courses/%s/end"), nil).want(t, http.StatusConflict)
	var health healthView
	presenter.get(coursePath(d, "/api/courses/%s/health")).want(t, http.StatusOK).json(t, &health)
	if health.Publisher.Connected || health.Publisher.Layers == nil || health.Recording.State != "off" {
		t.Errorf("health %+v", health)
	}
	var analytics analyticsView
	presenter.get(coursePath(d, "/api/courses/%s/analytics")).want(t, http.StatusOK).json(t, &analytics)
	if analytics.State != "none" || analytics.Curve.Live == nil || analytics.Totals.Enrolled == 0 {
		t.Errorf("analytics %+v", analytics)
	}
	csv := s.joined(d.Console).get(coursePath(d, "/api/courses/%s/analytics.csv")).want(t, http.StatusOK)
	if !strings.Contains(csv.text, "name,country,live_s") || !strings.Contains(csv.Header.Get("Content-Disposition"), "attendance-course-1.csv") {
		t.Errorf("csv %q %v", csv.text, csv.Header)
	}
}

func TestNamesAreNoFormulas(t *testing.T) {
	for in, want := range map[string]string{
		"Dr A": "Dr A", "": "", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\uff1d1": "'\uff1d1",
	} {
		if got := csvText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
