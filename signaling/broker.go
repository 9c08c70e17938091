package signaling

import (
	"crypto/rand"
	"sync"
)

// Broker numbers the events of rooms and carries them between the nodes of a cluster. There are two: Local, of this
// process alone, and the one of storage/redis. Both pass the contract of brokertest. No method waits for a network.
type Broker interface {
	// Attach says who is to be told what comes in, before anything else is called. Neither function may wait or call
	// back. deliver gets the events of a room in their order: epoch names the counting, another one when it was lost and
	// began anew, and the first event of it has the offset 1. An offset of 0 says that the event has no number yet,
	// because the other nodes cannot be reached; a nil event only says where the room stands now. behind says that
	// events of a room may have been missed for good.
	Attach(deliver func(room, epoch string, offset int64, event []byte), behind func(room string))
	// Publish brings an event to every node that has joined the room. This node, if it has, gets it in any case, at once
	// when the others cannot be reached.
	Publish(room string, event []byte)
	// Join has this node hear a room from now on, and Leave ends that.
	Join(room string)
	Leave(room string)
	// Count says how many viewers of a room are here, and returns how many are elsewhere, as far as known.
	Count(room string, here int) (elsewhere int)
}

// Local is the broker of a process that is alone.
type Local struct {
	epoch   string
	deliver func(room, epoch string, offset int64, event []byte)

	mu      sync.Mutex // guards what follows; held while an event is delivered, so that there is one order
	offsets map[string]int64
	joined  map[string]bool
}

// NewLocal returns a broker for one process. It remembers a number for each room there ever was.
func NewLocal() *Local {
	return &Local{epoch: rand.Text()[:8], offsets: map[string]int64{}, joined: map[string]bool{}}
}

// Attach keeps deliver. A process that is alone is never behind.
func (l *Local) Attach(deliver func(room, epoch string, offset int64, event []byte), _ func(string)) {
	l.deliver = deliver
}

// Publish delivers at once. A room that was not joined hears nothing.
func (l *Local) Publish(room string, event []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.joined[room] {
		return
	}
	l.offsets[room]++
	l.deliver(room, l.epoch, l.offsets[room], event)
}

// Join says where the room stands. One that is left and joined again counts on, so that no offset stands for two events.
func (l *Local) Join(room string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.joined[room] = true
	l.deliver(room, l.epoch, l.offsets[room], nil)
}

// Leave keeps the count of the room. What is published to it meanwhile is heard by nobody, but counted, so that nobody
// who comes back takes the events before and after for all there were.
func (l *Local) Leave(room string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.joined, room)
	l.offsets[room]++
}

// Count returns 0: nobody is elsewhere.
func (l *Local) Count(string, int) int { return 0 }
