package forward

// Clock maps the RTP timestamps of one stream to the wall clock of its sender, as a sender report states
// it (RFC 3550 section 6.4.1). The zero value knows nothing yet.
type Clock struct {
	NTP       uint64 // 32.32 fixed point seconds since 1900
	Timestamp uint32 // the RTP timestamp of that instant
	Known     bool
}

// At returns the RTP timestamp, in ticks of rate Hz, of another instant of the sender's wall clock.
func (c Clock) At(ntp uint64, rate uint32) uint32 {
	apart := int64(ntp - c.NTP)
	seconds, fraction := apart>>32, uint64(uint32(apart))
	ticks := seconds*int64(rate) + int64((fraction*uint64(rate)+1<<31)>>32)
	return c.Timestamp + uint32(ticks)
}

// Shift returns what to add to a timestamp of c to get the timestamp of the same instant on the clock to.
// Both must come from one sender, whose streams share the wall clock.
func (c Clock) Shift(to Clock, rate uint32) uint32 {
	return to.At(c.NTP, rate) - c.Timestamp
}
