// Package brokertest is the contract of signaling.Broker: what every broker keeps, be it of one process or of many.
package brokertest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"lectern/signaling"
)

// Wait is how long something on the way to another node may take here, where machines are busy.
const Wait = 30 * time.Second

// Node is a broker and what it has brought.
type Node struct {
	signaling.Broker

	mu     sync.Mutex
	events map[string][]Delivery
	stands map[string]Delivery
	behind map[string]int
}

// Delivery is one call of deliver.
type Delivery struct {
	Epoch  string
	Offset int64
	Event  string
}

// Attach listens to a broker.
func Attach(b signaling.Broker) *Node {
	n := &Node{Broker: b, events: map[string][]Delivery{}, stands: map[string]Delivery{}, behind: map[string]int{}}
	b.Attach(func(room, epoch string, offset int64, event []byte) {
		n.mu.Lock()
		defer n.mu.Unlock()
		d := Delivery{epoch, offset, string(event)}
		if event == nil {
			n.stands[room] = d
		} else {
			n.events[room] = append(n.events[room], d)
		}
	}, func(room string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.behind[room]++
	})
	return n
}

// Events returns what has been brought of a room so far.
func (n *Node) Events(room string) []Delivery {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.events[room])
}

// Stand returns where a room was last said to stand; ok is false when nothing has been said.
func (n *Node) Stand(room string) (d Delivery, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, ok = n.stands[room]
	return d, ok
}

// Behind counts how often a room was behind.
func (n *Node) Behind(room string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.behind[room]
}

// Until waits for a condition.
func Until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(Wait); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", Wait, what)
		}
	}
}

// In joins a room and waits until the node knows where it stands.
func (n *Node) In(t *testing.T, room string) *Node {
	t.Helper()
	n.Join(room)
	Until(t, "the room to be joined", func() bool { _, ok := n.Stand(room); return ok })
	return n
}

// Contract holds a kind of broker to what the hub relies on. open returns brokers of one cluster, running already; a
// broker that is alone is asked for once only.
func Contract(t *testing.T, nodes int, open func(t *testing.T) signaling.Broker) {
	cluster := func(t *testing.T) (all []*Node) {
		for range nodes {
			all = append(all, Attach(open(t)))
		}
		return all
	}
	t.Run("one order for all", func(t *testing.T) { oneOrder(t, cluster(t)) })
	t.Run("rooms are apart", func(t *testing.T) { apart(t, cluster(t)) })
	t.Run("left and joined again", func(t *testing.T) { leftAndBack(t, cluster(t)[0]) })
	t.Run("counts", func(t *testing.T) { counted(t, cluster(t)) })
}

func oneOrder(t *testing.T, all []*Node) {
	const each, writers = 40, 3
	room := t.Name()
	for _, n := range all {
		n.In(t, room)
	}
	var writing sync.WaitGroup
	for i, n := range all {
		for w := range writers {
			writing.Go(func() {
				for k := range each {
					n.Publish(room, fmt.Appendf(nil, "%d of %d.%d", k, i, w))
				}
			})
		}
	}
	writing.Wait()
	total := len(all) * writers * each
	for _, n := range all {
		Until(t, "all events", func() bool { return len(n.Events(room)) >= total })
	}
	first := all[0].Events(room)
	last := map[string]int{}
	for i, d := range first {
		if d.Offset != int64(i+1) || d.Epoch != first[0].Epoch {
			t.Fatalf("event %d is %+v", i, d)
		}
		var k int
		var who string
		if _, err := fmt.Sscanf(d.Event, "%d of %s", &k, &who); err != nil || last[who] != k {
			t.Fatalf("%q comes after %d events of that writer (%v)", d.Event, last[who], err)
		}
		last[who]++
	}
	for i, n := range all {
		if got := n.Events(room); !slices.Equal(got, first) {
			t.Errorf("node %d has %d events, and not in the order of the first", i, len(got))
		}
	}
}

func apart(t *testing.T, all []*Node) {
	here, there := t.Name()+" here", t.Name()+" there"
	for _, n := range all {
		n.In(t, here)
	}
	all[len(all)-1].In(t, there)
	all[0].Publish(there, []byte("there"))
	all[0].Publish(here, []byte("here"))
	for _, n := range all {
		Until(t, "the event", func() bool { return len(n.Events(here)) == 1 })
	}
	Until(t, "the other event", func() bool { return len(all[len(all)-1].Events(there)) == 1 })
	if n := len(all[0].Events(there)); len(all) > 1 && n != 0 {
		t.Errorf("a node that has not joined a room heard %d of its events", n)
	}
}

func leftAndBack(t *testing.T, n *Node) {
	room := t.Name()
	n.In(t, room).Publish(room, []byte("first"))
	Until(t, "the event", func() bool { return len(n.Events(room)) == 1 })
	n.Leave(room)
	n.Publish(room, []byte("while away"))
	n.Join(room)
	Until(t, "the room to stand later", func() bool { // or to be told what was, to a node that has forgotten it
		d, _ := n.Stand(room)
		return d.Offset >= 1 || slices.ContainsFunc(n.Events(room), func(d Delivery) bool { return d.Event == "while away" })
	})
	n.Publish(room, []byte("last"))
	Until(t, "the last event", func() bool {
		got := n.Events(room)
		return got[len(got)-1].Event == "last"
	})
	got := n.Events(room)
	if last := got[len(got)-1]; last.Offset <= 2 && got[0].Epoch == last.Epoch {
		t.Errorf("an offset stands for two events: %+v", got)
	}
}

func counted(t *testing.T, all []*Node) {
	room := t.Name()
	for _, n := range all {
		n.In(t, room)
	}
	for i, n := range all {
		want := 0
		for j := range all {
			if j != i {
				want += 10 + j
			}
		}
		Until(t, fmt.Sprintf("%d viewers elsewhere", want), func() bool {
			for j, other := range all {
				other.Count(room, 10+j)
			}
			return n.Count(room, 10+i) == want
		})
	}
}
