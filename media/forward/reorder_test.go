package forward

import (
	"slices"
	"testing"
	"time"
)

// t0 is when every test begins.
var t0 = time.Date(2026, 11, 22, 19, 30, 0, 0, time.UTC)

func at(ms int) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }

// step is one packet that arrives, or with seq < 0 only time that passes, and what then leaves.
type step struct {
	ms    int
	seq   int
	empty bool // padding only
	want  []uint64
}

func TestReorder(t *testing.T) {
	const c = firstCycle
	tests := []struct {
		name   string
		steps  []step
		counts ReorderCounts
	}{
		{"in order", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 1, seq: 2, want: []uint64{c + 2}},
		}, ReorderCounts{Delivered: 2}},
		{"swapped", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 1, seq: 3},
			{ms: 2, seq: 2, want: []uint64{c + 2, c + 3}},
		}, ReorderCounts{Delivered: 3}},
		{"over the wrap", []step{
			{ms: 0, seq: 65534, want: []uint64{c + 65534}},
			{ms: 1, seq: 0},
			{ms: 2, seq: 65535, want: []uint64{c + 65535, c + 65536}},
		}, ReorderCounts{Delivered: 3}},
		{"sent again while waiting and after leaving", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 1, seq: 1},
			{ms: 2, seq: 3},
			{ms: 3, seq: 3},
			{ms: 4, seq: 2, want: []uint64{c + 2, c + 3}},
			{ms: 5, seq: 2},
		}, ReorderCounts{Delivered: 3, Duplicate: 3}},
		{"given up after the wait, to the millisecond", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 10, seq: 3},
			{ms: 20, seq: 4},
			{ms: 209, seq: -1},
			{ms: 210, seq: -1, want: []uint64{c + 3, c + 4}},
			{ms: 211, seq: 2},
		}, ReorderCounts{Delivered: 3, Lost: 1, Duplicate: 1}},
		{"a second hole has its own wait", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 10, seq: 3},
			{ms: 100, seq: 6},
			{ms: 210, seq: -1, want: []uint64{c + 3}},
			{ms: 299, seq: -1},
			{ms: 300, seq: -1, want: []uint64{c + 6}},
		}, ReorderCounts{Delivered: 3, Lost: 3}},
		{"padding leaves no hole", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 1, seq: 2, empty: true},
			{ms: 2, seq: 3, empty: true},
			{ms: 3, seq: 4, want: []uint64{c + 2}},
			{ms: 4, seq: 6},
			{ms: 5, seq: 5, empty: true, want: []uint64{c + 3}},
		}, ReorderCounts{Delivered: 3, Padding: 3}},
		{"lost packets leave one", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 1, seq: 2, empty: true},
			{ms: 2, seq: 5},
			{ms: 202, seq: -1, want: []uint64{c + 4}},
		}, ReorderCounts{Delivered: 2, Padding: 1, Lost: 2}},
		{"more than fit: the oldest hole is given up", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 1, seq: 3},
			{ms: 2, seq: 4},
			{ms: 3, seq: 9},
			{ms: 4, seq: 10, want: []uint64{c + 3, c + 4}},
		}, ReorderCounts{Delivered: 3, Lost: 1}}, // 9 and 10 still wait
		{"a jump far beyond the window", []step{
			{ms: 0, seq: 1, want: []uint64{c + 1}},
			{ms: 1, seq: 3},
			{ms: 2, seq: 20003, want: []uint64{c + 3}},
			{ms: 202, seq: -1, want: []uint64{c + 20003}},
		}, ReorderCounts{Delivered: 3, Lost: 20000}},
		{"older than the first", []step{
			{ms: 0, seq: 5, want: []uint64{c + 5}},
			{ms: 1, seq: 4},
		}, ReorderCounts{Delivered: 1, Duplicate: 1}},
		{"behind after a long silence is ahead", []step{
			{ms: 0, seq: 50000, want: []uint64{c + 50000}},
			{ms: 10000, seq: 40000},
			{ms: 10200, seq: -1},
		}, ReorderCounts{Delivered: 1, Duplicate: 1}},
		{"as above, one millisecond longer", []step{
			{ms: 0, seq: 50000, want: []uint64{c + 50000}},
			{ms: 10001, seq: 40000},
			{ms: 10201, seq: -1, want: []uint64{2*c + 40000}},
			{ms: 10202, seq: 40001, want: []uint64{2*c + 40001}},
		}, ReorderCounts{Delivered: 3, Lost: c - 10001}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReorder(8, 200*time.Millisecond)
			for i, s := range tt.steps {
				if s.seq >= 0 {
					p := Received{Arrival: at(s.ms), Payload: []byte{1}}
					if s.empty {
						p.Payload = nil
					}
					r.Push(uint16(s.seq), p)
				}
				if got := drain(r, at(s.ms)); !slices.Equal(got, s.want) {
					t.Errorf("step %d (seq %d): left %v, want %v", i, s.seq, got, s.want)
				}
			}
			if r.Counts != tt.counts {
				t.Errorf("counts %+v, want %+v", r.Counts, tt.counts)
			}
		})
	}
}

func drain(r *Reorder, now time.Time) (left []uint64) {
	for {
		p, ok := r.Pop(now)
		if !ok {
			return left
		}
		left = append(left, p.Sequence)
	}
}

func TestReorderKeepsContent(t *testing.T) {
	r := NewReorder(8, ReorderWait)
	r.Push(2, Received{Timestamp: 90, Payload: []byte("b"), Arrival: at(0)})
	r.Push(4, Received{Timestamp: 270, Marker: true, Payload: []byte("d"), Arrival: at(1)})
	r.Push(3, Received{Timestamp: 180, Payload: []byte("c"), Arrival: at(2)})
	for _, want := range []Received{
		{90, false, []byte("b"), at(0)}, {180, false, []byte("c"), at(2)}, {270, true, []byte("d"), at(1)},
	} {
		got, ok := r.Pop(at(2))
		if !ok || got.Timestamp != want.Timestamp || got.Marker != want.Marker ||
			string(got.Payload) != string(want.Payload) || !got.Arrival.Equal(want.Arrival) {
			t.Errorf("got %+v, want %+v", got.Received, want)
		}
	}
}

func TestReorderDeadline(t *testing.T) {
	r := NewReorder(8, 200*time.Millisecond)
	r.Push(1, Received{Payload: []byte{1}, Arrival: at(0)})
	if _, ok := r.Deadline(); ok {
		t.Error("a deadline although nothing waits")
	}
	r.Push(3, Received{Payload: []byte{1}, Arrival: at(30)})
	if due, ok := r.Deadline(); !ok || !due.Equal(at(230)) {
		t.Errorf("deadline %v %v, want %v", due, ok, at(230))
	}
}

func TestSizesMustBePowersOfTwo(t *testing.T) {
	for name, make := range map[string]func(){
		"reorder": func() { NewReorder(100, ReorderWait) },
		"ring":    func() { NewRing(0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			make()
		}()
	}
}

// FuzzReorder checks for any arrival order that what leaves is strictly growing, nothing leaves twice and
// the counts add up.
func FuzzReorder(f *testing.F) {
	f.Add([]byte{1, 0, 2, 0, 3, 0})
	f.Add([]byte{1, 0, 3, 0, 2, 0, 2, 9, 255, 0, 0, 1})
	f.Add([]byte{10, 0, 10, 255, 12, 255, 200, 1, 11, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReorder(16, 100*time.Millisecond)
		now, last, left, fresh := t0, uint64(0), uint64(0), uint64(0)
		for i := 0; i+1 < len(in); i += 2 {
			now = now.Add(time.Duration(in[i+1]) * time.Millisecond)
			p := Received{Arrival: now, Payload: in[i : i+1]}
			if in[i+1]%7 == 0 {
				p.Payload = nil
			}
			if r.Push(uint16(in[i])*3, p) {
				fresh++
			}
			for {
				o, ok := r.Pop(now)
				if !ok {
					break
				}
				if o.Sequence <= last {
					t.Fatalf("left %d after %d", o.Sequence, last)
				}
				last = o.Sequence
				left++
			}
		}
		for range drain(r, now.Add(time.Hour)) {
			left++
		}
		for range drain(r, now.Add(2*time.Hour)) {
			left++
		}
		c := r.Counts
		if c.Delivered != left || c.Delivered+c.Padding > fresh || c.Duplicate+fresh != uint64(len(in)/2) {
			t.Fatalf("counts %+v, left %d, fresh %d of %d", c, left, fresh, len(in)/2)
		}
	})
}

func BenchmarkReorder(b *testing.B) {
	r := NewReorder(ReorderPackets, ReorderWait)
	p := Received{Payload: make([]byte, 1100), Arrival: t0}
	seq := uint16(0)
	for b.Loop() {
		r.Push(seq, p)
		seq++
		r.Pop(t0)
	}
}
