package ladder

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"lectern/media"
	"lectern/media/hls/h264"
)

// recorder is a sink that puts pictures together as the real one does.
type recorder struct {
	mu     sync.Mutex
	added  []string
	layers [media.Layers]h264.Assembler
	units  [media.Layers][]h264.Unit
	others int
}

func (r *recorder) AddTrack(t media.TrackInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.added = append(r.added, t.ID+" "+t.MimeType)
	r.layers = [media.Layers]h264.Assembler{}
}

func (r *recorder) RemoveTrack(string) {}

func (r *recorder) WritePacket(p *media.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Track != "stage" {
		r.others++
		return
	}
	r.units[p.Layer] = append(r.units[p.Layer], r.layers[p.Layer].Push(p)...)
}

func (r *recorder) WriteSenderReport(media.SenderReport) {}

// least is how many pictures the layer with the fewest has.
func (r *recorder) least() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return min(len(r.units[0]), len(r.units[1]), len(r.units[2]))
}

func (r *recorder) keys(l media.Layer) (keys []uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.units[l] {
		if u.Key {
			keys = append(keys, u.Timestamp)
		}
	}
	return keys
}

// pictures are two seconds of a codec at 30 a second, with a keyframe every second.
func pictures(t *testing.T, args ...string) (frames [][]byte) {
	t.Helper()
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=2", "-pix_fmt", "yuv420p"}, args...)
	out, err := exec.Command("ffmpeg", append(all, "-f", "ivf", "pipe:1")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for out = out[32:]; len(out) > 12; {
		n := binary.LittleEndian.Uint32(out)
		frames, out = append(frames, out[12:12+n]), out[12+n:]
	}
	return frames
}

func vp8(t *testing.T) [][]byte {
	return pictures(t, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-b:v", "600k")
}

func h264Pictures(t *testing.T) (units [][]byte) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=2", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "keyint=30:scenecut=0:slices=1:sliced-threads=0:aud=1", "-f", "h264", "pipe:1").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range strings.Split(string(out), "\x00\x00\x00\x01\x09")[1:] {
		units = append(units, []byte("\x00\x00\x00\x01\x09"+u))
	}
	return units
}

type payloader interface{ Payload(uint16, []byte) [][]byte }

// send plays frames again and again at the speed of life until done says so.
func send(t *testing.T, to media.Sink, p payloader, frames [][]byte, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	limit := time.Now().Add(2 * time.Minute)
	sequence := uint64(0)
	for i := 0; !done(); i++ {
		payloads := p.Payload(1200, frames[i%len(frames)])
		for n, payload := range payloads {
			to.WritePacket(&media.Packet{
				Track: "stage", Layer: media.High, Sequence: sequence, Timestamp: uint32(1<<32 - 90000 + i*3000), Marker: n == len(payloads)-1,
				Arrival: time.Now(), Payload: payload,
			})
			sequence++
		}
		if <-tick.C; time.Now().After(limit) {
			t.Fatal("not within two minutes")
		}
	}
}

func ladder(t *testing.T, to media.Sink, cores float64, change ...func(*Config)) *Ladder {
	t.Helper()
	c := Config{To: to, Track: "stage", Budget: NewBudget(cores)}
	for _, f := range change {
		f(&c)
	}
	l := New(c)
	t.Cleanup(l.Close)
	return l
}

// checkLayers holds that layers have the same keyframes, of the source's pictures.
func checkLayers(t *testing.T, r *recorder) {
	t.Helper()
	first := r.keys(media.Low)
	for l := range media.Layers {
		keys := r.keys(l)
		n := min(len(first), len(keys))
		if l == media.High && len(keys) > n {
			keys = keys[len(keys)-n:] // it may have begun before the others
		}
		if n < 2 || !slices.Equal(keys[:n], first[:n]) && l != media.High {
			t.Errorf("%s has keyframes at %v, the lowest layer at %v", l.RID(), keys, first)
		}
		for _, at := range keys {
			if (at-uint32(1<<32-90000))%90000 != 0 {
				t.Errorf("%s has a keyframe at %d, where the source has none", l.RID(), at)
			}
		}
	}
}

// TestVP8 makes three layers of H.264 of a picture in VP8.
func TestVP8(t *testing.T) {
	r := &recorder{}
	l := ladder(t, r, 2)
	l.AddTrack(media.TrackInfo{ID: "microphone", Kind: media.Audio})
	l.AddTrack(media.TrackInfo{ID: "stage", Kind: media.Video, MimeType: "video/VP8", ClockRate: 90000})
	l.WritePacket(&media.Packet{Track: "microphone"})
	send(t, l, &codecs.VP8Payloader{EnablePictureID: true}, vp8(t), func() bool { return r.least() > 75 })
	if l.Renditions() != Made || r.others != 1 || !slices.Equal(r.added, []string{"microphone ", "stage video/H264"}) {
		t.Errorf("%s, others %d, tracks %v", l.Renditions(), r.others, r.added)
	}
	checkLayers(t, r)
	for i, want := range []int{90, 180, 360} {
		if p := r.units[i][0].Params; p.Height != want || p.Width != want*16/9 {
			t.Errorf("layer %d is %d by %d", i, p.Width, p.Height)
		}
	}
	if used := l.config.Budget.Used(); used <= 0 {
		t.Errorf("%v cores are used", used)
	}
	l.RemoveTrack("stage")
	l.Close()
	if used := l.config.Budget.Used(); used != 0 {
		t.Errorf("%v cores are used afterwards", used)
	}
}

// TestSingleLayer makes the lower layers of a picture in H.264, whose best is passed on as it comes.
func TestSingleLayer(t *testing.T) {
	r := &recorder{}
	l := ladder(t, r, 2)
	l.AddTrack(media.TrackInfo{ID: "stage", Kind: media.Video, MimeType: "video/H264", ClockRate: 90000})
	send(t, l, &codecs.H264Payloader{}, h264Pictures(t), func() bool { return r.least() > 75 })
	if l.Renditions() != Made || len(r.added) != 1 {
		t.Errorf("%s, tracks %v", l.Renditions(), r.added)
	}
	checkLayers(t, r)
	l.WritePacket(&media.Packet{Track: "stage", Layer: media.Low, Payload: []byte{1}, Arrival: time.Now()})
	if l.Renditions() != Sent {
		t.Errorf("with a layer of the sender's own: %s", l.Renditions())
	}
}

// TestNoRoom makes one rendition when there is no room for three, and none when there is not even that.
func TestNoRoom(t *testing.T) {
	for _, c := range []struct {
		cores float64
		mime  string
		want  Renditions
	}{
		{0.03, "video/VP8", One}, {0.001, "video/VP8", Sound}, {0.001, "video/H264", One},
	} {
		r := &recorder{}
		l := ladder(t, r, c.cores)
		l.AddTrack(media.TrackInfo{ID: "stage", Kind: media.Video, MimeType: c.mime, ClockRate: 90000})
		if c.mime == "video/VP8" {
			send(t, l, &codecs.VP8Payloader{}, vp8(t), func() bool { return l.Renditions() != None })
		} else {
			send(t, l, &codecs.H264Payloader{}, h264Pictures(t), func() bool { return l.Renditions() != None })
		}
		if l.Renditions() != c.want {
			t.Errorf("%v cores for %s: %s, want %s", c.cores, c.mime, l.Renditions(), c.want)
		}
		l.Close()
	}
}

// TestChildKilled goes on with another child, and the track begins anew.
func TestChildKilled(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho $$ >> " + dir + "/pids\nexec ffmpeg \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	l := ladder(t, r, 2, func(c *Config) { c.FFmpeg = filepath.Join(dir, "ffmpeg") })
	l.AddTrack(media.TrackInfo{ID: "stage", Kind: media.Video, MimeType: "video/VP8", ClockRate: 90000})
	killed, at := false, 0
	send(t, l, &codecs.VP8Payloader{}, vp8(t), func() bool {
		if n := r.least(); !killed && n > 20 {
			pids, err := os.ReadFile(filepath.Join(dir, "pids"))
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(pids)))
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			killed, at = true, n
		}
		return killed && r.least() > at+60
	})
	if len(r.added) != 2 {
		t.Errorf("tracks %v", r.added)
	}
}
