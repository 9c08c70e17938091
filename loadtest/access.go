package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Admit asks a running server for leave to fetch a lecture from its CDN, and returns the address of the master playlist
// there and the cookies. The token is that of an attendee.
func Admit(ctx context.Context, base, course, token string) (master, cookie string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/courses/"+course+"/access", nil)
	if err != nil {
		return "", "", err
	}
	authorise(r, token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return "", "", fmt.Errorf("ask for access: %s", res.Status)
	}
	var view struct {
		Hosts []struct {
			Base  string `json:"base"`
			Grant *struct {
				Policy    string `json:"policy"`
				Signature string `json:"signature"`
				KeyID     string `json:"key_id"`
				Viewer    string `json:"viewer"`
			} `json:"grant"`
		} `json:"hosts"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&view); err != nil {
		return "", "", fmt.Errorf("ask for access: %w", err)
	}
	if len(view.Hosts) == 0 || view.Hosts[0].Grant == nil {
		return "", "", errors.New("the server has no CDN on a host of its own: set LECTERN_CDN_URL, or leave out -edge")
	}
	g := view.Hosts[0].Grant
	return view.Hosts[0].Base + "index.m3u8", CookieOf(g.Policy, g.Signature, g.KeyID, g.Viewer), nil
}

// CookieOf is the Cookie header of somebody with a grant.
func CookieOf(policy, signature, keyID, viewer string) string {
	return "CloudFront-Policy=" + policy + "; CloudFront-Signature=" + signature + "; CloudFront-Key-Pair-Id=" + keyID +
		"; CloudFront-Hash-Algorithm=SHA256; Lectern-Viewer=" + viewer
}
