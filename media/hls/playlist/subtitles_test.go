package playlist

import (
	"testing"
	"time"
)

func TestSubtitles(t *testing.T) {
	all := segments(2)
	for i := range all {
		all[i].Map = ""
	}
	all[0].URI, all[1].URI, all[1].Discontinuity = "en-0.vtt", "en-1.vtt", true
	const want = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-TARGETDURATION:3
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:00.123Z
#EXTINF:2.033,
en-0.vtt
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:02.156Z
#EXTINF:2.033,
en-1.vtt
`
	got, err := Subtitles{Target: 3 * time.Second, First: 7, Breaks: 1, Segments: all}.Encode()
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
	if got, _ := (Subtitles{Target: 3 * time.Second, Segments: all[:1], Whole: true, Ended: true}).Encode(); string(got) != `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-TARGETDURATION:3
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:30:00.123Z
#EXTINF:2.033,
en-0.vtt
#EXT-X-ENDLIST
` {
		t.Errorf("\n%s", got)
	}
}

func TestWithSubtitles(t *testing.T) {
	master := Master{Sound: "audio.m3u8", Variants: []Variant{
		{URI: "high.m3u8", Width: 1280, Height: 720, Codecs: []string{"avc1.42e01f", "mp4a.40.2"}, Peak: 900000, Average: 800000, FrameRate: 29.97},
		{URI: "audio.m3u8", Codecs: []string{"mp4a.40.2"}, Peak: 96000, Average: 96000},
	}}.Encode()
	const want = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,URI="audio.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog",URI="en.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="portugues",LANGUAGE="pt-BR",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog",URI="pt.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS="avc1.42e01f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="sound",FRAME-RATE=29.970,SUBTITLES="subtitles"
high.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=96000,AVERAGE-BANDWIDTH=96000,CODECS="mp4a.40.2",AUDIO="sound",SUBTITLES="subtitles"
audio.m3u8
`
	got := string(WithSubtitles(master, []SubtitleTrack{{"en.m3u8", "en", "English"}, {"pt.m3u8", "pt-BR", "por\"tu\ngues"}}))
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := WithSubtitles(master, nil); string(got) != string(master) {
		t.Error("changed without subtitles")
	}
}
