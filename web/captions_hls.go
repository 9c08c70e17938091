package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"lectern/lms"
	"lectern/media/hls"
	"lectern/media/hls/playlist"
	"lectern/media/vod"
	"lectern/storage/postgres"
)

// Captions as subtitles of HLS, for players that know nothing of our API: native ones on phones and televisions. Their
// playlists lie beside the others of a lecture; how a lecture is cut into segments is the recording's affair.
//
//	live-captions-LANGUAGE.m3u8                     media playlist at the live edge
//	captions-LANGUAGE.m3u8, captions-LANGUAGE.N.m3u8    from the start; of version N of the recording
//	captions-LANGUAGE-VERSION-FROM-TO.vtt           segments; from and to in ms of the session timeline
var (
	captionList    = regexp.MustCompile(`^(live-)?captions-([A-Za-z0-9-]{2,35})(?:\.[1-9][0-9]{0,8})?\.m3u8$`)
	captionSegment = regexp.MustCompile(`^captions-([A-Za-z0-9-]{2,35})-([0-9]{1,9})-([0-9]{1,10})-([0-9]{1,10})\.vtt$`)
)

// The media's timestamps are places on the session timeline, in 90,000ths of a second (hls.Origin.Subtitles).
const timestampMap = "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"

// Cache-Control of captions. A segment of a version that is being written may still get a line; the version in the
// name of all others makes them final. A list that is not live changes when another version is published.
const (
	cacheCaptionLive  = "max-age=1"
	cacheCaptionList  = "max-age=30"
	cacheCaptionFinal = "max-age=31536000, immutable"
)

// serveCaptions answers for the files of captions; false leaves the request to the recording.
func (s *Server) serveCaptions(w http.ResponseWriter, r *http.Request, course lms.CourseID, id lms.BroadcastID) (bool, error) {
	name := r.PathValue("file")
	if m := captionList.FindStringSubmatch(name); m != nil {
		return true, s.serveCaptionList(w, r, course, id, lms.Language(m[2]), m[1] != "")
	}
	if m := captionSegment.FindStringSubmatch(name); m != nil {
		return true, s.serveCaptionSegment(w, r, course, lms.Language(m[1]), m[2:])
	}
	return false, nil
}

func (s *Server) serveCaptionList(w http.ResponseWriter, r *http.Request, course lms.CourseID, id lms.BroadcastID, tag lms.Language, live bool) error {
	track, _, err := s.captions.find(r.Context(), s.db, course, tag)
	if err != nil {
		return err
	}
	uri := func(from, to int64) string {
		return fmt.Sprintf("captions-%s-%d-%d-%d.vtt", tag, track.Version, from, to)
	}
	text, err := s.captionList(r, id, live, uri)
	if err == nil && text == nil {
		err = lms.ErrNotFound
	}
	if err != nil {
		return err
	}
	cache := cacheCaptionList
	if !bytes.Contains(text, []byte("#EXT-X-ENDLIST")) {
		cache = cacheCaptionLive
	}
	serveText(w, r, "application/vnd.apple.mpegurl", cache, text)
	return nil
}

// captionList is the playlist of captions as the recording is cut: while it grows, or in one of its versions. It is nil
// when there is none.
func (s *Server) captionList(r *http.Request, id lms.BroadcastID, live bool, uri func(from, to int64) string) ([]byte, error) {
	if origin, ok := s.desk.Live(string(id)).(*hls.Origin); ok {
		return origin.Subtitles(live, uri)
	}
	replay, err := s.replay(id, false)
	if err != nil {
		return nil, err
	}
	_, version, _ := vod.ParseName(r.PathValue("file"))
	shown, err := s.db.ReplayVersion(r.Context(), id, version)
	if err != nil {
		return nil, err
	}
	return replay.Subtitles(vod.View{Version: shown.Version, Segments: shownSegments(shown.Segments)}, uri)
}

func (s *Server) serveCaptionSegment(w http.ResponseWriter, r *http.Request, course lms.CourseID, tag lms.Language, numbers []string) error {
	var n [3]int64
	for i, text := range numbers {
		n[i], _ = strconv.ParseInt(text, 10, 64) // digits by the expression
	}
	version, from, to := n[0], n[1], n[2]
	track, captions, err := s.captions.find(r.Context(), s.db, course, tag)
	if err != nil {
		return err
	}
	if int64(track.Version) != version || to <= from {
		return lms.ErrNotFound
	}
	cache := cacheCaptionFinal
	if track.Live {
		cache = cacheCaptionLive
	}
	serveText(w, r, "text/vtt; charset=utf-8", cache, captions.Between(from, to).WebVTTWith(timestampMap))
	return nil
}

func serveText(w http.ResponseWriter, r *http.Request, kind, cache string, text []byte) {
	sum := sha256.Sum256(text)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

// withSubtitles lets a recording answer, and lists the published captions in what it says when that is a master
// playlist: at the live edge those of the live edge. A master read before a language was published does not know of
// it. Not all recordings have a place for captions.
func (s *Server) withSubtitles(w http.ResponseWriter, r *http.Request, course lms.CourseID, has bool, recording func(http.ResponseWriter, *http.Request) error) error {
	base, version, _ := vod.ParseName(r.PathValue("file"))
	if !has || base != hls.MasterName && base != hls.DVRName {
		return recording(w, r)
	}
	tracks, err := s.captions.of(r.Context(), s.db, course)
	if err != nil { // the lecture is worth more than its captions
		s.log.ErrorContext(r.Context(), "captions not listed", "course", course, "error", err)
	}
	if len(tracks) == 0 {
		return recording(w, r)
	}
	plain := r.Clone(r.Context())
	for _, shorter := range []string{"Accept-Encoding", "If-None-Match", "If-Modified-Since", "If-Match", "If-Range", "Range"} {
		plain.Header.Del(shorter)
	}
	master := heldAnswer{header: w.Header(), status: http.StatusOK}
	if err := recording(&master, plain); err != nil {
		return err
	}
	if master.status != http.StatusOK {
		w.WriteHeader(master.status)
		_, err := w.Write(master.body.Bytes())
		return ignoreGone(err)
	}
	prefix := ""
	if _, live := s.desk.OnAir(string(course)); live && base == hls.MasterName {
		prefix = "live-"
	}
	var subtitles []playlist.SubtitleTrack
	for _, t := range tracks {
		subtitles = append(subtitles, playlist.SubtitleTrack{
			URI: vod.Versioned(prefix+"captions-"+string(t.Language)+".m3u8", version), Language: string(t.Language), Name: nameOf(t.Language),
		})
	}
	w.Header().Del("Content-Length")
	serveText(w, r, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"), playlist.WithSubtitles(master.body.Bytes(), subtitles))
	return nil
}

// heldAnswer keeps an answer instead of sending it.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header         { return a.header }
func (a *heldAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }
func (a *heldAnswer) WriteHeader(status int)      { a.status = status }

// nameOf is a language as those who speak it write it, or its tag.
func nameOf(tag lms.Language) string {
	t, err := language.Parse(string(tag))
	if err != nil {
		return string(tag)
	}
	if name := display.Self.Name(t); name != "" {
		return name
	}
	return string(tag)
}

// captionShelf keeps the published captions of the lectures that are being watched, so that a segment costs no
// question to the database: for a second, because another node may have changed them. The zero value is ready.
type captionShelf struct {
	mu      sync.Mutex
	courses map[lms.CourseID]*shelvedCaptions
}

// shelvedCaptions are those of one course.
type shelvedCaptions struct {
	mu     sync.Mutex // held while it is read anew, so that one asks for all
	readAt time.Time
	tracks []postgres.CaptionTrack
	cues   map[lms.Language]shelvedCues
}

type shelvedCues struct {
	revision int64
	readAt   time.Time
	captions lms.Captions
}

// How long captions are taken for current, and of how many courses they are kept.
const (
	captionsFresh = time.Second
	cuesFresh     = 10 * time.Second // for what a new edit list takes out
	captionsKept  = 256
)

func (k *captionShelf) course(id lms.CourseID) *shelvedCaptions {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.courses[id]
	if c == nil {
		if k.courses == nil || len(k.courses) >= captionsKept {
			k.courses = map[lms.CourseID]*shelvedCaptions{}
		}
		c = &shelvedCaptions{cues: map[lms.Language]shelvedCues{}}
		k.courses[id] = c
	}
	return c
}

// forget has the captions of a course read anew.
func (k *captionShelf) forget(id lms.CourseID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.courses, id)
}

// of returns the published tracks of a course.
func (k *captionShelf) of(ctx context.Context, db *postgres.DB, id lms.CourseID) ([]postgres.CaptionTrack, error) {
	c := k.course(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read(ctx, db, id)
}

// read returns the tracks; c.mu is held.
func (c *shelvedCaptions) read(ctx context.Context, db *postgres.DB, id lms.CourseID) ([]postgres.CaptionTrack, error) {
	if time.Since(c.readAt) < captionsFresh {
		return c.tracks, nil
	}
	tracks, err := db.PublishedCaptions(ctx, id)
	if err != nil {
		return nil, err
	}
	c.tracks, c.readAt = tracks, time.Now()
	return tracks, nil
}

// find returns one published track with its cues, or lms.ErrNotFound.
func (k *captionShelf) find(ctx context.Context, db *postgres.DB, id lms.CourseID, tag lms.Language) (postgres.CaptionTrack, lms.Captions, error) {
	c := k.course(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	tracks, err := c.read(ctx, db, id)
	if err != nil {
		return postgres.CaptionTrack{}, nil, err
	}
	for _, t := range tracks {
		if t.Language != tag {
			continue
		}
		if known := c.cues[tag]; known.revision == t.Revision && time.Since(known.readAt) < cuesFresh {
			return t, known.captions, nil
		}
		version, cues, err := db.PublishedCues(ctx, id, tag)
		if err != nil {
			return postgres.CaptionTrack{}, nil, err
		}
		t.Version = version
		c.cues[tag] = shelvedCues{t.Revision, time.Now(), captionsOf(cues)}
		return t, c.cues[tag].captions, nil
	}
	return postgres.CaptionTrack{}, nil, lms.ErrNotFound
}
