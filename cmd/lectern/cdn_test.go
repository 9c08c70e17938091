package main

import (
	"strings"
	"testing"
)

func TestConfigRefusesHalfACDN(t *testing.T) {
	secret := strings.Repeat("s", 32)
	whole := []string{"-cdn-url", "https://cdn.example.org, https://cdn2.example.org", "-cdn-key-id", "K1", "-cdn-key", "cdn.pem", "-cdn-secret", secret}
	if _, err := parse(t, nil, whole...); err != nil {
		t.Errorf("a whole one: %v", err)
	}
	for _, tc := range []struct{ args, names string }{
		{"-cdn-key-id= ", "LECTERN_CDN_KEY_ID"},
		{"-cdn-key= ", "LECTERN_CDN_KEY"},
		{"-cdn-secret=short", "LECTERN_CDN_SECRET"},
		{"-cdn-url=https://cdn.example.org/media", "LECTERN_CDN_URL"},
		{"-cdn-url=cdn.example.org", "LECTERN_CDN_URL"},
		{"-edge=lectures", "LECTERN_EDGE"},
		{"-edge-memory=1", "LECTERN_EDGE_MEMORY"},
	} {
		_, err := parse(t, nil, append(whole, strings.TrimSpace(tc.args))...)
		if err == nil || !strings.Contains(err.Error(), tc.names) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", tc.args, err)
		}
	}
}

func TestConfigStore(t *testing.T) {
	for _, tc := range []struct {
		args []string
		fine bool
	}{
		{[]string{"-store", "/mnt/recordings", "-store-keep", "720h"}, true},
		{[]string{"-store", "https://KEY:geheim@s3.example.org/bucket?region=eu-central-1"}, true},
		{[]string{"-store", "https://KEY:geheim@s3.example.org"}, false},
		{[]string{"-store", "s3://geheim/x"}, false},
		{[]string{"-store-keep", "a month"}, false},
	} {
		_, err := parse(t, nil, tc.args...)
		if (err == nil) != tc.fine || err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%v: %v", tc.args, err)
		}
	}
}
