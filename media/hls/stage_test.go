package hls

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"lectern/media"
	"lectern/media/hls/h264"
)

// scene is what a presenter's browser would send: each layer as access units at 30 a second with a
// keyframe every two seconds, and the sound in packets of 20 ms. Once a second the picture flashes and
// the sound beeps, both for 33 ms.
type scene struct {
	layers [media.Layers][][]byte // Annex B
	opus   [][]byte
	rate   int // pictures a minute
}

const (
	sceneLength = 12 * time.Second
	sceneRate   = 30 * 60
)

var scenes sync.Map // by size

// loadScene encodes a scene whose best layer has the given width, once for all tests.
func loadScene(tb testing.TB, width int) *scene {
	tb.Helper()
	made, _ := scenes.LoadOrStore(width, sync.OnceValues(func() (*scene, error) { return makeScene(width) }))
	s, err := made.(func() (*scene, error))()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func makeScene(width int) (*scene, error) { return makeSceneAt(width, sceneRate, 2*time.Second) }

// makeSceneAt makes a scene with so many pictures a minute, and a keyframe every so often. What is slower than usual does
// not flash.
func makeSceneAt(width, rate int, every time.Duration) (*scene, error) {
	s := &scene{rate: rate}
	length := int(sceneLength.Seconds())
	for l := range media.Layers {
		w := width >> (media.High - l)
		picture := fmt.Sprintf("testsrc2=s=%dx%d:r=%d/60:d=%d,drawbox=enable='lt(mod(t+0.001,1),0.033)':color=white:t=fill",
			w, w*9/16/2*2, rate, length)
		group := max(rate*int(every/time.Second)/60, 2)
		out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p",
			"-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency",
			"-x264-params", fmt.Sprintf("keyint=%d:min-keyint=%d:scenecut=0:slices=1:sliced-threads=0", group, group), "-b:v", "400k",
			"-f", "h264", "pipe:1").Output()
		if err != nil {
			return nil, fmt.Errorf("make pictures: %w", err)
		}
		s.layers[l] = splitUnits(out)
		if want := length * rate / 60; len(s.layers[l]) < want {
			return nil, fmt.Errorf("ffmpeg made %d pictures, not %d", len(s.layers[l]), want)
		}
	}
	beep := fmt.Sprintf("aevalsrc='if(lt(mod(t,1),0.033),0.8*sin(2*PI*1000*t),0)':s=48000:d=%d", length+1)
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", beep,
		"-c:a", "libopus", "-b:a", "64k", "-application", "audio", "-f", "ogg", "pipe:1").Output()
	if err != nil {
		return nil, fmt.Errorf("make sound: %w", err)
	}
	s.opus = oggPackets(out)[2:]
	return s, nil
}

// splitUnits groups the NAL units of a stream with one slice a picture.
func splitUnits(stream []byte) [][]byte {
	var units [][]byte
	var unit []byte
	for _, nal := range h264.SplitAnnexB(stream) {
		unit = append(append(unit, 0, 0, 0, 1), nal...)
		if t := nal[0] & 0x1f; t == 1 || t == 5 {
			units, unit = append(units, unit), nil
		}
	}
	return units
}

// oggPackets takes an Ogg stream apart.
func oggPackets(b []byte) (packets [][]byte) {
	var packet []byte
	for len(b) > 27 {
		table := b[27 : 27+int(b[26])]
		b = b[27+int(b[26]):]
		for _, n := range table {
			packet = append(packet, b[:n]...)
			b = b[n:]
			if n < 255 {
				packets, packet = append(packets, packet), nil
			}
		}
	}
	return packets
}

// stage plays scenes into a recorder on a clock of its own, as fast as it can.
type stage struct {
	tb       testing.TB
	dir      string
	recorder *Recorder
	epoch    time.Time
	now      atomic.Int64 // since epoch
	asked    atomic.Int64 // keyframes
	mu       sync.Mutex
	errs     []error
	stop     context.CancelFunc
	ran      chan error
	sequence map[layerKey]uint64
	put      int // events given to the recorder
}

// newStage starts a recorder in a new folder, or goes on in one.
func newStage(tb testing.TB, dir string, change ...func(*Config)) *stage {
	tb.Helper()
	s := &stage{
		tb: tb, dir: dir, epoch: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC),
		ran: make(chan error, 1), sequence: map[layerKey]uint64{},
	}
	c := Config{
		Dir: dir, RunStart: s.epoch, RequestKeyframe: func() { s.asked.Add(1) },
		Clock: func() time.Time { return s.at(time.Duration(s.now.Load())) }, // read while epoch stands
		OnError: func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.errs = append(s.errs, err)
		},
	}
	for _, f := range change {
		f(&c)
	}
	var err error
	if s.recorder, err = New(c); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go func() { s.ran <- s.recorder.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		<-s.recorder.done
	})
	return s
}

func (s *stage) at(t time.Duration) time.Time { return s.epoch.Add(t) }

// take is one stretch of a scene as a presenter sends it.
type take struct {
	scene    *scene
	from     time.Duration // of the scene, and
	to       time.Duration
	starts   time.Duration // when it is captured, on the stage's clock
	delay    [media.Layers]time.Duration
	only     []media.Layer // nil: all
	silent   bool          // no microphone
	dark     bool          // no camera
	noReport bool
	lose     func(l media.Layer, frame, packet int) bool
	loseOpus func(packet int) bool
	origin   uint32        // of RTP timestamps
	earlier  time.Duration // how much of the same publication came before, so that timestamps go on
	stay     bool          // tracks are there already, and stay
}

// camera and microphone are the tracks of all takes.
var (
	camera     = media.TrackInfo{ID: "camera", Kind: media.Video, MimeType: "video/H264", ClockRate: 90000}
	microphone = media.TrackInfo{ID: "microphone", Kind: media.Audio, MimeType: "audio/opus", ClockRate: 48000, Channels: 2}
)

// ntp is the sender's wall clock, which is 1,000 s off ours.
func (s *stage) ntp(t time.Duration) uint64 {
	const era = 2208988800
	n := s.at(t).Add(-1000 * time.Second)
	return uint64(n.Unix()+era)<<32 | uint64(n.Nanosecond())<<32/1e9
}

func (s *stage) addTrack(info media.TrackInfo) {
	s.put++
	s.recorder.AddTrack(info)
}

func (s *stage) removeTrack(id string) {
	s.put++
	s.recorder.RemoveTrack(id)
}

// happening is one event of a take at its time of arrival.
type happening struct {
	at time.Duration
	do func()
}

// play sends a take, keeping the recorder company: it never runs more than some seconds ahead.
func (s *stage) play(k take) {
	s.tb.Helper()
	if !k.stay {
		if !k.silent {
			s.addTrack(microphone)
		}
		if !k.dark {
			s.addTrack(camera)
		}
	}
	s.send(s.arrivals(k))
}

// send lets happenings come at their time.
func (s *stage) send(all []happening) {
	s.tb.Helper()
	checked := all[0].at
	for _, h := range all {
		s.now.Store(int64(h.at))
		h.do()
		s.put++
		if h.at-checked > 100*time.Millisecond {
			checked = h.at
			s.settle()
		}
	}
	s.settle()
}

// arrivals lists what a take brings, in order.
func (s *stage) arrivals(k take) (all []happening) {
	if !k.dark {
		all = s.pictures(k, all)
	}
	if !k.silent {
		all = s.sounds(k, all)
	}
	slices.SortStableFunc(all, func(a, b happening) int { return int(a.at - b.at) })
	return all
}

// settle waits until the recorder has taken all in, and its encoder too, as far as it gives anything out.
func (s *stage) settle() {
	s.tb.Helper()
	s.until("the recorder keeps up", func() bool {
		r := s.recorder
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.handled >= s.put && r.behind < 150*time.Millisecond
	})
}

// end is how far the recording has come.
func (s *stage) end() time.Duration {
	k := s.recorder.archive.catalog
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.contents.end()
}

// until waits for a condition, looking again and again.
func (s *stage) until(what string, done func() bool) {
	s.tb.Helper()
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-deadline.C:
			s.tb.Fatalf("waited too long until %s; at %v, recorded to %v, status %+v", what, time.Duration(s.now.Load()), s.end(), s.recorder.Status())
		case <-look.C:
		}
	}
}

// next is the next sequence number of a layer.
func (s *stage) next(track string, l media.Layer) uint64 {
	key := layerKey{track, l}
	s.sequence[key]++
	return s.sequence[key]
}

func (s *stage) pictures(k take, all []happening) []happening {
	for l := range media.Layers {
		if k.only != nil && !slices.Contains(k.only, l) {
			continue
		}
		payloader := &codecs.H264Payloader{}
		for i, unit := range k.scene.layers[l] {
			captured := time.Duration(i) * time.Minute / time.Duration(k.scene.rate)
			if captured < k.from || captured >= k.to {
				continue
			}
			ts := k.origin + uint32(l)*1e9 + uint32(((k.earlier+captured)*90+time.Millisecond/2)/time.Millisecond)
			payloads := payloader.Payload(1200, unit)
			at := k.starts + captured - k.from
			for n, payload := range payloads {
				sequence := s.next("camera", l)
				if k.lose != nil && k.lose(l, i, n) {
					continue
				}
				arrival := at + k.delay[l] + time.Duration(n)*100*time.Microsecond
				p := &media.Packet{
					Track: "camera", Layer: l, Sequence: sequence, Timestamp: ts, Marker: n == len(payloads)-1,
					Arrival: s.at(arrival), Payload: payload,
				}
				all = append(all, happening{at: arrival, do: func() { s.recorder.WritePacket(p) }})
			}
			if (i%30 == 10 || k.scene.rate < sceneRate/6) && !k.noReport {
				r := media.SenderReport{Track: "camera", Layer: l, NTP: s.ntp(at), Timestamp: ts, Arrival: s.at(at + k.delay[l])}
				all = append(all, happening{at: at + k.delay[l], do: func() { s.recorder.WriteSenderReport(r) }})
			}
		}
	}
	return all
}

func (s *stage) sounds(k take, all []happening) []happening {
	for i, payload := range k.scene.opus {
		captured := time.Duration(i) * 20 * time.Millisecond
		if captured < k.from || captured >= k.to {
			continue
		}
		at := k.starts + captured - k.from
		ts := k.origin + 77 + uint32(int(k.earlier/(20*time.Millisecond))+i)*opusFrame
		p := &media.Packet{
			Track: "microphone", Layer: media.High, Sequence: s.next("microphone", media.High), Timestamp: ts, Marker: true,
			Arrival: s.at(at + 5*time.Millisecond), Payload: payload,
		}
		if k.loseOpus != nil && k.loseOpus(i) {
			continue
		}
		all = append(all, happening{at: at + 5*time.Millisecond, do: func() { s.recorder.WritePacket(p) }})
		if i%50 == 12 && !k.noReport {
			r := media.SenderReport{Track: "microphone", Layer: media.High, NTP: s.ntp(at), Timestamp: ts, Arrival: s.at(at)}
			all = append(all, happening{at: at + 5*time.Millisecond, do: func() { s.recorder.WriteSenderReport(r) }})
		}
	}
	return all
}

// finish ends the recording.
func (s *stage) finish() Recording {
	s.tb.Helper()
	r, err := s.recorder.Finish(context.Background())
	if err != nil {
		s.tb.Fatal(err)
	}
	return r
}

func (s *stage) errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.errs)
}

// rows are the segments of a finished folder, by rendition.
func (s *stage) rows() [renditions][]segmentRow {
	s.tb.Helper()
	f, err := os.Open(filepath.Join(s.dir, indexName))
	if err != nil {
		s.tb.Fatal(err)
	}
	defer f.Close()
	c, _, err := readIndex(f)
	if err != nil {
		s.tb.Fatal(err)
	}
	return c.segments
}

// run executes a tool, whose complaints fail the test, and returns what it prints.
func run(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	cmd := exec.Command(name, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		tb.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, complaints.String())
	}
	return out.String()
}

// pcm reads little-endian samples.
func pcm(b string) []int16 {
	out := make([]int16, len(b)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16([]byte(b[2*i:])))
	}
	return out
}
