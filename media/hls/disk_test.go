package hls

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lectern/media"
)

// bench drives a packager by hand, without goroutines: there is no microphone, so no encoder either.
type bench struct {
	*stage
	p *packager
}

func newBench(t testing.TB, change ...func(*Config)) *bench {
	t.Helper()
	b := &bench{stage: &stage{tb: t, dir: t.TempDir(), epoch: time.Unix(1e9, 0), sequence: map[layerKey]uint64{}}}
	c := Config{Dir: b.dir, RunStart: b.epoch, RequestKeyframe: func() { b.asked.Add(1) }, OnError: func(err error) { b.errs = append(b.errs, err) }}
	for _, f := range change {
		f(&c)
	}
	var err error
	if b.recorder, err = New(c); err != nil {
		t.Fatal(err)
	}
	b.p = newPackager(b.recorder.archive, &b.recorder.config)
	t.Cleanup(b.recorder.archive.release)
	return b
}

// play sends a take without sound.
func (b *bench) play(k take) {
	k.silent = true
	if !k.stay {
		b.addTrack(camera)
	}
	for _, h := range b.arrivals(k) {
		h.do()
		b.recorder.handle(b.p, b.recorder.inbox.take(nil))
		b.p.advance()
	}
}

// TestDiskRefuses fills the disk under the index: the presenter is told once, the lecture goes on, and so
// does the recording when there is room again.
func TestDiskRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sc := loadScene(t, 640)
	b.play(take{scene: sc, to: 3 * time.Second})
	a := b.recorder.archive
	index := a.index
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	a.index = full
	b.play(take{scene: sc, from: 3 * time.Second, to: 8 * time.Second, starts: 3 * time.Second, stay: true})
	if len(b.errs) != 1 || !strings.Contains(b.errs[0].Error(), "no space") {
		t.Errorf("errors %v, want one about space", b.errs)
	}
	if b.p.failure == nil {
		t.Error("all seems well")
	}
	full.Close()
	a.index = index
	b.play(take{scene: sc, from: 8 * time.Second, to: sceneLength, starts: 8 * time.Second, stay: true})
	if b.p.failure != nil {
		t.Errorf("still failing: %v", b.p.failure)
	}
	b.p.finish()
	rows := b.rows()
	checkRows(t, rows)
	if got, edits := discontinuities(rows[sound]), b.recorder.Edits(); len(got) != 1 || len(edits) != 2 {
		t.Errorf("discontinuities at %v, edit list %+v", got, edits)
	}
	checkPlayable(t, b.stage)
	if err := a.sweep(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, known := a.catalog.file(f.Name()); !known && f.Name() != indexName {
			t.Errorf("%s is left over", f.Name())
		}
	}
}

// TestLongGroups records a sender that answers no request for a keyframe: segments are cut all the same, at
// most as long as the target allows.
func TestLongGroups(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	long := *loadScene(t, 640)
	for l := range long.layers {
		long.layers[l] = slices.Clone(long.layers[l])
		for i := 60; i < len(long.layers[l]); i += 60 { // what follows is garbage to a decoder, not to us
			long.layers[l][i] = long.layers[l][i+1]
		}
	}
	b.play(take{scene: &long, to: sceneLength})
	b.p.finish()
	rows := b.rows()
	checkRows(t, rows)
	if n := len(rows[0]); n < 3 || n > 4 {
		t.Errorf("%d segments", n)
	}
	if got := feeds(rows[media.High]); slices.ContainsFunc(got, func(f string) bool { return f != "high" }) {
		t.Errorf("high shows %v", got)
	}
	if b.asked.Load() < 10 {
		t.Errorf("asked for a keyframe %d times", b.asked.Load())
	}
}

// TestAsksForKeyframes counts requests while all is well: one for a segment, plus those of the start.
func TestAsksForKeyframes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play(take{scene: loadScene(t, 640), to: sceneLength})
	if n := b.asked.Load(); n > 12 {
		t.Errorf("asked for a keyframe %d times in 12 s", n)
	}
}

// TestClockThatJumps sets the sender's clock by an hour: the recording stays where it is.
func TestClockThatJumps(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sc := loadScene(t, 640)
	b.play(take{scene: sc, to: 4 * time.Second})
	b.play(take{scene: sc, from: 4 * time.Second, to: 10 * time.Second, starts: 4 * time.Second, stay: true, origin: 3600 * 90000})
	b.p.finish()
	checkRows(t, b.rows())
	for _, e := range b.recorder.Edits() {
		if end := e.TimelineMS + e.LengthMS; end > 10_100 {
			t.Errorf("edit list %+v", b.recorder.Edits())
		}
	}
	if end := b.end(); end < 9_500*time.Millisecond {
		t.Errorf("recorded to %v", end)
	}
}

// TestIndexCutOff reads an index that ends anywhere: never an error, never half of a segment number.
func TestIndexCutOff(t *testing.T) {
	t.Parallel()
	var whole []byte
	whole = appendRow(whole, runRow{StartedAt: time.Unix(0, 0).UTC()})
	for n := range 3 {
		whole = appendRow(whole, openRow{Number: n, StartMS: int64(n) * 2000})
		for r := range feed(renditions) {
			whole = appendRow(whole, segmentRow{Rendition: r, Number: n, StartMS: int64(n) * 2000, DurationMS: 2000, Feed: r})
		}
	}
	whole = appendRow(whole, endRow{})
	for n := range len(whole) + 1 {
		c, good, err := readIndex(strings.NewReader(string(whole[:n])))
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if good > int64(n) || good > 0 && whole[good-1] != '\n' {
			t.Fatalf("cut at %d: %d bytes are good", n, good)
		}
		for r := range c.segments {
			if len(c.segments[r]) != len(c.segments[0]) {
				t.Fatalf("cut at %d: renditions differ", n)
			}
		}
		again, same, _ := readIndex(strings.NewReader(string(whole[:good])))
		if same != good || len(again.segments[0]) != len(c.segments[0]) {
			t.Fatalf("cut at %d: another reading of what is good", n)
		}
		if n == len(whole) && (!c.ended || len(c.segments[0]) != 3) {
			t.Fatalf("whole index: %+v", c)
		}
	}
}

// TestEdits holds when a row begins.
func TestEdits(t *testing.T) {
	t.Parallel()
	c := newContents()
	for _, s := range [][2]int64{{0, 2000}, {2000, 2100}, {4150, 2000}, {6150, 1000}, {9000, 2000}, {11100, 2000}} {
		c.segments[sound] = append(c.segments[sound], segmentRow{StartMS: s[0], DurationMS: s[1]})
	}
	want := []Edit{{0, 0, 7100}, {9000, 7100, 4000}}
	if got := c.edits(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestLend holds what is shown for what is missing.
func TestLend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		have string // low mid high slate: + whole, ~ with a gap, > in the middle of a group of pictures, - missing
		want string
	}{
		{"+++-", "low mid high"},
		{"++--", "low mid mid"},
		{"+---", "low low low"},
		{"--+-", "high high high"},
		{"+-~-", "low low low"},
		{"--~-", "high high high"},
		{"~++-", "low mid high"},
		{"~-+-", "low low high"},
		{"~~~-", "low mid high"},
		{"-~--", "mid mid mid"},
		{"---+", "slate slate slate"},
		{">>>+", "low mid high"},
		{">>-+", "low mid slate"},
		{"+>-+", "low mid low"},
		{"->>+", "slate mid high"},
		{">-++", "low high high"},
	} {
		var outputs []*output
		for i, f := range []feed{feed(media.Low), feed(media.Mid), feed(media.High), slate} {
			if c.have[i] != '-' {
				outputs = append(outputs, &output{fileRow: fileRow{Feed: f}, gap: c.have[i] == '~', depends: c.have[i] == '>'})
			}
		}
		outputs = append(outputs, &output{fileRow: fileRow{Feed: sound}})
		var got []string
		shown := lend(outputs, [renditions]feed{feed(media.Low), feed(media.Mid), feed(media.High), sound})
		for _, o := range shown[:media.Layers] {
			got = append(got, o.Feed.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: shows %v, want %s", c.have, got, c.want)
		}
	}
}

// TestInboxDropsWholeFrames fills the queue: the rest of a frame goes with its first lost packet, and news of
// tracks always pass.
func TestInboxDropsWholeFrames(t *testing.T) {
	t.Parallel()
	b := newInbox()
	packet := func(l media.Layer, marker bool) event {
		return event{packet: &media.Packet{Track: "camera", Layer: l, Marker: marker}}
	}
	for range inboxLimit {
		if b.put(packet(media.Low, true)) {
			t.Fatal("dropped before it is full")
		}
	}
	if !b.put(packet(media.High, false)) || b.put(event{remove: "camera"}) {
		t.Fatal("full: packets are dropped, news are not")
	}
	b.take(nil)
	if !b.put(packet(media.High, false)) || !b.put(packet(media.High, true)) {
		t.Error("the rest of a frame must be dropped")
	}
	if b.put(packet(media.High, false)) || b.put(packet(media.Low, true)) {
		t.Error("the next frame, and other layers, must not")
	}
}
