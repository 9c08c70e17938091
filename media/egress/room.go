package egress

import (
	"sync"
	"sync/atomic"
	"time"

	"lectern/media"
	"lectern/media/forward"
)

// Source is a room that attendees watch: *sfu.Room. The interface exists so that this package and the one of
// the presenters do not need each other.
type Source interface {
	AddSink(media.Sink) (remove func())
	RequestKeyframe(track string)
}

// lagging is how far the newest packet of a layer may be behind that of another before the layer counts as
// switched off, as in media/sfu.
const lagging = time.Second

// Room is the sink of one source for all its attendees. Readers of the source push into the rings; the workers
// that have attendees here read them. A ring is all the queue there is.
type Room struct {
	name   string
	server *Server
	source Source
	attach sync.Once // adds the sink
	remove func()    // takes the sink away, guarded by server.mu

	attendees int       // sessions, guarded by server.mu
	empty     time.Time // since when there are none

	feeds    atomic.Pointer[map[string]*feed] // replaced, never changed
	watchers []atomic.Int32                   // viewers here of each worker

	mu sync.Mutex // for those who replace feeds
}

// feed is one track of the source.
type feed struct {
	info  media.TrackInfo
	lanes [media.Layers]lane
}

// lane is one layer of a track. Its reader writes, everybody reads.
type lane struct {
	ring     *forward.Ring
	complete atomic.Uint64 // sequence of the last packet that ended a picture
	heard    atomic.Int64  // arrival of the newest packet, in nanoseconds since the server began
	bytes    atomic.Uint64 // payload so far
	rate     atomic.Uint64 // bit/s, measured by the sweeper
	measured uint64        // bytes at the last measurement; the sweeper's
	clock    atomic.Pointer[report]
}

// report is the newest sender report of a lane.
type report struct {
	clock   forward.Clock
	arrival time.Time
}

func newRoom(s *Server, name string, source Source) *Room {
	r := &Room{name: name, server: s, source: source, watchers: make([]atomic.Int32, len(s.workers))}
	r.feeds.Store(&map[string]*feed{})
	return r
}

// AddTrack implements media.Sink. Attendees whose codec the track does not have are sent away: they subscribe
// anew.
func (r *Room) AddTrack(info media.TrackInfo) {
	f := &feed{info: info}
	size := forward.RingVideo
	if info.Kind == media.Audio {
		size = forward.RingAudio
	}
	for l := range f.lanes {
		f.lanes[l].ring = forward.NewRing(size)
	}
	r.replace(info.ID, f)
	r.server.dismissOthers(r, info)
}

// RemoveTrack implements media.Sink.
func (r *Room) RemoveTrack(id string) { r.replace(id, nil) }

func (r *Room) replace(id string, f *feed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	feeds := map[string]*feed{}
	for k, v := range *r.feeds.Load() {
		feeds[k] = v
	}
	if f == nil {
		delete(feeds, id)
	} else {
		feeds[id] = f
	}
	r.feeds.Store(&feeds)
}

// WritePacket implements media.Sink.
func (r *Room) WritePacket(p *media.Packet) {
	f := (*r.feeds.Load())[p.Track]
	if f == nil || p.Layer >= media.Layers {
		return
	}
	l := &f.lanes[p.Layer]
	l.ring.Push(p)
	l.bytes.Add(uint64(len(p.Payload)))
	l.heard.Store(int64(p.Arrival.Sub(r.server.born)))
	if p.Marker {
		l.complete.Store(p.Sequence)
	}
	for i, w := range r.server.workers {
		if r.watchers[i].Load() > 0 {
			w.rouse()
		}
	}
}

// WriteSenderReport implements media.Sink.
func (r *Room) WriteSenderReport(sr media.SenderReport) {
	if f := (*r.feeds.Load())[sr.Track]; f != nil && sr.Layer < media.Layers {
		f.lanes[sr.Layer].clock.Store(&report{forward.Clock{NTP: sr.NTP, Timestamp: sr.Timestamp, Known: true}, sr.Arrival})
	}
}

// video returns the codec of the picture; false while there is none.
func (r *Room) video() (media.TrackInfo, bool) {
	for _, f := range *r.feeds.Load() {
		if f.info.Kind == media.Video {
			return f.info, true
		}
	}
	return media.TrackInfo{}, false
}

// published reports whether there is any track.
func (r *Room) published() bool { return len(*r.feeds.Load()) > 0 }

// measure updates the rates, after so many seconds.
func (r *Room) measure(seconds float64) {
	for _, f := range *r.feeds.Load() {
		for l := range f.lanes {
			lane := &f.lanes[l]
			bytes := lane.bytes.Load()
			now := float64(bytes-lane.measured) * 8 / seconds
			lane.measured = bytes
			if before := float64(lane.rate.Load()); before > 0 && now > 0 {
				now = (before + now) / 2
			}
			lane.rate.Store(uint64(now))
		}
	}
}

// present returns the layers being sent, bit n for layer n.
func (f *feed) present() (mask uint8) {
	var newest int64
	for l := range f.lanes {
		newest = max(newest, f.lanes[l].heard.Load())
	}
	for l := range f.lanes {
		if h := f.lanes[l].heard.Load(); h != 0 && newest-h < int64(lagging) {
			mask |= 1 << l
		}
	}
	return mask
}

// clockOf returns the sender's clock of a layer as it stands now.
func (f *feed) clockOf(l media.Layer, now time.Time) forward.Clock {
	r := f.lanes[l].clock.Load()
	if r == nil {
		return forward.Clock{}
	}
	age := max(0, now.Sub(r.arrival))
	c := r.clock
	c.NTP += uint64(age/time.Second)<<32 | uint64(age%time.Second)<<32/uint64(time.Second)
	c.Timestamp = r.clock.At(c.NTP, f.info.ClockRate)
	return c
}
