package link

import (
	"math/rand/v2"
	"time"
)

// fate is what becomes of a packet.
type fate int

const (
	delivered fate = iota
	lost
	overflowed // the queue in front of the bottleneck was full
	blocked
)

// model decides the fate of packets, one after the other. It knows no clock and no device, so that the same seed
// and the same packets at the same times always meet the same fate.
type model struct {
	Conditions
	pulled bool
	random *rand.Rand
	burst  bool
	free   time.Time // when the bottleneck has sent all that it took
}

func newModel(c Conditions, seed, stream uint64) *model {
	return &model{Conditions: c, random: rand.New(rand.NewPCG(seed, stream))}
}

// take decides about a packet that arrives now: when it leaves the link, and how often.
func (m *model) take(packet []byte, now time.Time) (what fate, at time.Time, copies int) {
	switch {
	case m.pulled || m.loses():
		return lost, at, 0
	case m.blocks(packet):
		return blocked, at, 0
	}
	at, room := m.send(len(packet), now)
	if !room {
		return overflowed, at, 0
	}
	at = at.Add(m.Delay)
	if m.Jitter > 0 {
		at = at.Add(time.Duration((2*m.random.Float64() - 1) * float64(m.Jitter)))
	}
	// Nothing arrives before it was sent, however wide the jitter.
	if at.Before(now) {
		at = now
	}
	if m.chance(m.Duplicate) {
		return delivered, at, 2
	}
	return delivered, at, 1
}

// loses moves Gilbert's two-state chain by a packet, then draws the independent loss. With bursts of b packets
// on average a burst ends with 1/b, and a share s of all packets is lost when one begins with s/(1-s)/b.
func (m *model) loses() bool {
	if m.BurstLoss > 0 {
		length := m.BurstLength
		if length == 0 {
			length = usualBurst
		}
		if m.burst {
			m.burst = !m.chance(1 / length)
		} else {
			m.burst = m.chance(m.BurstLoss / (1 - m.BurstLoss) / length)
		}
		if m.burst {
			return true
		}
	}
	return m.chance(m.Loss)
}

// send passes size bytes through the bottleneck, when there is room in front of it.
func (m *model) send(size int, now time.Time) (at time.Time, room bool) {
	if m.Rate == 0 {
		return now, true
	}
	if m.free.Before(now) {
		m.free = now
	}
	queue := m.Queue
	if queue == 0 {
		queue = usualQueue
	}
	if m.free.Sub(now) > queue {
		return at, false
	}
	m.free = m.free.Add(time.Duration(int64(size) * 8 * int64(time.Second) / m.Rate))
	return m.free, true
}

// chance draws only where there is something to draw, so that one fault's draws do not move another's.
func (m *model) chance(share float64) bool { return share > 0 && m.random.Float64() < share }
