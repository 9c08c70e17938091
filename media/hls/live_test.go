package hls

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"lectern/media"
	"lectern/media/hls/verify"
)

var (
	partTag    = regexp.MustCompile(`#EXT-X-PART:DURATION=([\d.]+),URI="([^"]+)"`)
	segmentTag = regexp.MustCompile(`((?:#EXT-X-PART:.*\n)+)#EXTINF:([\d.]+),\n(\S+)`)
	hintTag    = regexp.MustCompile(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"`)
)

var liveNames = []string{"live-low.m3u8", "live-mid.m3u8", "live-high.m3u8", "live-audio.m3u8"}

// TestLiveEdge follows a lecture at the live edge: parts are as long as they may be, make up their segments
// byte for byte, and what is hinted at comes.
func TestLiveEdge(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	server := httptest.NewServer(s.recorder.Origin())
	t.Cleanup(server.Close)
	sc := loadScene(t, 640)
	whole := 0
	for at := time.Duration(0); at < sceneLength; at += 1200 * time.Millisecond {
		s.play(take{scene: sc, from: at, to: at + 1200*time.Millisecond, starts: at, stay: at > 0, delay: [media.Layers]time.Duration{0, 9e6, 21e6}})
		if at < 3*time.Second {
			continue
		}
		for _, name := range liveNames {
			whole += checkEdge(t, server.URL, name)
		}
	}
	if whole < 40 {
		t.Errorf("saw only %d segments with parts", whole)
	}
	_, master := ask(t, server.URL+"/"+MasterName)
	for _, name := range liveNames {
		if !strings.Contains(string(master), name) {
			t.Errorf("the master playlist lacks %s:\n%s", name, master)
		}
	}
	s.finish()
	for _, name := range liveNames {
		if _, text := ask(t, server.URL+"/"+name); !strings.HasSuffix(string(text), "#EXT-X-ENDLIST\n") {
			t.Errorf("%s does not end:\n%s", name, text)
		}
	}
	if _, master := ask(t, server.URL+"/"+MasterName); strings.Contains(string(master), "live-") {
		t.Errorf("after the lecture:\n%s", master)
	}
}

// TestVerified has a lecture with trouble in it checked by the rules of media/hls/verify while it goes on.
func TestVerified(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	server := httptest.NewServer(s.recorder.Origin())
	t.Cleanup(server.Close)
	sc := loadScene(t, 640)
	s.play(take{scene: sc, to: 3 * time.Second})
	var faults []verify.Violation
	check := verify.Checker{URL: server.URL + "/" + MasterName, Report: func(v verify.Violation) { faults = append(faults, v) }}
	var summary verify.Summary
	done := make(chan error, 1)
	go func() {
		var err error
		summary, err = check.Run(t.Context())
		done <- err
	}()
	for i, k := range []take{
		{from: 3 * time.Second, to: 7 * time.Second},
		{to: 4 * time.Second, lose: func(l media.Layer, frame, _ int) bool { return l == media.High && frame > 40 && frame < 44 }},
		{to: 4 * time.Second, only: []media.Layer{media.Low}}, // the uplink is bad
		{to: 4 * time.Second},
	} {
		k.scene, k.starts, k.stay, k.origin = sc, 3*time.Second+time.Duration(i)*4*time.Second, i == 0, uint32(i)
		if !k.stay {
			s.removeTrack(microphone.ID)
			s.removeTrack(camera.ID)
		}
		s.play(k)
	}
	s.finish()
	if err := <-done; err != nil || len(faults) > 0 || summary.Playlists != renditions || summary.Files < 100 {
		t.Errorf("%+v, %v, faults %v", summary, err, faults)
	}
}

// checkEdge looks at one playlist and what it lists, and returns how many whole segments had parts.
func checkEdge(t *testing.T, url, name string) (whole int) {
	t.Helper()
	res, body := ask(t, url+"/"+name)
	if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "max-age=1" {
		t.Fatalf("%s: %d %v", name, res.StatusCode, res.Header)
	}
	text := string(body)
	for _, m := range segmentTag.FindAllStringSubmatch(text, -1) {
		whole++
		_, segment := ask(t, url+"/"+m[3])
		var joined []byte
		var sum float64
		parts := partTag.FindAllStringSubmatch(m[1], -1)
		for i, p := range parts {
			length, _ := strconv.ParseFloat(p[1], 64)
			sum += length
			if length > 0.512 || i < len(parts)-1 && length < 0.85*0.512 {
				t.Errorf("%s: part %d of %d lasts %v s", name, i, len(parts), length)
			}
			res, b := ask(t, url+"/"+p[2])
			if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != cacheForever {
				t.Errorf("%s: part %s is %d %v", name, p[2], res.StatusCode, res.Header)
			}
			joined = append(joined, b...)
		}
		if !bytes.Equal(joined, segment) {
			t.Errorf("%s: the parts of %s are not what it is", name, m[3])
		}
		if length, _ := strconv.ParseFloat(m[2], 64); sum < length-0.022 || sum > length+0.022 {
			t.Errorf("%s: parts of %v s in a segment of %v s", name, sum, length)
		}
	}
	if !hintTag.MatchString(text) || strings.Count(text, "RENDITION-REPORT") != renditions-1 {
		t.Errorf("%s: no hint or report in\n%s", name, text)
	}
	return whole
}

// TestBlockingOverHTTP asks for the next part before it is there, and for the part that is hinted at.
func TestBlockingOverHTTP(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	server := httptest.NewServer(s.recorder.Origin())
	t.Cleanup(server.Close)
	sc := loadScene(t, 640)
	s.play(take{scene: sc, to: 5 * time.Second})
	url := server.URL + "/live-high.m3u8"
	_, body := ask(t, url)
	text := string(body)
	msn := strings.Count(text, "#EXTINF")
	_, open, _ := strings.Cut(text, fmt.Sprintf("%s\n", listedSegments(text)[msn-1]))
	next := len(partTag.FindAllString(open, -1))
	hint := hintTag.FindStringSubmatch(text)[1]
	type answer struct {
		res  *http.Response
		body string
	}
	later := func(url string) chan answer {
		c := make(chan answer, 1)
		go func() {
			res, b := ask(t, url)
			c <- answer{res, string(b)}
		}()
		return c
	}
	list, delta, part := later(fmt.Sprintf("%s?_HLS_msn=%d&_HLS_part=%d", url, msn, next)), later(fmt.Sprintf("%s?_HLS_msn=%d&_HLS_part=%d&_HLS_skip=YES", url, msn+1, 0)), later(server.URL+"/"+hint)
	s.play(take{scene: sc, from: 5 * time.Second, to: 9 * time.Second, starts: 5 * time.Second, stay: true})
	if a := <-list; a.res.Header.Get("Cache-Control") != "max-age=18" || !strings.Contains(a.body, hint) {
		t.Errorf("got %v:\n%s", a.res.Header, a.body)
	}
	if a := <-delta; a.res.StatusCode != http.StatusOK {
		t.Errorf("a delta: %d", a.res.StatusCode)
	}
	if a := <-part; a.res.StatusCode != http.StatusOK || !strings.HasPrefix(a.body[4:], "moof") {
		t.Errorf("the hinted part: %d, %q", a.res.StatusCode, a.body[:8])
	}
	for query, want := range map[string]int{
		"?_HLS_msn=99": 400, "?_HLS_part=1": 400, "?_HLS_msn=x": 400, "?_HLS_msn=-1": 400, "?_HLS_msn=1&_HLS_part=x": 400,
		"?_HLS_msn=1": 200, "?_HLS_msn=0&_HLS_part=0": 200, "?foo=bar": 200, "?_HLS_skip=YES": 200,
	} {
		if res, _ := ask(t, url+query); res.StatusCode != want {
			t.Errorf("%s: %d", query, res.StatusCode)
		}
	}
	if res, b := ask(t, server.URL+"/high.m3u8?_HLS_msn=1"); res.StatusCode != 200 || strings.Contains(string(b), "EXT-X-PART") {
		t.Errorf("everything from the start: %d\n%s", res.StatusCode, b)
	}
	waits := later(fmt.Sprintf("%s?_HLS_msn=%d", url, msn+3))
	s.finish()
	if a := <-waits; a.res.StatusCode != http.StatusOK || !strings.HasSuffix(a.body, "#EXT-X-ENDLIST\n") {
		t.Errorf("at the end: %d\n%s", a.res.StatusCode, a.body)
	}
}

// listedSegments are the segments that a playlist lists, without parts.
func listedSegments(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// TestStoppedWithoutEnd does not tell players that the lecture is over when only the server goes down.
func TestStoppedWithoutEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, t.TempDir())
	server := httptest.NewServer(s.recorder.Origin())
	t.Cleanup(server.Close)
	s.play(take{scene: loadScene(t, 640), to: 5 * time.Second})
	got := make(chan int, 1)
	go func() {
		res, _ := ask(t, server.URL+"/live-low.m3u8?_HLS_msn=3")
		got <- res.StatusCode
	}()
	s.stop()
	<-s.recorder.done
	if code := <-got; code != http.StatusServiceUnavailable && code != http.StatusOK { // 200 when its segment was closed
		t.Errorf("who waited got %d", code)
	}
	if _, text := ask(t, server.URL+"/live-low.m3u8"); strings.Contains(string(text), "ENDLIST") {
		t.Errorf("says that it ended:\n%s", text)
	}
}

// TestFewPictures sends pictures as seldom as browsers do of a screen that nothing moves on: parts are neither too
// long nor too short all the same, for which pictures are repeated that decoders must not notice.
func TestFewPictures(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{300, 150, 90, 60} {
		t.Run(fmt.Sprint(rate, " a minute"), func(t *testing.T) {
			t.Parallel()
			sc, err := makeSceneAt(640, rate, 2*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			s := newStage(t, t.TempDir())
			server := httptest.NewServer(s.recorder.Origin())
			t.Cleanup(server.Close)
			whole := 0
			for at := time.Duration(0); at < sceneLength; at += time.Second {
				s.play(take{scene: sc, from: at, to: at + time.Second, starts: at, stay: at > 0, delay: [media.Layers]time.Duration{0, 9e6, 21e6}})
				if at < 4*time.Second {
					continue
				}
				for _, name := range liveNames {
					whole += checkEdge(t, server.URL, name)
				}
			}
			recording := s.finish()
			if whole < 40 || recording.LengthMS < 10_900 || len(recording.Edits) != 1 {
				t.Errorf("saw %d segments with parts, recorded %+v", whole, recording)
			}
			rows := s.rows()
			checkRows(t, rows)
			if got := discontinuities(rows[sound]); len(got) > 0 {
				t.Errorf("discontinuities at %v", got)
			}
			for f := range feed(media.Layers) {
				for _, r := range rows[f] {
					if r.Feed != f {
						t.Errorf("%v shows %v in segment %d", f, r.Feed, r.Number)
					}
				}
			}
			checkPlayable(t, s)
		})
	}
}

// TestMarks tells of chapters while the lecture goes on: a live window has those that lie in it, the recording all.
func TestMarks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play(take{scene: loadScene(t, 640), to: 5 * time.Second})
	o := b.recorder.Origin()
	text := func(name string) string {
		w := httptest.NewRecorder()
		o.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+name, nil))
		return w.Body.String()
	}
	before := text("live-high.m3u8")
	o.SetMarks([]Mark{{ID: "b", Class: MarkQuestion, TimelineMS: 3000, Title: "Second"}, {ID: "a", Class: MarkQuestion, TimelineMS: 1000, Title: "First"}, {ID: "later", Class: MarkQuestion, TimelineMS: 60_000}})
	for _, name := range []string{"live-high.m3u8", "high.m3u8", "audio.m3u8"} {
		got := text(name)
		first, second := strings.Index(got, `ID="a"`), strings.Index(got, `ID="b"`)
		if first < 0 || second < first || strings.Contains(got, `ID="later"`) || !strings.Contains(got, `X-TIMELINE-MS=1000,X-TITLE="First"`) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	o.SetMarks(nil)
	if got := text("live-high.m3u8"); got != before {
		t.Errorf("taken back:\n%s", got)
	}
}
