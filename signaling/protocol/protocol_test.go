package protocol_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"lectern/signaling/protocol"
)

// sample is one row of testdata/messages.json, which web/ui/shared/socket.test.ts reads, too.
type sample struct {
	Name    string          `json:"name"`
	From    string          `json:"from"`    // "client" or "server"
	Refused string          `json:"refused"` // "" when it is good
	Extra   bool            `json:"extra"`   // has fields that we ignore, so it does not come back as it was
	Frame   json.RawMessage `json:"frame"`
}

func samples(t testing.TB) []sample {
	t.Helper()
	text, err := os.ReadFile("testdata/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

var refusals = map[string]error{
	"malformed":    protocol.ErrMalformed,
	"unknown_type": protocol.ErrUnknownType,
	"invalid":      protocol.ErrInvalid,
}

// TestSamples reads every sample as its receiver does, and writes the good ones back unchanged.
func TestSamples(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.Name, func(t *testing.T) {
			decode := protocol.DecodeClient
			if s.From == "server" {
				decode = protocol.DecodeServer
			}
			m, err := decode(s.Frame)
			if s.Refused != "" {
				if !errors.Is(err, refusals[s.Refused]) {
					t.Fatalf("error is %v, want %s", err, s.Refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.Extra {
				return
			}
			back, err := protocol.Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := plain(t, back), plain(t, s.Frame); !reflect.DeepEqual(got, want) {
				t.Errorf("came back as\n%s\nwant\n%s", back, s.Frame)
			}
		})
	}
}

func plain(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSamplesShowEveryMessage fails when a message is added without a sample, which would leave the
// TypeScript side untested.
func TestSamplesShowEveryMessage(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range samples(t) {
		var f struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(s.Frame, &f) == nil && s.Refused == "" {
			seen[f.Type] = true
		}
	}
	for _, m := range []protocol.Message{
		&protocol.Hello{}, &protocol.Report{}, &protocol.Welcome{}, &protocol.Events{}, &protocol.Resync{}, &protocol.Broadcast{}, &protocol.Presence{},
		&protocol.QuestionChanged{}, &protocol.PanelChanged{}, &protocol.Ack{}, &protocol.Error{},
	} {
		if !seen[protocol.Type(m)] {
			t.Errorf("no good sample of %q", protocol.Type(m))
		}
	}
}

func TestDecodeClientRefusesWhatIsNoText(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         ``,
		"half a frame":    `{"type":"hello","data":{"ticket":"A"`,
		"two frames":      `{"type":"hello","data":{"ticket":"A"}}{"type":"hello","data":{"ticket":"B"}}`,
		"not UTF-8":       "{\"type\":\"hello\",\"data\":{\"ticket\":\"\xff\"}}",
		"a long type":     `{"type":"` + strings.Repeat("x", 33) + `","data":{}}`,
		"too deep":        `{"type":"report","data":{"spans":` + strings.Repeat("[", 7000) + strings.Repeat("]", 7000) + `}}`,
		"too long":        `{"type":"hello","data":{"ticket":"A"}}` + strings.Repeat(" ", protocol.MaxClientFrame),
		"a number's span": `{"type":"report","data":{"spans":[1e999]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := protocol.DecodeClient([]byte(text)); !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("error is %v, want malformed", err)
			}
		})
	}
}

// TestReportOfManySpansFits holds that the largest report that is allowed is also short enough.
func TestReportOfManySpansFits(t *testing.T) {
	r := &protocol.Report{
		Player: strings.Repeat("p", protocol.MaxPlayer), Seq: protocol.MaxSeq, Broadcast: strings.Repeat("b", protocol.MaxID),
		PositionMS: protocol.MaxMS, Rate: 15.123456789012345,
	}
	for range protocol.MaxSpans {
		r.Spans = append(r.Spans, protocol.Span{FromMS: protocol.MaxMS - 1, ToMS: protocol.MaxMS, As: protocol.Replay})
	}
	text, err := protocol.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > protocol.MaxClientFrame {
		t.Errorf("%d bytes, more than %d", len(text), protocol.MaxClientFrame)
	}
	if _, err := protocol.DecodeClient(text); err != nil {
		t.Error(err)
	}
	r.Spans = append(r.Spans, r.Spans[0])
	if err := r.Check(); !errors.Is(err, protocol.ErrInvalid) {
		t.Errorf("one span too many: %v", err)
	}
}
