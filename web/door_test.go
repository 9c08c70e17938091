package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// doorAt is a door on a clock that the test moves.
func doorAt() (*door, *time.Time) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return newDoor(func() time.Time { return now }), &now
}

// crowd lets as many in as go in without waiting.
func (d *door) crowd() (in int) {
	for {
		if _, ok := d.enter(""); !ok {
			return in
		}
		in++
	}
}

func TestDoorCallsInTheOrderOfArrival(t *testing.T) {
	d, now := doorAt()
	if in := d.crowd(); in != doorStart {
		t.Fatalf("%d came in at once, want %d", in, doorStart)
	}
	var tickets []string
	for i := range 1000 {
		p, ok := d.enter("")
		if ok || p.Ticket == "" || p.Ahead != i+1 || p.Again < time.Second || p.Again > doorAgain {
			t.Fatalf("place %d: %+v, %v", i, p, ok)
		}
		tickets = append(tickets, p.Ticket)
	}
	*now = now.Add(time.Second)
	in := 0
	for i, ticket := range tickets {
		_, ok := d.enter(ticket)
		if ok && i != in {
			t.Fatalf("number %d came in before number %d", i, in)
		}
		if ok {
			in++
		}
	}
	if in < doorStart/2 || in > doorStart+10 {
		t.Errorf("%d came in within a second, want about %d", in, doorStart)
	}
	if _, ok := d.enter(tickets[0]); ok {
		t.Error("a place was used twice")
	}
	if _, ok := d.enter(""); ok {
		t.Error("somebody without a place went past those who wait")
	}
	for name, forged := range map[string]string{
		"made up": "AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAA", "short": "AAAA", "changed": tickets[900][:31] + "x",
		"of another start": newDoor(d.now).sign(1),
	} {
		if p, ok := d.enter(forged); ok || p.Ticket == forged {
			t.Errorf("a ticket %s is worth something", name)
		}
	}
}

func TestDoorFollowsWhatTheServerBears(t *testing.T) {
	d, now := doorAt()
	pass := func(windows int, took time.Duration) {
		for range windows {
			d.crowd()
			for range 20 {
				d.left(took)
			}
			*now = now.Add(doorWindow)
			d.look("")
		}
	}
	pass(40, time.Second)
	if d.rate != doorLeast {
		t.Errorf("with steps of a second %v come in, want %v", d.rate, doorLeast)
	}
	pass(200, 10*time.Millisecond)
	if d.rate < 2*doorStart {
		t.Errorf("with steps of 10 ms %v come in, want more than %v", d.rate, 2*doorStart)
	}
}

// A queue has an end, and costs the same whatever its length.
func TestDoorQueueIsBounded(t *testing.T) {
	d, now := doorAt()
	d.crowd()
	var last string
	for range doorQueue - 1 {
		if p, _ := d.enter(""); p.Ticket != "" {
			last = p.Ticket
		}
	}
	if p, ok := d.enter(""); ok || p.Ticket != "" || p.Again != doorAgain {
		t.Errorf("one too many: %+v", p)
	}
	*now = now.Add(time.Second)
	if p, ok := d.enter(last); ok || p.Ahead < doorQueue/2 {
		t.Errorf("the last of the queue: %+v, %v", p, ok)
	}
}

// TestWaitingRoom: who comes when the server is full is told where they stand and comes in by asking again, without
// JavaScript and with what they had typed.
func TestWaitingRoom(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	s.web.door.now = func() time.Time { return time.Time{} } // nobody is called until the clock goes on
	s.web.door.at, s.web.door.window = time.Time{}, time.Time{}
	s.web.door.crowd()
	b := s.browser()
	form := url.Values{"email": {"patient@clinic.example"}, "code": {d.Codes[0].String()}, "next": {"/courses"}}
	r := b.post("/sign-in", form).want(t, http.StatusTooManyRequests)
	for _, want := range []string{`http-equiv="refresh"`, `url=/sign-in?next=%2Fcourses`, "1 person", "asks again in"} {
		if !strings.Contains(r.text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if again := b.get("/sign-in?next=%2Fcourses").want(t, http.StatusTooManyRequests); !strings.Contains(again.text, "1 person") {
		t.Errorf("asking again lost the place: %s", again.text)
	}
	late := s.browser()
	if r := late.get("/sign-in").want(t, http.StatusTooManyRequests); !strings.Contains(r.text, "2 people") {
		t.Errorf("who comes later stands at %s", r.text)
	}

	// A program reads the same as JSON.
	var body errorBody
	program := s.browser()
	program.call("POST", "/api/sign-in", map[string]string{"email": "presenter@demo.example"}).want(t, http.StatusTooManyRequests).json(t, &body)
	if body.Error.Code != "waiting" || body.Waiting == nil || body.Waiting.Ahead != 3 || body.Waiting.Place == "" || body.Waiting.Retry < 1 {
		t.Errorf("a program reads %+v", body)
	}

	s.web.door.now = func() time.Time { return time.Time{}.Add(time.Second) }
	page := b.get("/sign-in?next=%2Fcourses").want(t, http.StatusOK)
	for _, want := range []string{`value="patient@clinic.example"`, fmt.Sprintf(`value="%s"`, d.Codes[0]), "data-turn", "It is your turn"} {
		if !strings.Contains(page.text, want) {
			t.Errorf("when it is their turn, the page lacks %q", want)
		}
	}
	b.post("/sign-in", form).want(t, http.StatusSeeOther)
	b.post("/sign-in/code", url.Values{"otp": {s.otp("patient@clinic.example")}, "next": {"/courses"}}).want(t, http.StatusSeeOther)
	program.send("POST", "/api/sign-in", strings.NewReader(`{"email":"presenter@demo.example"}`),
		http.Header{"Content-Type": {"application/json"}, "Lectern-Place": {body.Waiting.Place}}).want(t, http.StatusAccepted)
	program.call("POST", "/api/sign-in/code", map[string]string{"otp": s.otp("presenter@demo.example")}).want(t, http.StatusNoContent)
	program.get("/api/me").want(t, http.StatusOK)
}

func TestBegunForgivesWhatIsFinished(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	b := newBegun(func() time.Time { return now })
	for range 3 * begunMost { // a hospital
		if err := b.begin("a"); err != nil {
			t.Fatal(err)
		}
		b.finish("a")
	}
	for range begunMost {
		if err := b.begin("a"); err != nil {
			t.Fatal(err)
		}
	}
	if b.begin("a") == nil {
		t.Error("who only begins is not stopped")
	}
	if err := b.begin("b"); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Second)
	if err := b.begin("a"); err != nil {
		t.Error(err)
	}
}
