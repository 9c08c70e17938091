package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeKeys makes a pair of keys for the CDN, as openssl writes them.
func writeKeys(t *testing.T) (private, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	half, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	private, public = filepath.Join(dir, "cdn.pem"), filepath.Join(dir, "cdn.pub.pem")
	for name, block := range map[string]*pem.Block{
		private: {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}, public: {Type: "PUBLIC KEY", Bytes: half},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return private, public
}

// TestServeEdge starts an edge with the public key alone: it needs neither database nor data folder.
func TestServeEdge(t *testing.T) {
	_, public := writeKeys(t)
	i := install(t)
	i.env["LECTERN_DATA"] = filepath.Join(t.TempDir(), "none")
	i.env["LECTERN_EDGE"] = "http://127.0.0.1:1"
	i.env["LECTERN_CDN_KEY_ID"], i.env["LECTERN_CDN_KEY"] = "KEY1", public
	i.env["LECTERN_CDN_SECRET"] = strings.Repeat("s", 32)
	_, stop := i.serve()
	if got := getStatus(t, "http://"+i.env["LECTERN_ADDR"]+"/hls/some/index.m3u8", ""); got != http.StatusForbidden {
		t.Errorf("without cookies: %d", got)
	}
	if got := getStatus(t, "http://"+i.env["LECTERN_ADDR"]+"/sign-in", ""); got != http.StatusNotFound {
		t.Errorf("a page: %d", got)
	}
	res, err := http.Get("http://" + i.env["LECTERN_ADMIN_ADDR"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); !strings.Contains(string(b), `lectern_edge_answers_total{status="4xx"} 2`) {
		t.Errorf("figures: %s", b)
	}
	stop()
	if _, err := os.Stat(i.env["LECTERN_DATA"]); err == nil {
		t.Error("an edge made a data folder")
	}
	i.env["LECTERN_CDN_KEY"] = filepath.Join(t.TempDir(), "missing.pem")
	if err := run(context.Background(), []string{"serve"}, i.terminal(io.Discard)); err == nil || !strings.Contains(err.Error(), "LECTERN_CDN_KEY") {
		t.Errorf("without a key: %v", err)
	}
}
