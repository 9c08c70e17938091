package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"lectern/media/relay"
)

// finishTURN puts the address of TURN in the place of "auto", and nothing in the place of "off". With auto it is on the
// port of the pages, unless a proxy takes off the TLS before us: that would not understand it.
func (c *config) finishTURN(u *url.URL) error {
	switch {
	case c.TURN == "off", c.TURN == "auto" && c.TLS == "off" && u.Scheme == "https":
		c.TURN = ""
	case c.TURN == "auto":
		scheme, port := "turn", "80"
		if u.Scheme == "https" {
			scheme, port = "turns", "443"
		}
		if u.Port() != "" {
			port = u.Port()
		}
		c.TURN = scheme + ":" + net.JoinHostPort(u.Hostname(), port) + "?transport=tcp"
	case !strings.HasPrefix(c.TURN, "turn:") && !strings.HasPrefix(c.TURN, "turns:"), !strings.HasSuffix(c.TURN, "?transport=tcp"):
		return fmt.Errorf("LECTERN_TURN %q: want auto, off, or a URL such as turns:turn.example.org:443?transport=tcp", c.TURN)
	}
	return nil
}

// newRelay makes the TURN server in front of the media sockets, or nil where it is off.
func newRelay(c config, sockets []string, log *slog.Logger, metrics prometheus.Registerer) (*relay.Server, error) {
	if c.TURN == "" {
		return nil, nil
	}
	key, err := secret(c)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("relay"))
	cfg := relay.Config{Secret: mac.Sum(nil), Log: log, Metrics: metrics}
	for _, s := range sockets {
		a, err := netip.ParseAddrPort(s)
		if err != nil {
			return nil, fmt.Errorf("media socket: %w", err)
		}
		cfg.Peers = append(cfg.Peers, a)
	}
	for _, s := range fields(c.MediaIPs) {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("LECTERN_MEDIA_IPS %q: want addresses such as 203.0.113.7", s)
		}
		cfg.Advertised = append(cfg.Advertised, a)
	}
	return relay.New(cfg)
}
