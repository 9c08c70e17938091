package forward

import (
	"testing"

	"lectern/media"
)

const (
	q, h, f = media.Low, media.Mid, media.High
	all     = 1<<q | 1<<h | 1<<f
)

func TestSelectorTarget(t *testing.T) {
	tests := []struct {
		wanted  media.Layer
		present uint8
		want    media.Layer
		ok      bool
	}{
		{f, all, f, true},
		{h, all, h, true},
		{q, all, q, true},
		{f, 1<<q | 1<<h, h, true},
		{f, 1 << q, q, true},
		{h, 1<<q | 1<<f, q, true},
		{q, 1<<h | 1<<f, h, true},
		{h, 1 << f, f, true},
		{f, 0, 0, false},
		{media.Layers, all, f, true},
	}
	for _, tt := range tests {
		var s Selector
		s.Want(tt.wanted)
		s.SetPresent(tt.present)
		if got, ok := s.Target(); got != tt.want || ok != tt.ok {
			t.Errorf("want %d of %03b: target %d %v, want %d %v", tt.wanted, tt.present, got, ok, tt.want, tt.ok)
		}
	}
}

func TestSelectorNext(t *testing.T) {
	type packet struct {
		layer             media.Layer
		key               bool
		forward, switched bool
	}
	var s Selector
	s.Want(f)
	s.SetPresent(all)
	run := func(name string, packets ...packet) {
		t.Helper()
		for i, p := range packets {
			if forward, switched := s.Next(p.layer, p.key); forward != p.forward || switched != p.switched {
				t.Errorf("%s, packet %d: forward %v switched %v, want %v %v", name, i, forward, switched, p.forward, p.switched)
			}
		}
	}
	run("starts at a keyframe of the wanted layer only",
		packet{f, false, false, false}, packet{q, true, false, false}, packet{h, false, false, false},
		packet{f, true, true, true}, packet{f, false, true, false}, packet{f, true, true, false}, packet{q, true, false, false})
	s.Want(q)
	run("goes on with the old layer until the new one's keyframe",
		packet{f, false, true, false}, packet{q, false, false, false}, packet{f, true, true, false},
		packet{q, true, true, true}, packet{f, false, false, false}, packet{q, false, true, false})
	s.Want(f)
	if l, waiting := s.Waiting(); l != f || !waiting {
		t.Errorf("waiting for %d %v, want %d", l, waiting, f)
	}
	s.Want(q)
	run("changes its mind", packet{f, true, false, false}, packet{q, false, true, false})
	if _, waiting := s.Waiting(); waiting {
		t.Error("waits although it is there")
	}
	s.SetPresent(1<<h | 1<<f)
	run("its layer is gone: the next above", packet{f, true, false, false}, packet{h, true, true, true})
	s.SetPresent(all)
	run("and comes back", packet{h, false, true, false}, packet{q, true, true, true})
	s.Restart()
	run("another publisher: a keyframe again", packet{q, false, false, false}, packet{q, true, true, true})
	if l, ok := s.Current(); l != q || !ok {
		t.Errorf("current %d %v", l, ok)
	}
	s.Begin(h)
	run("begun from a replayed group", packet{h, false, true, false})
}
