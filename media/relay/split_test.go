package relay

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// certificate is good for every test that does not look.
func certificate(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost", "turn.localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"h2", "http/1.1"},
	}
}

// crossing is a splitter with all three protocols behind it: HTTP says what it was asked, the others say their name and
// then repeat what they get.
func crossing(t testing.TB, secure *tls.Config, change ...func(*Splitter)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	repeat := func(name string) func(net.Conn) {
		return func(c net.Conn) {
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, name)
				_, _ = io.Copy(c, c)
			}()
		}
	}
	s := Split(l, SplitConfig{TLS: secure, TURN: repeat("turn:"), ICE: repeat("ice:")})
	for _, f := range change {
		f(s)
	}
	web := &http.Server{TLSConfig: secure, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "http:"+r.Proto+" "+r.URL.Path)
	})}
	ctx, cancel := context.WithCancel(context.Background())
	split, served := make(chan error, 1), make(chan error, 1)
	go func() { split <- s.Run(ctx) }()
	go func() { served <- web.Serve(s) }()
	t.Cleanup(func() {
		_ = web.Close() // closes the splitter too
		<-served
		if err := <-split; err != nil {
			t.Error(err)
		}
		cancel()
	})
	return l.Addr().String()
}

// ask sends bytes and reads until the other side is silent for good.
func ask(t testing.TB, c net.Conn, words []byte) []byte {
	t.Helper()
	defer c.Close()
	_, _ = c.Write(words) // it may be closed already
	_ = c.(interface{ CloseWrite() error }).CloseWrite()
	must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	said, err := io.ReadAll(c)
	if err != nil && !isReset(err) {
		t.Fatal(err)
	}
	return said
}

func TestSplitPlain(t *testing.T) {
	at := crossing(t, nil)
	message := binding(t)
	framedMessage := append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	for _, tc := range []struct {
		name        string
		sends, want []byte
	}{
		{"TURN", message, append([]byte("turn:"), message...)},
		{"ICE-TCP", framedMessage, append([]byte("ice:"), framedMessage...)},
		{"garbage", []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, append([]byte("turn:"), make([]byte, 12)...)},
		{"too short", []byte{0, 1}, nil},
		{"nothing", nil, nil},
	} {
		c, err := net.Dial("tcp4", at)
		must(t, err)
		if got := ask(t, c, tc.sends); !bytes.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	r, err := http.Get("http://" + at + "/watch")
	must(t, err)
	defer r.Body.Close()
	if body, _ := io.ReadAll(r.Body); string(body) != "http:HTTP/1.1 /watch" {
		t.Errorf("got %q", body)
	}
}

func TestSplitTLS(t *testing.T) {
	secure := certificate(t)
	at := crossing(t, secure)
	message := binding(t)
	for _, tc := range []struct {
		name, host string
		protocols  []string
		sends      []byte
		want       string
	}{
		{"ALPN of TURN", "localhost", []string{ALPN}, message, "turn:" + string(message)},
		{"server name of TURN", "turn.localhost", nil, message, "turn:" + string(message)},
		{"browser's TURN: first bytes", "localhost", nil, message, "turn:" + string(message)},
		{"HTTP of old", "localhost", nil, []byte("GET /old HTTP/1.0\r\n\r\n"), "http:HTTP/1.0 /old"},
		{"HTTP/1.1 by ALPN", "localhost", []string{"http/1.1"}, []byte("GET /new HTTP/1.0\r\n\r\n"), "http:HTTP/1.0 /new"},
		{"HTTP on TURN's name", "turn.localhost", []string{"http/1.1"}, []byte("GET /name HTTP/1.0\r\n\r\n"), "http:HTTP/1.0 /name"},
	} {
		c, err := tls.Dial("tcp4", at, &tls.Config{InsecureSkipVerify: true, ServerName: tc.host, NextProtos: tc.protocols})
		must(t, err)
		if got := ask(t, c, tc.sends); !bytes.HasSuffix(got, []byte(tc.want)) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	framedMessage := append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	for name, tc := range map[string]struct{ sends, want []byte }{
		"ICE-TCP, which has no TLS":  {framedMessage, append([]byte("ice:"), framedMessage...)},
		"TURN without TLS":           {message, nil},
		"HTTP without TLS":           {[]byte("GET / HTTP/1.0\r\n\r\n"), nil},
		"less than would be ICE-TCP": {framedMessage[:9], nil},
	} {
		c, err := net.Dial("tcp4", at)
		must(t, err)
		if got := ask(t, c, tc.sends); string(got) != string(tc.want) && (tc.want != nil || bytes.Contains(got, []byte(":"))) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	r, err := client.Get("https://" + at + "/two")
	must(t, err)
	defer r.Body.Close()
	if body, _ := io.ReadAll(r.Body); string(body) != "http:HTTP/2.0 /two" || r.TLS == nil {
		t.Errorf("got %q", body)
	}
}

// TestSplitWithoutTURN has ICE-TCP beside HTTP alone.
func TestSplitWithoutTURN(t *testing.T) {
	message := binding(t)
	framedMessage := append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	for name, secure := range map[string]*tls.Config{"plain": nil, "TLS": certificate(t)} {
		at := crossing(t, secure, func(s *Splitter) { s.turn = nil })
		for _, tc := range []struct{ sends, want []byte }{{message, nil}, {framedMessage, append([]byte("ice:"), framedMessage...)}} {
			c, err := net.Dial("tcp4", at)
			must(t, err)
			if got := ask(t, c, tc.sends); !bytes.Equal(got, tc.want) {
				t.Errorf("%s: got %q, want %q", name, got, tc.want)
			}
		}
	}
}

func TestSilentConnectionIsClosed(t *testing.T) {
	for name, secure := range map[string]*tls.Config{"plain": nil, "TLS": certificate(t)} {
		at := crossing(t, secure, func(s *Splitter) { s.within = 50 * time.Millisecond })
		c, err := net.Dial("tcp4", at)
		must(t, err)
		must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !isReset(err) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, c.Close())
	}
}

func TestTooManyUndecidedAreClosed(t *testing.T) {
	at := crossing(t, nil, func(s *Splitter) { s.undecided = make(chan struct{}, 1) })
	first, err := net.Dial("tcp4", at)
	must(t, err)
	defer first.Close()
	second, err := net.Dial("tcp4", at)
	must(t, err)
	defer second.Close()
	must(t, second.SetReadDeadline(time.Now().Add(10*time.Second)))
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !isReset(err) {
		t.Errorf("the second of one: %v", err)
	}
}

// FuzzSplit holds that each protocol gets every byte that was sent, and that the first byte alone parts HTTP from the rest.
func FuzzSplit(f *testing.F) {
	message := binding(f)
	f.Add(message)
	f.Add(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	f.Add([]byte{0x16, 3, 1, 0, 200})
	at := crossing(f, nil)
	f.Fuzz(func(t *testing.T, sent []byte) {
		c, err := net.Dial("tcp4", at)
		must(t, err)
		got := ask(t, c, sent)
		switch {
		case len(sent) > 0 && sent[0] >= 4:
			if bytes.HasPrefix(got, []byte("turn:")) || bytes.HasPrefix(got, []byte("ice:")) {
				t.Fatalf("% x went to %q", sent, got[:5])
			}
		case len(sent) < iceHead:
			if len(got) > 0 {
				t.Fatalf("% x is answered by %q", sent, got)
			}
		default:
			_, rest, _ := bytes.Cut(got, []byte(":"))
			if !bytes.Equal(rest, sent) && !bytes.HasPrefix(sent, rest) {
				t.Fatalf("% x arrived as % x", sent, rest)
			}
		}
	})
}
