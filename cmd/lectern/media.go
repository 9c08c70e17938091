package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/media/egress"
	"lectern/media/sfu"
)

// transports are what speaks WebRTC.
type transports struct {
	egress  *egress.Server // nil when attendees are PeerConnections
	sfu     *sfu.Server
	takeTCP func(net.Conn) // takes over ICE-TCP on the port of the pages; nil where it comes elsewhere
}

// newMedia opens the port of WebRTC. Presenters are PeerConnections of the forwarder. Attendees have the light
// transport, which reads the port and hands on what is not theirs, or, by LECTERN_ATTENDEES=peer, are PeerConnections too.
func newMedia(c config, log *slog.Logger, metrics prometheus.Registerer, onPublish func(string, bool), onPanel func(string)) (transports, error) {
	cfg := sfu.Config{UDPAddr: c.MediaAddr, AdvertiseIPs: fields(c.MediaIPs), Log: log, Metrics: metrics, OnPublish: onPublish, OnPanel: onPanel}
	own, shared := c.mediaTCP()
	m := transports{}
	if c.Attendees == "peer" {
		if shared {
			h := newHanded(c.Addr)
			cfg.ListenersTCP = []net.Listener{h}
			m.takeTCP = h.give
		}
		var err error
		m.sfu, err = sfu.New(cfg)
		return m, err
	}
	light, err := egress.New(egress.Config{
		UDPAddr: c.MediaAddr, TCP: own, SharedTCP: shared, AdvertiseIPs: cfg.AdvertiseIPs, Log: log, Metrics: metrics,
	})
	if err != nil {
		return m, fmt.Errorf("LECTERN_MEDIA_ADDR: %w", err)
	}
	for _, rest := range light.Rest() {
		cfg.Ports = append(cfg.Ports, rest)
	}
	cfg.ListenersTCP = light.RestTCP()
	m.egress = light
	if shared {
		m.takeTCP = light.Take
	}
	m.sfu, err = sfu.New(cfg)
	return m, err
}

// mediaTCP says how media comes over TCP on the number of the media port (ICE-TCP, RFC 6544): by listeners of its own, or
// by the one of the pages when that has the number on the same addresses.
func (c config) mediaTCP() (own, shared bool) {
	pagesHost, pages, _ := net.SplitHostPort(c.Addr)
	mediaHost, media, _ := net.SplitHostPort(c.MediaAddr)
	if media != pages || media == "0" {
		return true, false
	}
	ip, err := netip.ParseAddr(pagesHost)
	everywhere := pagesHost == "" || err == nil && ip.IsUnspecified()
	return !everywhere && pagesHost != mediaHost, everywhere || pagesHost == mediaHost
}

// handed is a net.Listener whose connections somebody else has accepted.
type handed struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
	addr  net.Addr
}

// handedWaiting is how many connections may wait to be accepted; more are closed.
const handedWaiting = 64

func newHanded(address string) *handed {
	h := &handed{conns: make(chan net.Conn, handedWaiting), done: make(chan struct{}), addr: &net.TCPAddr{}}
	if a, err := net.ResolveTCPAddr("tcp", address); err == nil {
		h.addr = a
	}
	return h
}

func (h *handed) give(c net.Conn) {
	select {
	case <-h.done:
	case h.conns <- c:
		return
	default:
	}
	_ = c.Close()
}

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.close.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handed) Addr() net.Addr { return h.addr }
