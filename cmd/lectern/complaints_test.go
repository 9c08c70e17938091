package main

import (
	"log/slog"
	"strings"
	"testing"
)

func TestComplaintsNameNoClient(t *testing.T) {
	var out strings.Builder
	log := complaints(slog.New(slog.NewTextHandler(&out, nil)))
	log.Printf("http: TLS handshake error from %s: EOF", "203.0.113.77:51234")
	log.Printf("http: TLS handshake error from %s: remote error: tls: bad certificate", "[2001:db8::77%eth0]:51234")
	got := out.String()
	// The whole addresses are looked for: a bare 77 is also part of one time stamp in some.
	named := strings.Contains(got, "203.0.113") || strings.Contains(got, "2001:db8") || strings.Contains(got, "51234")
	if strings.Count(got, "level=WARN") != 2 || named || strings.Count(got, "error from [client]: ") != 2 {
		t.Errorf("log:\n%s", got)
	}
}
