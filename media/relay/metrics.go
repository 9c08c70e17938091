package relay

import "github.com/prometheus/client_golang/prometheus"

// meters are the package's metrics.
type meters struct {
	connections prometheus.Gauge
	refused     *prometheus.CounterVec
	dropped     *prometheus.CounterVec
	up, down    prometheus.Counter
}

func newMeters(to prometheus.Registerer, q *quota) (*meters, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "lectern", Subsystem: "relay", Name: name, Help: help}
	}
	bytes := func(direction string) prometheus.Counter {
		o := prometheus.CounterOpts(opts("bytes_total", "Bytes of packets carried, by direction: up is to us."))
		o.ConstLabels = prometheus.Labels{"direction": direction}
		return prometheus.NewCounter(o)
	}
	m := &meters{
		connections: prometheus.NewGauge(prometheus.GaugeOpts(opts("connections", "Connections that speak TURN now."))),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts(opts("refused_total",
			"Requests and connections refused, by reason: credentials, quota, peer, channels, malformed, busy.")), []string{"reason"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts(opts("dropped_packets_total",
			"Packets not carried, by reason: rate, peer (no media socket of ours), socket.")), []string{"reason"}),
		up: bytes("up"), down: bytes("down"),
	}
	if to == nil {
		return m, nil
	}
	relays := prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("relays", "Relays open now.")), func() float64 { return float64(q.count()) })
	for _, c := range []prometheus.Collector{m.connections, m.refused, m.dropped, m.up, m.down, relays} {
		if err := to.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
