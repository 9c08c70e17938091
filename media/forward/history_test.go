package forward

import (
	"math/rand/v2"
	"testing"

	"lectern/media"
)

// TestHistoryFindsWhatWasSent sends through many switches and asks for each packet again.
func TestHistoryFindsWhatWasSent(t *testing.T) {
	for _, first := range []uint16{0, 65530, 32760} {
		var h History
		type note struct {
			p     *media.Packet
			s     Stamp
			shift VP8Shift
		}
		var sent []note
		next := [media.Layers]uint64{1 << 16, 70000, 99990}
		seq := first
		for change := range historySpans {
			l := media.Layer(change % int(media.Layers))
			picture := VP8Shift{uint16(change), uint8(change)}
			for i := range 40 {
				if i%7 == 3 { // lost on the way to us
					next[l]++
					seq++
				}
				p := &media.Packet{Layer: l, Sequence: next[l], Timestamp: uint32(next[l] * 3000)}
				s := Stamp{seq, p.Timestamp + uint32(change*1000)}
				h.Sent(p, s, picture)
				sent = append(sent, note{p, s, picture})
				next[l]++
				seq++
			}
		}
		for _, n := range sent {
			o, ok := h.Find(n.s.Sequence)
			want := Origin{n.p.Layer, n.p.Sequence, n.s.Timestamp - n.p.Timestamp, n.shift}
			if !ok || o != want {
				t.Fatalf("first %d: Find(%d) = %+v, %v; want %+v", first, n.s.Sequence, o, ok, want)
			}
		}
		for _, absent := range []uint16{seq, seq + 1000, first - 1, first - 1000} {
			if o, ok := h.Find(absent); ok {
				t.Errorf("first %d: Find(%d) = %+v, which was never sent", first, absent, o)
			}
		}
	}
}

func TestHistoryForgetsOldSpans(t *testing.T) {
	var h History
	for i := range 3 * historySpans {
		h.Sent(&media.Packet{Layer: media.Layer(i % 2), Sequence: uint64(1000 + i)}, Stamp{Sequence: uint16(i)}, VP8Shift{})
	}
	if _, ok := h.Find(2 * historySpans); !ok {
		t.Error("the eighth newest span is gone")
	}
	if _, ok := h.Find(historySpans); ok {
		t.Error("found a span that was overwritten")
	}
	h.Forget()
	if _, ok := h.Find(3*historySpans - 1); ok {
		t.Error("found a packet of the sender before")
	}
}

// TestHistoryOfALongSpan holds that a span outlives the wrap of the numbers.
func TestHistoryOfALongSpan(t *testing.T) {
	var h History
	for n := range uint64(200_000) {
		h.Sent(&media.Packet{Sequence: 100_000 + n}, Stamp{Sequence: uint16(n), Timestamp: 5}, VP8Shift{})
	}
	newest := uint16(199_999 & 0xffff)
	for _, age := range []uint16{0, 1, 1000, 32767} {
		if o, ok := h.Find(newest - age); !ok || o.Sequence != 299_999-uint64(age) {
			t.Errorf("Find(newest-%d) = %+v, %v", age, o, ok)
		}
	}
	if h.n != 1 {
		t.Errorf("%d spans for one row of packets", h.n)
	}
}

func TestHistoryOfAReplay(t *testing.T) {
	var h History
	var group []*media.Packet
	for i := range 60 {
		group = append(group, &media.Packet{Layer: media.Mid, Sequence: uint64(5000 + i), Timestamp: uint32(i / 3 * 3000)})
	}
	w := NewRewriter(90000, Stamp{65520, rand.Uint32()})
	stamps := w.Replay(group, Clock{})
	h.Replayed(group, stamps)
	live := &media.Packet{Layer: media.Mid, Sequence: 5060, Timestamp: 60000}
	h.Sent(live, w.Stamp(live), VP8Shift{})
	for i, p := range group {
		o, ok := h.Find(stamps[i].Sequence)
		if !ok || o.Sequence != p.Sequence || o.Layer != media.Mid || p.Timestamp+o.Shift != stamps[i].Timestamp {
			t.Fatalf("packet %d: %+v, %v; want the stamp %+v", i, o, ok, stamps[i])
		}
	}
	if o, ok := h.Find(stamps[59].Sequence + 1); !ok || o.Sequence != 5060 {
		t.Errorf("the first live packet: %+v, %v", o, ok)
	}
	h.EndReplay()
	if _, ok := h.Find(stamps[0].Sequence); ok {
		t.Error("found a replayed packet after EndReplay")
	}
}

func TestVP8ShiftIsWhatRewriteDoes(t *testing.T) {
	payload := func(long bool, picture uint16, tl0 byte) []byte {
		if long {
			return []byte{0x90, 0xc0, 0x80 | byte(picture>>8), byte(picture), tl0, 1, 2}
		}
		return []byte{0x90, 0xc0, byte(picture) & 0x7f, tl0, 1, 2}
	}
	for _, long := range []bool{true, false} {
		var whole, split VP8Rewriter
		for i := range 400 {
			switched := i%50 == 0
			picture := uint16(i)
			if i/50%2 == 1 {
				picture += 20000
			}
			p := payload(long, picture&0x7fff, byte(picture))
			want := whole.Rewrite(p, switched)
			got := append([]byte(nil), p...)
			split.Next(p, switched).Apply(got)
			if string(got) != string(want) {
				t.Fatalf("long %v, packet %d: %x, want %x", long, i, got, want)
			}
		}
	}
	for _, short := range [][]byte{nil, {0x80}, {0x90, 0xc0}, {0x10, 1}} {
		var w VP8Rewriter
		w.Next(short, true)
		VP8Shift{1, 1}.Apply(append([]byte(nil), short...))
	}
}
