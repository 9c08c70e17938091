package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSelfSigned does a real handshake, and sees that a second start keeps the certificate until it is old.
func TestSelfSigned(t *testing.T) {
	c := config{TLS: "self-signed", URL: "https://lectures.example.org", Data: t.TempDir()}
	now := time.Now()
	server, err := tlsConfig(c, now)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	first, err := os.ReadFile(filepath.Join(c.Data, "tls", "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(first)
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{RootCAs: roots, ServerName: "lectures.example.org"}}
	conn, err := dialer.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()

	for _, tc := range []struct {
		at   time.Time
		same bool
	}{{now, true}, {now.AddDate(0, 11, 20), false}} {
		if _, err := tlsConfig(c, tc.at); err != nil {
			t.Fatal(err)
		}
		again, err := os.ReadFile(filepath.Join(c.Data, "tls", "cert.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if same := string(again) == string(first); same != tc.same {
			t.Errorf("at %s: kept the certificate is %v, want %v", tc.at, same, tc.same)
		}
	}
}
