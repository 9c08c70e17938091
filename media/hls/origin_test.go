package hls

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lectern/media"
)

// ask gets a path without transparent decompression.
func ask(t *testing.T, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

var playlistFiles = regexp.MustCompile(`(?m)^([^#\s]+)$|URI="([^"]+)"`)

// listed are the files that a playlist names.
func listed(playlist []byte) (out []string) {
	for _, m := range playlistFiles.FindAllStringSubmatch(string(playlist), -1) {
		out = append(out, m[1]+m[2])
	}
	return out
}

// TestPlaylistsAcrossReloads reads the playlists again and again while the lecture goes on, and after: what
// was listed stays, what is constant stays, what is listed is there.
func TestPlaylistsAcrossReloads(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	server := httptest.NewServer(s.recorder.Origin())
	t.Cleanup(server.Close)
	if res, _ := ask(t, server.URL+"/index.m3u8"); res.StatusCode != http.StatusNotFound || res.Header.Get("Cache-Control") != "max-age=1" {
		t.Errorf("before the first segment: %d, %q", res.StatusCode, res.Header.Get("Cache-Control"))
	}
	sc := loadScene(t, 640)
	before := map[string]string{}
	for at := time.Duration(0); at < sceneLength; at += 3 * time.Second {
		s.play(take{scene: sc, from: at, to: at + 3*time.Second, starts: at, stay: at > 0})
		s.until("a segment is there", func() bool { return s.end() > at-2*time.Second && s.end() > 0 })
		checkReload(t, server.URL, before, false)
	}
	s.finish()
	checkReload(t, server.URL, before, true)
	kept := serve(t, s.dir)
	checkReload(t, kept, before, true)
}

func checkReload(t *testing.T, url string, before map[string]string, ended bool) {
	t.Helper()
	cache := map[bool]string{false: "max-age=1", true: "max-age=3600"}[ended]
	res, master := ask(t, url+"/"+DVRName)
	if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != cache {
		t.Fatalf("master: %d, %q", res.StatusCode, res.Header.Get("Cache-Control"))
	}
	names := listed(master)
	for _, want := range []string{"low.m3u8", "mid.m3u8", "high.m3u8", "audio.m3u8"} {
		if !slices.Contains(names, want) {
			t.Errorf("the master playlist lacks %s:\n%s", want, master)
		}
	}
	for _, name := range []string{"low.m3u8", "mid.m3u8", "high.m3u8", "audio.m3u8"} {
		res, body := ask(t, url+"/"+name)
		text := string(body)
		if res.Header.Get("Content-Type") != "application/vnd.apple.mpegurl" || res.Header.Get("Cache-Control") != cache {
			t.Errorf("%s: %v", name, res.Header)
		}
		if got := strings.HasSuffix(text, "#EXT-X-ENDLIST\n"); got != ended {
			t.Errorf("%s: ENDLIST %v", name, got)
		}
		if !strings.Contains(text, "#EXT-X-TARGETDURATION:3\n") || !strings.Contains(text, "#EXT-X-MEDIA-SEQUENCE:0\n") {
			t.Errorf("%s: constants changed:\n%s", name, text)
		}
		text = strings.TrimSuffix(text, "#EXT-X-ENDLIST\n")
		_, text, _ = strings.Cut(text, "#EXT-X-MEDIA-SEQUENCE") // before it stands what the server can do
		if !strings.HasPrefix(text, before[name]) {
			t.Errorf("%s took back what it listed", name)
		}
		before[name] = text
		for _, file := range listed(body) {
			if res, b := ask(t, url+"/"+file); res.StatusCode != http.StatusOK || len(b) == 0 {
				t.Errorf("%s lists %s, which is %d", name, file, res.StatusCode)
			}
		}
	}
}

// TestServesFiles looks at everything else that the origin does.
func TestServesFiles(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.play(take{scene: loadScene(t, 640), to: 4 * time.Second})
	s.finish()
	url := serve(t, s.dir)
	row := s.rows()[2][0]
	res, whole := ask(t, url+"/some/path/"+row.Name)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "video/mp4" || res.Header.Get("Cache-Control") != "max-age=31536000, immutable" {
		t.Errorf("segment: %d %v", res.StatusCode, res.Header)
	}
	res, part := ask(t, url+"/"+row.Name, "Range", "bytes=100-199")
	if res.StatusCode != http.StatusPartialContent || !bytes.Equal(part, whole[100:200]) {
		t.Errorf("range: %d, %d bytes", res.StatusCode, len(part))
	}
	if res, _ := ask(t, url+"/"+row.Name, "If-None-Match", res.Header.Get("ETag")); res.StatusCode != http.StatusNotModified {
		t.Errorf("known segment: %d", res.StatusCode)
	}
	if res, _ := ask(t, url+"/"+s.rows()[sound][0].Name); res.Header.Get("Content-Type") != "audio/mp4" {
		t.Errorf("sound: %v", res.Header)
	}
	for _, name := range []string{"", indexName, "..", "%2e%2e%2f" + indexName, "nothing.m3u8", "nothing.m4s", row.Name + partSuffix} {
		if res, _ := ask(t, url+"/"+name); res.StatusCode != http.StatusNotFound || res.Header.Get("Cache-Control") != "max-age=1" {
			t.Errorf("%q: %d %v", name, res.StatusCode, res.Header)
		}
	}
	if res, err := http.Post(url+"/"+row.Name, "text/plain", nil); err != nil || res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v %v", res.StatusCode, err)
	}
	if len(row.Name) < 20 {
		t.Errorf("%s can be guessed", row.Name)
	}
}

// TestZipsPlaylists compares both forms, and honours what a client refuses.
func TestZipsPlaylists(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.play(take{scene: loadScene(t, 640), to: 4 * time.Second})
	s.finish()
	url := serve(t, s.dir) + "/high.m3u8"
	_, plain := ask(t, url)
	for accept, zipped := range map[string]bool{"gzip": true, "br, gzip;q=0.8": true, "gzip;q=0": false, "gzip;q=0.000": false, "br": false} {
		res, b := ask(t, url, "Accept-Encoding", accept)
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: zipped %v", accept, got)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: Vary %q", accept, res.Header.Get("Vary"))
		}
		if zipped {
			r, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(b, plain) {
			t.Errorf("%q: another playlist", accept)
		}
	}
}

// TestMaster holds the attributes that players choose by.
func TestMaster(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	s.play(take{scene: loadScene(t, 640), to: 4 * time.Second})
	s.finish()
	_, b := ask(t, serve(t, s.dir)+"/"+MasterName)
	for _, want := range []string{
		`RESOLUTION=640x360`, `RESOLUTION=320x180`, `RESOLUTION=160x90`, `CODECS="avc1.42c01e,mp4a.40.2"`, `FRAME-RATE=29.`,
		`AUDIO="sound"`, `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound"`, `URI="audio.m3u8"`, `AVERAGE-BANDWIDTH=`, "CODECS=\"mp4a.40.2\"",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in\n%s", want, b)
		}
	}
	if strings.Contains(string(b), "PROGRAM-ID") {
		t.Errorf("PROGRAM-ID in\n%s", b)
	}
}

// TestMasterExpectsLayers lists what a browser will send when its uplink carries it, and nothing of which a
// single layer gives no hint.
func TestMasterExpectsLayers(t *testing.T) {
	t.Parallel()
	for only, want := range map[media.Layer][]string{
		media.Low:  {"high.m3u8", "mid.m3u8", "low.m3u8", "audio.m3u8"},
		media.High: {"high.m3u8", "audio.m3u8"},
	} {
		b := newBench(t)
		b.play(take{scene: loadScene(t, 640), to: 4 * time.Second, only: []media.Layer{only}})
		b.p.finish()
		m, ok := b.recorder.archive.catalog.master(true)
		var got []string
		peak := 1 << 30
		for _, v := range m.Variants {
			if got = append(got, v.URI); v.Peak >= peak {
				t.Errorf("%s needs %d bit/s, no less than the one above it", v.URI, v.Peak)
			}
			peak = v.Peak
		}
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%v alone: %v, want %v", only, got, want)
		}
		if v := m.Variants[0]; v.Width != 640 || v.Height != 360 {
			t.Errorf("%v alone: the best is %d by %d", only, v.Width, v.Height)
		}
	}
}
