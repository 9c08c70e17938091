package egress

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// TestStuckConnectionDropsWholePictures has an attendee on TCP whose side takes nothing, and another on UDP.
func TestStuckConnectionDropsWholePictures(t *testing.T) {
	s, r := testRoom(t)
	w := s.workers[0]
	stuck, _ := testViewer(t, r)
	near, far := net.Pipe()
	defer func() { _, _ = near.Close(), far.Close() }()
	stream := newTCPStream(s.ports[0], near) // nobody writes what it queues
	stuck.a.path.Store(&path{port: s.ports[0], tcp: stream})
	well, _ := testViewer(t, r)
	to, _ := socketPair(t, s)
	well.a.path.Store(to)
	w.now = time.Now()
	w.join(stuck)
	w.join(well)
	const pictures, packets = 100, 5
	for n := range pictures * packets {
		w.now = w.now.Add(time.Millisecond)
		r.WritePacket(packetAt(uint64(1000+n), uint32(n/packets), 1000, n%packets == packets-1, n == 0, w.now))
		if n%packets == packets-1 {
			w.round()
		}
	}
	if got := well.streams[0].packets; got != pictures*packets {
		t.Errorf("the other attendee got %d of %d packets", got, pictures*packets)
	}
	if len(stream.queue) > tcpQueue || w.congested == 0 {
		t.Errorf("%d bytes wait, %d packets dropped", len(stream.queue), w.congested)
	}
	if r.source.(*stage).asked.Load() == 0 {
		t.Error("no keyframe was asked for after the loss")
	}
	frames := 0
	in, buffer := bytes.NewReader(stream.queue), make([]byte, readMTU)
	for in.Len() > 0 {
		if _, err := readFrame(in, buffer); err != nil {
			t.Fatal(err)
		}
		frames++
	}
	if frames+w.congested != pictures*packets {
		t.Errorf("%d queued and %d dropped of %d", frames, w.congested, pictures*packets)
	}
}
