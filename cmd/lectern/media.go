package main

import (
	"fmt"
	"log/slog"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/media/egress"
	"lectern/media/sfu"
)

// newMedia opens the port of WebRTC. Presenters are PeerConnections of the forwarder. Attendees have the light
// transport, which reads the port and hands on what is not theirs, or, by LECTERN_ATTENDEES=peer, are
// PeerConnections too, and the first result is nil.
func newMedia(c config, log *slog.Logger, metrics prometheus.Registerer, onPublish func(string, bool), onPanel func(string)) (*egress.Server, *sfu.Server, error) {
	cfg := sfu.Config{UDPAddr: c.MediaAddr, AdvertiseIPs: fields(c.MediaIPs), Log: log, Metrics: metrics, OnPublish: onPublish, OnPanel: onPanel}
	if c.Attendees == "peer" {
		forwarder, err := sfu.New(cfg)
		return nil, forwarder, err
	}
	light, err := egress.New(egress.Config{
		UDPAddr: c.MediaAddr, TCP: c.mediaTCP(), AdvertiseIPs: cfg.AdvertiseIPs, Log: log, Metrics: metrics,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("LECTERN_MEDIA_ADDR: %w", err)
	}
	for _, rest := range light.Rest() {
		cfg.Ports = append(cfg.Ports, rest)
	}
	cfg.ListenersTCP = light.RestTCP()
	forwarder, err := sfu.New(cfg)
	return light, forwarder, err
}

// mediaTCP reports whether media may come over TCP on the number of the media port too (ICE-TCP, RFC 6544): not
// where the pages have it, on which TURN serves those without UDP.
func (c config) mediaTCP() bool {
	_, pages, _ := net.SplitHostPort(c.Addr)
	_, media, _ := net.SplitHostPort(c.MediaAddr)
	return media != pages
}
