package web

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"lectern/lms"
	"lectern/media/vod"
	"lectern/signaling"
)

// postTicket lets a page open its socket. The identity of the socket is what the session says now.
func postTicket(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.roomFor(r.Context(), c); err != nil {
		return err
	}
	ticket, err := s.hub.Ticket(signaling.Identity{Person: c.actor.Person, Session: c.actor.Session, Course: c.courseID, Roles: c.course.Roles})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]string{"ticket": ticket, "socket": "/socket"})
}

// roomFor refuses an attendee in a lecture that as many watch as may. Who is in already stays, and may come back.
func (s *Server) roomFor(ctx context.Context, c *call) error {
	for _, role := range c.course.Roles {
		if role != lms.Attendee {
			return nil
		}
	}
	limit, err := s.db.ViewerLimit(ctx, c.course.Programme.ID)
	if err != nil || limit == 0 {
		return err
	}
	in := s.hub.Attending(string(c.courseID), math.MaxInt32)
	if len(in) < limit || slices.Contains(in, c.actor.Person) {
		return nil
	}
	return &lms.Problem{Kind: errFull, Code: "viewers", Retry: time.Minute}
}

func getSocket(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	s.hub.ServeHTTP(w, r)
	return nil
}

// resumeView is where to start watching, and what is missing. Times ending in _ms are milliseconds, those in
// _s and the spans whole seconds of the session timeline.
type resumeView struct {
	Mode       lms.Mode   `json:"mode"`
	StartMS    int64      `json:"start_ms"`
	Reason     lms.Reason `json:"reason"`
	ContinueMS *int64     `json:"continue_ms"`
	Watched    [][2]int32 `json:"watched"`
	WatchedS   int64      `json:"watched_s"`
	CountableS int64      `json:"countable_s"`
	Share      float64    `json:"share"`
	Gaps       [][2]int32 `json:"gaps"`
	Edits      []editView `json:"edits"`
	Recorded   bool       `json:"recorded"` // without, there is nothing behind the live edge
	HLS        string     `json:"hls"`
	Speaker    sideView   `json:"speaker"`

	Elsewhere *elsewhereView `json:"elsewhere"` // another device on which the caller watches
}

// elsewhereView is another device, in words, "" for a browser we do not know.
type elsewhereView struct {
	Device string `json:"device"`
}

// sideView is the camera beside a shared screen: a stream without sound, and where on the timeline it has pictures.
type sideView struct {
	HLS   string     `json:"hls"`
	Edits []editView `json:"edits"`
}

type editView struct {
	TimelineMS  int64 `json:"timeline_ms"`
	RecordingMS int64 `json:"recording_ms"`
	LengthMS    int64 `json:"length_ms"`
}

// getResume answers where to start. While a lecture is on air its recording still grows, so the edit list is
// the recorder's and not yet the database's.
func getResume(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	at, err := linkedMoment(r.URL.Query().Get("t"))
	if err != nil {
		return err
	}
	resume, err := s.db.Resume(r.Context(), c.actor, c.courseID, at)
	if err != nil {
		return err
	}
	start := resume.Start
	view := resumeView{
		Mode: start.Mode, StartMS: start.StartMS, Reason: start.Reason, ContinueMS: start.ContinueMS,
		Watched: spanList(start.Watched), WatchedS: start.Watched.Len(), CountableS: start.Countable.Len(),
		Share: start.Watched.Share(start.Countable), Gaps: spanList(start.Gaps),
		Edits: []editView{}, Recorded: c.course.Recorded, HLS: hlsPath(c.courseID, "index.m3u8"),
		Speaker: sideView{HLS: hlsPath(c.courseID, "speaker/index.m3u8"), Edits: []editView{}},
	}
	elsewhere, err := s.db.PlaysElsewhere(r.Context(), c.actor)
	if err != nil {
		return err
	}
	if elsewhere != nil {
		view.Elsewhere = &elsewhereView{browserName(elsewhere.Browser)}
	}
	for _, piece := range s.edits(c.courseID, resume.Edits) {
		view.Edits = append(view.Edits, editView(piece))
	}
	if id, err := s.recordings.of(r.Context(), s, c); err == nil { // before the first broadcast there is none
		speaker := pieces(s.desk.SpeakerEdits(string(id)))
		if start.Mode == lms.ModeReplay {
			view.HLS = hlsPath(c.courseID, vod.Versioned("index.m3u8", resume.Version))
			view.Speaker.HLS = hlsPath(c.courseID, vod.Versioned("speaker/index.m3u8", resume.Version))
			shown, err := s.db.ReplayVersion(r.Context(), id, resume.Version)
			if err != nil {
				return err
			}
			speaker = s.speakerEdits(id, shown)
		}
		view.Speaker.Edits = editList(speaker)
	}
	return writeJSON(w, http.StatusOK, view)
}

// linkedMoment reads ?t= of a link, in seconds of the timeline, as milliseconds.
func linkedMoment(t string) (*int64, error) {
	if t == "" {
		return nil, nil
	}
	seconds, err := strconv.ParseFloat(t, 64)
	if err != nil || !(seconds >= 0 && seconds < 1e6) {
		return nil, &lms.Problem{Kind: lms.ErrInvalid, Field: "t", Message: "Give the moment in seconds from the start of the lecture."}
	}
	ms := int64(math.Round(seconds * 1000))
	return &ms, nil
}

// spanList is the JSON form of spans: [[from, to], ...], half open.
func spanList(spans lms.Spans) [][2]int32 {
	list := make([][2]int32, 0, len(spans))
	for _, span := range spans {
		list = append(list, [2]int32{span.From, span.To})
	}
	return list
}
