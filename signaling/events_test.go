package signaling

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lectern/signaling/protocol"
)

func question(id string, version int64) *protocol.QuestionChanged {
	return &protocol.QuestionChanged{Question: protocol.Question{ID: id, Version: version, State: "approved"}}
}

func versions(p *peer) (told []string) {
	for _, q := range receivedOf[*protocol.QuestionChanged](p) {
		told = append(told, fmt.Sprint(q.Question.ID, q.Question.Version))
	}
	return told
}

// TestTick holds that a quiet room hears at once, a busy one in one frame per tick, of one question only how it stands
// in the end, and that a tick that brings nothing sends nothing.
func TestTick(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.enter(attending("dr-a"))
		w.hub.Publish(string(courseA), Everyone, question("q", 1))
		synctest.Wait()
		if got := fmt.Sprint(versions(p)); got != "[q1]" {
			t.Errorf("at once: %s", got)
		}
		for v := range int64(20) {
			w.hub.Publish(string(courseA), Everyone, question("q", 2+v))
			w.hub.Publish(string(courseA), Everyone, question("r", 1+v))
		}
		synctest.Wait()
		if got := versions(p); len(got) != 0 {
			t.Errorf("before the tick: %s", got)
		}
		time.Sleep(hallTick)
		synctest.Wait()
		if frames := receivedOf[*protocol.Events](p); len(frames) != 1 || len(frames[0].Events) != 2 {
			t.Errorf("with the tick: %+v", frames)
		}
		time.Sleep(10 * hallTick)
		synctest.Wait()
		if frames := receivedOf[*protocol.Events](p); len(frames) != 0 {
			t.Errorf("later: %+v", frames)
		}
	})
}

// comeBack opens a socket of somebody who was told up to a place before.
func (w *world) comeBack(id Identity, epoch string, offset int64) (*peer, *protocol.Welcome) {
	w.t.Helper()
	p := w.open()
	p.say(&protocol.Hello{Ticket: w.ticket(id), Epoch: epoch, Offset: offset})
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.got) == 0 {
		w.t.Fatalf("no welcome: %v", p.err)
	}
	welcome, ok := p.got[0].(*protocol.Welcome)
	if !ok {
		w.t.Fatalf("got %+v", p.got[0])
	}
	return p, welcome
}

// TestResume holds that whoever comes back is told what it missed and nothing else, and that one who was away for too
// long, or comes from elsewhere, is told to read everything.
func TestResume(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.enter(attending("dr-a"))
		w.hub.Publish(string(courseA), Everyone, question("q", 1))
		time.Sleep(hallTick)
		synctest.Wait()
		seen := receivedOf[*protocol.Events](p)[0]
		p.leave()
		w.hub.Publish(string(courseA), Everyone, question("q", 2))
		w.hub.Publish(string(courseA), Moderators, question("secret", 1))
		w.hub.Publish(string(courseA), Person("dr-b"), question("theirs", 1))
		w.hub.Publish(string(courseA), Person("dr-a"), question("mine", 1))
		w.hub.Publish(string(courseA), Attendees.Except("dr-a"), question("mine", 2))
		w.hub.Publish(string(courseA), Everyone, question("q", 3))
		time.Sleep(time.Minute)

		back, welcome := w.comeBack(attending("dr-a"), seen.Epoch, seen.Offset)
		if got := fmt.Sprint(versions(back)); !welcome.Resumed || got != "[mine1 q3]" {
			t.Errorf("resumed %v with %s", welcome.Resumed, got)
		}
		if _, again := w.comeBack(attending("dr-a"), welcome.Epoch, welcome.Offset); !again.Resumed {
			t.Error("not resumed where it stands")
		}
		for name, at := range map[string]struct {
			epoch  string
			offset int64
		}{"new": {}, "another epoch": {"other", 1}, "the future": {welcome.Epoch, welcome.Offset + 1}} {
			if _, welcome := w.comeBack(attending("dr-a"), at.epoch, at.offset); welcome.Resumed {
				t.Errorf("%s: resumed", name)
			}
		}
		for i := range historyEvents {
			w.hub.Publish(string(courseA), Everyone, question(fmt.Sprint(i), 1))
		}
		if _, welcome := w.comeBack(attending("dr-a"), seen.Epoch, seen.Offset); welcome.Resumed {
			t.Error("resumed after more events than are remembered")
		}
	})
}

// TestEmptyRoomResumes holds that nothing is missed by the only one in a room.
func TestEmptyRoomResumes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first, welcome := w.comeBack(attending("dr-a"), "", 0)
		first.leave()
		w.hub.Publish(string(courseA), Everyone, question("q", 1))
		back, again := w.comeBack(attending("dr-a"), welcome.Epoch, welcome.Offset)
		if got := fmt.Sprint(versions(back)); !again.Resumed || got != "[q1]" {
			t.Errorf("resumed %v with %s", again.Resumed, got)
		}
		back.leave()
		time.Sleep(emptyFor + 2*time.Second)
		w.hub.Publish(string(courseA), Everyone, question("q", 2))
		if _, late := w.comeBack(attending("dr-a"), again.Epoch, again.Offset); late.Resumed {
			t.Error("resumed in a room that was forgotten meanwhile")
		}
	})
}

// away is a broker whose other nodes come and go, driven by a test.
type away struct {
	deliver func(room, epoch string, offset int64, event []byte)
	behind  func(room string)
	count   atomic.Int64
}

func (a *away) Attach(deliver func(room, epoch string, offset int64, event []byte), behind func(string)) {
	a.deliver, a.behind = deliver, behind
}
func (a *away) Publish(room string, event []byte) { a.deliver(room, "", 0, event) }
func (a *away) Join(string)                       {}
func (a *away) Leave(string)                      {}
func (a *away) Count(string, int) int             { return int(a.count.Load()) }

// TestBrokerAway holds that local delivery goes on while events get no number, that nobody is told meanwhile that they
// missed nothing, and that a counting that begins anew makes everybody read the state again.
func TestBrokerAway(t *testing.T) {
	b := &away{}
	inWorld(t, func(t *testing.T, w *world) {
		p := w.enter(attending("dr-a")) // before the broker says where the room stands
		b.deliver(string(courseA), "one", 7, nil)
		synctest.Wait()
		if n := len(receivedOf[*protocol.Resync](p)); n != 1 {
			t.Errorf("%d resyncs when the room is heard of", n)
		}
		event, err := pack(Everyone, question("far", 1))
		if err != nil {
			t.Fatal(err)
		}
		b.deliver(string(courseA), "one", 8, event)
		time.Sleep(hallTick)
		synctest.Wait()
		if got := receivedOf[*protocol.Events](p); len(got) != 1 || got[0].Offset != 8 || got[0].Epoch != "one" {
			t.Fatalf("got %+v", got)
		}
		w.hub.Publish(string(courseA), Everyone, question("near", 1))
		time.Sleep(hallTick)
		synctest.Wait()
		if got := fmt.Sprint(versions(p)); got != "[near1]" {
			t.Errorf("while the others are away: %s", got)
		}
		if _, welcome := w.comeBack(attending("dr-b"), "one", 8); welcome.Resumed {
			t.Error("resumed though the event before has no number")
		}
		b.deliver(string(courseA), "one", 9, nil) // the one of before
		if _, welcome := w.comeBack(attending("dr-b"), "one", 9); !welcome.Resumed {
			t.Error("not resumed after the others are back")
		}
		p.received()
		b.deliver(string(courseA), "two", 1, event)
		time.Sleep(hallTick)
		synctest.Wait()
		if got := p.received(); len(got) < 2 {
			t.Errorf("a new epoch: %+v", got)
		} else if _, ok := got[0].(*protocol.Resync); !ok {
			t.Errorf("a new epoch: %+v", got)
		}
		b.behind(string(courseA))
		synctest.Wait()
		if n := len(receivedOf[*protocol.Resync](p)); n != 1 {
			t.Errorf("%d resyncs when behind", n)
		}
		b.count.Store(40)
		time.Sleep(2 * tickEvery)
		if n := w.hub.Viewers(string(courseA)); n != 42 {
			t.Errorf("%d viewers", n)
		}
	}, func(c *Config) { c.Broker = b })
}

// TestBroadcastOfAnotherNode holds that what is on air on one node is so on all, and that the clock there is right.
func TestBroadcastOfAnotherNode(t *testing.T) {
	b := &away{}
	inWorld(t, func(t *testing.T, w *world) {
		p := w.enter(attending("dr-a"))
		data := []byte(fmt.Sprintf(`{"t":"=broadcast","a":%d,"d":{"id":"b","state":"live","timeline_ms":5000,"presenter":"connected"}}`, time.Now().Add(-time.Second).UnixMilli()))
		b.deliver(string(courseA), "one", 1, data)
		b.deliver(string(courseA), "one", 2, data) // a reminder
		synctest.Wait()
		if got := receivedOf[*protocol.Broadcast](p); len(got) != 1 || got[0].TimelineMS != 6000 {
			t.Errorf("got %+v", got)
		}
		if _, welcome := w.comeBack(attending("dr-b"), "", 0); welcome.Broadcast == nil || welcome.Broadcast.ID != "b" {
			t.Errorf("welcomed with %+v", welcome.Broadcast)
		}
		b.deliver(controlRoom, "one", 1, []byte(`{"t":"=disconnect","p":"dr-a","s":"laptop"}`))
		p.wantClose(protocol.CloseSignedOut)
	}, func(c *Config) { c.Broker = b })
}
