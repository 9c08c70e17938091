package relay

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	// maxFrame is the largest frame taken, in bytes: a media packet of 1,500 bytes in a Send indication.
	maxFrame = 1600
	// magic stands in every STUN message (RFC 8489 section 5).
	magic      = 0x2112a442
	stunHeader = 20
	dataHeader = 4
)

// errFrame is a stream that is not TURN, or no longer.
var errFrame = errors.New("not a TURN frame")

// frameLength says from its first four bytes how long a frame is in a stream, padding included: a STUN message
// (RFC 8489 section 5) or channel data (RFC 8656 section 12.5).
func frameLength(head [dataHeader]byte) (int, error) {
	first, length := binary.BigEndian.Uint16(head[:2]), int(binary.BigEndian.Uint16(head[2:]))
	switch {
	case first < 0x4000 && length%4 == 0:
		length += stunHeader
	case first >= 0x4000 && first <= 0x4fff:
		length = dataHeader + (length+3)&^3
	default:
		return 0, errFrame
	}
	if length > maxFrame {
		return 0, errFrame
	}
	return length, nil
}

// readFrame reads one frame into b, which must have room for maxFrame bytes.
func readFrame(r io.Reader, b []byte) (int, error) {
	if len(b) < maxFrame {
		return 0, io.ErrShortBuffer
	}
	if _, err := io.ReadFull(r, b[:dataHeader]); err != nil {
		return 0, err
	}
	n, err := frameLength([dataHeader]byte(b))
	if err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(r, b[dataHeader:n]); err != nil {
		return 0, err
	}
	// pion takes for a message what has the magic number in its place, whatever it begins with; no media does.
	if n >= 2*dataHeader && (b[0] < 0x40) != (binary.BigEndian.Uint32(b[4:]) == magic) {
		return 0, errFrame
	}
	return n, nil
}
