package hls

import (
	"sync"

	"lectern/media"
)

// inboxLimit is how many packets may wait for the packager: 10 s of a 2 Mbit/s lecture. A packager that
// far behind (a disk that hangs) loses pictures up to the end of the frame, which is counted.
const inboxLimit = 4096

// event is one thing that a room told us; exactly one field is set.
type event struct {
	packet *media.Packet
	report *media.SenderReport
	add    *media.TrackInfo
	remove string
}

// inbox is the queue between the goroutines of a room and the one that packages. Writing never blocks.
// When it is full, packets are dropped to the end of their frame; the news of tracks always fit.
type inbox struct {
	mu       sync.Mutex
	events   []event
	dropping map[layerKey]bool // layers whose current frame is already incomplete
	dropped  uint64
	wake     chan struct{} // holds a token while events wait
}

// layerKey is one layer of one track.
type layerKey struct {
	track string
	layer media.Layer
}

func newInbox() *inbox {
	return &inbox{dropping: map[layerKey]bool{}, wake: make(chan struct{}, 1)}
}

// put queues an event and reports whether it was dropped instead.
func (b *inbox) put(e event) (dropped bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := e.packet; p != nil {
		key := layerKey{p.Track, p.Layer}
		if b.dropping[key] || len(b.events) >= inboxLimit {
			b.dropping[key] = !p.Marker
			b.dropped++
			return true
		}
	}
	if e.report != nil && len(b.events) >= inboxLimit {
		return true // another follows within seconds
	}
	b.events = append(b.events, e)
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return false
}

// take empties the queue; the given slice, which is empty, becomes the next one.
func (b *inbox) take(reuse []event) []event {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.events
	b.events = reuse
	return taken
}
