package verify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"lectern/media/hls/fmp4"
	"lectern/media/hls/verify"
)

// stream is a recording of three segments of one second of silence, in memory.
func stream() map[string]string {
	files := map[string]string{
		"index.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"\nlist.m3u8\n",
		"init.mp4":   string(fmp4.Audio{Config: []byte{0x11, 0x90}}.Init()),
	}
	list := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"init.mp4\"\n"
	for n := range 3 {
		samples := slices.Repeat([]fmp4.Sample{{Data: []byte{1, 2}, Duration: 1024, Sync: true}}, 47)
		name := fmt.Sprintf("%d.m4s", n)
		files[name] = string(fmp4.AppendFragment(nil, 1, uint64(n*47*1024), samples))
		list += "#EXTINF:1.003,\n" + name + "\n"
	}
	files["list.m3u8"] = list + "#EXT-X-ENDLIST\n"
	return files
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]string)
		want   []string
	}{
		"healthy":         {func(map[string]string) {}, nil},
		"segment missing": {func(f map[string]string) { delete(f, "1.m4s") }, []string{verify.RuleMissing}},
		"init missing":    {func(f map[string]string) { delete(f, "init.mp4") }, []string{verify.RuleMissing}},
		"list missing":    {func(f map[string]string) { delete(f, "list.m3u8") }, []string{verify.RuleMissing}},
		"list no list":    {func(f map[string]string) { f["list.m3u8"] = "hello" }, []string{verify.RuleParse}},
		"segment no fMP4": {func(f map[string]string) { f["1.m4s"] = "what is this" }, []string{verify.RuleContents}},
		"init no fMP4":    {func(f map[string]string) { f["init.mp4"] = "what is this" }, []string{verify.RuleContents}},
		"time jumps":      {func(f map[string]string) { f["1.m4s"] = f["0.m4s"] }, []string{verify.RuleDecodeTime}},
		"says longer": {
			func(f map[string]string) { f["list.m3u8"] = strings.Replace(f["list.m3u8"], "1.003", "1.1", 1) },
			[]string{verify.RuleDecodeTime},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := stream()
			c.change(files)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, found := files[strings.TrimPrefix(r.URL.Path, "/x/")]
				if r.Header.Get("Authorization") != "Bearer t" || !found {
					http.NotFound(w, r)
					return
				}
				fmt.Fprint(w, body)
			}))
			defer server.Close()
			var got []string
			check := verify.Checker{URL: server.URL + "/x/index.m3u8", Header: http.Header{"Authorization": {"Bearer t"}}}
			check.Report = func(v verify.Violation) {
				if !slices.Contains(got, v.Rule) {
					got = append(got, v.Rule)
				}
			}
			summary, err := check.Run(t.Context())
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("found %v (%v), want %v", got, err, c.want)
			}
			if (summary.Violations > 0) != (len(c.want) > 0) || summary.Playlists != 1 {
				t.Errorf("summary %+v", summary)
			}
		})
	}
}

func TestNothingToCheck(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := (verify.Checker{URL: server.URL}).Run(t.Context()); err == nil {
		t.Error("404 is no stream")
	}
}
