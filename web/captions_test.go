package web

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"lectern/lms"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

const someCaptions = "WEBVTT\n\n00:00.500 --> 00:02.500\n<v Dr Rao>Welcome &amp; <i>good</i> morning\n\n00:03.000 --> 00:05.000\np < 0.05 <script>alert(1)</script>\n"

type cuesView struct {
	Language string
	Version  int
	Cues     []protocol.Cue
}

type tracksView struct {
	Tracks   []captionTrackView
	Download bool
}

// upload sends a file of captions.
func (b *browser) upload(path, file string) reply {
	b.t.Helper()
	return b.send("PUT", path, strings.NewReader(file), http.Header{"Content-Type": {"text/vtt"}})
}

func TestCaptionFiles(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin, attendee, presenter := s.joined(d.Admin), s.joined(d.Attend[0]), s.joined(d.Studio)
	base := coursePath(d, "/api/courses/%s/captions")
	watching := attendee.socket(d.Course)
	told := func() *protocol.Caption {
		for {
			if c, ok := watching.next().(*protocol.Caption); ok {
				return c
			}
		}
	}

	admin.upload(base+"/EN", someCaptions).want(t, http.StatusOK)
	if c := told(); c.Language != "en" || c.Cue != nil {
		t.Errorf("the room was told %+v", c)
	}
	var tracks tracksView
	attendee.get(base).want(t, http.StatusOK).json(t, &tracks)
	if len(tracks.Tracks) != 1 || tracks.Tracks[0] != (captionTrackView{"en", 1, lms.CaptionsUploaded, false, 2}) || tracks.Download {
		t.Errorf("tracks %+v", tracks)
	}
	var cues cuesView
	attendee.get(base+"/en").want(t, http.StatusOK).json(t, &cues)
	want := []protocol.Cue{
		{Number: 1, StartMS: 500, EndMS: 2500, Text: "Welcome & good morning", Speaker: "Dr Rao"},
		{Number: 2, StartMS: 3000, EndMS: 5000, Text: "p < 0.05 <script>alert(1)</script>"},
	}
	if len(cues.Cues) != 2 || cues.Cues[0] != want[0] || cues.Cues[1] != want[1] {
		t.Errorf("cues %+v", cues)
	}
	// As files, for those who may.
	attendee.get(base+"/en/transcript.vtt").want(t, http.StatusForbidden)
	vtt := presenter.get(base+"/en/transcript.vtt").want(t, http.StatusOK)
	if vtt.Header.Get("Content-Type") != "text/vtt; charset=utf-8" || !strings.HasPrefix(vtt.Header.Get("Content-Disposition"), `attachment; filename="lecture-`) ||
		!strings.Contains(vtt.text, "<v Dr Rao>Welcome &amp; good morning") || strings.Contains(vtt.text, "<script>") {
		t.Errorf("%v\n%s", vtt.Header, vtt.text)
	}
	if txt := presenter.get(base+"/en/transcript.txt").want(t, http.StatusOK); txt.text != "[00:00:00] Dr Rao: Welcome & good morning\n[00:00:03] p < 0.05 <script>alert(1)</script>\n" {
		t.Errorf("%q", txt.text)
	}
	presenter.get(base+"/en/transcript.pdf").want(t, http.StatusNotFound)

	// A second version, back to the first, none, gone.
	admin.upload(base+"/en", "1\n00:00:01,000 --> 00:00:02,000\nfrom SubRip\n").want(t, http.StatusOK)
	attendee.get(base+"/en").want(t, http.StatusOK).json(t, &cues)
	if cues.Version != 2 || len(cues.Cues) != 1 {
		t.Errorf("second version %+v", cues)
	}
	var all struct {
		Tracks      []captionHistoryView
		Recognition bool
	}
	admin.get(coursePath(d, "/api/courses/%s/caption-versions")).want(t, http.StatusOK).json(t, &all)
	if len(all.Tracks) != 1 || len(all.Tracks[0].Versions) != 2 || !all.Tracks[0].Versions[0].Published || all.Recognition {
		t.Errorf("versions %+v", all)
	}
	admin.get(base+"/en?version=1").want(t, http.StatusOK)
	attendee.get(base+"/en?version=1").want(t, http.StatusForbidden)
	admin.get(base+"/en?version=x").want(t, http.StatusNotFound)
	admin.call("POST", base+"/en/publish", map[string]any{"version": 1}).want(t, http.StatusNoContent)
	attendee.get(base+"/en").want(t, http.StatusOK).json(t, &cues)
	if cues.Version != 1 {
		t.Errorf("went back to %+v", cues)
	}
	admin.call("POST", base+"/en/publish", map[string]any{"version": 9}).want(t, http.StatusNotFound)
	admin.call("POST", base+"/en/publish", map[string]any{"version": 0}).want(t, http.StatusNoContent)
	attendee.get(base+"/en").want(t, http.StatusNotFound)
	admin.send("DELETE", base+"/en", nil, nil).want(t, http.StatusNoContent)
	admin.send("DELETE", base+"/en", nil, nil).want(t, http.StatusNotFound)
	admin.call("POST", coursePath(d, "/api/courses/%s/transcription"), map[string]any{"language": "en"}).want(t, http.StatusConflict)
}

// TestCaptionProblemsAreTold: what is wrong with a file comes back line by line.
func TestCaptionProblemsAreTold(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin := s.joined(d.Admin)
	path := coursePath(d, "/api/courses/%s/captions/en")
	var answer struct {
		Error errorDetail
		Lines []struct {
			Line    int
			Message string
		}
		More int
	}
	admin.upload(path, "WEBVTT\n\n00:05.000 --> 00:04.000\na\n\nno times\n").want(t, http.StatusUnprocessableEntity).json(t, &answer)
	if answer.Error.Code != "invalid" || answer.Error.Field != "file" || len(answer.Lines) != 2 || answer.Lines[0].Line != 3 || answer.Lines[1].Line != 6 || answer.More != 0 {
		t.Errorf("%+v", answer)
	}
	admin.upload(path, strings.Repeat("x", lms.MaxCaptionFile+1)).want(t, http.StatusRequestEntityTooLarge)
	admin.upload(coursePath(d, "/api/courses/%s/captions/english"), someCaptions).want(t, http.StatusUnprocessableEntity)
	admin.upload(path+"?times=recording", someCaptions).want(t, http.StatusUnprocessableEntity) // there is no recording
}

var attribute = regexp.MustCompile(`TYPE=SUBTITLES,.*NAME="([^"]*)",LANGUAGE="([^"]*)".*URI="([^"]*)"`)

// TestLiveCaptions in a real lecture: a line of a captioner's page and one of a provider reach the room, the HLS
// stream at the live edge, and after the end the replay, without anybody doing anything.
func TestLiveCaptions(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	presenter, moderator, attendee := s.joined(d.Studio), s.joined(d.Console), s.joined(d.Attend[0])
	base, stream := coursePath(d, "/api/courses/%s/captions"), coursePath(d, "/hls/%s/")
	watching := attendee.socket(d.Course)
	token := must(s.db.IssueToken(t.Context(), d.Course, lms.Captioner, 3600e9))(t)
	provider := http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}
	say := func(text string) reply {
		return s.browser().send("POST", base+"/en/lines", strings.NewReader(`{"text": "`+text+`", "speaker": "Dr Rao"}`), provider)
	}

	say("too early").want(t, http.StatusConflict)
	moderator.call("POST", base+"/en/live", nil).want(t, http.StatusOK)
	s.publish(presenter, d)
	presenter.call("POST", coursePath(d, "/api/courses/%s/air"), nil).want(t, http.StatusOK)
	eventually(t, func() string { return attendee.get(stream + "index.m3u8").text }, func(m string) bool { return strings.Contains(m, "#EXTM3U") })

	var line, second protocol.Caption
	moderator.call("POST", base+"/en/lines", map[string]any{"text": "Hello <b>everybody</b>"}).want(t, http.StatusCreated).json(t, &line)
	say("and welcome").want(t, http.StatusCreated).json(t, &second)
	if second.Cue.Number != 2 || second.Cue.Speaker != "Dr Rao" || second.Version != line.Version {
		t.Errorf("%+v after %+v", second.Cue, line.Cue)
	}
	for heard := 0; heard < 2; {
		if c, ok := watching.next().(*protocol.Caption); ok && c.Cue != nil {
			if heard++; *c.Cue != *line.Cue && *c.Cue != *second.Cue {
				t.Errorf("the room heard %+v", c.Cue)
			}
		}
	}
	attendee.call("POST", base+"/en/lines", map[string]any{"text": "me too"}).want(t, http.StatusForbidden)

	// At the live edge: the master lists them, and they come with the segment in which they begin.
	master := attendee.get(stream+"index.m3u8").want(t, http.StatusOK)
	m := attribute.FindStringSubmatch(master.text)
	if m == nil || m[1] != "English" || m[2] != "en" || m[3] != "live-captions-en.m3u8" || strings.Count(master.text, `SUBTITLES="subtitles"`) != strings.Count(master.text, "#EXT-X-STREAM-INF") {
		t.Fatalf("master:\n%s", master.text)
	}
	if m := attribute.FindStringSubmatch(attendee.get(stream + "dvr.m3u8").text); m == nil || m[3] != "captions-en.m3u8" {
		t.Error("the master from the start does not list them")
	}
	s.holdsCue(attendee, stream, m[3], line.Cue, "Hello &lt;b&gt;everybody&lt;/b&gt;")
	s.sameSegments(attendee, stream+m[3], stream+"live-audio.m3u8")

	presenter.call("POST", coursePath(d, "/api/courses/%s/end"), nil).want(t, http.StatusOK)
	var cues cuesView
	attendee.get(base+"/en").want(t, http.StatusOK).json(t, &cues)
	// What lasts longer than the lecture ends with it.
	if len(cues.Cues) != 2 || cues.Cues[0].StartMS != line.Cue.StartMS || cues.Cues[0].EndMS > line.Cue.EndMS || cues.Cues[0].Text != line.Cue.Text {
		t.Errorf("the replay has %+v", cues)
	}
	replay := attendee.get(stream+"index.m3u8").want(t, http.StatusOK)
	if m := attribute.FindStringSubmatch(replay.text); m == nil || m[3] != "captions-en.m3u8" {
		t.Fatalf("master of the replay:\n%s", replay.text)
	}
	whole := attendee.get(stream+"captions-en.m3u8").want(t, http.StatusOK)
	if !strings.Contains(whole.text, "#EXT-X-ENDLIST") || whole.Header.Get("Cache-Control") != cacheCaptionList {
		t.Errorf("%v\n%s", whole.Header, whole.text)
	}
	s.sameSegments(attendee, stream+"captions-en.m3u8", stream+"audio.m3u8")
	segment := s.holdsCue(attendee, stream, "captions-en.m3u8", line.Cue, "Hello &lt;b&gt;everybody&lt;/b&gt;")
	if segment.Header.Get("Cache-Control") != cacheCaptionFinal || segment.Header.Get("Content-Type") != "text/vtt; charset=utf-8" {
		t.Errorf("%v", segment.Header)
	}
	attendee.get(stream+"captions-de.m3u8").want(t, http.StatusNotFound)
	attendee.get(stream+"captions-en-99-0-2000.vtt").want(t, http.StatusNotFound)
	s.browser().get(stream+"captions-en.m3u8").want(t, http.StatusUnauthorized)

	// Without captions nothing of them is left in the master.
	s.joined(d.Admin).send("DELETE", base+"/en", nil, nil).want(t, http.StatusNoContent)
	if text := attendee.get(stream + "index.m3u8").text; strings.Contains(text, "SUBTITLES") {
		t.Errorf("still listed:\n%s", text)
	}
	attendee.get(stream+"captions-en.m3u8").want(t, http.StatusNotFound)
}

var captionURI = regexp.MustCompile(`captions-en-\d+-(\d+)-(\d+)\.vtt`)

// holdsCue waits until the playlist lists the segment in which a cue begins, and returns that, which has it with
// times of the session timeline. It may end before the cue, with the lecture.
func (s *site) holdsCue(b *browser, stream, list string, cue *protocol.Cue, text string) reply {
	s.t.Helper()
	uri := eventually(s.t, func() string {
		for _, m := range captionURI.FindAllStringSubmatch(b.get(stream+list).text, -1) {
			from, _ := strconv.ParseInt(m[1], 10, 64)
			if to, _ := strconv.ParseInt(m[2], 10, 64); from <= cue.StartMS && cue.StartMS < to {
				return m[0]
			}
		}
		return ""
	}, func(uri string) bool { return uri != "" })
	segment := b.get(stream+uri).want(s.t, http.StatusOK)
	read, err := lms.ParseCaptions([]byte(strings.Replace(segment.text, timestampMap, "", 1)))
	if err != nil || !strings.HasPrefix(segment.text, "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n") || !strings.Contains(segment.text, text) ||
		read[0].StartMS != cue.StartMS || read[0].EndMS > cue.EndMS || read[0].Text != cue.Text {
		s.t.Errorf("%v: %+v\n%s", err, read, segment.text)
	}
	return segment
}

// sameSegments holds that captions are cut like the sound: numbers, lengths and dates. A live list may have grown by
// a segment between two requests, so they are asked for until both show the same edge.
func (s *site) sameSegments(b *browser, captions, sound string) {
	s.t.Helper()
	shape := func(path string) string {
		var lines []string
		for line := range strings.Lines(b.get(path).want(s.t, http.StatusOK).text) {
			for _, tag := range []string{"#EXTINF", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-DISCONTINUITY", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-TARGETDURATION", "#EXT-X-ENDLIST"} {
				if strings.HasPrefix(line, tag) {
					lines = append(lines, line)
				}
			}
		}
		text := strings.Join(lines, "")
		if i := strings.LastIndex(text, "#EXTINF"); i >= 0 && !strings.Contains(text, "ENDLIST") { // the open segment is dated, too
			text = text[:i+strings.IndexByte(text[i:], '\n')]
		}
		return text
	}
	eventually(s.t, func() [2]string { return [2]string{shape(captions), shape(sound)} }, func(both [2]string) bool { return both[0] == both[1] })
}

// TestCaptionsOfATrimmedRecording: the file for the recording leaves out what was cut, the stream stays on the timeline.
func TestCaptionsOfATrimmedRecording(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	admin, presenter := s.joined(d.Admin), s.joined(d.Studio)
	actor := func(b *browser) lms.Actor { return must(s.db.SessionPerson(t.Context(), sessionCookie(b)))(t) }
	must(s.db.GoOnAir(t.Context(), actor(presenter), d.Course))(t)
	must(s.db.EndBroadcast(t.Context(), actor(presenter), d.Course, postgres.Recording{
		LengthMS: 10_000, Edits: lms.EditList{{TimelineMS: 2000, RecordingMS: 0, LengthMS: 10_000}},
	}))(t)
	base := coursePath(d, "/api/courses/%s/captions/en")
	admin.upload(base, someCaptions).want(t, http.StatusOK)
	if got := presenter.get(base + "/transcript.txt?times=recording").text; !strings.HasPrefix(got, "[00:00:00] Dr Rao: Welcome") || !strings.Contains(got, "[00:00:01] p <") {
		t.Errorf("of the recording: %q", got)
	}
	admin.upload(base+"?times=recording", someCaptions).want(t, http.StatusOK)
	if got := presenter.get(base + "/transcript.txt").text; !strings.HasPrefix(got, "[00:00:02] Dr Rao: Welcome") {
		t.Errorf("of the timeline: %q", got)
	}
}
