package edge

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	answers *prometheus.CounterVec
	unasked prometheus.Counter
}

// newMetrics registers the figures of an edge, unless the registerer is nil.
func newMetrics(s *Server, reg prometheus.Registerer) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "lectern", Subsystem: "edge", Name: name, Help: help}
	}
	m := &metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts(opts("answers_total", "Answers to viewers, by the first digit of their status.")), []string{"status"}),
		unasked: prometheus.NewCounter(prometheus.CounterOpts(opts("unasked_total", "Times the origin could not be asked who is out."))),
	}
	if reg == nil {
		return m
	}
	reg.MustRegister(
		m.answers, m.unasked,
		prometheus.NewCounterFunc(prometheus.CounterOpts(opts("origin_requests_total", "Files that the origin was asked for.")), func() float64 {
			s.cache.mu.Lock()
			defer s.cache.mu.Unlock()
			return float64(s.cache.asked)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("memory_bytes", "Media that is kept.")), func() float64 {
			s.cache.mu.Lock()
			defer s.cache.mu.Unlock()
			return float64(s.cache.size)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("viewers", "Viewers of the last minutes.")), func() float64 { return float64(s.viewers.count()) }),
	)
	return m
}
