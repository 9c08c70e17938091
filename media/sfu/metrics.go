package sfu

import "github.com/prometheus/client_golang/prometheus"

// meters are the package's metrics, over all rooms.
type meters struct {
	packetsIn, packetsOut prometheus.Counter
	bytesIn, bytesOut     prometheus.Counter
	dropped               *prometheus.CounterVec
	keyframesWanted       prometheus.Counter
	pliSent               prometheus.Counter
}

func newMeters(to prometheus.Registerer, s *Server) (*meters, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "lectern", Subsystem: "sfu", Name: name, Help: help})
	}
	m := &meters{
		packetsIn:  counter("received_packets_total", "RTP packets that came from publishers, duplicates included."),
		packetsOut: counter("sent_packets_total", "RTP packets that went to attendees, retransmissions excluded."),
		bytesIn:    counter("received_bytes_total", "Bytes of RTP packets that came from publishers."),
		bytesOut:   counter("sent_bytes_total", "Bytes of RTP packets that went to attendees."),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "lectern", Subsystem: "sfu", Name: "dropped_packets_total",
			Help: "Packets not forwarded, by reason: duplicate, padding and lost from publishers, queue to attendees.",
		}, []string{"reason"}),
		keyframesWanted: counter("keyframe_requests_total", "Wishes of attendees and recorders for a keyframe."),
		pliSent:         counter("pli_sent_total", "Requests for keyframes that went to publishers; the other wishes were bundled."),
	}
	if to == nil {
		return m, nil
	}
	sessions := func(kind string, publishes bool) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "lectern", Subsystem: "sfu", Name: "sessions", Help: "Sessions open now, by kind.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 { return float64(s.count(publishes)) })
	}
	for _, c := range []prometheus.Collector{
		m.packetsIn, m.packetsOut, m.bytesIn, m.bytesOut, m.dropped, m.keyframesWanted, m.pliSent,
		sessions("publisher", true), sessions("attendee", false),
	} {
		if err := to.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (s *Server) count(publishes bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		if session.publishes == publishes {
			n++
		}
	}
	return n
}
