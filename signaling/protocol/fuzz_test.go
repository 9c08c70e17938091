package protocol_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"lectern/signaling/protocol"
)

// FuzzHello and FuzzReport feed the data of one message each, so that the fuzzer does not spend its time on
// the frame; FuzzFrame does that.
func FuzzHello(f *testing.F) {
	f.Add([]byte(`{"ticket":"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}`))
	f.Add([]byte(`{"ticket":null}`))
	f.Add([]byte(`{"Ticket":"a","ticket":"\u0000"}`))
	f.Fuzz(func(t *testing.T, data []byte) { roundTrip(t, "hello", data) })
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"player":"player-1","seq":1,"broadcast":"b","spans":[{"from_ms":0,"to_ms":10000,"as":"live"}],"position_ms":10000,"rate":1}`))
	f.Add([]byte(`{"player":"player-1","seq":1e3,"broadcast":"b","spans":null,"position_ms":-0,"rate":1e-308}`))
	f.Add([]byte(`{"player":"player-1","seq":9223372036854775808,"broadcast":"b"}`))
	f.Add([]byte(`{"spans":[{"from_ms":9223372036854775807,"to_ms":-9223372036854775808,"as":"dvr"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) { roundTrip(t, "report", data) })
}

func FuzzFrame(f *testing.F) {
	for _, s := range samples(f) {
		f.Add([]byte(s.Frame))
	}
	f.Fuzz(func(t *testing.T, text []byte) { decodeTwice(t, text) })
}

func roundTrip(t *testing.T, kind string, data []byte) {
	if !json.Valid(data) {
		return
	}
	decodeTwice(t, bytes.Join([][]byte{[]byte(`{"type":"` + kind + `","data":`), data, []byte(`}`)}, nil))
}

// decodeTwice holds that what is accepted keeps to the bounds, and means the same when it is written and
// read again.
func decodeTwice(t *testing.T, text []byte) {
	m, err := protocol.DecodeClient(text)
	if err != nil {
		if m != nil {
			t.Fatalf("a message beside the error %v", err)
		}
		return
	}
	if r, ok := m.(*protocol.Report); ok {
		if len(r.Spans) > protocol.MaxSpans || len(r.Player) > protocol.MaxPlayer || r.Seq < 1 {
			t.Fatalf("accepted beyond the bounds: %+v", r)
		}
		for _, s := range r.Spans {
			if s.FromMS < 0 || s.FromMS >= s.ToMS || s.ToMS > protocol.MaxMS {
				t.Fatalf("accepted the span %+v", s)
			}
		}
	}
	again, err := protocol.Encode(m)
	if err != nil {
		t.Fatalf("accepted but not writable: %v", err)
	}
	m2, err := protocol.DecodeClient(again)
	if err != nil || !reflect.DeepEqual(m, m2) {
		t.Fatalf("%s\nread again is %+v, %v; was %+v", again, m2, err, m)
	}
}
