package redis_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	"lectern/signaling"
	"lectern/signaling/brokertest"
	"lectern/storage/redis"
)

// server is a redis-server of one test.
type server struct {
	t       *testing.T
	address string
	dir     string
	process *exec.Cmd
}

func startServer(t *testing.T) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is not installed; .ci/need redis-server does that")
	}
	s := &server{t: t, dir: t.TempDir()}
	for range 5 { // somebody else may take the port between our looking and its listening
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.address = l.Addr().String()
		_ = l.Close()
		if s.start() {
			t.Cleanup(s.kill)
			return s
		}
	}
	t.Fatal("redis-server does not start")
	return nil
}

func (s *server) start() bool {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	s.process = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir)
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	process := s.process
	go func() { _ = process.Wait(); close(ended) }()
	for end := time.Now().Add(brokertest.Wait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case <-ended:
			return false
		default:
		}
		if conn, err := net.Dial("tcp", s.address); err == nil {
			_ = conn.Close()
			return true
		}
	}
	return false
}

// kill ends the server without a goodbye, and with all that it knew.
func (s *server) kill() {
	_ = s.process.Process.Kill()
	for { // until nobody listens
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			return
		}
		_ = conn.Close()
		time.Sleep(5 * time.Millisecond)
	}
}

// open runs a broker to the end of the test.
func (s *server) open(t *testing.T) signaling.Broker {
	t.Helper()
	b, err := redis.New("redis://"+s.address, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// Run begins with the first Join, when the test has attached itself.
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	return &starting{Broker: b, run: sync.OnceFunc(func() {
		running.Go(func() {
			if err := b.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	})}
}

type starting struct {
	*redis.Broker
	run func()
}

func (s *starting) Join(room string) {
	s.run()
	s.Broker.Join(room)
}

func TestBroker(t *testing.T) {
	s := startServer(t)
	brokertest.Contract(t, 3, s.open)
}

// TestLateNode holds that a node which comes later is given what happened before, to serve those who come back.
func TestLateNode(t *testing.T) {
	s := startServer(t)
	first := brokertest.Attach(s.open(t)).In(t, "room")
	for i := range 5 {
		first.Publish("room", fmt.Appendf(nil, "%d", i))
	}
	brokertest.Until(t, "five events", func() bool { return len(first.Events("room")) == 5 })
	late := brokertest.Attach(s.open(t)).In(t, "room")
	brokertest.Until(t, "five events", func() bool { return len(late.Events("room")) == 5 })
	if a, b := first.Events("room")[4], late.Events("room")[4]; a != b {
		t.Errorf("the last event is %+v here and %+v there", a, b)
	}
}

// TestRedisKilled holds that while Redis is gone everybody hears what happens on their own node at once, that when it is
// back, empty, all nodes have got everything, and that the counts are right again within ten seconds (trust D-04).
func TestRedisKilled(t *testing.T) {
	s := startServer(t)
	a, b := brokertest.Attach(s.open(t)).In(t, "room"), brokertest.Attach(s.open(t)).In(t, "room")
	a.Publish("room", []byte("before"))
	for _, n := range []*brokertest.Node{a, b} {
		brokertest.Until(t, "the event before", func() bool { return heard(n, "before") })
	}
	counting := func() bool {
		atA, atB := a.Count("room", 3), b.Count("room", 4)
		return atA == 4 && atB == 3
	}
	brokertest.Until(t, "the counts", counting)
	epoch := a.Events("room")[0].Epoch

	s.kill()
	const events = 20
	for i := range events {
		a.Publish("room", fmt.Appendf(nil, "a%d", i))
		b.Publish("room", fmt.Appendf(nil, "b%d", i))
	}
	for i := range events {
		brokertest.Until(t, "events of the same node", func() bool { return heard(a, fmt.Sprint("a", i)) && heard(b, fmt.Sprint("b", i)) })
	}
	if heard(a, "b0") || heard(b, "a0") {
		t.Fatal("Redis was not away")
	}
	if !s.start() {
		t.Fatal("redis-server does not start again")
	}
	back := time.Now()
	for i := range events {
		brokertest.Until(t, "events of the other node", func() bool { return heard(a, fmt.Sprint("b", i)) && heard(b, fmt.Sprint("a", i)) })
	}
	brokertest.Until(t, "the counts after the return", counting)
	t.Logf("everything told and counted %v after the return", time.Since(back).Round(time.Millisecond))
	a.Publish("room", []byte("after"))
	for _, n := range []*brokertest.Node{a, b} {
		brokertest.Until(t, "the event after", func() bool { return heard(n, "after") })
		if stand, _ := n.Stand("room"); stand.Epoch == epoch {
			t.Error("the counting began anew under the same name")
		}
		seen := map[string]int{}
		for _, d := range n.Events("room") {
			if seen[d.Event]++; seen[d.Event] > 1 {
				t.Errorf("%q was told %d times: %+v", d.Event, seen[d.Event], n.Events("room"))
			}
		}
	}
}

func heard(n *brokertest.Node, event string) bool {
	for _, d := range n.Events("room") {
		if d.Event == event {
			return true
		}
	}
	return false
}

// TestRedisNeverThere holds that a node works alone.
func TestRedisNeverThere(t *testing.T) {
	s := startServer(t)
	s.kill()
	n := brokertest.Attach(s.open(t))
	n.Join("room")
	n.Publish("room", []byte("alone"))
	brokertest.Until(t, "the event", func() bool { return heard(n, "alone") })
	if d := n.Events("room")[0]; d.Offset != 0 {
		t.Errorf("the event has a number: %+v", d)
	}
}
