package hls

import (
	"errors"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lectern/media"
)

// feeds are the feeds that a rendition shows, by segment.
func feeds(rows []segmentRow) (out []string) {
	for _, r := range rows {
		out = append(out, r.Feed.String())
	}
	return out
}

// discontinuities are the numbers of the segments that are one.
func discontinuities(rows []segmentRow) (out []int) {
	for _, r := range rows {
		if r.Discontinuity {
			out = append(out, r.Number)
		}
	}
	return out
}

// TestLendsLowerLayer takes the best layer away for four seconds, as a browser does on a low uplink.
func TestLendsLowerLayer(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	away := func(l media.Layer, frame, packet int) bool { return l == media.High && frame >= 130 && frame < 250 }
	s.play(take{scene: loadScene(t, 640), to: sceneLength, lose: away})
	s.finish()
	rows := s.rows()
	checkRows(t, rows)
	if got, want := feeds(rows[media.High]), []string{"high", "high", "mid", "mid", "mid", "high"}; !slices.Equal(got, want) {
		t.Errorf("high shows %v, want %v", got, want)
	}
	for _, l := range []media.Layer{media.Low, media.Mid} {
		if got := feeds(rows[l]); slices.ContainsFunc(got, func(f string) bool { return f != feed(l).String() }) {
			t.Errorf("%v shows %v", feed(l), got)
		}
	}
	if d := discontinuities(rows[sound]); len(d) > 0 {
		t.Errorf("discontinuities at %v", d)
	}
	checkPlayable(t, s)
}

// TestLossIsNeverWritten loses packets of a single layer: the picture freezes until the next keyframe,
// and every segment can be decoded.
func TestLossIsNeverWritten(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	lose := func(_ media.Layer, frame, packet int) bool {
		return frame == 75 && packet == 0 || frame > 190 && frame < 200 || frame == 299
	}
	s.play(take{scene: loadScene(t, 640), to: sceneLength, only: []media.Layer{media.High}, lose: lose})
	recording := s.finish()
	rows := s.rows()
	checkRows(t, rows)
	if recording.LengthMS < 11_900 || len(recording.Edits) != 1 {
		t.Errorf("recorded %+v", recording)
	}
	if s.asked.Load() == 0 {
		t.Error("no keyframe was asked for")
	}
	checkPlayable(t, s)
}

// TestNewParameterSets changes the size of the picture while it is being sent, as browsers do.
func TestNewParameterSets(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.play(take{scene: loadScene(t, 640), to: 6 * time.Second})
	s.play(take{scene: loadScene(t, 480), from: 6 * time.Second, to: sceneLength, starts: 6 * time.Second, stay: true})
	s.finish()
	rows := s.rows()
	checkRows(t, rows)
	for r := range rows {
		if got := discontinuities(rows[r]); !slices.Equal(got, []int{3}) {
			t.Errorf("%v: discontinuities at %v, want at 3", feed(r), got)
		}
		if changed := rows[r][2].Init != rows[r][3].Init; changed != (feed(r) != sound) {
			t.Errorf("%v: initialisation changed: %v", feed(r), changed)
		}
	}
	checkPlayable(t, s)
}

// TestReconnect lets the presenter drop out for five seconds and come back from elsewhere.
func TestReconnect(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.play(take{scene: loadScene(t, 640), to: 5 * time.Second})
	s.removeTrack("camera")
	s.removeTrack("microphone")
	s.until("the recorder waits", func() bool { return s.recorder.Status().State == Waiting })
	s.sequence = map[layerKey]uint64{}
	s.play(take{scene: loadScene(t, 640), to: 5 * time.Second, starts: 10 * time.Second, origin: 1 << 30})
	recording := s.finish()
	rows := s.rows()
	checkRows(t, rows)
	if got := discontinuities(rows[sound]); len(got) != 1 {
		t.Errorf("discontinuities at %v", got)
	}
	e := recording.Edits
	if len(e) != 2 {
		t.Fatalf("edit list %v, want two rows", e)
	}
	near := func(got, want int64) bool { return abs(got-want) < 60 }
	if !near(e[0].LengthMS, 5000) || !near(e[1].TimelineMS, 10_000) || e[1].RecordingMS != e[0].LengthMS || !near(e[1].LengthMS, 5000) {
		t.Errorf("edit list %+v", e)
	}
	checkPlayable(t, s)
}

// TestTakeover replaces the publisher without a pause, and without the old tracks being removed first.
func TestTakeover(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.play(take{scene: loadScene(t, 640), to: 5 * time.Second})
	s.sequence = map[layerKey]uint64{}
	s.play(take{scene: loadScene(t, 480), to: 5 * time.Second, starts: 5 * time.Second, origin: 1 << 31, only: []media.Layer{media.High}})
	recording := s.finish()
	rows := s.rows()
	checkRows(t, rows)
	if got := discontinuities(rows[sound]); len(got) != 1 {
		t.Errorf("discontinuities at %v", got)
	}
	if recording.LengthMS < 9_800 || recording.LengthMS > 10_100 {
		t.Errorf("recorded %+v", recording)
	}
	if got := feeds(rows[media.Low]); got[len(got)-1] != "high" {
		t.Errorf("low shows %v, want the only layer at the end", got)
	}
	checkPlayable(t, s)
}

// TestSoundAlone has a camera only in the middle.
func TestSoundAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	sc := loadScene(t, 640)
	s.play(take{scene: sc, to: 5 * time.Second, dark: true})
	s.addTrack(camera)
	s.play(take{scene: sc, from: 5 * time.Second, to: 8 * time.Second, starts: 5 * time.Second, stay: true})
	s.removeTrack("camera")
	s.play(take{scene: sc, from: 8 * time.Second, to: sceneLength, starts: 8 * time.Second, stay: true, dark: true})
	recording := s.finish()
	rows := s.rows()
	checkRows(t, rows)
	shown := slices.Compact(feeds(rows[media.High]))
	if !slices.Equal(shown, []string{"slate", "high", "slate"}) {
		t.Errorf("high shows %v", shown)
	}
	if recording.LengthMS < 11_500 || len(recording.Edits) != 1 {
		t.Errorf("recorded %+v", recording)
	}
	checkPlayable(t, s)
	if n := len(beeps(t, s)); n < 11 {
		t.Errorf("heard %d beeps of 12", n)
	}
}

// TestNoMicrophone records a picture with silence.
func TestNoMicrophone(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.play(take{scene: loadScene(t, 640), to: 5 * time.Second, silent: true})
	recording := s.finish()
	checkRows(t, s.rows())
	if recording.LengthMS < 4_950 {
		t.Errorf("recorded %+v", recording)
	}
	checkPlayable(t, s)
}

// TestSoundHoles loses sound for short and for long: the rest stays in place.
func TestSoundHoles(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	holes := func(i int) bool { return i%10 == 7 || i >= 160 && i < 190 || i >= 310 && i < 440 }
	s.play(take{scene: loadScene(t, 640), to: sceneLength, loseOpus: holes})
	s.finish()
	checkRows(t, s.rows())
	checkPlayable(t, s)
	for _, at := range beeps(t, s) {
		if off := at - float64(int(at+0.5)); off < -0.02 || off > 0.04 {
			t.Errorf("a beep at %.3f s", at)
		}
	}
}

// TestEncoderDies kills the sound encoder in the middle: another takes over, and the sound keeps its place.
func TestEncoderDies(t *testing.T) {
	t.Parallel()
	// The encoder says who it is before it becomes ffmpeg.
	dir := t.TempDir()
	script := "#!/bin/sh\necho $$ >> " + dir + "/pids\nexec ffmpeg \"$@\"\n"
	if err := os.WriteFile(dir+"/ffmpeg", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, t.TempDir(), func(c *Config) { c.FFmpeg = dir + "/ffmpeg" })
	sc := loadScene(t, 640)
	s.play(take{scene: sc, to: 6 * time.Second})
	pids, err := os.ReadFile(dir + "/pids")
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
	s.until("the death is noticed", func() bool { return len(s.errors()) > 0 })
	s.play(take{scene: sc, from: 6 * time.Second, to: sceneLength, starts: 6 * time.Second, stay: true})
	s.finish()
	checkRows(t, s.rows())
	checkPlayable(t, s)
	checkLipSync(t, s, 10)
}

// TestOtherCodec records the sound of a camera that sends VP8, and says so.
func TestOtherCodec(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.addTrack(media.TrackInfo{ID: "camera", Kind: media.Video, MimeType: "video/VP8", ClockRate: 90000})
	s.play(take{scene: loadScene(t, 640), to: 4 * time.Second, dark: true})
	recording := s.finish()
	checkRows(t, s.rows())
	if recording.LengthMS < 3_500 {
		t.Errorf("recorded %+v", recording)
	}
	var codec *CodecError
	if errs := s.errors(); len(errs) != 1 || !errors.As(errs[0], &codec) || codec.MimeType != "video/VP8" {
		t.Errorf("errors %v, want one about VP8", errs)
	}
}

// TestForcedCutWithoutTheBestLayer: no keyframe comes for four seconds, so a segment begins in the middle of a group of
// pictures; and the best layer has gone just before. What takes its place must be decodable by who watched it.
func TestForcedCutWithoutTheBestLayer(t *testing.T) {
	t.Parallel()
	sc, err := makeSceneAt(640, sceneRate, 4*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, t.TempDir())
	server := httptest.NewServer(s.recorder.Origin())
	t.Cleanup(server.Close)
	away := func(l media.Layer, frame, _ int) bool { return l == media.High && frame >= 85 && frame < 300 }
	s.play(take{scene: sc, to: sceneLength, lose: away})
	_, live := ask(t, server.URL+"/live-high.m3u8")
	s.finish()
	rows := s.rows()
	checkRows(t, rows)
	if got := feeds(rows[media.High])[:3]; !slices.Equal(got, []string{"high", "slate", "mid"}) {
		t.Errorf("high shows %v", feeds(rows[media.High]))
	}
	for _, l := range []media.Layer{media.Low, media.Mid} {
		if got := feeds(rows[l]); slices.ContainsFunc(got, func(f string) bool { return f != feed(l).String() }) {
			t.Errorf("%v shows %v", feed(l), got)
		}
	}
	if !strings.Contains(string(live), rows[media.High][1].Name) {
		t.Errorf("players at the live edge are not shown the same:\n%s", live)
	}
	if d := discontinuities(rows[sound]); len(d) > 0 {
		t.Errorf("discontinuities at %v", d)
	}
	checkPlayable(t, s)
}
