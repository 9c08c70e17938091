package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"runtime/pprof"

	"lectern/media/egress"
	"lectern/media/sfu"
)

// serverCommand runs the forwarder alone: the parts of media that make up the live path, behind the least of
// WHIP and WHEP.
const serverCommand = "sfu-server"

// What serves attendees, by the names of the server's own setting.
const (
	viaLight = "light" // media/egress
	viaPeer  = "peer"  // a PeerConnection each
)

// maxOffer bounds what is posted.
const maxOffer = 64 << 10

// session is what both kinds of attendees and the publisher have.
type session interface {
	ID() string
	Close()
}

func serve(ctx context.Context, args []string) error {
	f := flag.NewFlagSet(serverCommand, flag.ContinueOnError)
	via := f.String("via", viaLight, "")
	profile := f.String("profile", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *profile != "" {
		to, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer func() { _ = to.Close() }()
		if err := pprof.StartCPUProfile(to); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	forwarder, err := sfu.New(sfu.Config{UDPAddr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	attendees, err := egress.New(egress.Config{UDPAddr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	return serveChild(ctx, routes(forwarder, attendees, *via == viaPeer), func(context.Context) error { return nil },
		forwarder.Run, attendees.Run)
}

func routes(forwarder *sfu.Server, attendees *egress.Server, peers bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /whip/{room}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(offer string) (string, session, error) {
			return open(forwarder.Publish(r.Context(), r.PathValue("room"), offer, sfu.PublishOptions{}))
		})
	})
	mux.HandleFunc("POST /whep/{room}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(offer string) (string, session, error) {
			room := r.PathValue("room")
			if peers {
				return open(forwarder.Subscribe(r.Context(), room, offer, sfu.SubscribeOptions{}))
			}
			return open(attendees.Subscribe(r.Context(), room, forwarder.Room(room), offer, egress.SubscribeOptions{}))
		})
	})
	mux.HandleFunc("DELETE /{kind}/{room}/{session}", func(w http.ResponseWriter, r *http.Request) {
		if s, ok := forwarder.Session(r.PathValue("session")); ok {
			s.Close()
		} else if s, ok := attendees.Session(r.PathValue("session")); ok {
			s.Close()
		}
		w.WriteHeader(http.StatusOK)
	})
	return mux
}

// open gives the results of Publish and Subscribe one type.
func open[S session](text string, s S, err error) (string, session, error) { return text, s, err }

func answer(w http.ResponseWriter, r *http.Request, open func(offer string) (string, session, error)) {
	offer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOffer))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text, s, err := open(string(offer))
	switch {
	case errors.Is(err, egress.ErrNotPublished) || errors.Is(err, sfu.ErrNotPublished):
		http.Error(w, err.Error(), http.StatusConflict)
	case errors.Is(err, egress.ErrFull) || errors.Is(err, sfu.ErrFull):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.Header().Set("Location", r.URL.Path+"/"+s.ID())
		w.Header().Set("Content-Type", "application/sdp")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, text)
	}
}
