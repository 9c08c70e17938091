package egress

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lectern/media"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that other goroutines bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// serve runs a server on a loopback port until the test ends.
func serve(t testing.TB, change ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{UDPAddr: "127.0.0.1:0"}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	must(t, err)
	start(t, s)
	return s
}

func start(t testing.TB, s *Server) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// pictureEvery is the stage's picture distance.
const pictureEvery = 20 * time.Millisecond

// packetsPerPicture is for each layer; a keyframe has three times as many.
var packetsPerPicture = [media.Layers]int{1, 2, 4}

// stage is a room that is forwarded: a camera of three layers and a microphone, whose packets carry their layer,
// picture and place in it. It is what media/sfu would hand us, without the network in between.
type stage struct {
	mime    string
	mu      sync.Mutex
	sinks   []media.Sink
	on      [media.Layers]bool
	next    [media.Layers]uint64
	picture uint32
	sound   uint64
	size    [media.Layers]int // of a payload
	born    time.Time
	paused  bool

	wantKey atomic.Bool
	asked   atomic.Int32
}

func newStage(t testing.TB, layers ...media.Layer) *stage {
	t.Helper()
	s := &stage{mime: mimeH264, born: time.Now(), sound: 1 << 16, size: [media.Layers]int{200, 400, 800}}
	for l := range s.next {
		s.next[l] = 1<<16 + uint64(60000+l)
	}
	for _, l := range layers {
		s.on[l] = true
	}
	s.wantKey.Store(true)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(pictureEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				s.film()
			}
		}
	}()
	t.Cleanup(func() {
		close(done)
		<-ended
	})
	return s
}

// AddSink implements Source.
func (s *stage) AddSink(sink media.Sink) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sinks = append(s.sinks, sink)
	s.announce(sink)
	s.wantKey.Store(true)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sinks = slices.DeleteFunc(s.sinks, func(o media.Sink) bool { return o == sink })
	}
}

func (s *stage) announce(sink media.Sink) {
	sink.AddTrack(media.TrackInfo{ID: "camera", Kind: media.Video, MimeType: s.mime, ClockRate: 90000, Fmtp: "packetization-mode=1;profile-level-id=42e01f"})
	sink.AddTrack(media.TrackInfo{ID: "microphone", Kind: media.Audio, MimeType: mimeOpus, ClockRate: 48000, Channels: 2})
}

// RequestKeyframe implements Source.
func (s *stage) RequestKeyframe(string) {
	s.asked.Add(1)
	s.wantKey.Store(true)
}

func (s *stage) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// film takes one picture.
func (s *stage) film() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return
	}
	key := s.wantKey.Swap(false)
	s.picture++
	now := time.Now()
	ticks := uint32(now.Sub(s.born) / 1000 * 90 / 1000)
	for l := range media.Layers {
		if s.on[l] {
			s.shoot(l, ticks, key, now)
		}
	}
	s.sound++
	s.write(&media.Packet{
		Track: "microphone", Layer: media.High, Sequence: s.sound, Timestamp: ticks / 15 * 8, Arrival: now,
		Payload: binary.BigEndian.AppendUint32([]byte{0xf8, 0xff, 0xfe}, s.picture),
	})
	if s.picture%25 == 1 {
		ntp := uint64(now.Unix()+2208988800)<<32 | uint64(now.Nanosecond())<<32/1e9
		for _, sink := range s.sinks {
			sink.WriteSenderReport(media.SenderReport{Track: "microphone", Layer: media.High, NTP: ntp, Timestamp: ticks / 15 * 8, Arrival: now})
			for l := range media.Layers {
				sink.WriteSenderReport(media.SenderReport{Track: "camera", Layer: l, NTP: ntp, Timestamp: uint32(l+1)<<30 + ticks, Arrival: now})
			}
		}
	}
}

// shoot sends a layer's picture as FU-A fragments of one slice.
func (s *stage) shoot(l media.Layer, ticks uint32, key bool, now time.Time) {
	n, nal := packetsPerPicture[l], byte(1)
	if key {
		n, nal = 3*n, 5
	}
	for i := range n {
		flags := nal
		if i == 0 {
			flags |= 0x80
		}
		if i == n-1 {
			flags |= 0x40
		}
		body := binary.BigEndian.AppendUint32([]byte{0x7c, flags, byte(l)}, s.picture)
		body = append(body, byte(i), byte(n))
		body = append(body, make([]byte, s.size[l]+i%2)...) // sizes differ by one, as browsers' do
		s.write(&media.Packet{
			Track: "camera", Layer: l, Sequence: s.next[l], Timestamp: uint32(l+1)<<30 + ticks, Arrival: now,
			Marker: i == n-1, Keyframe: key && i == 0, Payload: body,
		})
		s.next[l]++
	}
}

func (s *stage) write(p *media.Packet) {
	for _, sink := range s.sinks {
		sink.WritePacket(p)
	}
}
