package hls

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// crashDir names the folder that the child of TestCrash records into.
const crashDir = "LECTERN_TEST_CRASH_DIR"

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		recordUntilKilled(dir)
	}
	if dir := os.Getenv(mirrorDir); dir != "" {
		mirrorUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// recordUntilKilled plays the scene at the speed of life, and says how far it is.
func recordUntilKilled(dir string) {
	sc, err := makeScene(320)
	if err != nil {
		panic(err)
	}
	t := &testing.B{}
	start := time.Now()
	s := &stage{tb: t, dir: dir, epoch: start, ran: make(chan error, 1), sequence: map[layerKey]uint64{}}
	s.recorder, err = New(Config{
		Dir: dir, RunStart: start, RequestKeyframe: func() {},
		OnError: func(err error) { panic(err) },
	})
	if err != nil {
		panic(err)
	}
	go s.recorder.Run(context.Background())
	s.addTrack(microphone)
	s.addTrack(camera)
	k := take{scene: sc, to: sceneLength, starts: 100 * time.Millisecond}
	for _, h := range s.arrivals(k) {
		time.Sleep(time.Until(start.Add(h.at))) // this is the clock of the child, which nobody waits for
		h.do()
		fmt.Println(h.at.Milliseconds())
	}
	select {}
}

// TestCrash kills a recorder in the middle with SIGKILL: no more than one part is lost, and the recording
// goes on after a discontinuity.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := int64(0)
	for lines := bufio.NewScanner(out); said < 5_800 && lines.Scan(); {
		if said, err = strconv.ParseInt(strings.TrimSpace(lines.Text()), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	child.Process.Kill()
	child.Wait()
	if said < 5_800 {
		t.Fatalf("the child died at %d ms", said)
	}

	s := newStage(t, dir, func(c *Config) { c.RunStart = c.RunStart.Add(-8 * time.Second) })
	kept := s.end().Milliseconds()
	t.Logf("killed at %d ms, kept %d ms", said, kept)
	// One part, the picture that ends it, and what the machine was late with.
	if lost := said - kept; lost > 500+34+150 {
		t.Errorf("lost %d ms of %d", lost, said)
	}
	if _, ended := s.recorder.archive.catalog.state(); ended {
		t.Error("the recording has ended by itself")
	}
	checkPlayable(t, s)
	s.play(take{scene: loadScene(t, 640), to: 5 * time.Second, origin: 99})
	s.finish()
	rows := s.rows()
	checkRows(t, rows)
	if got := discontinuities(rows[sound]); len(got) != 1 {
		t.Errorf("discontinuities at %v", got)
	}
	checkPlayable(t, s)
	if edits := s.recorder.Edits(); len(edits) != 2 || edits[1].TimelineMS < 8_000 {
		t.Errorf("edit list %+v", edits)
	}
}

// TestContinuesEnded goes on air again: the numbering goes on, and the playlists are open again.
func TestContinuesEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStage(t, dir)
	s.play(take{scene: loadScene(t, 640), to: 3 * time.Second})
	first := s.finish()
	<-s.ran
	again := newStage(t, dir, func(c *Config) {
		c.RunStart, c.TimelineStart = c.RunStart.Add(time.Hour), 3*time.Second
	})
	if _, ended := again.recorder.archive.catalog.state(); ended {
		t.Error("still ended")
	}
	again.play(take{scene: loadScene(t, 640), to: 3 * time.Second, starts: time.Hour})
	second := again.finish()
	rows := again.rows()
	checkRows(t, rows)
	if second.LengthMS < first.LengthMS+2_900 {
		t.Errorf("recorded %+v, then %+v", first, second)
	}
	if got := discontinuities(rows[sound]); len(got) != 1 {
		t.Errorf("discontinuities at %v", got)
	}
	m, _ := again.recorder.archive.catalog.media(sound)
	last := m.Segments[len(m.Segments)-1]
	if m.Segments[0].Start.Before(s.epoch) || last.Start.Before(s.epoch.Add(time.Hour)) {
		t.Errorf("dates go from %v to %v", m.Segments[0].Start, last.Start)
	}
	checkPlayable(t, again)
}

// TestFolderIsLocked refuses a second recorder for a folder.
func TestFolderIsLocked(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	if r, err := New(Config{Dir: s.dir, RunStart: s.epoch, RequestKeyframe: func() {}}); err == nil {
		t.Fatalf("a second recorder %v got the folder", r)
	}
	s.finish()
}
