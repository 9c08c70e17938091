package egress

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"lectern/media"
)

// serveBeside runs a server whose TCP port somebody else has, who hands all connections on.
func serveBeside(t *testing.T) *Server {
	t.Helper()
	for try := 0; ; try++ {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		must(t, err)
		s, err := New(Config{UDPAddr: l.Addr().String(), SharedTCP: true})
		if err != nil { // the number is free for TCP and taken for UDP
			_ = l.Close()
			if try == portTries {
				t.Fatal(err)
			}
			continue
		}
		start(t, s)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				s.Take(c)
			}
		}()
		t.Cleanup(func() {
			_ = l.Close()
			<-ended
		})
		return s
	}
}

// TestAnothersTCPPort is ICE-TCP on the port of the pages: an attendee comes by it, and what is no attendee's goes on.
func TestAnothersTCPPort(t *testing.T) {
	s := serveBeside(t)
	v := newScreen(t, s, all3(t), peerOptions{tcp: true})
	eventually(t, "pictures", func() bool { return len(v.pictures()) > 100 && v.shows(media.High) })
	checkWhole(t, v.pictures())
	if p := v.session.a.path.Load(); p == nil || p.tcp == nil {
		t.Error("not by TCP")
	}
	c, err := net.Dial("tcp4", s.Addrs()[0].String())
	must(t, err)
	defer c.Close()
	check := forged(t, "presenter:client", "password of somebody else")
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(check))), check...))
	must(t, err)
	other, err := s.RestTCP()[0].Accept()
	must(t, err)
	defer other.Close()
	buffer := make([]byte, readMTU)
	if n, err := readFrame(other, buffer); err != nil || !bytes.Equal(buffer[:n], check) {
		t.Errorf("a presenter's first frame arrived as %x, %v", buffer[:n], err)
	}
}

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
