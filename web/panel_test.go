package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pion/webrtc/v4"

	"lectern/lms"
	"lectern/signaling/protocol"
	"lectern/storage/postgres/pgtest"
)

// panelOf reads the panel as somebody, by the ID of each person.
func panelOf(t *testing.T, c caller, course lms.CourseID) (view panelView, people map[lms.PersonID]panelPersonView) {
	t.Helper()
	a := c.do("GET", "/api/courses/"+string(course)+"/panel", "")
	if a.status != http.StatusOK {
		t.Fatalf("panel: %d %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &view); err != nil {
		t.Fatal(err)
	}
	people = map[lms.PersonID]panelPersonView{}
	for _, p := range view.People {
		people[p.Person] = p
	}
	return view, people
}

// me is the caller's own ID.
func (c caller) me() lms.PersonID {
	c.st.t.Helper()
	return lms.PersonID(between(c.do("GET", "/api/me", "").body, `"id":"`, `"`))
}

// TestPanel asks an attendee in, who publishes and is heard backstage, on air, muted, and put back.
func TestPanel(t *testing.T) {
	st := newStudio(t)
	presenter, moderator, guest := st.person(st.demo.Studio), st.person(st.demo.Console), st.person(st.demo.Attend[0])
	course := st.demo.Course
	whip, api := "/whip/"+string(course)+"?backstage=1", "/api/courses/"+string(course)+"/panel/"
	said := make(chan *protocol.PanelChanged, 64)
	guest.listenTo(course, func(m protocol.Message) {
		if p, ok := m.(*protocol.PanelChanged); ok && p.Person != "" {
			said <- p
		}
	})
	heard := func(what string, want protocol.PanelChanged) {
		t.Helper()
		select {
		case got := <-said:
			if *got != want {
				t.Errorf("%s: told %+v, want %+v", what, got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: not told", what)
		}
	}
	id := guest.me()
	decide := func(c caller, path, body string, status int) {
		t.Helper()
		if a := c.do("POST", api+path, body, "Content-Type", "application/json"); a.status != status {
			t.Fatalf("%s: %d %s, want %d", path, a.status, a.body, status)
		}
	}
	action := func(name string) string { return string(id) + "/" + name }

	p := newPeer(t).sends()
	offer := p.offer(nil)
	if a := guest.post(whip, offer); a.status != http.StatusForbidden {
		t.Fatalf("an attendee publishes: %d", a.status)
	}
	if a := moderator.do("GET", api+"candidates?name=", ""); a.status != 200 || !strings.Contains(a.body, string(id)) {
		t.Errorf("candidates: %d %s", a.status, a.body)
	}
	decide(guest, action("promote"), "{}", http.StatusForbidden)
	decide(moderator, action("promote"), "{}", http.StatusOK)
	heard("promoted", protocol.PanelChanged{Person: string(id), Member: true})
	if a := guest.do("GET", "/api/courses/"+string(course), ""); !strings.Contains(a.body, `"panellist"`) {
		t.Errorf("roles: %s", a.body)
	}

	a := guest.post(whip, offer)
	if a.status != http.StatusCreated {
		t.Fatalf("a panellist publishes: %d %s", a.status, a.body)
	}
	p.accept(a.body)
	ear := newPeer(t)
	if _, err := ear.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	listen := ear.offer(nil)
	listening := guest.post("/backstage/"+string(course), listen)
	if listening.status != http.StatusCreated || !strings.HasPrefix(listening.header.Get("Location"), "/backstage/") {
		t.Fatalf("listen backstage: %d %s", listening.status, listening.body)
	}
	other := st.person(st.demo.Attend[1])
	if a := other.post("/backstage/"+string(course), listen); a.status != http.StatusForbidden {
		t.Errorf("an attendee listens backstage: %d", a.status)
	}
	seen := eventually(t, func() panelPersonView { _, people := panelOf(t, moderator, course); return people[id] },
		func(p panelPersonView) bool { return p.Connected && p.Sources["camera"].Sends })
	if seen.Role != lms.Panellist || seen.Sources["camera"].OnAir || seen.OnStage || seen.Name == "" {
		t.Errorf("backstage: %+v", seen)
	}
	if view, _ := panelOf(t, guest, course); !view.Seated || view.You != id {
		t.Errorf("their own view: %+v", view)
	}
	room := st.web.sfu.Room(string(course))
	if room.Publishing() {
		t.Error("backstage counts as publishing")
	}

	decide(presenter, action("on_air"), `{"source":"camera"}`, http.StatusOK)
	heard("on air", protocol.PanelChanged{Person: string(id), Member: true, OnAir: true})
	eventually(t, func() panelPersonView { _, people := panelOf(t, guest, course); return people[id] },
		func(p panelPersonView) bool {
			return p.OnStage && p.Sources["camera"].OnAir && !p.Sources["microphone"].OnAir
		})
	decide(moderator, action("mute"), "{}", http.StatusOK)
	heard("muted", protocol.PanelChanged{Person: string(id), Member: true, OnAir: true, Muted: true})
	decide(guest, "me/unmute", "{}", http.StatusForbidden)
	decide(guest, "me/ask_unmute", "{}", http.StatusOK)
	heard("asked", protocol.PanelChanged{Person: string(id), Member: true, OnAir: true, Muted: true})
	if _, people := panelOf(t, presenter, course); !people[id].Asks || !people[id].Muted {
		t.Errorf("asks: %+v", people[id])
	}

	publishing, _ := st.web.sfu.Session(between(a.header.Get("Location"), string(course)+"/", "?"))
	backstage, _ := st.web.sfu.Session(strings.TrimPrefix(listening.header.Get("Location"), "/backstage/"+string(course)+"/"))
	decide(moderator, action("put_back"), "{}", http.StatusOK)
	heard("put back", protocol.PanelChanged{Person: string(id)})
	<-publishing.Done()
	<-backstage.Done()
	if a := guest.post(whip, newPeer(t).sends().offer(nil)); a.status != http.StatusForbidden {
		t.Errorf("publishes after being put back: %d", a.status)
	}
	if a := guest.do("GET", "/api/courses/"+string(course)+"/panel", ""); a.status != http.StatusForbidden {
		t.Errorf("sees the panel after being put back: %d", a.status)
	}
	if _, people := panelOf(t, moderator, course); len(people) != 0 {
		t.Errorf("left on the panel: %+v", people)
	}
}

// TestOnAirAfterATroubleOfTheDatabase holds that a program which publishes to go on air does so although the database
// failed at that moment.
func TestOnAirAfterATroubleOfTheDatabase(t *testing.T) {
	database := pgtest.New(t)
	st := &studio{site: startSite(t, database, t.TempDir())}
	st.demo = st.site.demo()
	db, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	rename := func(from, to string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), "alter table "+from+" rename to "+to); err != nil {
			t.Fatal(err)
		}
	}
	camera := st.bearer(st.demo.Course, lms.Presenter)
	said := st.person(st.demo.Attend[0]).listen(st.demo.Course)
	rename("broadcasts", "elsewhere")
	p := newPeer(t).sends()
	a := camera.post("/whip/"+string(st.demo.Course), p.offer(nil))
	if a.status != http.StatusCreated {
		t.Fatalf("publish: %d %s", a.status, a.body)
	}
	p.accept(a.body)
	eventually(t, st.web.sfu.Room(string(st.demo.Course)).Publishing, func(on bool) bool { return on })
	failed := func() bool { return strings.Contains(st.logged(), "not put on air") }
	eventually(t, failed, func(yes bool) bool { return yes })
	rename("elsewhere", "broadcasts")
	wait(t, said, "on air", func(b *protocol.Broadcast) bool { return b.State == protocol.OnAir })
}
