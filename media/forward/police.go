package forward

import "time"

// Police holds one stream to a rate: so many bytes and packets a second, and what a second holds at once. It is for
// streams far beyond what they said they would send, not for shaping.
type Police struct {
	bytes, packets         float64 // a second
	byteCredit, packCredit float64
	last                   time.Time
}

// NewPolice returns a Police that lets through so many bits and packets a second.
func NewPolice(bits, packets float64) *Police {
	p := &Police{bytes: bits / 8, packets: packets}
	p.byteCredit, p.packCredit = p.bytes, p.packets
	return p
}

// Take reports whether a packet of so many bytes may pass.
func (p *Police) Take(bytes int, now time.Time) bool {
	if !p.last.IsZero() {
		seconds := max(0, now.Sub(p.last).Seconds())
		p.byteCredit = min(p.bytes, p.byteCredit+seconds*p.bytes)
		p.packCredit = min(p.packets, p.packCredit+seconds*p.packets)
	}
	if now.After(p.last) {
		p.last = now
	}
	if p.packCredit < 1 || p.byteCredit < float64(bytes) {
		return false
	}
	p.packCredit--
	p.byteCredit -= float64(bytes)
	return true
}
