package egress

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"lectern/media"
)

// browser asks for packets again as libwebrtc's NackRequester does (M120 to M140): at once when as many later ones are there as half
// of those that came late had to be waited for, then every 100 ms because it does not know the round trip, ten times; not
// for what came as a retransmission.
type browser struct {
	started bool
	newest  uint64
	missing map[uint64]*question
	resent  map[uint64]bool // came as retransmissions before the newest
	late    []int           // by how many packets the last ones came late
	arrived map[uint64]time.Time
	asked   map[uint64]bool // at least once
	plain   tally
	rtx     tally
}

type question struct {
	after uint64 // not before this one is there
	at    time.Time
	times int
}

// tally is what a receiver report says.
type tally struct{ first, highest, received uint64 }

func (y *tally) add(sequence uint64) {
	if y.received == 0 {
		y.first = sequence
	}
	y.highest = max(y.highest, sequence)
	y.received++
}

func (y *tally) report(ssrc uint32) rtcp.ReceptionReport {
	return rtcp.ReceptionReport{SSRC: ssrc, TotalLost: uint32(y.highest-y.first+1-y.received) & 0xffffff, LastSequenceNumber: uint32(y.highest)}
}

// receive takes packet n and returns which to ask for.
func (b *browser) receive(n uint64, retransmission bool, now time.Time) []uint64 {
	if _, double := b.arrived[n]; !double {
		b.arrived[n] = now
	}
	switch {
	case !b.started:
		b.started, b.newest = true, n
	case n <= b.newest:
		delete(b.missing, n)
		if !retransmission && n < b.newest {
			b.late = append(b.late[max(0, len(b.late)-127):], int(min(b.newest-n, 9)))
		}
	case retransmission:
		b.resent[n] = true
	default:
		for m := b.newest + 1; m < n; m++ {
			if !b.resent[m] {
				b.missing[m] = &question{after: m + b.patience()}
			}
		}
		b.newest = n
		return b.ask(now, func(q *question) bool { return q.times == 0 && q.after <= n })
	}
	return nil
}

func (b *browser) patience() uint64 {
	if len(b.late) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(b.late))
	return uint64(sorted[len(sorted)/2])
}

// tick asks again, every 20 ms.
func (b *browser) tick(now time.Time) []uint64 {
	return b.ask(now, func(q *question) bool { return now.Sub(q.at) >= 100*time.Millisecond })
}

func (b *browser) ask(now time.Time, due func(*question) bool) (all []uint64) {
	for n, q := range b.missing {
		if due(q) {
			all, b.asked[n] = append(all, n), true
			if q.at, q.times = now, q.times+1; q.times == 10 {
				delete(b.missing, n)
			}
		}
	}
	slices.Sort(all)
	return all
}

// badLine is an attendee behind a line with faults, in a time of its own.
type badLine struct {
	t      testing.TB
	w      *worker
	r      *Room
	v      *viewer
	conn   *net.UDPConn
	open   *srtp.Context
	random *rand.Rand
	loss   float64
	jitter time.Duration
	b      browser

	sequence, sound, base uint64 // base is what 16 bits are added to
	picture               uint32
	sent                  map[uint64]time.Time
	pictures              map[uint64]uint32 // of each packet
	toBrowser             map[time.Time][]rtp.Packet
	toServer              map[time.Time][]feedback
	packets, resent       int
}

func newBadLine(t testing.TB, loss float64, jitter time.Duration) *badLine {
	s, r := testRoom(t)
	v, open := testViewer(t, r)
	to, conn := socketPair(t, s)
	v.a.path.Store(to)
	l := &badLine{
		t: t, w: s.workers[0], r: r, v: v, conn: conn, open: open, random: rand.New(rand.NewPCG(1, 2)), loss: loss, jitter: jitter,
		b:        browser{missing: map[uint64]*question{}, resent: map[uint64]bool{}, arrived: map[uint64]time.Time{}, asked: map[uint64]bool{}},
		sequence: 1 << 16, sound: 1 << 16, sent: map[uint64]time.Time{}, pictures: map[uint64]uint32{},
		toBrowser: map[time.Time][]rtp.Packet{}, toServer: map[time.Time][]feedback{},
	}
	l.w.now = time.Now().Truncate(time.Millisecond)
	l.w.join(v)
	return l
}

// way returns when something arrives that leaves now, in whole milliseconds; false when it is lost.
func (l *badLine) way() (time.Time, bool) {
	d := 50 * time.Millisecond
	if l.jitter > 0 {
		d += time.Duration(l.random.Int64N(int64(2*l.jitter))) - l.jitter
	}
	return l.w.now.Add(d.Round(time.Millisecond)), l.random.Float64() >= l.loss
}

// run lets so much time pass, millisecond by millisecond: 30 pictures of six packets a second, and every two seconds a keyframe of sixty.
func (l *badLine) run(d time.Duration) {
	for ms := range d.Milliseconds() {
		l.w.now = l.w.now.Add(time.Millisecond)
		now := l.w.now
		if ms%20 == 0 {
			l.sound++
			l.r.WritePacket(&media.Packet{Track: "microphone", Layer: media.High, Sequence: l.sound, Timestamp: uint32(l.sound) * 960, Arrival: now, Payload: make([]byte, 80)})
			l.ask(l.b.tick(now))
		}
		if ms%33 == 0 {
			l.film(ms%1980 == 0)
		}
		for _, f := range l.toServer[now] {
			l.v.hear(l.w, &f)
		}
		for _, p := range l.toBrowser[now] {
			l.receive(&p, now)
		}
		delete(l.toServer, now)
		delete(l.toBrowser, now)
		if ms%200 == 0 && l.b.plain.received > 0 {
			reports := []rtcp.ReceptionReport{l.b.plain.report(7)}
			if l.b.rtx.received > 0 {
				reports = append(reports, l.b.rtx.report(7^rtxBit))
			}
			l.tell(feedback{received: reports})
		}
		if ms%1000 == 0 {
			l.v.fit.Trip(100*time.Millisecond, now)
			l.r.measure(1)
		}
		l.w.round()
		if ms%250 == 0 {
			l.w.upkeep()
		}
		l.w.out.flush()
		l.carry()
	}
}

func (l *badLine) film(key bool) {
	n := 6
	if key {
		n = 60
	}
	l.picture++
	for i := range n {
		l.r.WritePacket(packetAt(l.sequence, l.picture, 1100, i == n-1, key && i == 0, l.w.now))
		l.sequence++
	}
}

// carry takes what was sent in this millisecond.
func (l *badLine) carry() {
	expected := l.w.packets + l.w.resent
	l.packets, l.resent = l.packets+l.w.packets, l.resent+l.w.resent
	l.w.account()
	buffer := make([]byte, 2000)
	for range expected {
		must(l.t, l.conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		n, err := l.conn.Read(buffer)
		must(l.t, err)
		clear, err := l.open.DecryptRTP(nil, buffer[:n], nil)
		must(l.t, err)
		var p rtp.Packet
		must(l.t, p.Unmarshal(clear))
		if p.SSRC == 9 {
			continue
		}
		number, _ := l.original(&p)
		if _, ok := l.sent[number]; !ok {
			l.sent[number], l.pictures[number] = l.w.now, p.Timestamp
		}
		if at, ok := l.way(); ok {
			l.toBrowser[at] = append(l.toBrowser[at], p)
		}
	}
}

// original returns the number under which a packet is missed, beyond 16 bits.
func (l *badLine) original(p *rtp.Packet) (number uint64, retransmission bool) {
	sequence := p.SequenceNumber
	if retransmission = p.SSRC != 7; retransmission {
		sequence = binary.BigEndian.Uint16(p.Payload)
	}
	if l.base == 0 {
		l.base = 1<<16 + uint64(sequence)
	}
	number = l.base + uint64(int64(int16(sequence-uint16(l.base))))
	l.base = max(l.base, number)
	return number, retransmission
}

func (l *badLine) receive(p *rtp.Packet, now time.Time) {
	number, retransmission := l.original(p)
	if retransmission {
		l.b.rtx.add(uint64(p.SequenceNumber) + 1<<16) // fewer than 65,536
	} else {
		l.b.plain.add(number)
	}
	l.ask(l.b.receive(number, retransmission, now))
}

func (l *badLine) ask(numbers []uint64) {
	var f feedback
	for _, n := range numbers {
		f.missing = append(f.missing, missing{7, uint16(n)})
	}
	if len(numbers) > 0 {
		l.tell(f)
	}
}

func (l *badLine) tell(f feedback) {
	if at, ok := l.way(); ok {
		l.toServer[at] = append(l.toServer[at], f)
	}
}

// outcome is how a lecture came through.
type outcome struct {
	late     int     // packets that were not there 600 ms after they were sent: their pictures freeze
	disturbs float64 // share of pictures with a packet that was asked for
	resent   float64 // packets sent again, to those sent
}

// watch counts what is sent in so much time, after a while to get used to the line.
func (l *badLine) watch(d time.Duration) (o outcome) {
	l.run(3 * time.Second)
	from, packets, resent := l.w.now, l.packets, l.resent
	l.run(d)
	till := l.w.now
	l.run(time.Second)
	asked := map[uint32]bool{}
	for n, at := range l.sent {
		if at.Before(from) || !at.Before(till) {
			continue
		}
		if got, ok := l.b.arrived[n]; !ok || got.Sub(at) > 600*time.Millisecond {
			o.late++
		}
		asked[l.pictures[n]] = asked[l.pictures[n]] || l.b.asked[n]
	}
	for _, yes := range asked {
		if yes {
			o.disturbs += 1 / float64(len(asked))
		}
	}
	o.resent = float64(l.resent-resent) / float64(l.packets-packets)
	return o
}

// TestBadLines holds that what is lost is repaired in time, and that a browser is not made to ask for what only comes in another order.
func TestBadLines(t *testing.T) {
	const jitter = 20 * time.Millisecond
	for _, test := range []struct {
		name     string
		loss     float64
		jitter   time.Duration
		on       bool
		disturbs float64 // at most
		resent   float64 // at most
	}{
		{"perfect", 0, 0, false, 0, 0},
		{"5 % loss", 0.05, 0, false, 0.4, 0.09},
		{"jitter", 0, jitter, true, 0.1, 0.05},
		{"5 % loss and jitter", 0.05, jitter, true, 0.4, 0.12},
		{"10 % loss and jitter", 0.10, jitter, true, 0.6, 0.25},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newBadLine(t, test.loss, test.jitter)
			o := l.watch(20 * time.Second)
			t.Logf("%d of %d packets late, %.1f %% of the pictures asked for, %.1f %% sent again", o.late, l.packets, 100*o.disturbs, 100*o.resent)
			if on := l.v.streams[0].late.On(); on != test.on {
				t.Errorf("regarded as a line that changes the order: %v", on)
			}
			if o.late > 2 || o.disturbs > test.disturbs || o.resent > test.resent {
				t.Errorf("%+v, want at most %+v", o, test)
			}
		})
	}
}
