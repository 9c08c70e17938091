package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lectern/lms"
	"lectern/signaling"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

// captionTrackView is a published track.
type captionTrackView struct {
	Language lms.Language      `json:"language"`
	Version  int               `json:"version"`
	Source   lms.CaptionSource `json:"source"`
	Live     bool              `json:"live"`
	Cues     int               `json:"cues"`
}

func getCaptions(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	tracks, err := s.db.Captions(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	views := make([]captionTrackView, 0, len(tracks))
	for _, t := range tracks {
		views = append(views, captionTrackView{t.Language, t.Version, t.Source, t.Live, t.Cues})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"tracks": views, "download": c.actor.Can(lms.TakeTranscript, c.scope())})
}

// captionLanguage reads the {language} of the path. One that is no tag names no track.
func captionLanguage(r *http.Request) (lms.Language, error) {
	language, err := lms.ParseLanguage(r.PathValue("language"))
	if err != nil && (r.Method == http.MethodGet || r.Method == http.MethodDelete) {
		return "", lms.ErrNotFound
	}
	return language, err
}

// captionVersion reads ?version=, 0 when it is not there.
func captionVersion(r *http.Request) (int, error) {
	text := r.URL.Query().Get("version")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, lms.ErrNotFound
	}
	return int(n), nil
}

func getCaptionCues(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	language, version, cues, err := s.captionCues(r, c)
	if err != nil {
		return err
	}
	views := make([]protocol.Cue, 0, len(cues))
	for _, cue := range cues {
		views = append(views, cueView(cue))
	}
	return writeJSON(w, http.StatusOK, map[string]any{"language": language, "version": version, "cues": views})
}

func (s *Server) captionCues(r *http.Request, c *call) (language lms.Language, version int, cues []postgres.Caption, err error) {
	if language, err = captionLanguage(r); err != nil {
		return
	}
	if version, err = captionVersion(r); err != nil {
		return
	}
	version, cues, err = s.db.CaptionCues(r.Context(), c.actor, c.courseID, language, version)
	return
}

func cueView(c postgres.Caption) protocol.Cue {
	return protocol.Cue{Number: c.Number, StartMS: c.StartMS, EndMS: c.EndMS, Text: c.Text, Speaker: c.Speaker}
}

// captionsOf drops the numbers.
func captionsOf(cues []postgres.Caption) lms.Captions {
	out := make(lms.Captions, 0, len(cues))
	for _, c := range cues {
		out = append(out, c.Cue)
	}
	return out
}

// getTranscript sends a version as a file: transcript.vtt or transcript.txt. Its times are the session timeline's,
// which the player shows, too, or with ?times=recording those of the recording as it is now cut.
func getTranscript(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	language, _, cues, err := s.captionCues(r, c)
	if err != nil {
		return err
	}
	captions := captionsOf(cues)
	if r.URL.Query().Get("times") == "recording" {
		resume, err := s.db.Resume(r.Context(), c.actor, c.courseID, nil)
		if err != nil {
			return err
		}
		captions = captions.OnRecording(s.edits(c.courseID, resume.Edits))
	}
	kind, body := "text/vtt", captions.WebVTT
	switch r.PathValue("file") {
	case "transcript.vtt":
	case "transcript.txt":
		kind, body = "text/plain", captions.Transcript
	default:
		return lms.ErrNotFound
	}
	_, format, _ := strings.Cut(r.PathValue("file"), ".")
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="lecture-%d-%s.%s"`, c.course.Number, language, format))
	_, err = w.Write(body())
	return ignoreGone(err)
}

// putCaptions takes a WebVTT or SubRip file as the new version of a language. What is wrong with it is told line by
// line.
func putCaptions(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	language, err := captionLanguage(r)
	if err != nil {
		return err
	}
	file, err := io.ReadAll(r.Body)
	if err != nil {
		return bodyError(err)
	}
	in := postgres.NewCaptions{Language: language, Recording: r.URL.Query().Get("times") == "recording"}
	if in.Cues, err = lms.ParseCaptions(file); err != nil {
		return captionProblems(s, w, r, err)
	}
	version, err := s.db.SaveCaptions(r.Context(), c.actor, c.courseID, in)
	if err != nil {
		return err
	}
	s.tellCaptions(c.courseID, language, version, nil)
	return writeJSON(w, http.StatusOK, map[string]any{"language": language, "version": version, "cues": len(in.Cues)})
}

// captionProblems is the answer to a file that cannot be used: the usual error with a list of lines.
func captionProblems(s *Server, w http.ResponseWriter, r *http.Request, err error) error {
	var problems *lms.CaptionProblems
	if !errors.As(err, &problems) {
		return err
	}
	type line struct {
		Line    int    `json:"line"`
		Message string `json:"message"`
	}
	lines := make([]line, 0, len(problems.Lines))
	for _, p := range problems.Lines {
		lines = append(lines, line(p))
	}
	f, field, _ := explain(err)
	return writeJSON(w, f.status, struct {
		errorBody
		Lines []line `json:"lines"`
		More  int    `json:"more"`
	}{errorBody{Error: errorDetail{Code: f.code, Message: f.text(s.words(r)), Field: field}}, lines, problems.More})
}

// postPublishCaptions shows another version, a draft or an earlier one; version 0 shows none.
func postPublishCaptions(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	language, err := captionLanguage(r)
	if err != nil {
		return err
	}
	var body struct {
		Version int `json:"version"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.PublishCaptions(r.Context(), c.actor, c.courseID, language, body.Version); err != nil {
		return err
	}
	s.tellCaptions(c.courseID, language, body.Version, nil)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func deleteCaptions(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	language, err := captionLanguage(r)
	if err != nil {
		return err
	}
	if err := s.db.DeleteCaptions(r.Context(), c.actor, c.courseID, language); err != nil {
		return err
	}
	s.tellCaptions(c.courseID, language, 0, nil)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postLiveCaptions makes live captions of a language ready before the first line.
func postLiveCaptions(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	language, err := captionLanguage(r)
	if err != nil {
		return err
	}
	version, err := s.db.OpenLiveCaptions(r.Context(), c.actor, c.courseID, language)
	if err != nil {
		return err
	}
	s.tellCaptions(c.courseID, language, version, nil)
	return writeJSON(w, http.StatusOK, map[string]any{"language": language, "version": version})
}

// postCaptionLine takes a live line from a captioner's page, or with a bearer token from a provider.
func postCaptionLine(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	language, err := captionLanguage(r)
	if err != nil {
		return err
	}
	var body struct {
		Text    string `json:"text"`
		Speaker string `json:"speaker"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	line, err := s.db.WriteCaption(r.Context(), c.acting(), c.courseID, language, body.Text, body.Speaker)
	if err != nil {
		return err
	}
	view := cueView(line.Caption)
	if line.Shown {
		s.tellCaptions(c.courseID, language, line.Version, &view)
	}
	return writeJSON(w, http.StatusCreated, protocol.Caption{Language: string(language), Version: line.Version, Cue: &view})
}

// tellCaptions gives the room a line, or, without one, says that the tracks have changed.
func (s *Server) tellCaptions(course lms.CourseID, language lms.Language, version int, cue *protocol.Cue) {
	s.captions.forget(course)
	s.hub.Publish(string(course), signaling.Everyone, &protocol.Caption{Language: string(language), Version: version, Cue: cue})
}

// captionVersionView is one version of a track, for those who manage it.
type captionVersionView struct {
	Version   int               `json:"version"`
	Source    lms.CaptionSource `json:"source"`
	Cues      int               `json:"cues"`
	MadeAt    time.Time         `json:"made_at"`
	MadeBy    string            `json:"made_by"`
	Published bool              `json:"published"`
}

type captionHistoryView struct {
	Language lms.Language         `json:"language"`
	Versions []captionVersionView `json:"versions"`
}

// transcriptionView is how far speech recognition has come.
type transcriptionView struct {
	Language lms.Language                `json:"language"`
	State    postgres.TranscriptionState `json:"state"`
	Percent  int                         `json:"percent"`
	Message  string                      `json:"message"`
	AskedAt  time.Time                   `json:"asked_at"`
	EndedAt  *time.Time                  `json:"ended_at"`
}

func getCaptionVersions(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	histories, err := s.db.CaptionHistories(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	t, err := s.db.Transcription(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	tracks := make([]captionHistoryView, 0, len(histories))
	for _, h := range histories {
		view := captionHistoryView{Language: h.Language}
		for _, v := range h.Versions {
			view.Versions = append(view.Versions, captionVersionView(v))
		}
		tracks = append(tracks, view)
	}
	return writeJSON(w, http.StatusOK, struct {
		Tracks        []captionHistoryView `json:"tracks"`
		Recognition   bool                 `json:"recognition"` // speech recognition is set up
		Transcription *transcriptionView   `json:"transcription"`
	}{tracks, s.transcribes, (*transcriptionView)(t)})
}

// postTranscription asks for speech recognition of the recording. The language "und" lets it find out.
func postTranscription(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Language string `json:"language"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	language, err := lms.ParseLanguage(body.Language)
	if err != nil {
		return err
	}
	if !s.transcribes {
		return &lms.Problem{Kind: lms.ErrConflict, Message: "Speech recognition is not set up on this server. Whoever runs it can set LECTERN_WHISPER."}
	}
	if err := s.db.AskTranscription(r.Context(), c.actor, c.courseID, language); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func deleteTranscription(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.db.CancelTranscription(r.Context(), c.actor, c.courseID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
