package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lectern/lms"
	"lectern/signaling"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

// staffOf lists the staff of a programme by role.
func (b *browser) staffOf(programme lms.ProgrammeID) map[lms.Role]staffView {
	b.t.Helper()
	var p programmeView
	b.call("GET", "/api/programmes/"+string(programme), nil).want(b.t, http.StatusOK).json(b.t, &p)
	staff := map[lms.Role]staffView{}
	for _, member := range p.Staff {
		staff[member.Role] = member
	}
	return staff
}

// TestChangedRightsCountAtOnce: a presenter becomes an auditor and then nothing (trust S-07). The session gets a new secret, the
// socket is closed, and the old secret is good for requests under way only.
func TestChangedRightsCountAtOnce(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin, b := s.joined(d.Admin), s.joined(d.Studio)
	socket := b.socket(d.Course)
	grant := admin.staffOf(d.Programme)[lms.Presenter]
	path := "/api/programmes/" + string(d.Programme) + "/staff/" + grant.ID
	before := sessionCookie(b)
	b.get(coursePath(d, "/api/courses/%s/health")).want(t, http.StatusOK)

	admin.call("PATCH", path, map[string]any{"role": "auditor"}).want(t, http.StatusNoContent)
	if code := socket.closed(); code != protocol.CloseResume {
		t.Errorf("the socket was closed with %d", code)
	}
	b.get(coursePath(d, "/api/courses/%s/health")).want(t, http.StatusForbidden)
	b.get("/api/programmes/"+string(d.Programme)).want(t, http.StatusOK)
	after := sessionCookie(b)
	if after == before || after == "" {
		t.Error("the session has its old secret after a change of rights")
	}
	old := http.Header{"Cookie": {"lectern=" + before}}
	s.browser().send("GET", "/api/me", nil, old).want(t, http.StatusOK) // a request that was under way

	admin.call("DELETE", path, nil).want(t, http.StatusNoContent)
	b.get("/api/programmes/"+string(d.Programme)).want(t, http.StatusNotFound)
	b.get(coursePath(d, "/api/courses/%s")).want(t, http.StatusNotFound)
	admin.call("DELETE", path, nil).want(t, http.StatusNotFound)

	// Out of an old secret comes nothing but what the new one is good for, and after sign-out nothing at all.
	b.post("/sign-out", url.Values{}).want(t, http.StatusSeeOther)
	for _, secret := range []string{before, after, sessionCookie(b)} {
		s.browser().send("GET", "/api/me", nil, http.Header{"Cookie": {"lectern=" + secret}}).want(t, http.StatusUnauthorized)
	}
}

// closed reads until the socket is closed, and returns the code.
func (s socket) closed() int {
	s.t.Helper()
	for {
		_, _, err := s.conn.ReadMessage()
		if closed, ok := err.(*websocket.CloseError); ok {
			return closed.Code
		} else if err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestTheLastAdminStays: a programme keeps an admin, and so does an organisation.
func TestTheLastAdminStays(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	admin := s.signIn("admin@demo.example", "")
	staff := "/api/organisations/" + e.organisation + "/staff/"
	var o organisationView
	admin.call("GET", "/api/organisations/"+e.organisation, nil).want(t, http.StatusOK).json(t, &o)
	if len(o.Staff) != 2 || o.Programmes != 1 {
		t.Fatalf("the organisation has %d people and %d programmes", len(o.Staff), o.Programmes)
	}
	admin.call("DELETE", staff+o.Staff[1].ID, nil).want(t, http.StatusNoContent) // the runner
	admin.call("DELETE", staff+o.Staff[0].ID, nil).want(t, http.StatusConflict)
	e.who["runner"].call("GET", "/api/organisations/"+e.organisation, nil).want(t, http.StatusNotFound)
	path := "/api/programmes/" + string(e.demo.Programme) + "/staff/" + admin.staffOf(e.demo.Programme)[lms.Admin].ID
	admin.call("PATCH", path, map[string]any{"role": "moderator"}).want(t, http.StatusNoContent) // the organisation still has one
	admin.call("GET", "/api/programmes/"+string(e.demo.Programme), nil).want(t, http.StatusOK)
}

// TestSocketMessagesByRole walks the messages of the socket with everybody, as TestRoleMatrix does the routes (trust S-01).
func TestSocketMessagesByRole(t *testing.T) {
	s := newSite(t)
	e := newEverybody(s)
	const watchers = "attendee captioner presenter moderator producer admin"
	declared := map[string]string{"hello": watchers, "report": watchers}
	permissions := signaling.Permissions()
	for kind := range permissions {
		if _, ok := declared[kind]; !ok {
			t.Errorf("the message %s is not declared", kind)
		}
	}
	for kind := range declared {
		if _, ok := permissions[kind]; !ok {
			t.Errorf("%s is declared, but is no message", kind)
		}
	}
	for who, b := range e.who {
		status := b.call("POST", coursePath(e.demo, "/api/courses/%s/ticket"), nil).StatusCode
		if got, want := status == http.StatusOK, mayEnter(watchers, who); got != want {
			t.Errorf("%s asks for a ticket: %d", who, status)
		}
		if status != http.StatusOK {
			continue
		}
		socket := b.socket(e.demo.Course) // says hello and is welcomed
		report := &protocol.Report{Player: "player-" + who, Seq: 1, Broadcast: unknownID, Rate: 1}
		if err := socket.conn.WriteMessage(websocket.TextMessage, must(protocol.Encode(report))(t)); err != nil {
			t.Fatal(err)
		}
		for {
			if e, ok := socket.next().(*protocol.Error); ok {
				// Past the door the ledger says that there is no such broadcast.
				if e.Message != "This report does not belong to a lecture of yours." {
					t.Errorf("%s reports: %+v", who, e)
				}
				break
			}
		}
	}
}

// TestDevices: a person sees where they are signed in and signs out one device, or all others.
func TestDevices(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	laptop := s.joined(d.Attend[0])
	var me meView
	laptop.call("GET", "/api/me", nil).want(t, http.StatusOK).json(t, &me)
	phone, tablet := s.signIn(me.Person.Email, ""), s.signIn(me.Person.Email, "")
	page := laptop.get("/devices").want(t, http.StatusOK).text
	if n := strings.Count(page, `name="device"`); n != 3 || strings.Count(page, "This one") != 1 {
		t.Errorf("%d devices are listed", n)
	}
	atTablet := tablet.socket(d.Course)
	laptop.post("/devices", url.Values{"device": {idOf(t, s, tablet)}}).want(t, http.StatusSeeOther)
	if code := atTablet.closed(); code != protocol.CloseSignedOut {
		t.Errorf("the tablet's socket was closed with %d", code)
	}
	tablet.call("GET", "/api/me", nil).want(t, http.StatusUnauthorized)
	phone.call("GET", "/api/me", nil).want(t, http.StatusOK)

	stranger := s.joined(d.Attend[1])
	laptop.post("/devices", url.Values{"device": {idOf(t, s, stranger)}}).want(t, http.StatusNotFound)
	laptop.post("/devices", url.Values{"others": {"1"}}).want(t, http.StatusSeeOther)
	phone.call("GET", "/api/me", nil).want(t, http.StatusUnauthorized)
	stranger.call("GET", "/api/me", nil).want(t, http.StatusOK)
	laptop.post("/devices", url.Values{"device": {idOf(t, s, laptop)}}).want(t, http.StatusSeeOther)
	laptop.call("GET", "/api/me", nil).want(t, http.StatusUnauthorized)
}

// idOf names the session of a browser.
func idOf(t *testing.T, s *site, b *browser) string {
	t.Helper()
	return must(s.db.SessionPerson(t.Context(), sessionCookie(b)))(t).Session
}

// TestSigningInEndsTheSessionBefore: the browser's old session is not left behind (trust S-07).
func TestSigningInEndsTheSessionBefore(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.joined(d.Attend[0])
	before := sessionCookie(b)
	b.post("/join/"+d.Attend[1], url.Values{}).want(t, http.StatusSeeOther)
	if sessionCookie(b) == before {
		t.Error("the session kept its secret")
	}
	s.browser().send("GET", "/api/me", nil, http.Header{"Cookie": {"lectern=" + before}}).want(t, http.StatusUnauthorized)
}

func TestBrowserNames(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36":                   "Chrome, Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1": "Safari, iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0":           "Edge, Windows",
		"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0":                                                                  "Firefox, Linux",
		"curl/8.0": "", "": "",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

// TestOnePlayingDevice: the second device takes over, the first is told within 3 s, and only the second is credited (trust S-08).
func TestOnePlayingDevice(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	broadcast := s.onAir(d)
	laptop := s.joined(d.Attend[0])
	var me meView
	laptop.call("GET", "/api/me", nil).json(t, &me)
	phone := s.signIn(me.Person.Email, "")
	path := coursePath(d, "/api/courses/%s/playing")
	start := func(b *browser, player string) (answer struct {
		Bound bool
		Fence int64
	},
	) {
		b.call("POST", path, map[string]any{"player": player}).want(t, http.StatusOK).json(t, &answer)
		return answer
	}
	first := start(laptop, "player-of-laptop")
	atLaptop := laptop.socket(d.Course)
	began := time.Now()
	second := start(phone, "player-of-phone")
	if !first.Bound || !second.Bound || second.Fence <= first.Fence {
		t.Errorf("fences %d and %d", first.Fence, second.Fence)
	}
	for {
		if told, ok := atLaptop.next().(*protocol.Playing); ok {
			if told.Player != "player-of-phone" || told.Fence != second.Fence {
				t.Errorf("told %+v", told)
			}
			break
		}
	}
	t.Logf("told after %v", time.Since(began))

	reports := func(b *browser, player string) int {
		var answer struct{ Acks []protocol.Ack }
		b.call("POST", coursePath(d, "/api/courses/%s/reports"), map[string]any{"reports": []protocol.Report{
			{Player: player, Seq: 1, Broadcast: string(broadcast), Rate: 1, Spans: []protocol.Span{}},
		}}).want(t, http.StatusOK).json(t, &answer)
		return len(answer.Acks)
	}
	if laptop, phone := reports(laptop, "player-of-laptop"), reports(phone, "player-of-phone"); laptop != 0 || phone != 1 {
		t.Errorf("%d reports of the laptop and %d of the phone were taken", laptop, phone)
	}
	if staff := start(s.joined(d.Console), "player-of-staff"); staff.Bound {
		t.Error("a moderator is bound to one device")
	}
	laptop.call("POST", path, map[string]any{"player": "x"}).want(t, http.StatusUnprocessableEntity)
}

// onAir puts the lecture of a demo on air in the database.
func (s *site) onAir(d postgres.Demo) lms.BroadcastID {
	s.t.Helper()
	presenter := must(s.db.SessionPerson(s.t.Context(), sessionCookie(s.joined(d.Studio))))(s.t)
	return must(s.db.GoOnAir(s.t.Context(), presenter, d.Course))(s.t).ID
}

// TestFiftyStartsAtOnce: exactly one player has the lease afterwards, the one with the highest fence (trust S-08).
func TestFiftyStartsAtOnce(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	b := s.joined(d.Attend[0])
	actor := must(s.db.SessionPerson(t.Context(), sessionCookie(b)))(t)
	const starts = 50
	fences := make([]int64, starts)
	var all sync.WaitGroup
	for i := range starts {
		all.Go(func() {
			mine := actor
			mine.Session = fmt.Sprintf("00000000-0000-4000-8000-0000000000%02d", i)
			playing, err := s.db.StartPlaying(t.Context(), mine, d.Course, fmt.Sprintf("player-number-%d", i))
			if err != nil {
				t.Error(err)
			}
			fences[i] = playing.Fence
		})
	}
	all.Wait()
	last, seen := 0, map[int64]bool{}
	for i, fence := range fences {
		if seen[fence] {
			t.Errorf("fence %d was given twice", fence)
		}
		seen[fence] = true
		if fence > fences[last] {
			last = i
		}
	}
	taken, broadcast := 0, s.onAir(d)
	for i := range starts {
		report := lms.Report{Player: fmt.Sprintf("player-number-%d", i), Seq: 1, Broadcast: broadcast, Rate: 1}
		if _, err := s.db.SubmitReport(t.Context(), actor.Person, report); err == nil {
			if taken++; i != last {
				t.Errorf("number %d was credited, but number %d has the highest fence", i, last)
			}
		}
	}
	if taken != 1 {
		t.Errorf("%d players were credited", taken)
	}
}
