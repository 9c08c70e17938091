package forward

import (
	"math"
	"testing"
)

func TestMeter(t *testing.T) {
	var m Meter
	if got := m.Read(at(0)); got != (Reading{}) {
		t.Errorf("an unused meter shows %+v", got)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	// 50 packets a second of 250 bytes, every second one ends a picture.
	for ms := 0; ms < 1000; ms += 20 {
		m.Packet(at(ms), 250, ms%40 == 20)
	}
	r := m.Read(at(999))
	near("bits after a second", r.BitsPerSecond, 100_000)
	near("pictures after a second", r.PicturesPerSecond, 25)
	near("no loss", r.Loss, 0)

	for ms := 1000; ms < 10_000; ms += 20 {
		m.Packet(at(ms), 250, ms%40 == 20)
	}
	m.Lost(at(9990), 25)
	r = m.Read(at(9999))
	near("bits in the long run", r.BitsPerSecond, 100_000)
	near("pictures in the long run", r.PicturesPerSecond, 25)
	near("loss", r.Loss, 0.2) // 25 of 125

	r = m.Read(at(10_999))
	near("half of the window is silent", r.BitsPerSecond, 50_000)
	r = m.Read(at(12_000))
	near("all of it is", r.BitsPerSecond, 0)
	near("and shows no loss", r.Loss, 0)
	m.Packet(at(60_000), 250, true)
	near("after a long pause old steps are forgotten", m.Read(at(60_000)).BitsPerSecond, 1000)
}

func TestMeterFirstStep(t *testing.T) {
	var m Meter
	m.Packet(at(0), 1000, true)
	if got := m.Read(at(0)).BitsPerSecond; got != 80_000 {
		t.Errorf("one packet in the first tenth of a second: %g bit/s, want 80000", got)
	}
}
