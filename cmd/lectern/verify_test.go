package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestVerifyHLS prints what is wrong, and fails then.
func TestVerifyHLS(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/list.m3u8" || r.Header.Get("Authorization") != "Bearer secret" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2.0,\na.m4s\n#EXT-X-ENDLIST\n")
	}))
	defer server.Close()
	var out, complaints bytes.Buffer
	err := run(t.Context(), []string{"verify-hls", "-token", "secret", server.URL + "/list.m3u8"}, terminal{out: &out, err: &complaints})
	if !errors.Is(err, errFaults) || !strings.Contains(out.String(), "list.m3u8: target-duration: segment 0 lasts 2s") || !strings.Contains(out.String(), "2 violations\n") {
		t.Errorf("%v\n%s%s", err, &out, &complaints)
	}
	for _, args := range [][]string{{"verify-hls"}, {"verify-hls", "-nothing", "x"}} {
		if err := run(t.Context(), args, terminal{out: &out, err: &complaints}); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"verify-hls", server.URL}, terminal{out: &out, err: &complaints}); err == nil || errors.Is(err, errFaults) {
		t.Errorf("nothing there: %v", err)
	}
}
