package broadcast

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"lectern/media/hls"
	"lectern/media/ladder"
	"lectern/media/sfu"
	"lectern/media/vod"
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
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(60 * time.Second)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// runs runs something until the returned function is called, or the test ends.
func runs(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func rooms(t testing.TB) *sfu.Server {
	t.Helper()
	s, err := sfu.New(sfu.Config{UDPAddr: "127.0.0.1:0"})
	must(t, err)
	runs(t, s.Run)
	return s
}

func desk(t testing.TB, s *sfu.Server, dir string) (*Desk, func()) {
	t.Helper()
	d, err := New(Config{Dir: dir, Rooms: s, OnError: func(course string, err error) { t.Errorf("%s: %v", course, err) }})
	must(t, err)
	return d, runs(t, d.Run)
}

// pictures are access units of a small camera, with a keyframe every second.
func pictures(t testing.TB) [][]byte {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30", "-frames:v", "60", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency",
		"-x264-params", "keyint=30:scenecut=0:slices=1:sliced-threads=0:aud=1", "-f", "h264", "pipe:1").Output()
	must(t, err)
	const delimiter = "\x00\x00\x00\x01\x09"
	var units [][]byte
	for _, u := range strings.Split(string(out), delimiter)[1:] {
		units = append(units, []byte(delimiter+u))
	}
	if len(units) != 60 {
		t.Fatalf("%d pictures", len(units))
	}
	return units
}

// publish sends camera and silence into a room at the speed of life, until the returned function is called.
func publish(t testing.TB, s *sfu.Server, room string, units [][]byte) (stop func()) {
	t.Helper()
	stop, _ = publishPictures(t, s, room, units, "camera")
	return stop
}

// publishPictures sends several pictures beside the silence: a camera, then a screen, which unshare takes away.
func publishPictures(t testing.TB, s *sfu.Server, room string, units [][]byte, names ...string) (stop, unshare func()) {
	t.Helper()
	return publishCodec(t, s, room, webrtc.MimeTypeH264, units, names...)
}

func publishCodec(t testing.TB, s *sfu.Server, room, mime string, units [][]byte, names ...string) (stop, unshare func()) {
	t.Helper()
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	e.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() && ip.To4() != nil })
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	codecs := &webrtc.MediaEngine{}
	if mime == webrtc.MimeTypeH264 {
		must(t, codecs.RegisterDefaultCodecs())
	} else { // a browser that has no other, or H.264 would be chosen
		must(t, codecs.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, PayloadType: 96}, webrtc.RTPCodecTypeVideo))
		opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
		must(t, codecs.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 111}, webrtc.RTPCodecTypeAudio))
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	var pictures []*webrtc.TrackLocalStaticSample
	for _, name := range names {
		picture, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, name, "studio")
		must(t, err)
		pictures = append(pictures, picture)
	}
	microphone, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "microphone", "studio")
	must(t, err)
	tracks := []webrtc.TrackLocal{microphone}
	for _, picture := range pictures {
		tracks = append(tracks, picture)
	}
	for _, track := range tracks {
		_, err = pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		must(t, err)
	}
	offer, err := pc.CreateOffer(nil)
	must(t, err)
	gathered := webrtc.GatheringCompletePromise(pc)
	must(t, pc.SetLocalDescription(offer))
	<-gathered
	answer, session, err := s.Publish(context.Background(), room, pc.LocalDescription().SDP, sfu.PublishOptions{Owner: "presenter"})
	must(t, err)
	must(t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	var unshared atomic.Bool
	quit := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for i := 0; ; i++ {
			for n, picture := range pictures {
				if n > 0 && unshared.Load() {
					continue
				}
				picture.WriteSample(media.Sample{Data: units[i%len(units)], Duration: time.Second / 30})
			}
			for range 5*(i%3+1)/3 - 5*(i%3)/3 { // five packets of sound for three pictures
				microphone.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond})
			}
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		close(quit)
		<-done
		session.Close()
		<-session.Done()
		pc.Close()
	}
	t.Cleanup(stop)
	eventually(t, "the camera reaches the room", s.Room(room).Publishing)
	return stop, func() {
		unshared.Store(true)
		session.Unshare()
	}
}

func recorded(d *Desk, course string) (ms int64) {
	status, _ := d.OnAir(course)
	for _, e := range status.Edits {
		ms += e.LengthMS
	}
	return ms
}

func get(t testing.TB, d *Desk, broadcast, name string) (int, string) {
	t.Helper()
	h, err := d.Origin(broadcast)
	if errors.Is(err, ErrNoRecording) {
		return http.StatusNotFound, ""
	}
	must(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hls/course/"+name, nil))
	return w.Code, w.Body.String()
}

// TestLecture goes on air, loses its presenter, gets it back, ends, and goes on air again.
func TestLecture(t *testing.T) {
	s := rooms(t)
	d, _ := desk(t, s, t.TempDir())
	units := pictures(t)
	first := Run{Course: "course", Broadcast: "b-1", StartedAt: time.Now()}
	leave := publish(t, s, "course", units)
	must(t, d.Start(context.Background(), first))
	must(t, d.Start(context.Background(), first)) // changes nothing
	if err := d.Start(context.Background(), Run{Course: "course", Broadcast: "b-2", StartedAt: time.Now()}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second broadcast: %v", err)
	}
	eventually(t, "three seconds are recorded", func() bool { return recorded(d, "course") > 3000 })
	if code, text := get(t, d, "b-1", "high.m3u8"); code != 200 || strings.Contains(text, "ENDLIST") {
		t.Errorf("live playlist: %d %s", code, text)
	}
	leave()
	eventually(t, "the presenter is missed", func() bool {
		status, _ := d.OnAir("course")
		return status.Recording.State == hls.Waiting
	})
	before := recorded(d, "course")
	leave = publish(t, s, "course", units)
	eventually(t, "the recording goes on", func() bool { return recorded(d, "course") > before+2000 })

	result, err := d.End(context.Background(), "course")
	must(t, err)
	if result.LengthMS < before+2000 || len(result.Edits) != 2 {
		t.Errorf("result %+v", result)
	}
	if _, on := d.OnAir("course"); on {
		t.Error("still on air")
	}
	again, err := d.End(context.Background(), "course")
	if must(t, err); fmt.Sprint(again) != fmt.Sprint(result) {
		t.Errorf("ending again: %+v, not %+v", again, result)
	}
	if code, text := get(t, d, "b-1", "high.m3u8"); code != 200 || !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") || !strings.Contains(text, "#EXT-X-DISCONTINUITY\n") {
		t.Errorf("replay: %d %s", code, text)
	}

	second := Run{Course: "course", Broadcast: "b-1", StartedAt: time.Now(), TimelineStartMS: time.Since(first.StartedAt).Milliseconds()}
	must(t, d.Start(context.Background(), second))
	eventually(t, "the second run is recorded", func() bool { return recorded(d, "course") > result.LengthMS+1000 })
	leave()
	more, err := d.End(context.Background(), "course")
	if must(t, err); more.LengthMS < result.LengthMS+1000 {
		t.Errorf("second run: %+v", more)
	}
	if code, text := get(t, d, "b-1", "high.m3u8"); code != 200 || strings.Count(text, "ENDLIST") != 1 {
		t.Errorf("replay of both: %d %s", code, text)
	}
}

// TestSpeaker shares a screen: the camera is a stream of its own for as long as that, on the same timeline.
func TestSpeaker(t *testing.T) {
	s := rooms(t)
	d, _ := desk(t, s, t.TempDir())
	units := pictures(t)
	must(t, d.Start(context.Background(), Run{Course: "course", Broadcast: "b-1", StartedAt: time.Now()}))
	leave := publish(t, s, "course", units)
	eventually(t, "the camera is on stage", func() bool { return recorded(d, "course") > 1000 })
	if edits := d.SpeakerEdits("b-1"); len(edits) != 0 {
		t.Errorf("beside nothing: %+v", edits)
	}
	if h, err := d.Speaker("b-1"); err != nil {
		t.Error(err)
	} else if w := serveName(h, "index.m3u8"); w.Code != http.StatusNotFound {
		t.Errorf("beside nothing: %d %s", w.Code, w.Body)
	}
	leave()
	_, unshare := publishPictures(t, s, "course", units, "camera", "screen")
	length := func() (ms int64) {
		for _, e := range d.SpeakerEdits("b-1") {
			ms += e.LengthMS
		}
		return ms
	}
	eventually(t, "the camera is recorded beside the screen", func() bool { return length() > 2000 })
	h, err := d.Speaker("b-1")
	must(t, err)
	master := serveName(h, "index.m3u8").Body.String()
	if strings.Contains(master, "AUDIO") || strings.Contains(master, "mp4a") || !strings.Contains(master, "live-high.m3u8") {
		t.Errorf("master of the speaker:\n%s", master)
	}
	if text := serveName(h, "live-high.m3u8").Body.String(); strings.Contains(text, "audio") || !strings.Contains(text, "lectern.run") {
		t.Errorf("live playlist of the speaker:\n%s", text)
	}
	if w := serveName(h, "live-audio.m3u8"); w.Code != http.StatusNotFound {
		t.Errorf("sound of the speaker: %d", w.Code)
	}
	unshare()
	status := func() Status { status, _ := d.OnAir("course"); return status }
	edge := func() int64 {
		edits := status().Edits
		return edits[len(edits)-1].TimelineMS + edits[len(edits)-1].LengthMS
	}
	unshared := edge()
	eventually(t, "the camera is back on stage", func() bool { return edge() > unshared+5000 })
	_, err = d.End(context.Background(), "course")
	must(t, err)
	last := d.SpeakerEdits("b-1")
	if end := last[len(last)-1]; end.TimelineMS+end.LengthMS > unshared+3500 {
		t.Errorf("the screen went at %d ms, beside it the camera lasts %+v", unshared, last)
	}
	h, err = d.Speaker("b-1")
	must(t, err)
	if text := serveName(h, "high.m3u8").Body.String(); !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") {
		t.Errorf("afterwards:\n%s", text)
	}
}

func serveName(h http.Handler, name string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hls/course/speaker/"+name, nil))
	return w
}

// TestVP8 records the picture of a presenter whose browser sends VP8, in three sizes of H.264.
func TestVP8(t *testing.T) {
	s := rooms(t)
	d, _ := desk(t, s, t.TempDir())
	must(t, d.Start(context.Background(), Run{Course: "course", Broadcast: "b-1", StartedAt: time.Now()}))
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30", "-frames:v", "60", "-pix_fmt", "yuv420p",
		"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-b:v", "600k", "-f", "ivf", "pipe:1").Output()
	must(t, err)
	var frames [][]byte
	for out = out[32:]; len(out) > 12; {
		n := binary.LittleEndian.Uint32(out)
		frames, out = append(frames, out[12:12+n]), out[12+n:]
	}
	publishCodec(t, s, "course", webrtc.MimeTypeVP8, frames, "camera")
	eventually(t, "three sizes are recorded", func() bool {
		_, master := get(t, d, "b-1", "dvr.m3u8")
		return strings.Count(master, "RESOLUTION=") == 3 && recorded(d, "course") > 4000
	})
	if status, _ := d.OnAir("course"); status.Renditions != ladder.Made {
		t.Errorf("renditions: %q", status.Renditions)
	}
	_, err = d.End(context.Background(), "course")
	must(t, err)
	_, master := get(t, d, "b-1", "index.m3u8")
	for _, size := range []string{"160x90", "320x180", "640x360"} {
		if !strings.Contains(master, "RESOLUTION="+size) {
			t.Errorf("no %s in\n%s", size, master)
		}
	}
}

// TestResumes stops the desk in the middle, as a restart of the program does, and goes on with another.
func TestResumes(t *testing.T) {
	s := rooms(t)
	dir := t.TempDir()
	run := Run{Course: "course", Broadcast: "b-1", StartedAt: time.Now()}
	publish(t, s, "course", pictures(t))
	d, stop := desk(t, s, dir)
	must(t, d.Start(context.Background(), run))
	eventually(t, "two seconds are recorded", func() bool { return recorded(d, "course") > 2000 })
	stop()
	if err := d.Start(context.Background(), run); !errors.Is(err, ErrClosed) {
		t.Errorf("start after the end: %v", err)
	}
	d, _ = desk(t, s, dir)
	must(t, d.Start(context.Background(), run))
	kept := recorded(d, "course")
	if kept < 2000 {
		t.Errorf("kept %d ms", kept)
	}
	eventually(t, "it goes on", func() bool { return recorded(d, "course") > kept+1000 })
	result, err := d.End(context.Background(), "course")
	must(t, err)
	if last := result.Edits[len(result.Edits)-1]; last.TimelineMS+last.LengthMS > time.Since(run.StartedAt).Milliseconds()+100 {
		t.Errorf("edit list %+v is ahead of the time", result.Edits)
	}
}

// TestNothingToRecordWith cannot make the folder: the broadcast is on air, says why, and ends.
func TestNothingToRecordWith(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "b-1"), nil, 0o600))
	d, _ := desk(t, rooms(t), dir)
	run := Run{Course: "course", Broadcast: "b-1", StartedAt: time.Now()}
	if err := d.Start(context.Background(), run); err == nil {
		t.Fatal("recording into a file")
	}
	if status, on := d.OnAir("course"); !on || status.Recording.State != hls.Failing || status.Recording.LastError == nil {
		t.Errorf("status %+v, %v", status, on)
	}
	must(t, os.Remove(filepath.Join(dir, "b-1")))
	must(t, d.Start(context.Background(), run))
	if status, _ := d.OnAir("course"); status.Recording.State != hls.Waiting {
		t.Errorf("status %+v", status)
	}
	if result, err := d.End(context.Background(), "course"); err != nil || result.LengthMS != 0 {
		t.Errorf("ended with %+v, %v", result, err)
	}
}

// TestNames refuses what is no name of a folder, and knows what is not there.
func TestNames(t *testing.T) {
	d, _ := desk(t, rooms(t), t.TempDir())
	for _, name := range []string{"", "..", "a/b", "a\x00", strings.Repeat("a", 65)} {
		if err := d.Start(context.Background(), Run{Course: "c", Broadcast: name}); err == nil {
			t.Errorf("%q was started", name)
		}
		if _, err := d.Origin(name); !errors.Is(err, ErrNoRecording) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := d.Origin("b-9"); !errors.Is(err, ErrNoRecording) {
		t.Errorf("unknown: %v", err)
	}
	if result, err := d.End(context.Background(), "never"); err != nil || result.LengthMS != 0 {
		t.Errorf("%+v %v", result, err)
	}
}

// TestShelfForgets opens more recordings than it keeps.
func TestShelfForgets(t *testing.T) {
	s := newShelf()
	opened := 0
	open := func() (*vod.Replay, error) { opened++; return &vod.Replay{}, nil }
	for round := range 2 {
		for i := range shelfSize + 1 {
			_, err := s.get(fmt.Sprint(i), open)
			must(t, err)
		}
		if want := (round + 1) * (shelfSize + 1); opened != want || len(s.items) != shelfSize {
			t.Errorf("round %d: opened %d, want %d; keeps %d", round, opened, want, len(s.items))
		}
	}
	_, err := s.get(fmt.Sprint(shelfSize), open)
	if must(t, err); opened != 2*(shelfSize+1) {
		t.Error("opened what it has")
	}
	s.drop(fmt.Sprint(shelfSize))
	if len(s.items) != shelfSize-1 {
		t.Error("did not forget")
	}
}
