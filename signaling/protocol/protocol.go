// Package protocol is the vocabulary of the socket between a browser and the server: one small struct per
// message, its limits, and the frame around it. PROTOCOL.md in the folder above is the same in prose. The
// package imports nothing of ours, so that a load generator can speak it without the server.
package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Subprotocol is the WebSocket subprotocol both sides must agree on. A change that an old client cannot
// survive gets a new one.
const Subprotocol = "lectern.v1"

// MaxClientFrame is the most bytes one message of a client may have. A report of MaxSpans spans is a
// quarter of it; a longer message closes the socket with 1009.
const MaxClientFrame = 16 << 10

// Close codes of ours, in the range RFC 6455 section 7.4.2 leaves to applications, and the three of the
// RFC that we send.
const (
	CloseGoingAway = 1001 // the server stops; connect again
	CloseBinary    = 1003 // a binary message arrived; there are none in this protocol
	CloseTooBig    = 1009 // a message was longer than MaxClientFrame
	CloseInternal  = 1011 // a fault of ours; connect again
	CloseResume    = 4000 // the client read too slowly and was cut off; connect again and read the state anew
	CloseTicket    = 4001 // the ticket was missing, unknown, used or too old; get another one
	CloseSignedOut = 4002 // the person was signed out or shut out; do not connect again
	CloseTooFast   = 4003 // more messages than allowed; wait before connecting again
)

// What Decode returns, wrapped with the field and the rule that was broken.
var (
	ErrMalformed   = errors.New("malformed message")    // not UTF-8, not JSON, or not {type, data}
	ErrUnknownType = errors.New("unknown message type") // a type this side does not receive
	ErrInvalid     = errors.New("invalid message")      // a field is missing or out of its bounds
)

// Message is one of the structs of this package. The name is the "type" of the frame.
type Message interface{ messageType() string }

// Type names a message as its frame does, for logs and metrics.
func Type(m Message) string { return m.messageType() }

type frame struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// Encode returns the text frame of a message.
func Encode(m Message) ([]byte, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.messageType(), err)
	}
	b, err := json.Marshal(frame{m.messageType(), data})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.messageType(), err)
	}
	return b, nil
}

// DecodeClient reads a frame that a client sent: a Hello or a Report, within its bounds. Fields it does
// not know are ignored, because during an update new pages talk to old servers.
func DecodeClient(text []byte) (Message, error) {
	if len(text) > MaxClientFrame {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxClientFrame)
	}
	return decode(text, func(kind string) checked {
		switch kind {
		case "hello":
			return new(Hello)
		case "report":
			return new(Report)
		}
		return nil
	})
}

// DecodeServer reads a frame that the server sent. It is what a client written in Go uses; the browser's
// twin is web/ui/shared/socket.ts.
func DecodeServer(text []byte) (Message, error) { return decode(text, serverMessage) }

// serverMessage returns an empty message of a type that the server sends, or nil.
func serverMessage(kind string) checked {
	switch kind {
	case "welcome":
		return new(Welcome)
	case "events":
		return new(Events)
	case "resync":
		return new(Resync)
	case "broadcast":
		return new(Broadcast)
	case "presence":
		return new(Presence)
	case "recording":
		return new(Recording)
	case "question":
		return new(QuestionChanged)
	case "caption":
		return new(Caption)
	case "panel":
		return new(PanelChanged)
	case "playing":
		return new(Playing)
	case "ack":
		return new(Ack)
	case "error":
		return new(Error)
	}
	return nil
}

// Key names what an event is about, when a later event with the same key says all that an earlier one did. It is "" for
// events of which each one counts.
func Key(m Message) string {
	switch m := m.(type) {
	case *QuestionChanged:
		return "question " + m.Question.ID
	case *PanelChanged:
		return "panel " + m.Person
	case *Recording:
		return "recording"
	}
	return ""
}

// checked is a message that knows its own bounds.
type checked interface {
	Message
	check() error
}

func decode(text []byte, empty func(kind string) checked) (Message, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(f.Type) > 32 {
		return nil, fmt.Errorf("%w: the type is longer than 32 bytes", ErrMalformed)
	}
	return decodeData(f.Type, f.Data, empty)
}

func decodeData(kind string, data json.RawMessage, empty func(kind string) checked) (Message, error) {
	m := empty(kind)
	if m == nil {
		return nil, fmt.Errorf("%w %q", ErrUnknownType, kind)
	}
	if len(data) == 0 || data[0] != '{' {
		return nil, fmt.Errorf("%w: %s has no data object", ErrMalformed, kind)
	}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMalformed, kind, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return m, nil
}

// invalid says which field broke which rule. The message goes back to the client as it stands.
func invalid(field, rule string) error {
	return fmt.Errorf("%w: %s %s", ErrInvalid, field, rule)
}
