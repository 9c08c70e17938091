package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// socket is the open socket of a browser in the room of a course, welcomed already.
type socket struct {
	t      *testing.T
	conn   *websocket.Conn
	events *[]protocol.Message // of a frame that has been read
}

func (b *browser) socket(course lms.CourseID) socket {
	b.t.Helper()
	var granted struct{ Ticket string }
	b.call("POST", "/api/courses/"+string(course)+"/ticket", nil).want(b.t, http.StatusOK).json(b.t, &granted)
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	conn, _, err := d.Dial("ws"+strings.TrimPrefix(b.url, "http")+"/socket", http.Header{"Origin": {b.url}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	s := socket{b.t, conn, new([]protocol.Message)}
	if err := conn.WriteMessage(websocket.TextMessage, must(protocol.Encode(&protocol.Hello{Ticket: granted.Ticket}))(b.t)); err != nil {
		b.t.Fatal(err)
	}
	if _, ok := s.next().(*protocol.Welcome); !ok {
		b.t.Fatal("no welcome")
	}
	return s
}

func (s socket) next() protocol.Message {
	s.t.Helper()
	for len(*s.events) == 0 {
		_, text, err := s.conn.ReadMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		m := must(protocol.DecodeServer(text))(s.t)
		events, ok := m.(*protocol.Events)
		if !ok {
			return m
		}
		*s.events = must(events.Messages())(s.t)
	}
	m := (*s.events)[0]
	*s.events = (*s.events)[1:]
	return m
}

// hears reads the news of questions up to the one with this text, and returns their states.
func (s socket) hears(last string) (states []string) {
	s.t.Helper()
	for {
		q, ok := s.next().(*protocol.QuestionChanged)
		if !ok {
			continue
		}
		states = append(states, q.Question.State)
		if q.Question.Text == last {
			return states
		}
	}
}

// TestNobodyIsToldOfADismissal: neither does the asker's socket, nor does the audience hear of a question that was
// never public. What was public leaves the audience's list when a moderator takes it back.
func TestNobodyIsToldOfADismissal(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	asker, other, moderator := s.joined(d.Attend[0]), s.joined(d.Attend[1]), s.joined(d.Console)
	atAsker, atOther, atDesk := asker.socket(d.Course), other.socket(d.Course), moderator.socket(d.Course)
	questions := coursePath(d, "/api/courses/%s/questions")

	var q protocol.Question
	asker.call("POST", questions, map[string]any{"text": "Mine?", "hide_name": true}).want(t, http.StatusCreated).json(t, &q)
	for i, action := range []string{"dismiss", "restore", "approve", "restore"} {
		moderator.call("POST", questions+"/"+q.ID+"/"+action, map[string]any{"version": i + 1}).want(t, http.StatusOK)
	}
	var marker protocol.Question
	other.call("POST", questions, map[string]any{"text": "Theirs?"}).want(t, http.StatusCreated).json(t, &marker)
	moderator.call("POST", questions+"/"+marker.ID+"/approve", map[string]any{"version": 1}).want(t, http.StatusOK)

	// Within a tick only the last state of a question is told, so how many each hears depends on the time of day.
	for _, c := range []struct {
		who  string
		at   socket
		may  string
		last string
	}{
		{"the asker", atAsker, "received shown approved", "received approved"},
		{"another attendee", atOther, "approved dismissed received shown", "dismissed"},
		{"the moderator", atDesk, "pending dismissed approved", "pending"},
	} {
		heard := c.at.hears("Theirs?")
		for _, state := range heard {
			if !strings.Contains(c.may, state) {
				t.Errorf("%s hears of %q: %q", c.who, state, heard)
			}
		}
		if !strings.Contains(strings.Join(heard, " "), c.last) {
			t.Errorf("%s hears %q, want %q among it", c.who, heard, c.last)
		}
	}
	var list struct{ Questions []protocol.Question }
	moderator.get(questions).want(t, http.StatusOK).json(t, &list)
	if !list.Questions[0].HideName || list.Questions[1].HideName {
		t.Errorf("the moderator is not told whose name is hidden: %+v", list.Questions)
	}
	var own struct{ Questions []protocol.Question }
	asker.get(questions).want(t, http.StatusOK).json(t, &own)
	if own.Questions[0].HideName {
		t.Error("hide_name is for moderators")
	}
}

// TestSignOutLeavesOtherDevices: whoever signs out on one device goes on watching on the other.
func TestSignOutLeavesOtherDevices(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	phone, laptop := s.signIn("doctor@hospital.example", d.Codes[0].String()), s.signIn("doctor@hospital.example", "")
	atPhone, atLaptop := phone.socket(d.Course), laptop.socket(d.Course)
	phone.post("/sign-out", nil).want(t, http.StatusSeeOther)
	for {
		_, _, err := atPhone.conn.ReadMessage()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != protocol.CloseSignedOut {
			t.Errorf("the phone's socket ends with %v", err)
		}
		break
	}
	laptop.call("POST", coursePath(d, "/api/courses/%s/questions"), map[string]any{"text": "Still here?"}).want(t, http.StatusCreated)
	if got := atLaptop.hears("Still here?"); len(got) != 1 {
		t.Errorf("the laptop hears %v", got)
	}
}
