package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/pprof"

	"golang.org/x/sync/errgroup"

	"lectern/media/egress"
	"lectern/media/sfu"
)

// serverCommand runs the forwarder alone: the parts of media that make up the live path, behind the least of
// WHIP and WHEP. Its first line of output is its address; it ends with its input.
const serverCommand = "sfu-server"

// maxOffer bounds what is posted.
const maxOffer = 64 << 10

// session is what both kinds of attendees and the publisher have.
type session interface {
	ID() string
	Close()
}

func serve(ctx context.Context, args []string) error {
	f := flag.NewFlagSet(serverCommand, flag.ContinueOnError)
	via := f.String("via", "egress", "")
	profile := f.String("profile", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
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
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(forwarder, attendees, *via == "peer")}
	var all errgroup.Group
	all.Go(func() error { return forwarder.Run(ctx) })
	all.Go(func() error { return attendees.Run(ctx) })
	all.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	all.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	fmt.Printf("http://%s\n", listener.Addr())
	return all.Wait()
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
