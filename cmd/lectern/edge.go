package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lectern/media/access"
	"lectern/media/edge"
	"lectern/media/relay"
)

// serveEdge is serve for LECTERN_EDGE: no database, no rooms, only a cache in front of another Lectern.
func serveEdge(ctx context.Context, c config, t terminal, log *slog.Logger) error {
	key, err := os.ReadFile(c.CDNKey)
	if err != nil {
		return fmt.Errorf("LECTERN_CDN_KEY: %w", err)
	}
	verifier, err := access.NewVerifier(c.CDNKeyID, key, c.CDNSecret)
	if err != nil {
		return fmt.Errorf("LECTERN_CDN_KEY %s: %w", c.CDNKey, err)
	}
	megabytes, err := strconv.ParseInt(c.EdgeMB, 10, 32)
	if err != nil {
		return fmt.Errorf("LECTERN_EDGE_MEMORY: %w", err)
	}
	var secure *tls.Config
	if c.TLS != "off" {
		if err := os.MkdirAll(c.Data, 0o711); err != nil { // for certificates
			return fmt.Errorf("data folder: %w", err)
		}
		if secure, err = tlsConfig(c, time.Now()); err != nil {
			return err
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	e, err := edge.New(edge.Config{
		Origin: c.Edge, URL: c.URL, Verifier: verifier, Secret: c.CDNSecret, Memory: megabytes << 20, Log: log, Metrics: registry,
	})
	if err != nil {
		return err
	}
	front, err := listen(c.Addr, e, secure, relay.SplitConfig{}, log)
	if err != nil {
		return err
	}
	admin, err := listen(c.AdminAddr, edgeAdmin(registry), nil, relay.SplitConfig{}, log)
	if err != nil {
		return errors.Join(err, front.listener.Close())
	}
	fmt.Fprintf(t.out, "Lectern's edge of %s is ready at %s (Ctrl-C stops it; health at http://%s/readyz)\n", c.Edge, c.URL, c.AdminAddr)
	return runStages(ctx, []stage{
		{"edge", e.Run},
		{"admin listener", admin.run},
		{"listener", front.run},
	})
}

// edgeAdmin says that the edge lives. It is ready whether or not its origin answers: what it holds, it serves.
func edgeAdmin(metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	fine := func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") }
	mux.HandleFunc("GET /livez", fine)
	mux.HandleFunc("GET /readyz", fine)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}
