package hls

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"lectern/media"
)

// growingCatalog is one of a recorder at work, with whole segments of four parts of half a second each.
func growingCatalog(segments int) *catalog {
	k := newCatalog(newContents())
	k.follow(true)
	for range segments {
		openSegment(k)
		for range 3 {
			addPart(k)
		}
		closeSegment(k)
	}
	return k
}

func openSegment(k *catalog) {
	n := len(k.contents.segments[sound])
	g := &growing{openRow: openRow{Number: n, StartMS: int64(n) * 2000}}
	for r := range feed(renditions) {
		g.shown[r] = r
		g.Files = append(g.Files, fileRow{Feed: r, Name: fmt.Sprintf("%v%d.m4s", r, n), Init: "init.mp4"})
	}
	k.begin(g)
}

func newPart(k *catalog, f feed, index int) *part {
	n := len(k.contents.segments[sound])
	return &part{uri: fmt.Sprintf("%v%d-%d.m4s", f, n, index), feed: f, number: n, duration: partTarget, data: []byte{1}}
}

func addPart(k *catalog) {
	var fresh []*part
	for r := range feed(renditions) {
		fresh = append(fresh, newPart(k, r, len(k.live.open.parts[r])))
	}
	k.grow(fresh)
}

// closeSegment closes the open segment, with one more part.
func closeSegment(k *catalog) {
	closeAs(k, func(o [renditions]*output) [renditions]*output { return o })
}

// closeAs closes it with other outputs in the recording.
func closeAs(k *catalog, change func([renditions]*output) [renditions]*output) {
	n := len(k.contents.segments[sound])
	var outputs [renditions]*output
	for r := range feed(renditions) {
		outputs[r] = &output{fileRow: k.live.open.Files[r], parts: append(k.live.open.parts[r], newPart(k, r, len(k.live.open.parts[r])))}
	}
	shown := change(outputs)
	k.change(func(c *contents) {
		for r := range c.segments {
			row := segmentRow{Rendition: feed(r), Number: n, StartMS: int64(n) * 2000, DurationMS: 2000, Name: shown[r].Name}
			c.segments[r] = append(c.segments[r], row)
		}
	}, func() { k.conclude(outputs[:], shown) })
}

// TestBlockingReload goes through the rules of rfc8216bis section 6.2.5.2: who is answered, and when.
func TestBlockingReload(t *testing.T) {
	steps := []func(*catalog){ // from 10 segments, and the 11th with two parts, on
		addPart,      // 10.2
		closeSegment, // 10.3, 10
		openSegment,
		addPart, // 11.0
		closeSegment,
		func(k *catalog) { k.contents.ended = true; k.follow(false) },
	}
	cases := map[string]struct {
		msn, part int
		after     int // steps until the answer
		err       error
	}{
		"a whole segment that is there":      {msn: 9, part: -1},
		"a part that is there":               {msn: 9, part: 3},
		"a part of an old segment":           {msn: 2, part: 99},
		"a part that is there of the open":   {msn: 10, part: 1},
		"the next part":                      {msn: 10, part: 2, after: 1},
		"the last part":                      {msn: 10, part: 3, after: 2},
		"the open segment":                   {msn: 10, part: -1, after: 2},
		"behind the last part is the next":   {msn: 10, part: 4, after: 4},
		"the next segment's part":            {msn: 11, part: 0, after: 4},
		"behind the last part of the last":   {msn: 9, part: 4},
		"the segment after the next":         {msn: 12, part: -1, after: 6},
		"the end answers who waits for more": {msn: 12, part: 3, after: 6},
		"too far ahead":                      {msn: 13, part: -1, err: errTooFar},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := growingCatalog(10)
				openSegment(k)
				addPart(k)
				addPart(k)
				var answered bool
				var err error
				go func() {
					err = k.wait(t.Context(), feed(media.High), c.msn, c.part)
					answered = true
				}()
				synctest.Wait()
				for i, step := range steps {
					if answered != (i >= c.after) {
						t.Fatalf("after %d steps: answered %v", i, answered)
					}
					step(k)
					synctest.Wait()
				}
				if !answered || !errors.Is(err, c.err) {
					t.Errorf("answered %v with %v", answered, err)
				}
			})
		})
	}
}

// TestWaitEnds holds what ends a wait besides what it waits for.
func TestWaitEnds(t *testing.T) {
	cases := map[string]struct {
		do   func(k *catalog, cancel func())
		err  error
		took time.Duration
	}{
		"time":     {func(*catalog, func()) {}, errTimeout, 9 * time.Second},
		"leaving":  {func(_ *catalog, cancel func()) { cancel() }, context.Canceled, 0},
		"stopping": {func(k *catalog, _ func()) { k.follow(false) }, ErrStopped, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := growingCatalog(3)
				openSegment(k)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				errs := make(chan error, 2)
				began := time.Now()
				go func() { errs <- k.wait(ctx, sound, 3, 0) }()
				go func() {
					_, err := k.part(ctx, "audio3-0.m4s")
					if name == "stopping" && errors.Is(err, errGone) {
						err = ErrStopped // there is no segment that it could be of
					}
					errs <- err
				}()
				synctest.Wait()
				c.do(k, cancel)
				for range 2 {
					if err := <-errs; !errors.Is(err, c.err) {
						t.Errorf("got %v", err)
					}
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestHintedPart serves the hinted part when it is there, and says so when its segment ended without it.
func TestHintedPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := growingCatalog(3)
		openSegment(k)
		type answer struct {
			p   *part
			err error
		}
		ask := func(uri string) chan answer {
			c := make(chan answer, 1)
			go func() {
				p, err := k.part(t.Context(), uri)
				c <- answer{p, err}
			}()
			synctest.Wait()
			return c
		}
		if a := <-ask("mid3-1.m4s"); !errors.Is(a.err, errGone) {
			t.Errorf("a part nobody hints at: %v", a.err)
		}
		hinted := ask("mid3-0.m4s")
		addPart(k)
		if a := <-hinted; a.err != nil || a.p.uri != "mid3-0.m4s" {
			t.Errorf("the hinted part: %+v", a)
		}
		never := ask("mid3-1.m4s")
		k.abandon()
		if a := <-never; !errors.Is(a.err, errGone) {
			t.Errorf("a part that never came: %v", a.err)
		}
	})
}

// TestPartsAreForgotten keeps in memory what playlists list and a little more.
func TestPartsAreForgotten(t *testing.T) {
	k := growingCatalog(40)
	if n := len(k.live.parts); n != renditions*4*8 { // of 15 s, and the last one
		t.Errorf("%d parts are kept", n)
	}
	m, ok := k.window(sound)
	if !ok || m.First != 10 || len(m.Segments) != 30 {
		t.Errorf("the window begins with %d, %d segments", m.First, len(m.Segments))
	}
	for i, s := range m.Segments {
		if want := i >= 28; (len(s.Parts) > 0) != want {
			t.Errorf("segment %d of 30 lists %d parts", i, len(s.Parts))
		}
		for _, p := range s.Parts {
			if k.live.parts[p.URI] == nil {
				t.Errorf("%s is listed and gone", p.URI)
			}
		}
	}
}

// TestChangedMind shows players at the edge what they saw grow, although the recording has a lower layer, and
// forgets the file when it has left the window.
func TestChangedMind(t *testing.T) {
	k := growingCatalog(2)
	openSegment(k)
	addPart(k)
	closeAs(k, func(o [renditions]*output) [renditions]*output {
		o[media.Mid] = o[media.Low]
		return o
	})
	m, _ := k.window(feed(media.Mid))
	if s := m.Segments[2]; s.URI != "mid2.m4s" || len(s.Parts) != 2 {
		t.Errorf("the window has %+v", s)
	}
	if _, there := k.file("mid2.m4s"); !there {
		t.Error("what is listed is not served")
	}
	for range 45 {
		openSegment(k)
		closeSegment(k)
	}
	if _, there := k.file("mid2.m4s"); there || len(k.live.listed) > 40 {
		t.Errorf("still there after 90 s, with %d others", len(k.live.listed))
	}
}
