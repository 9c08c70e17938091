package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"os"
	"time"

	"lectern/loadtest"
	"lectern/media/access"
	"lectern/media/edge"
)

// edgeCommand runs an edge in front of an origin.
const edgeCommand = "hls-edge"

// What the edge that we start and its viewers agree on. It lets in for so long as a grant lasts, less the time to begin.
const (
	edgePath   = "/hls/load/"
	edgeHost   = "http://edge"
	edgeKeyID  = "loadtest"
	edgeSecret = "known to everybody on this machine"
	grantLasts = access.Life - time.Minute
)

// startEdge starts an edge in a process of its own, and returns the cookies with which it lets everybody in.
func startEdge(ctx context.Context, origin string) (c *child, cookie string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	file, err := os.CreateTemp("", "loadtest-edge-*.pem")
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err = file.Write(text); err != nil {
		return nil, "", err
	}
	if err = file.Close(); err != nil {
		return nil, "", err
	}
	signer, err := access.NewSigner(edgeKeyID, text, edgeSecret)
	if err != nil {
		return nil, "", err
	}
	g, _, err := signer.Sign(edgeHost+edgePath, access.TokenViewer+"everybody", time.Now())
	if err != nil {
		return nil, "", err
	}
	c, err = startChild(ctx, edgeCommand, "-origin", origin, "-key", file.Name())
	return c, loadtest.CookieOf(g.Policy, g.Signature, g.KeyID, g.Viewer), err
}

func serveEdge(ctx context.Context, args []string) error {
	f := flag.NewFlagSet(edgeCommand, flag.ContinueOnError)
	origin := f.String("origin", "", "")
	keyFile := f.String("key", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	key, err := os.ReadFile(*keyFile)
	if err != nil {
		return err
	}
	verifier, err := access.NewVerifier(edgeKeyID, key, edgeSecret)
	if err != nil {
		return err
	}
	e, err := edge.New(edge.Config{Origin: *origin, URL: edgeHost, Verifier: verifier, Secret: edgeSecret})
	if err != nil {
		return err
	}
	at := func(context.Context) error { return nil }
	return serveChild(ctx, e, at, e.Run)
}
