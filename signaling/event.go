package signaling

import (
	"encoding/json"
	"fmt"
	"time"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// The bounds of what a room remembers, for those who come back and for the next tick.
const (
	historyEvents = 1000
	historyBytes  = 1 << 20
	frameBytes    = 48 << 10 // of the events in one frame; what is more goes into another
)

// parcel is an event as it travels between nodes.
type parcel struct {
	Classes class           `json:"c,omitempty"`
	Person  lms.PersonID    `json:"p,omitempty"`
	But     lms.PersonID    `json:"b,omitempty"`
	Type    string          `json:"t"`
	Key     string          `json:"k,omitempty"` // of two events with the same key the later one says it all
	Session string          `json:"s,omitempty"` // with typeDisconnect
	At      int64           `json:"a,omitempty"` // ms since 1970, with typeBroadcast
	Data    json.RawMessage `json:"d,omitempty"`
}

// Parcels that are no messages for clients.
const (
	typeBroadcast  = "=broadcast"  // the state of a room's broadcast
	typeDisconnect = "=disconnect" // a login session has ended
	typeReconnect  = "=reconnect"  // a person's rights have changed
	typePlaying    = "=playing"    // a person watches on another device
)

// controlRoom is joined by every node. No course has such an id.
const controlRoom = "=nodes"

func pack(to Audience, m protocol.Message) ([]byte, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", protocol.Type(m), err)
	}
	return json.Marshal(parcel{Classes: to.classes, Person: to.person, But: to.but, Type: protocol.Type(m), Key: protocol.Key(m), Data: data})
}

// happened is an event in the history of a room.
type happened struct {
	seq    uint64 // in the order in which this node got it: 1, 2, 3 ...
	offset int64  // in the order of the room; 0 while it has no number
	to     Audience
	key    string
	size   int
	event  protocol.Event
}

// concerns tells whether a client is among those who are told.
func (e *happened) concerns(person lms.PersonID, of class) bool {
	if e.to.person != "" && e.to.person != person || e.to.but != "" && e.to.but == person {
		return false
	}
	return e.to.classes == 0 || e.to.classes&of != 0
}

// personal tells whether not all of a class are told the same.
func (e *happened) personal() bool { return e.to.person != "" || e.to.but != "" }

// history is what happened in a room of late.
type history struct {
	epoch    string
	offset   int64  // of the last event that has a number
	complete int64  // all events after this offset are remembered
	loose    bool   // there are events without a number: what was missed cannot be told by offsets
	seq      uint64 // of the last event
	events   []happened
	bytes    int
}

// add remembers an event and forgets the oldest.
func (h *history) add(offset int64, p *parcel) {
	h.seq++
	if offset == 0 {
		h.loose = true
	} else {
		h.offset = offset
	}
	e := happened{
		seq: h.seq, offset: offset, to: Audience{p.Classes, p.Person, p.But}, key: p.Key, size: len(p.Data) + 64,
		event: protocol.Event{Type: p.Type, Data: p.Data},
	}
	h.events = append(h.events, e)
	h.bytes += e.size
	drop := 0
	for ; len(h.events)-drop > historyEvents || h.bytes > historyBytes && drop < len(h.events)-1; drop++ {
		h.bytes -= h.events[drop].size
		h.complete = max(h.complete, h.events[drop].offset)
	}
	if drop > 0 {
		h.events = append(h.events[:0], h.events[drop:]...)
	}
}

// skip notes the place of an event that is not remembered, because those who come later are told otherwise.
func (h *history) skip(offset int64) { h.offset = max(h.offset, offset) }

// stand notes where the room stands, and tells whether that is another counting than before.
func (h *history) stand(epoch string, offset int64) (anew bool) {
	if h.epoch != epoch {
		anew = h.epoch != ""
		h.epoch, h.offset, h.complete = epoch, offset, offset
		h.events, h.bytes = nil, 0
	} else if offset > h.offset { // events that this node has told of already, without a number
		h.offset, h.complete = offset, offset
	}
	h.loose = false
	return anew
}

// since returns what happened after an offset of the present epoch; ok is false when that is not known any more.
func (h *history) since(epoch string, offset int64) (after []happened, ok bool) {
	if h.epoch == "" || epoch != h.epoch || h.loose || offset < h.complete || offset > h.offset {
		return nil, false
	}
	for i := range h.events {
		if h.events[i].offset > offset {
			return h.events[i:], true
		}
	}
	return nil, true
}

// after returns what came after seq.
func (h *history) after(seq uint64) []happened {
	for i := range h.events {
		if h.events[i].seq > seq {
			return h.events[i:]
		}
	}
	return nil
}

// frames are the messages that tell a client of events, of those with the same key only the last.
func (h *history) frames(events []happened, wanted func(*happened) bool, now time.Time) (frames []*protocol.Events) {
	last := map[string]int{}
	for i := range events {
		if events[i].key != "" && wanted(&events[i]) {
			last[events[i].key] = i
		}
	}
	var frame *protocol.Events
	size := 0
	for i := range events {
		e := &events[i]
		if !wanted(e) || e.key != "" && last[e.key] != i {
			continue
		}
		if frame == nil || size+e.size > frameBytes {
			frame, size = &protocol.Events{Epoch: h.epoch, ServerTime: protocol.At(now)}, 0
			frames = append(frames, frame)
		}
		frame.Events, size = append(frame.Events, e.event), size+e.size
		frame.Offset = max(frame.Offset, e.offset)
	}
	if frame != nil && !h.loose {
		frame.Offset = h.offset // whatever lies between was not for this client
	}
	return frames
}
