package egress

import (
	"sync/atomic"

	"github.com/pion/logging"
	"github.com/prometheus/client_golang/prometheus"

	"lectern/media"
)

// meters are the package's metrics, over all rooms.
type meters struct {
	packets, bytes prometheus.Counter
	calls, plain   prometheus.Counter
	nacks, resent  prometheus.Counter
	keyframes      prometheus.Counter
	replays        prometheus.Counter
	moves          prometheus.Counter
	refused        prometheus.Counter
	silences       prometheus.Counter
	dropped        *prometheus.CounterVec
	handshakes     *prometheus.CounterVec
	latency        prometheus.Histogram
	runs           *runLengths
}

func newMeters(to prometheus.Registerer, s *Server) (*meters, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "lectern", Subsystem: "egress", Name: name, Help: help})
	}
	vector := func(name, label, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "lectern", Subsystem: "egress", Name: name, Help: help}, []string{label})
	}
	m := &meters{
		packets:    counter("sent_packets_total", "RTP packets sent to attendees, retransmissions excluded."),
		bytes:      counter("sent_bytes_total", "Bytes of those packets, sealed."),
		calls:      counter("send_calls_total", "System calls that sent them."),
		plain:      counter("segmentation_failures_total", "Sockets that do without UDP_SEGMENT because it failed."),
		nacks:      counter("nacked_packets_total", "Packets that attendees asked for again."),
		resent:     counter("resent_packets_total", "Packets sent again; the others were too old or beyond the budget."),
		keyframes:  counter("keyframe_requests_total", "Wishes of attendees for a keyframe; media/sfu counts what was sent of them."),
		replays:    counter("replayed_groups_total", "Joiners who got the present group of pictures from the ring."),
		moves:      counter("address_changes_total", "Attendees who moved to another address by a connectivity check."),
		refused:    counter("refused_control_packets_total", "SRTCP packets that were forged, repeated or malformed."),
		silences:   counter("silences_total", "Attendees of whom nothing was heard for five seconds, so that nothing more was sent to them."),
		dropped:    vector("dropped_packets_total", "reason", "Packets not sent: queue (a worker was behind), send (the socket), tcp (a connection); report and rest were received."),
		handshakes: vector("handshakes_total", "result", "DTLS handshakes, done or failed."),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "lectern", Subsystem: "egress", Name: "forward_seconds",
			Help:    "From the arrival of a round's first packet until the last attendee of the worker was sent it.",
			Buckets: []float64{.001, .002, .003, .005, .01, .02, .05, .1, .2, .5, 1},
		}),
		runs: newRunLengths(),
	}
	if to == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.packets, m.bytes, m.calls, m.plain, m.nacks, m.resent, m.keyframes, m.replays, m.moves, m.refused, m.silences, m.dropped,
		m.handshakes, m.latency, m.runs,
		watching{s},
	} {
		if err := to.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// runLengths is a histogram of how many packets went out in one piece. Workers count without a lock: it is
// asked for every packet's sake.
type runLengths struct {
	desc   *prometheus.Desc
	counts [runPackets + 1]atomic.Uint64
}

// runBuckets are the upper bounds, in packets.
var runBuckets = []int{1, 2, 4, 6, 8, 12, 16, 32, runPackets}

func newRunLengths() *runLengths {
	return &runLengths{desc: prometheus.NewDesc("lectern_egress_run_packets", "Packets that went out in one piece.", nil, nil)}
}

func (r *runLengths) observe(packets int) { r.counts[packets].Add(1) }

// Describe implements prometheus.Collector.
func (r *runLengths) Describe(c chan<- *prometheus.Desc) { c <- r.desc }

// Collect implements prometheus.Collector.
func (r *runLengths) Collect(c chan<- prometheus.Metric) {
	buckets := map[float64]uint64{}
	var count, sum uint64
	next := 0
	for n := range r.counts {
		k := r.counts[n].Load()
		count += k
		sum += k * uint64(n)
		if n == runBuckets[next] {
			buckets[float64(n)] = count
			next = min(next+1, len(runBuckets)-1)
		}
	}
	c <- prometheus.MustNewConstHistogram(r.desc, count, float64(sum), buckets)
}

// watching counts the attendees by what they see.
type watching struct{ server *Server }

var watchingDesc = prometheus.NewDesc("lectern_egress_attendees", "Sessions open now, by the layer they see; none is sound only, or not connected yet.", []string{"layer"}, nil)

// Describe implements prometheus.Collector.
func (watching) Describe(c chan<- *prometheus.Desc) { c <- watchingDesc }

// Collect implements prometheus.Collector.
func (w watching) Collect(c chan<- prometheus.Metric) {
	var counts [media.Layers + 1]int
	for _, a := range w.server.all() {
		counts[a.shown.Load()]++
	}
	for l, n := range counts {
		name := "none"
		if l < int(media.Layers) {
			name = media.Layer(l).RID()
		}
		c <- prometheus.MustNewConstMetric(watchingDesc, prometheus.GaugeValue, float64(n), name)
	}
}

// quiet keeps pion silent: its messages may hold addresses of persons, and what matters of them is returned.
type quiet struct{}

func (quiet) NewLogger(string) logging.LeveledLogger { return silence{} }

type silence struct{}

func (silence) Trace(string)          {}
func (silence) Tracef(string, ...any) {}
func (silence) Debug(string)          {}
func (silence) Debugf(string, ...any) {}
func (silence) Info(string)           {}
func (silence) Infof(string, ...any)  {}
func (silence) Warn(string)           {}
func (silence) Warnf(string, ...any)  {}
func (silence) Error(string)          {}
func (silence) Errorf(string, ...any) {}
