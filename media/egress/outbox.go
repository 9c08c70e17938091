package egress

import "time"

const (
	// boxPackets is how many packets are sent at a time.
	boxPackets = 128
	// boxSlot is the room for one sealed packet: an Ethernet frame, and what sealing and retransmission add.
	boxSlot = readMTU + 64
	// runPackets and runBytes bound a run: the kernel takes 64 segments and 64 kB (UDP_MAX_SEGMENTS, IPv4).
	runPackets = 60
	runBytes   = 60000
)

// outbox gathers sealed packets and sends them in batches. Packets of one size to one address that follow each
// other are a run, which the kernel takes in one piece; the last of a run may be shorter. One goroutine uses it.
type outbox struct {
	meters *meters
	slab   []byte
	used   int
	count  int // packets in the slab
	runs   []run
	wire   wire // what the system's way to send needs
}

// run is a row of packets in the slab.
type run struct {
	path    *path
	start   int
	bytes   int
	size    int // of each packet but the last
	packets int
	open    bool // the last packet had the full size, so that another may follow
}

func newOutbox(m *meters) *outbox {
	return &outbox{meters: m, slab: make([]byte, boxPackets*boxSlot), runs: make([]run, 0, boxPackets), wire: newWire()}
}

// room returns an empty slice in the slab that the next packet is written to.
func (o *outbox) room() []byte {
	if o.count == boxPackets || o.used+boxSlot > len(o.slab) {
		o.flush()
	}
	return o.slab[o.used : o.used : o.used+boxSlot]
}

// put takes what was written to room as a packet of n bytes; false means that it was dropped because a TCP
// connection is congested.
func (o *outbox) put(to *path, n int) bool {
	packet := o.slab[o.used : o.used+n]
	if to.tcp != nil {
		return to.tcp.send(packet)
	}
	if last := len(o.runs) - 1; last >= 0 {
		r := &o.runs[last]
		if r.open && r.path == to && n <= r.size && r.packets < runPackets && r.bytes+n <= runBytes {
			r.packets++
			r.bytes += n
			r.open = n == r.size
			o.used += n
			o.count++
			return true
		}
	}
	o.runs = append(o.runs, run{path: to, start: o.used, bytes: n, size: n, packets: 1, open: true})
	o.used += n
	o.count++
	return true
}

// flush sends what has gathered.
func (o *outbox) flush() {
	for start := 0; start < len(o.runs); {
		end := start + 1
		for end < len(o.runs) && o.runs[end].path.socket == o.runs[start].path.socket {
			end++
		}
		o.send(o.runs[start].path.socket, o.runs[start:end])
		start = end
	}
	for _, r := range o.runs {
		o.meters.runs.observe(r.packets)
	}
	o.runs, o.used, o.count = o.runs[:0], 0, 0
}

// each calls visit with each packet of a run.
func (o *outbox) each(r run, visit func(packet []byte)) {
	for at, end := r.start, r.start+r.bytes; at < end; at += r.size {
		visit(o.slab[at:min(at+r.size, end)])
	}
}

// sendPlain sends packet by packet.
func (o *outbox) sendPlain(s *socket, runs []run) {
	for _, r := range runs {
		o.each(r, func(packet []byte) {
			_ = s.conn.SetWriteDeadline(time.Now().Add(writable))
			o.meters.calls.Inc()
			if _, err := s.conn.WriteToUDPAddrPort(packet, r.path.addr); err != nil {
				o.meters.dropped.WithLabelValues("send").Inc()
			}
		})
	}
}

// writable is how long a full send buffer is waited for; what does not fit then is dropped.
const writable = 5 * time.Millisecond
