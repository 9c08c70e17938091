package forward

import "time"

const (
	// lossWindow is how long losses are added up, or half of it with lossPackets: the share in one report says little
	// where browsers send five a second.
	lossWindow  = time.Second
	lossPackets = 100
)

// Losses turns the totals in receiver reports (RFC 3550 section 6.4.1) into a share over about a second. The zero value
// is ready.
type Losses struct {
	highest uint32 // extended sequence number at the start of the window
	lost    int32
	since   time.Time
}

// Report takes the cumulative number of packets lost, 24 bits with a sign, and the extended highest sequence number
// received. When a window is over it returns the share of packets lost in it.
func (l *Losses) Report(lost, highest uint32, now time.Time) (share float64, ok bool) {
	total := int32(lost<<8) >> 8
	expected := int32(highest - l.highest)
	if l.since.IsZero() || expected < 0 {
		*l = Losses{highest, total, now}
		return 0, false
	}
	age := now.Sub(l.since)
	if expected == 0 || age < lossWindow/2 || age < lossWindow && expected < lossPackets {
		return 0, false
	}
	share = min(1, max(0, float64(total-l.lost)/float64(expected)))
	*l = Losses{highest, total, now}
	return share, true
}

// Echo measures round trips by sender reports and what receiver reports say of them (RFC 3550 section 6.4.1). The zero
// value is ready.
type Echo struct {
	sent [2]uint32 // the middle 32 bits of the reports' NTP times, newest first
	at   [2]time.Time
}

// Sent notes that a sender report with the NTP time went out.
func (e *Echo) Sent(ntp uint64, now time.Time) {
	e.sent, e.at = [2]uint32{uint32(ntp >> 16), e.sent[0]}, [2]time.Time{now, e.at[0]}
}

// Heard takes the last sender report that a receiver report names and for how long it had been there, in units of
// 1/65,536 s. It returns the round trip, once for each report that was sent.
func (e *Echo) Heard(last, delay uint32, now time.Time) (trip time.Duration, ok bool) {
	for i, at := range e.at {
		if at.IsZero() || last == 0 || last != e.sent[i] {
			continue
		}
		if i == 0 {
			e.at[1] = time.Time{} // an older one says nothing new
		}
		e.at[i] = time.Time{}
		trip = now.Sub(at) - time.Duration(delay)*time.Second/65536
		return max(0, trip), trip > -time.Second
	}
	return 0, false
}
