package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"lectern/media/access"
	"lectern/web"
)

// minEdgeMB holds a minute of one lecture.
const minEdgeMB = 32

// finishCDN refuses half a CDN: a key that signs nothing, or hosts for which nothing is signed.
func (c *config) finishCDN() error {
	if c.CDNURL == "" && c.Edge == "" {
		return nil
	}
	for _, host := range fields(c.CDNURL) {
		if !isHostURL(host) {
			return fmt.Errorf("LECTERN_CDN_URL %q: want URLs without a path, such as https://cdn.example.org", host)
		}
	}
	if c.CDNKeyID == "" || c.CDNKey == "" {
		return errors.New("LECTERN_CDN_KEY_ID and LECTERN_CDN_KEY are needed with LECTERN_CDN_URL or LECTERN_EDGE; make a key with: openssl genrsa -out cdn.pem 2048")
	}
	if len(c.CDNSecret) < 32 {
		return errors.New("LECTERN_CDN_SECRET: want at least 32 characters, for example from: openssl rand -hex 32")
	}
	if c.Edge != "" && !isHostURL(c.Edge) {
		return fmt.Errorf("LECTERN_EDGE %q: want the origin's URL without a path, such as https://lectures.example.org", c.Edge)
	}
	if mb, err := strconv.Atoi(c.EdgeMB); err != nil || mb < minEdgeMB {
		return fmt.Errorf("LECTERN_EDGE_MEMORY %q: want megabytes, %d or more", c.EdgeMB, minEdgeMB)
	}
	return nil
}

func isHostURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && strings.Trim(u.Path, "/") == "" && u.RawQuery == ""
}

// newCDN reads the key with which cookies of the CDN are signed; nil without a CDN.
func newCDN(c config) (*web.CDN, error) {
	if c.CDNURL == "" {
		return nil, nil
	}
	key, err := os.ReadFile(c.CDNKey)
	if err != nil {
		return nil, fmt.Errorf("LECTERN_CDN_KEY: %w", err)
	}
	signer, err := access.NewSigner(c.CDNKeyID, key, c.CDNSecret)
	if err != nil {
		return nil, fmt.Errorf("LECTERN_CDN_KEY %s: %w", c.CDNKey, err)
	}
	return &web.CDN{URLs: fields(c.CDNURL), Signer: signer, Secret: c.CDNSecret}, nil
}
