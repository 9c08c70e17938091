package hls

import (
	"slices"
	"time"
)

// senderClock places the wall clock of one sender on the session timeline. All layers and the sound of a
// publication share it, which is what keeps them in step; it never moves while the publication lasts,
// so that a correction cannot tear the recording.
type senderClock struct {
	known  bool
	origin uint64        // a 32.32 NTP time of the sender ...
	at     time.Duration // ... and where on the timeline it lies
}

// place returns where on the timeline an NTP time of the sender lies. Differences are taken modulo
// 2^64, so the NTP era may change in between.
func (s *senderClock) place(ntp uint64) time.Duration {
	d := int64(ntp - s.origin)
	whole, fraction := d>>32, d&0xffffffff
	return s.at + time.Duration(whole)*time.Second + time.Duration(fraction*int64(time.Second)>>32)
}

// reportsKept is over how many sender reports the median is taken. A sender sends one every second or
// so, each with the jitter of its own scheduling.
const reportsKept = 15

// clock maps the RTP timestamps of one layer to the session timeline: by the median of its sender
// reports, or until the first one by the arrival of its first packet.
type clock struct {
	rate    int64
	sender  *senderClock
	started bool
	last    uint32          // timestamp, and
	ticks   int64           // the same without wrapping around
	offset  time.Duration   // in use, on its way to
	target  time.Duration   // what the reports say
	synced  bool            // there was a report
	offsets []time.Duration // of the last reports, oldest first
}

// unwrap returns a timestamp as ticks since the first, allowing for wrap-around and for older ones.
func (c *clock) unwrap(ts uint32) int64 {
	return c.ticks + int64(int32(ts-c.last))
}

// scale turns ticks into time without overflow in any lecture shorter than a year.
func (c *clock) scale(ticks int64) time.Duration {
	return time.Duration(ticks/c.rate)*time.Second + time.Duration(ticks%c.rate)*time.Second/time.Duration(c.rate)
}

// A packet cannot be sent after it has arrived, nor be on its way for long: beyond these the sender's
// clock has jumped (it slept, or was set), and the mapping starts anew from the arrival.
const (
	clockEarly = time.Second
	clockLate  = 3 * time.Second
)

// at returns where on the timeline a timestamp lies. arrival is the place of now.
func (c *clock) at(ts uint32, arrival time.Duration) time.Duration {
	if !c.started {
		c.started, c.last, c.ticks = true, ts, 0
		if !c.synced {
			c.target = arrival
		}
		c.offset = c.target
	}
	ticks := c.unwrap(ts)
	if ticks > c.ticks {
		c.slew(c.scale(ticks - c.ticks))
		c.ticks, c.last = ticks, ts
	}
	at := c.scale(ticks) + c.offset
	if at-arrival > clockEarly || arrival-at > clockLate {
		*c.sender = senderClock{}
		c.offset, c.offsets, c.synced = arrival-c.scale(ticks), nil, false
		c.target, at = c.offset, arrival
	}
	return at
}

// slewing is how much faster or slower than it should a clock may run to get right: an eighth, so that a
// picture is shown for 29 or 37 ms instead of 33 until it is.
const slewing = 8

func (c *clock) slew(passed time.Duration) {
	c.offset += min(max(c.target-c.offset, -passed/slewing), passed/slewing)
}

// settled says whether the mapping is by sender reports, and has got there.
func (c *clock) settled() bool { return c.synced && (c.target-c.offset).Abs() < time.Millisecond }

// report takes a sender report that arrived at a place of the timeline. The first report of a sender
// fixes its clock such that this layer does not jump; reports of the others then align them with it.
func (c *clock) report(ntp uint64, ts uint32, arrival time.Duration) {
	s := c.sender
	if !s.known {
		*s = senderClock{known: true, origin: ntp, at: c.at(ts, arrival)}
	}
	if !c.started {
		c.started, c.last, c.ticks = true, ts, 0
	}
	if len(c.offsets) == reportsKept {
		c.offsets = c.offsets[1:]
	}
	c.offsets = append(c.offsets, s.place(ntp)-c.scale(c.unwrap(ts)))
	sorted := slices.Sorted(slices.Values(c.offsets))
	c.target, c.synced = sorted[len(sorted)/2], true
}
