package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestCalendars: a doctor takes one lecture as a file, and subscribes to all.
func TestCalendars(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	doctor, anonymous := s.joined(d.Attend[0]), s.browser()
	file := doctor.get("/courses/"+string(d.Course)+"/lecture.ics").want(t, http.StatusOK)
	if file.Header.Get("Content-Type") != "text/calendar; charset=utf-8" || strings.Count(file.text, "BEGIN:VEVENT") != 1 ||
		!strings.Contains(strings.ReplaceAll(file.text, "\r\n ", ""), "UID:"+string(d.Course)+"@127.0.0.1\r\n") {
		t.Errorf("%v\n%s", file.Header, file.text)
	}
	address := regexp.MustCompile(`/calendar/[\w-]{43}/lectures\.ics`)
	read := func() string { return address.FindString(doctor.get("/courses").want(t, http.StatusOK).text) }
	if found := read(); found != "" {
		t.Fatalf("an address nobody asked for: %s", found)
	}
	doctor.post("/calendar", nil).want(t, http.StatusSeeOther)
	first := read()
	feed := anonymous.get(first).want(t, http.StatusOK)
	if strings.Count(feed.text, "BEGIN:VEVENT") != 10 || !strings.Contains(feed.text, "METHOD:PUBLISH\r\n") {
		t.Errorf("feed\n%s", feed.text)
	}
	doctor.post("/calendar", nil).want(t, http.StatusSeeOther)
	second := read()
	if second == first {
		t.Error("a new address is the old one")
	}
	anonymous.get(second).want(t, http.StatusOK)
	anonymous.get(first).want(t, http.StatusNotFound)
	s.stop()
	if log := s.log.String(); strings.Contains(log, strings.Split(second, "/")[2]) || strings.Contains(log, strings.Split(first, "/")[2]) {
		t.Error("the log holds the secret of a feed")
	}
}
