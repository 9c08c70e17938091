package egress

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMetrics watches for a while and reads what /metrics would show.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := serve(t, func(c *Config) { c.Metrics = registry })
	v := newScreen(t, s, all3(t), peerOptions{})
	eventually(t, "pictures", func() bool { return len(v.pictures()) > 100 && v.shows(2) })
	values := map[string]float64{}
	eventually(t, "an attendee who sees the best layer", func() bool {
		families, err := registry.Gather()
		must(t, err)
		for _, f := range families {
			if !strings.HasPrefix(f.GetName(), "lectern_egress_") || f.GetHelp() == "" {
				t.Errorf("metric %s", f.GetName())
			}
			for _, m := range f.GetMetric() {
				name := f.GetName()
				for _, l := range m.GetLabel() {
					name += " " + l.GetValue()
				}
				values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
			}
		}
		return values["lectern_egress_attendees f"] == 1
	})
	for _, name := range []string{
		"lectern_egress_sent_packets_total", "lectern_egress_sent_bytes_total", "lectern_egress_send_calls_total", "lectern_egress_run_packets",
		"lectern_egress_forward_seconds", "lectern_egress_handshakes_total done",
	} {
		if values[name] <= 0 {
			t.Errorf("%s is %g", name, values[name])
		}
	}
	if runs, packets := values["lectern_egress_run_packets"], values["lectern_egress_sent_packets_total"]; runs < packets {
		t.Errorf("runs of %g packets for %g", runs, packets)
	}
	if _, err := New(Config{UDPAddr: "127.0.0.1:0", Metrics: registry}); err == nil {
		t.Error("registered twice")
	}
}
