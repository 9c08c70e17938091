package forward

import (
	"testing"
	"time"
)

func TestPolice(t *testing.T) {
	for _, c := range []struct {
		name          string
		bits, packets float64
		size, every   int // bytes, microseconds
		want          int // of what comes in ten seconds
	}{
		{"within both", 80_000, 100, 100, 10_000, 1000},
		{"too many packets", 8_000_000, 100, 10, 1000, 100 + 1000 - 1},
		{"too many bytes", 80_000, 10_000, 1000, 10_000, 10 + 100 - 1},
		{"one that never fits", 8_000, 100, 1001, 10_000, 0},
	} {
		p := NewPolice(c.bits, c.packets)
		passed := 0
		for at := 0; at < 10_000_000; at += c.every {
			if p.Take(c.size, noon.Add(time.Duration(at)*time.Microsecond)) {
				passed++
			}
		}
		if passed < c.want-1 || passed > c.want+1 {
			t.Errorf("%s: %d passed, want %d", c.name, passed, c.want)
		}
	}
	p := NewPolice(8000, 10)
	p.Take(1000, noon)
	if p.Take(1, noon.Add(-time.Hour)) {
		t.Error("a clock that goes back gives credit")
	}
}
