package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyWithin bounds one question of /readyz, so that a hanging part makes us unready instead of waiting.
const readyWithin = 2 * time.Second

// AdminHandler serves operators: /livez answers as long as the process can, /readyz asks what the server cannot
// do without, /metrics is for Prometheus, /debug/pprof/ for profiles. It has no authentication and belongs on a
// listener that is bound to loopback or a private network (trust S-31).
func (s *Server) AdminHandler(metrics prometheus.Gatherer) http.Handler {
	return adminHandler(metrics,
		check{"database", s.db.Ping},
		check{"recordings", func(context.Context) error { return s.desk.Ready() }},
		check{"lectures", func(context.Context) error {
			select {
			case <-s.resumed:
				return nil
			default:
				return errors.New("what was on air is being taken up")
			}
		}})
}

// check is one thing without which the server cannot do its work.
type check struct {
	name string
	ask  func(context.Context) error
}

func adminHandler(metrics prometheus.Gatherer, checks ...check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answerText(w, http.StatusOK, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
		defer cancel()
		var failed error
		for _, c := range checks {
			if err := c.ask(ctx); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", c.name, err))
			}
		}
		if failed != nil {
			answerText(w, http.StatusServiceUnavailable, failed.Error()+"\n")
			return
		}
		answerText(w, http.StatusOK, "ok\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

func answerText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client may have left
}
