package web

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// renderNow is when the sample pages are looked at: 42 minutes before lecture 9.
var renderNow = time.Date(2026, 11, 22, 11, 48, 0, 0, time.UTC)

// samplePages are all templates with what may stand in them, hostile names included.
func samplePages(t *testing.T) map[string]any {
	t.Helper()
	chosen, err := newChoices(must(newLanguages(wordFiles))(t))
	if err != nil {
		t.Fatal(err)
	}
	shown, say := newSelects(chosen), testEnglish(t)
	attendee := lms.Actor{Person: "p", Name: `<script>alert(1)</script>`, Zone: "Africa/Nairobi"}
	return map[string]any{
		"sign-in":      signInPage{frame: frame{Title: "signin.title"}, Next: "/"},
		"sign-in fail": signInPage{frame: frame{Title: "signin.title"}, Email: `"><script>`, Code: "7H2K", Field: "code", Error: "Check the access code."},
		"sign-in turn": signInPage{frame: frame{Title: "signin.title", Script: "turn.js"}, Email: "a@b.example", Turn: true},
		"waiting":      waitingPage{frame: frame{Title: "waiting.title", Refresh: refresh(12, "/sign-in?next=/a\"b")}, Ahead: "12 people", Wait: "soon", Again: "again", Back: "/sign-in"},
		"waiting full": waitingPage{frame: frame{Title: "waiting.title"}, Full: true, Back: "/sign-in"},
		"register": registerPage{
			frame: frame{Title: "register.title", Script: "zone.js"}, Programme: postgres.OpenProgramme{ID: "p", Title: "IVF <script>", Watch: true}, Name: "Dr <b>",
			Countries: shown.country(say, "IN", renderNow), Zones: shown.zone(say, "", renderNow),
		},
		"registrations":      registrationsPage{frame: frame{Title: "registrations.title"}, Rows: []registrationRow{{Title: "IVF", Line: "offered", Note: "<script>", Offered: true, Mine: true}, {Title: "B", Line: "x", Watch: true}}},
		"registrations none": registrationsPage{frame: frame{Title: "registrations.title"}},
		"code":               codePage{frame: frame{Title: "code.title"}, Next: "/courses", Mailbox: true, Sent: true},
		"code fail":          codePage{frame: frame{Title: "code.title"}, OTP: "48213", Error: "One digit is missing."},
		"welcome": welcomePage{
			frame: frame{Title: "welcome.title", Script: "zone.js"}, First: true, Zone: "Asia/Kolkata",
			Countries: shown.country(say, "IN", renderNow), Zones: shown.zone(say, "Asia/Calcutta", renderNow),
		},
		"join":          joinPage{frame: frame{Title: "join.title", Script: "join.js"}, Token: "abc", Name: "Dr <b>", Where: "join.studio"},
		"mailbox":       mailboxPage{frame: frame{Title: "mailbox.title"}, Mails: []mailView{{To: "a@b.example", Subject: "Your code", Text: "<b>123456</b>", Links: []string{"/join/x"}}}},
		"mailbox empty": mailboxPage{frame: frame{Title: "mailbox.title"}},
		"error": struct {
			frame
			Message, Request string
			Status           int
			Action           link
		}{frame{Title: "error.expired"}, "Try again.", "ABC", 404, link{"/", "Home"}},
		"unbuilt":       frame{Title: "unbuilt.title"},
		"courses":       newCoursesPage(testEnglish(t), attendee, sampleCourses(), renderNow),
		"courses empty": newCoursesPage(testEnglish(t), attendee, nil, renderNow),
	}
}

// sampleCourses is a programme as in the middle of its year.
func sampleCourses() []postgres.CourseItem {
	titles := []string{
		"Ovarian reserve: what AMH and follicle count predict", "Stimulation: choosing the protocol", "Trigger and luteal support",
		"Oocyte retrieval: technique and complications", "Embryo culture and time-lapse selection", "Preimplantation genetic testing: who benefits",
		"The endometrium and the day of transfer", "Recurrent implantation failure", "OHSS: prevention and early management",
		"Single embryo transfer and pregnancy outcome",
	}
	var courses []postgres.CourseItem
	for i, title := range titles {
		var c postgres.CourseItem
		c.ID, c.Number, c.Title, c.Minutes, c.Zone = lms.CourseID("c"+title[:1]), i+1, title, 60, "Asia/Kolkata"
		c.Programme.ID, c.Programme.Title = "p", "Reproductive Medicine and IVF, 2026"
		c.State, c.Start, c.WatchedShare = postgres.CourseEnded, renderNow.AddDate(0, 0, 7*(i-9)), 0.97
		c.Recorded, c.Broadcast = true, &postgres.CourseBroadcast{Recording: &postgres.CourseRecording{Version: 1}}
		switch i {
		case 5:
			c.WatchedShare = 0.72
		case 8:
			c.State, c.Start, c.WatchedShare = postgres.CourseScheduled, renderNow.Add(42*time.Minute), 0
		case 9:
			c.State, c.Start, c.WatchedShare = postgres.CourseScheduled, renderNow.AddDate(0, 0, 20), 0
		}
		courses = append(courses, c)
	}
	return courses
}

func testPages(t *testing.T, spoken *languages) pages {
	t.Helper()
	static, err := newStaticFiles()
	if err != nil {
		t.Fatal(err)
	}
	all, err := newPages(static, spoken)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// render writes a page of samplePages in the first language.
func render(t *testing.T, spoken *languages, all pages, name string, data any) string {
	t.Helper()
	w := httptest.NewRecorder()
	name, _, _ = strings.Cut(name, " ")
	if err := all.write(w, spoken.all[0], 200, name, data); err != nil {
		t.Fatal(err)
	}
	return w.Body.String()
}

// TestPagesKeepToTheContentSecurityPolicy: nothing inline, nothing from elsewhere, and what people enter is text.
func TestPagesKeepToTheContentSecurityPolicy(t *testing.T) {
	spoken := must(newLanguages(wordFiles))(t)
	all := testPages(t, spoken)
	forbidden := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:[^>]*)>[^<]|javascript:|(?:src|href)="(?:https?:)?//`)
	for name, data := range samplePages(t) {
		html := render(t, spoken, all, name, data)
		if found := forbidden.FindString(html); found != "" {
			t.Errorf("%s: %q", name, found)
		}
		if strings.Contains(html, "<script>") || strings.Contains(html, "Dr <b>") || strings.Contains(html, "<b>123456") {
			t.Errorf("%s shows what somebody entered as HTML", name)
		}
		for _, want := range []string{"<!doctype html>", `lang="en"`, "<h1", "</html>"} {
			if !strings.Contains(html, want) && !(want == "<h1" && name == "courses empty") {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
}

// TestEveryFieldHasItsLabel and keeps what was typed when something was wrong with it.
func TestEveryFieldHasItsLabel(t *testing.T) {
	spoken := must(newLanguages(wordFiles))(t)
	all := testPages(t, spoken)
	field := regexp.MustCompile(`<(?:input|select)[^>]* id="([^"]+)"`)
	for name, data := range samplePages(t) {
		html := render(t, spoken, all, name, data)
		for _, m := range field.FindAllStringSubmatch(html, -1) {
			if !strings.Contains(html, `<label for="`+m[1]+`"`) {
				t.Errorf("%s: no label for %s", name, m[1])
			}
		}
	}
	for name, want := range map[string]string{
		"sign-in fail": `value="7H2K"`, "code fail": `value="48213"`, "code": `autocomplete="one-time-code"`,
	} {
		if html := render(t, spoken, all, name, samplePages(t)[name]); !strings.Contains(html, want) {
			t.Errorf("%s lacks %s", name, want)
		}
	}
}

func TestCoursesPageSaysWhatToDoNext(t *testing.T) {
	attendee := lms.Actor{Person: "p", Name: "Dr A", Zone: "Africa/Nairobi", Roles: []lms.RoleGrant{{Role: lms.Attendee, Programme: "p"}}}
	for _, tc := range []struct {
		name   string
		actor  lms.Actor
		change func([]postgres.CourseItem)
		want   string
	}{
		{"half watched", attendee, func([]postgres.CourseItem) {}, "Continue course 6 where you stopped"},
		{"on air", attendee, func(c []postgres.CourseItem) { c[8].State = postgres.CourseLive }, "Lecture 9 is on air now"},
		{"never watched", attendee, func(c []postgres.CourseItem) { c[5].WatchedShare, c[2].WatchedShare = 0.95, 0 }, "Watch course 3"},
		{"not recorded", attendee, func(c []postgres.CourseItem) {
			c[5].Recorded, c[5].Broadcast.Recording = false, nil
		}, "Next is lecture 9, today at 15:30"},
		{"nothing open", attendee, func(c []postgres.CourseItem) { c[5].WatchedShare = 0.95 }, "Next is lecture 9, today at 15:30"},
		{"all done", attendee, func(c []postgres.CourseItem) {
			for i := range c {
				c[i].State, c[i].WatchedShare = postgres.CourseEnded, 1
			}
		}, "You have watched everything there is"},
		{
			"presenter",
			lms.Actor{Zone: "Asia/Kolkata", Roles: []lms.RoleGrant{{Role: lms.Presenter, Programme: "p"}}},
			func([]postgres.CourseItem) {}, "You present lecture 9 today at 18:00",
		},
		{
			"moderator",
			lms.Actor{Zone: "Asia/Kolkata", Roles: []lms.RoleGrant{{Role: lms.Moderator, Programme: "p"}}},
			func(c []postgres.CourseItem) { c[8].State = postgres.CourseLive }, "Lecture 9, which you moderate, is on air now",
		},
	} {
		courses := sampleCourses()
		tc.change(courses)
		if got := newCoursesPage(testEnglish(t), tc.actor, courses, renderNow).Lead.Sentence; got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestPercentNeverClaimsMoreThanWatched(t *testing.T) {
	for share, want := range map[float64]int{0.001: 1, 0.725: 72, 0.999: 99, 1: 100} {
		if got := wholePercent(share); got != want {
			t.Errorf("%v: %d, want %d", share, got, want)
		}
	}
}
