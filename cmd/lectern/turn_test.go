package main

import (
	"log/slog"
	"strings"
	"testing"
)

func TestTURNAddress(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "turn:127.0.0.1:8080?transport=tcp"},
		{[]string{"-turn", "off"}, ""},
		{[]string{"-addr", ":443", "-tls", "self-signed", "-url", "https://lectures.example.org"}, "turns:lectures.example.org:443?transport=tcp"},
		{[]string{"-addr", "[::1]:80"}, "turn:[::1]:80?transport=tcp"},
		{[]string{"-url", "https://lectures.example.org"}, ""}, // a proxy takes off the TLS
		{[]string{"-url", "https://lectures.example.org", "-turn", "turns:turn.example.org:443?transport=tcp"}, "turns:turn.example.org:443?transport=tcp"},
	} {
		if c, err := parse(t, nil, tc.args...); err != nil || c.TURN != tc.want {
			t.Errorf("%v: got %q, %v; want %q", tc.args, c.TURN, err, tc.want)
		}
	}
	for _, wrong := range []string{"on", "turn.example.org", "stun:turn.example.org:3478", "turn:turn.example.org:3478?transport=udp"} {
		if _, err := parse(t, nil, "-turn", wrong); err == nil || !strings.Contains(err.Error(), "LECTERN_TURN") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestNewRelay(t *testing.T) {
	c := config{TURN: "turn:127.0.0.1:8080?transport=tcp", Secret: strings.Repeat("s", 32)}
	if r, err := newRelay(c, []string{"127.0.0.1:8080", "[fe80::1%lo]:8080"}, slog.New(slog.DiscardHandler), nil); err != nil || r == nil {
		t.Errorf("got %v, %v", r, err)
	}
	c.MediaIPs = "media.example.org"
	if _, err := newRelay(c, []string{"127.0.0.1:8080"}, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), "LECTERN_MEDIA_IPS") {
		t.Errorf("a name among the addresses: %v", err)
	}
	c.TURN = ""
	if r, err := newRelay(c, nil, nil, nil); r != nil || err != nil {
		t.Errorf("off: got %v, %v", r, err)
	}
}
