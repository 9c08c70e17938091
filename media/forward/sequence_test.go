package forward

import "testing"

func TestExtend(t *testing.T) {
	const c = firstCycle
	tests := []struct {
		name string
		in   []uint16
		want []uint64
	}{
		{"first and next", []uint16{7, 8, 9}, []uint64{c + 7, c + 8, c + 9}},
		{"wraps upwards", []uint16{65534, 65535, 0, 1}, []uint64{c + 65534, c + 65535, 2 * c, 2*c + 1}},
		{"older than the first", []uint16{1, 0, 65535}, []uint64{c + 1, c, c - 1}},
		{"late over the wrap", []uint16{65535, 1, 65534, 0}, []uint64{c + 65535, 2*c + 1, c + 65534, 2 * c}},
		{"same again", []uint16{5, 5}, []uint64{c + 5, c + 5}},
		{"the farthest ahead", []uint16{0, 32767}, []uint64{c, c + 32767}},
		{"one more is behind", []uint16{0, 32768}, []uint64{c, c - 32768}},
		{"two cycles", []uint16{0, 30000, 60000, 24464, 54464, 18928}, []uint64{c, c + 30000, c + 60000, c + 90000, c + 120000, c + 150000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e Extender
			for i, seq := range tt.in {
				if got := e.Extend(seq); got != tt.want[i] {
					t.Errorf("packet %d: Extend(%d) = %d, want %d", i, seq, got, tt.want[i])
				}
			}
		})
	}
}

func TestExtendAhead(t *testing.T) {
	for _, tt := range []struct {
		before, seq uint16
		want        uint64
	}{
		{100, 101, firstCycle + 101},
		{100, 100, 2*firstCycle + 100},
		{100, 99, 2*firstCycle + 99},
		{100, 40000, firstCycle + 40000},
		{65535, 0, 2 * firstCycle},
	} {
		var e Extender
		e.Extend(tt.before)
		if got := e.ExtendAhead(tt.seq); got != tt.want {
			t.Errorf("after %d: ExtendAhead(%d) = %d, want %d", tt.before, tt.seq, got, tt.want)
		}
	}
	var fresh Extender
	if got := fresh.ExtendAhead(3); got != firstCycle+3 {
		t.Errorf("first ExtendAhead(3) = %d", got)
	}
}

// FuzzExtend walks by any steps below half a cycle and compares with plain addition.
func FuzzExtend(f *testing.F) {
	f.Add(uint16(0), []byte{1, 0, 255, 255})
	f.Add(uint16(65535), []byte{0x7f, 0xff, 0x7f, 0xff, 0x80, 0x01})
	f.Fuzz(func(t *testing.T, start uint16, steps []byte) {
		var e Extender
		at := e.Extend(start)
		highest := at
		for i := 0; i+1 < len(steps); i += 2 {
			step := int16(uint16(steps[i])<<8 | uint16(steps[i+1]))
			if step == -32768 {
				continue
			}
			at = highest + uint64(int64(step))
			if at < 1<<15 || at > 1<<40 {
				return // a walk below the first packet's cycle has no meaning
			}
			if got := e.Extend(uint16(at)); got != at {
				t.Fatalf("step %d from %d: got %d, want %d", step, highest, got, at)
			}
			highest = max(highest, at)
		}
	})
}
