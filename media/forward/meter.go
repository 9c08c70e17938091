package forward

import "time"

const (
	meterStep  = 100 * time.Millisecond
	meterSteps = 20 // so the window is two seconds
)

// Meter measures a stream over the last two seconds. The zero value is ready.
type Meter struct {
	start   time.Time
	first   int64 // the step that the measuring began with
	buckets [meterSteps]bucket
}

type bucket struct {
	step                         int64
	bytes, pictures, got, absent int
}

// Reading is what a Meter shows.
type Reading struct {
	BitsPerSecond     float64 // of RTP payload
	PicturesPerSecond float64
	Loss              float64 // share of the packets that never came, 0 to 1
}

// Packet counts a packet of so many bytes; picture says that it ends one.
func (m *Meter) Packet(now time.Time, bytes int, picture bool) {
	b := m.bucket(now)
	b.bytes += bytes
	b.got++
	if picture {
		b.pictures++
	}
}

// Lost counts packets that never came.
func (m *Meter) Lost(now time.Time, packets int) { m.bucket(now).absent += packets }

// Read returns the averages of the window that ends now. While the meter is younger than its window, the
// averages are over its age, but at least over one step.
func (m *Meter) Read(now time.Time) Reading {
	if m.start.IsZero() {
		return Reading{}
	}
	step := m.step(now)
	var sum bucket
	for _, b := range m.buckets {
		if b.step > step-meterSteps && b.step <= step {
			sum.bytes += b.bytes
			sum.pictures += b.pictures
			sum.got += b.got
			sum.absent += b.absent
		}
	}
	seconds := min(meterSteps, step-m.first+1) * int64(meterStep)
	window := float64(seconds) / float64(time.Second)
	r := Reading{BitsPerSecond: float64(sum.bytes) * 8 / window, PicturesPerSecond: float64(sum.pictures) / window}
	if all := sum.got + sum.absent; all > 0 {
		r.Loss = float64(sum.absent) / float64(all)
	}
	return r
}

func (m *Meter) bucket(now time.Time) *bucket {
	if m.start.IsZero() {
		// One window back, so that no bucket of the zero value counts as filled.
		m.start = now.Add(-meterSteps * meterStep)
		m.first = meterSteps
	}
	step := m.step(now)
	b := &m.buckets[step%meterSteps]
	if b.step != step {
		*b = bucket{step: step}
	}
	return b
}

func (m *Meter) step(now time.Time) int64 { return max(0, int64(now.Sub(m.start)/meterStep)) }
