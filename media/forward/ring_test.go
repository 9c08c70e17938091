package forward

import (
	"sync"
	"testing"

	"lectern/media"
)

// group pushes packets first to last, of which those in keys are keyframes and those in lost never came.
func fill(r *Ring, first, last uint64, keys map[uint64]bool, lost map[uint64]bool) {
	for n := first; n <= last; n++ {
		if !lost[n] {
			r.Push(&media.Packet{Sequence: n, Keyframe: keys[n]})
		}
	}
}

func TestRingGet(t *testing.T) {
	r := NewRing(8)
	if r.Get(0) != nil || r.Get(3) != nil || r.Newest() != 0 {
		t.Error("an empty ring has packets")
	}
	fill(r, 100, 110, nil, map[uint64]bool{105: true})
	for n, want := range map[uint64]bool{102: false, 103: true, 104: true, 105: false, 110: true, 111: false} {
		if got := r.Get(n); (got != nil) != want || got != nil && got.Sequence != n {
			t.Errorf("Get(%d) = %v, want present %v", n, got, want)
		}
	}
	if r.Newest() != 110 {
		t.Errorf("newest %d, want 110", r.Newest())
	}
}

func TestRingGroup(t *testing.T) {
	tests := []struct {
		name        string
		first, last uint64
		keys, lost  map[uint64]bool
		upTo        uint64
		limit       int
		from, want  uint64 // first sequence and number of packets of the group
	}{
		{"from the keyframe", 100, 110, map[uint64]bool{105: true}, nil, 110, 8, 105, 6},
		{"the last of two keyframes", 100, 110, map[uint64]bool{103: true, 108: true}, nil, 110, 8, 108, 3},
		{"the keyframe itself", 100, 105, map[uint64]bool{105: true}, nil, 105, 8, 105, 1},
		{"exactly the limit", 100, 110, map[uint64]bool{105: true}, nil, 110, 6, 105, 6},
		{"too long", 100, 110, map[uint64]bool{105: true}, nil, 110, 5, 0, 0},
		{"with a hole", 100, 110, map[uint64]bool{105: true}, map[uint64]bool{107: true}, 110, 8, 0, 0},
		{"no keyframe", 100, 110, nil, nil, 110, 8, 0, 0},
		{"overwritten", 100, 120, map[uint64]bool{105: true}, nil, 120, 32, 0, 0},
		{"keyframe behind the asked packet", 100, 110, map[uint64]bool{108: true}, nil, 107, 8, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRing(8)
			fill(r, tt.first, tt.last, tt.keys, tt.lost)
			group := r.Group(tt.upTo, tt.limit)
			if uint64(len(group)) != tt.want {
				t.Fatalf("%d packets, want %d", len(group), tt.want)
			}
			for i, p := range group {
				if p.Sequence != tt.from+uint64(i) {
					t.Errorf("packet %d has sequence %d, want %d", i, p.Sequence, tt.from+uint64(i))
				}
			}
		})
	}
}

func TestRingManyReaders(t *testing.T) {
	r := NewRing(64)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				newest := r.Newest()
				for i, p := range r.Group(newest, 64) {
					if i == 0 && !p.Keyframe {
						t.Error("a group that does not start with a keyframe")
					}
				}
				if p := r.Get(newest); p != nil && p.Sequence != newest {
					t.Errorf("Get(%d) returned %d", newest, p.Sequence)
				}
			}
		})
	}
	for n := uint64(1); n <= 20000; n++ {
		r.Push(&media.Packet{Sequence: n, Keyframe: n%30 == 1})
	}
	close(done)
	readers.Wait()
}

func BenchmarkRingGroup(b *testing.B) {
	r := NewRing(RingVideo)
	fill(r, 1, 1000, map[uint64]bool{801: true}, nil)
	for b.Loop() {
		r.Group(1000, 256)
	}
}
