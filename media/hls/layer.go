package hls

import (
	"slices"
	"time"

	"lectern/media"
	"lectern/media/hls/fmp4"
	"lectern/media/hls/h264"
)

// frame is one picture at its place of the timeline.
type frame struct {
	at     time.Duration
	key    bool
	gap    bool // pictures before it were lost
	again  bool // the one before, repeated
	params *h264.Params
	nals   [][]byte
}

// layerLimit bounds the pictures of one layer in memory: 20 s at 30 a second. A layer that reaches it
// while its segment cannot be closed starts again at its next keyframe.
const layerLimit = 600

// layer collects the pictures of one simulcast layer of one publication.
type layer struct {
	asm         h264.Assembler
	clock       clock
	publication int           // counts how often the camera was published
	ended       bool          // no picture follows
	heard       time.Duration // when its last picture came, on the timeline

	// frames are those of the open segment and after it. Of a layer that has no part in the open segment
	// they begin with its last keyframe, and wait for the next cut.
	frames  []frame
	written int  // of frames, in parts already
	joined  bool // has part in the open segment
	repeats h264.Repeater
	gap     bool // lost pictures in the open segment
}

// live says whether pictures are coming.
func (l *layer) live(now time.Duration) bool {
	return len(l.frames) > 0 && !l.ended && now-l.heard < settled
}

// push takes a packet and adds the pictures that it completes. It is false while nothing can be shown
// before the next keyframe, which then has to be asked for.
func (l *layer) push(p *media.Packet, now time.Duration) bool {
	for _, u := range l.asm.Push(p) {
		l.add(u, now)
	}
	return !l.asm.Waiting()
}

func (l *layer) add(u h264.Unit, now time.Duration) {
	at := l.clock.at(u.Timestamp, now)
	l.heard = now
	if len(l.frames) >= layerLimit {
		l.skip(at)
	}
	if !l.joined {
		if u.Key {
			l.drop(len(l.frames))
		} else if len(l.frames) == 0 {
			return
		}
	}
	if n := len(l.frames); n > 0 {
		at = max(at, l.frames[n-1].at+time.Millisecond)
	}
	l.frames = append(l.frames, frame{at: at, key: u.Key, gap: u.Gap, params: u.Params, nals: u.NALs})
}

// repeat inserts before an index a picture that shows the one before again, and says whether that can be done.
func (l *layer) repeat(i int, at time.Duration) bool {
	params := l.frames[i-1].params
	if !l.repeats.Can(params) {
		return false
	}
	l.frames = slices.Insert(l.frames, i, frame{at: at, params: params, again: true})
	return true
}

// lastReal is the place of the latest picture before an index that came from the sender.
func (l *layer) lastReal(i int) time.Duration {
	for i--; i > 0 && l.frames[i].again; {
		i--
	}
	return l.frames[i].at
}

// last is the place of the latest picture.
func (l *layer) last() time.Duration { return l.frames[len(l.frames)-1].at }

// uniform is how many of the first n pictures share the parameter sets of the first: what one segment
// can hold.
func (l *layer) uniform(n int) int {
	for i := range n {
		if l.frames[i].params != l.frames[0].params {
			return i
		}
	}
	return n
}

// key returns the index of the keyframe nearest to a time, within a tolerance, or -1.
func (l *layer) key(at, tolerance time.Duration) int {
	best, found := tolerance+1, -1
	for i, f := range l.frames {
		if d := (f.at - at).Abs(); f.key && d < best && i >= l.written {
			best, found = d, i
		}
	}
	return found
}

// first returns the index of the first picture at or after a time that is not yet written.
func (l *layer) first(at time.Duration) int {
	for i := l.written; i < len(l.frames); i++ {
		if l.frames[i].at >= at {
			return i
		}
	}
	return len(l.frames)
}

// past says whether pictures later than a time have come, so that none before it will.
func (l *layer) past(at time.Duration) bool {
	return len(l.frames) > 0 && l.lastReal(len(l.frames)) > at
}

// drop forgets the first n pictures: their segment is closed.
func (l *layer) drop(n int) {
	clear(l.frames[:n]) // the memory goes with the packets
	l.frames, l.written, l.gap = l.frames[n:], 0, false
	if len(l.frames) == 0 {
		l.frames = nil
	}
}

// skip forgets pictures up to the first keyframe at or after a time: the layer waits for the next cut.
func (l *layer) skip(at time.Duration) {
	l.joined = false
	for i, f := range l.frames {
		if f.key && f.at >= at {
			l.drop(i)
			return
		}
	}
	l.drop(len(l.frames))
}

// ticks converts a place of the timeline to the timescale of pictures.
func ticks(t time.Duration) uint64 {
	return uint64(t/time.Second)*90000 + uint64(t%time.Second)*90000/uint64(time.Second)
}

// sample is the picture as MP4 keeps it. The init has the parameter sets, and keyframes repeat them: programs that
// do not read a second init in the middle of a stream, ffmpeg's among them, go on through a change of layer.
func (l *layer) sample(f frame) []byte {
	if f.again {
		return h264.AppendLengthPrefixed(nil, [][]byte{l.repeats.Again()})
	}
	var b []byte
	if f.key {
		b = h264.AppendLengthPrefixed(b, [][]byte{f.params.RawSPS, f.params.RawPPS})
		if f.params.Repeat != nil {
			b = h264.AppendLengthPrefixed(b, [][]byte{f.params.Repeat})
		}
	}
	return h264.AppendLengthPrefixed(b, l.repeats.Pass(f.params, f.nals, f.key))
}

// samples makes fragment samples of the pictures [from, to), the first of which begins at start and the
// last of which ends at end.
func (l *layer) samples(from, to int, start, end time.Duration) []fmp4.Sample {
	out := make([]fmp4.Sample, 0, to-from)
	at := ticks(start)
	for i := from; i < to; i++ {
		until := ticks(end)
		if i+1 < to {
			until = min(until, ticks(l.frames[i+1].at))
		}
		until = max(until, at)
		out = append(out, fmp4.Sample{
			Data: l.sample(l.frames[i]), Duration: uint32(until - at), Sync: l.frames[i].key,
		})
		at = until
	}
	return out
}
