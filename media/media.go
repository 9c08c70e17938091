// Package media holds the words that the forwarder and the recorder share: what a track is, what a
// packet is, and who may listen. It knows no courses and no persons; a room is a string.
package media

import "time"

// Kind tells sound from picture.
type Kind uint8

const (
	Audio Kind = iota + 1
	Video
)

func (k Kind) String() string {
	if k == Audio {
		return "audio"
	}
	return "video"
}

// Layer is a simulcast layer, ordered so that a larger Layer is a better picture. A track that is sent
// without simulcast has the single layer High. Audio has High only.
type Layer uint8

const (
	Low  Layer = iota // rid "q", a quarter of the width and height
	Mid               // rid "h", a half
	High              // rid "f", the full picture
	Layers

	// SoundOnly and Auto stand where a layer is chosen: no picture, and what the attendee's line carries.
	SoundOnly = Layers
	Auto      = Layers + 1
)

// RID is the restriction identifier of a layer below Layers in SDP (RFC 8851) as our studio sends it.
func (l Layer) RID() string { return [...]string{"q", "h", "f"}[l] }

// LayerOf returns the layer of a restriction identifier. An empty or unknown rid is the full picture.
func LayerOf(rid string) Layer {
	switch rid {
	case "q", "l", "low":
		return Low
	case "h", "m", "mid":
		return Mid
	}
	return High
}

// TrackInfo describes one published source of a room.
type TrackInfo struct {
	ID        string // unique in its room, such as "camera" or "microphone"
	Kind      Kind
	MimeType  string // "video/H264", "video/VP8", "audio/opus", as in the IANA registry
	Fmtp      string // SDP format parameters of the negotiated codec
	ClockRate uint32 // RTP clock in Hz: 90000 for video, 48000 for Opus
	Channels  uint16 // audio only
}

// Packet is one RTP packet after reordering and deduplication. It is shared by all sinks: nobody changes
// it, anybody may keep it.
type Packet struct {
	Track     string // TrackInfo.ID
	Layer     Layer
	Sequence  uint64    // extended sequence number of the layer, monotone; a hole is a lost packet
	Timestamp uint32    // RTP timestamp in units of the track's clock
	Marker    bool      // last packet of its access unit
	Keyframe  bool      // first packet of a decodable picture (for H.264 the one with SPS or IDR)
	Arrival   time.Time // when it reached us, with the monotonic reading
	Payload   []byte    // RTP payload without padding, never empty
}

// SenderReport maps the RTP clock of one layer to the sender's wall clock (RFC 3550 section 6.4.1). The
// layers of one sender share that clock, which is what aligns them.
type SenderReport struct {
	Track     string
	Layer     Layer
	NTP       uint64 // 32.32 fixed point seconds since 1900
	Timestamp uint32
	Arrival   time.Time
}

// Sink listens to a room: an attendee's transport or the recorder. The room calls it from one goroutine
// at a time per layer, never holds a lock of its own while it does, and expects the call back within
// microseconds: a sink that has work to do queues it, and drops to the end of the frame when it cannot.
type Sink interface {
	// AddTrack comes before the first packet of a track, and again when the same ID is published anew
	// with another codec or by another connection: its clocks and sequence numbers then start afresh.
	AddTrack(TrackInfo)
	// RemoveTrack says that no packet of the track follows until it is added again.
	RemoveTrack(id string)
	WritePacket(*Packet)
	WriteSenderReport(SenderReport)
}
