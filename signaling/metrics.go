package signaling

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the figures of one hub. No label comes from a client.
type metrics struct {
	connections prometheus.Gauge
	refused     prometheus.Counter
	received    *prometheus.CounterVec // type
	sent        *prometheus.CounterVec // type
	closes      *prometheus.CounterVec // code
	overflows   prometheus.Counter
	panics      prometheus.Counter
	reports     *prometheus.HistogramVec // outcome
}

// newMetrics makes the figures and registers them; a nil registerer keeps them to ourselves.
func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	return &metrics{
		connections: f.NewGauge(prometheus.GaugeOpts{Name: "lectern_socket_connections", Help: "Open sockets."}),
		refused:     counter("lectern_socket_refused_total", "Upgrades refused, for their origin or their form."),
		received:    vec("lectern_socket_received_total", "Messages from clients.", "type"),
		sent:        vec("lectern_socket_sent_total", "Messages queued for clients.", "type"),
		closes:      vec("lectern_socket_closes_total", "Sockets that the server closed.", "code"),
		overflows:   counter("lectern_socket_overflows_total", "Clients cut off because they read too slowly."),
		panics:      counter("lectern_socket_panics_total", "Panics caught while serving a socket. Each is a fault of ours."),
		reports: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lectern_socket_report_seconds",
			Help:    "Time from a watch report's arrival to its answer.",
			Buckets: []float64{.01, .05, .1, .15, .2, .3, .5, 1, 2.5, 5, 10},
		}, []string{"outcome"}),
	}
}

func (m *metrics) closed(code int) { m.closes.WithLabelValues(strconv.Itoa(code)).Inc() }
