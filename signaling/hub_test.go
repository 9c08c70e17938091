package signaling

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"lectern/lms"
	"lectern/signaling/protocol"
)

func TestWelcomeCarriesTheState(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hub.SetBroadcast(string(courseA), protocol.Broadcast{ID: "b", State: protocol.OnAir, TimelineMS: 60_000, Presenter: protocol.Connected})
		time.Sleep(3 * time.Second)
		p := w.open()
		p.say(&protocol.Hello{Ticket: w.ticket(Identity{Person: "dr-a", Course: courseA, Roles: []lms.Role{lms.Attendee, lms.Presenter}})})
		synctest.Wait()
		now := protocol.At(time.Now())
		epoch := w.hub.find(string(courseA)).history.epoch
		want := []protocol.Message{&protocol.Welcome{
			Epoch: epoch, Offset: 1, // the broadcast
			Room: string(courseA), Person: "dr-a", Roles: []string{"attendee", "presenter"}, ServerTime: now,
			Broadcast: &protocol.Broadcast{ID: "b", State: protocol.OnAir, TimelineMS: 63_000, Presenter: protocol.Connected, ServerTime: now},
		}}
		if got := p.received(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// TestClock holds that a lecture on air tells its time every ten seconds, counted from the last change,
// and is silent when it has ended.
func TestClock(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.enter(attending("dr-a"))
		time.Sleep(300 * time.Millisecond)
		start := time.Now()
		w.hub.SetBroadcast(string(courseA), protocol.Broadcast{ID: "b", State: protocol.OnAir, TimelineMS: 5, Presenter: protocol.Connected})
		time.Sleep(31 * time.Second)
		w.hub.SetBroadcast(string(courseA), protocol.Broadcast{ID: "b", State: protocol.Ended, TimelineMS: 31_005, Presenter: protocol.Gone})
		time.Sleep(time.Minute)
		got := receivedOf[*protocol.Broadcast](p)
		if len(got) != 5 {
			t.Fatalf("%d messages, want the start, three clocks and the end: %+v", len(got), got)
		}
		for _, b := range got {
			if want := int64(b.ServerTime) - start.UnixMilli() + 5; b.TimelineMS != want {
				t.Errorf("timeline %d when %d had passed", b.TimelineMS, want)
			}
		}
		if end := got[4]; end.State != protocol.Ended || end.Presenter != protocol.Gone {
			t.Errorf("ended with %+v", end)
		}
	})
}

func TestAudiences(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		peers := map[string]*peer{
			"attendee":  w.enter(attending("dr-a")),
			"asker":     w.enter(attending("dr-b")),
			"asker's 2": w.enter(attending("dr-b")),
			"presenter": w.enter(Identity{"dr-c", "s", courseA, []lms.Role{lms.Attendee, lms.Presenter}}),
			"moderator": w.enter(Identity{"dr-d", "s", courseA, []lms.Role{lms.Presenter, lms.Moderator}}),
			"admin":     w.enter(Identity{"dr-e", "s", courseA, []lms.Role{lms.Admin}}),
			"elsewhere": w.enter(Identity{"dr-b", "s", courseB, []lms.Role{lms.Attendee}}),
		}
		for _, row := range []struct {
			to   Audience
			want []string
		}{
			{Everyone, []string{"attendee", "asker", "asker's 2", "presenter", "moderator", "admin"}},
			{Attendees, []string{"attendee", "asker", "asker's 2"}},
			{Presenters, []string{"presenter"}},
			{Moderators, []string{"moderator", "admin"}},
			{Attendees.Except("dr-b"), []string{"attendee"}},
			{Moderators.Except("dr-b"), []string{"moderator", "admin"}},
			{Person("dr-b"), []string{"asker", "asker's 2"}},
			{Person("dr-z"), nil},
		} {
			w.hub.Publish(string(courseA), row.to, &protocol.QuestionChanged{Question: protocol.Question{ID: "q", State: "pending"}})
			time.Sleep(hallTick) // the next event is told then
			synctest.Wait()
			want := map[string]bool{}
			for _, name := range row.want {
				want[name] = true
			}
			for name, p := range peers {
				if n := len(receivedOf[*protocol.QuestionChanged](p)); n > 1 || (n == 1) != want[name] {
					t.Errorf("audience %+v: %s got %d", row.to, name, n)
				}
			}
		}
		w.hub.Publish("no such room", Everyone, &protocol.Presence{})
	})
}

// TestPresence holds that a crowd is announced once a second, that a person with two windows is one
// viewer, and that staff are none.
func TestPresence(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		watcher := w.enter(Identity{"dr-m", "s", courseA, []lms.Role{lms.Moderator}})
		time.Sleep(1500 * time.Millisecond)
		watcher.received()
		for i := range 30 {
			w.enter(attending(lms.PersonID(fmt.Sprint("dr-", i))))
		}
		twice := w.enter(attending("dr-0"))
		time.Sleep(2 * time.Second)
		got := receivedOf[*protocol.Presence](watcher)
		if len(got) != 1 || got[0].Viewers != 30 {
			t.Errorf("got %+v, want 30 viewers once", got)
		}
		twice.leave()
		time.Sleep(2 * time.Second)
		if got := receivedOf[*protocol.Presence](watcher); len(got) != 0 || w.hub.Viewers(string(courseA)) != 30 {
			t.Errorf("one of two windows closed: %+v, %d viewers", got, w.hub.Viewers(string(courseA)))
		}
		if n := w.hub.Viewers("no such room"); n != 0 {
			t.Errorf("%d viewers in no room", n)
		}
	})
}

func TestEmptyRoomsAreForgotten(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.enter(attending("dr-a")).leave()
		time.Sleep(emptyFor - time.Second)
		if w.hub.find(string(courseA)) == nil {
			t.Error("forgotten before anybody could come back")
		}
		time.Sleep(3 * time.Second)
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		if len(w.hub.rooms) != 0 || len(w.hub.clients) != 0 {
			t.Errorf("%d rooms and %d clients left", len(w.hub.rooms), len(w.hub.clients))
		}
	})
}

func TestDisconnectEndsSocketsAndTickets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first, second, other := w.enter(attending("dr-a")), w.enter(attending("dr-a")), w.enter(attending("dr-b"))
		onPhone := attending("dr-a")
		onPhone.Session = "phone"
		phone := w.enter(onPhone)
		late := w.open()
		ticket, good := w.ticket(attending("dr-a")), w.ticket(onPhone)
		w.hub.Disconnect("dr-a", "laptop")
		first.wantClose(protocol.CloseSignedOut)
		second.wantClose(protocol.CloseSignedOut)
		late.say(&protocol.Hello{Ticket: ticket})
		late.wantClose(protocol.CloseTicket)
		synctest.Wait()
		if other.lastErr() != nil || phone.lastErr() != nil || w.hub.Viewers(string(courseA)) != 2 {
			t.Errorf("the other has %v, the phone %v; %d viewers", other.lastErr(), phone.lastErr(), w.hub.Viewers(string(courseA)))
		}
		again := w.open()
		again.say(&protocol.Hello{Ticket: good})
		synctest.Wait()
		if n := len(receivedOf[*protocol.Welcome](again)); n != 1 {
			t.Errorf("the phone's ticket got %d welcomes", n)
		}
	})
}

func TestOldestWindowGivesWay(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		oldest := w.enter(attending("dr-a"))
		for range personSockets - 1 {
			w.enter(attending("dr-a"))
		}
		synctest.Wait()
		if err := oldest.lastErr(); err != nil {
			t.Fatalf("closed too early: %v", err)
		}
		w.enter(attending("dr-a"))
		oldest.wantClose(protocol.CloseResume)
	})
}

// TestStop holds that everybody is told to come again, also those who have not said hello, that a report
// under way is committed before Run ends, and that nobody is let in any more.
func TestStop(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ledger.before = func(context.Context, *protocol.Report) error { time.Sleep(drainWait - time.Second); return nil }
		p, silent := w.enter(attending("dr-a")), w.open()
		p.say(report(1))
		synctest.Wait()
		w.stop()
		p.wantClose(protocol.CloseGoingAway)
		silent.wantClose(protocol.CloseGoingAway)
		if got := w.ledger.seqs(); len(got) != 1 {
			t.Errorf("committed %v", got)
		}
		_, resp, err := w.dial(http.Header{"Origin": {testOrigin}})
		if err == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("let in after the end: %v %v", err, resp)
		}
	})
}

// TestStopDoesNotWaitForTheDead holds that a client which neither reads nor answers cannot hold up the end.
func TestStopDoesNotWaitForTheDead(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		conn, _, err := w.dial(http.Header{"Origin": {testOrigin}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		start := time.Now()
		w.stop()
		if d := time.Since(start); d > drainWait {
			t.Errorf("took %v", d)
		}
	})
}
