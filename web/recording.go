package web

import (
	"net/http"
	"time"

	"lectern/lms"
	"lectern/media/hls"
	"lectern/media/vod"
	"lectern/storage/postgres"
)

// recordingRef is what a page needs to show the recording of a lecture that has ended.
type recordingRef struct {
	Version    int     `json:"version"`
	HLS        string  `json:"hls"`
	Storyboard *string `json:"storyboard"` // nil until it is made
	Poster     *string `json:"poster"`     // nil until it is made
}

func newRecordingRef(course lms.CourseID, r *postgres.CourseRecording) *recordingRef {
	if r == nil {
		return nil
	}
	ref := &recordingRef{Version: r.Version, HLS: hlsPath(course, vod.Versioned(vod.MasterName, r.Version))}
	if r.Storyboard {
		path := hlsPath(course, vod.Versioned(vod.StoryboardName, r.Version))
		ref.Storyboard = &path
	}
	if r.Poster != "" {
		path := hlsPath(course, r.Poster)
		ref.Poster = &path
	}
	return ref
}

// recordingPage is a recording as its admin sees it. Milliseconds are on the session timeline.
type recordingPage struct {
	Version    int           `json:"version"`
	FinishedAt time.Time     `json:"finished_at"`
	LengthMS   int64         `json:"length_ms"` // of what is shown
	Removed    [][2]int32    `json:"removed"`   // [from, to) in ms
	Edits      []editView    `json:"edits"`     // of what is shown
	Recorded   []editView    `json:"recorded"`  // of everything
	Joints     []int64       `json:"joints"`    // where it can be cut: the starts of segments, and the end
	Preview    string        `json:"preview"`   // playlist of everything
	Storyboard *string       `json:"storyboard"`
	Poster     *string       `json:"poster"`
	DeletedAt  *time.Time    `json:"deleted_at"`
	Versions   []versionView `json:"versions"`
	Tasks      []taskView    `json:"tasks"`
	Retention  retentionView `json:"retention"`
}

type versionView struct {
	Version   int       `json:"version"`
	MadeAt    time.Time `json:"made_at"`
	By        string    `json:"by"` // "" for the end of the lecture
	RemovedMS int64     `json:"removed_ms"`
}

type taskView struct {
	Kind  string    `json:"kind"`
	State string    `json:"state"`
	Done  int       `json:"done"`
	Total int       `json:"total"`
	DueAt time.Time `json:"due_at"`
	Error string    `json:"error"`
}

type retentionView struct {
	CourseDays    *int       `json:"course_days"`
	ProgrammeDays *int       `json:"programme_days"`
	Until         *time.Time `json:"until"` // nil for as long as nobody deletes it
}

func getRecording(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.sendRecording(w, r, c)
}

// sendRecording answers with the recording as it is now.
func (s *Server) sendRecording(w http.ResponseWriter, r *http.Request, c *call) error {
	found, err := s.db.RecordingOf(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	view := recordingPage{
		Version: found.Version, FinishedAt: found.FinishedAt, LengthMS: found.LengthMS, Removed: spanList(found.Removed),
		Edits: editList(found.Edits), Recorded: []editView{}, Joints: []int64{}, Versions: []versionView{}, Tasks: []taskView{},
		Preview:   "/api/courses/" + string(c.courseID) + "/recording/preview/" + vod.MasterName,
		Retention: retentionView{CourseDays: found.CourseDays, ProgrammeDays: found.ProgrammeDays, Until: orNil(found.Until)},
		DeletedAt: orNil(found.DeletedAt),
	}
	for _, v := range found.Versions {
		view.Versions = append(view.Versions, versionView(v))
	}
	for _, t := range found.Tasks {
		view.Tasks = append(view.Tasks, taskView{string(t.Kind), t.State, t.Done, t.Total, t.DueAt, t.Error})
	}
	if found.DeletedAt.IsZero() {
		segments, err := s.segments(found.Broadcast)
		if err != nil {
			return err
		}
		whole, err := lms.Recut(segments, nil)
		if err != nil {
			return err
		}
		view.Recorded, view.Joints = editList(whole.Edits), joints(segments)
		if found.Storyboard {
			path := "/api/courses/" + string(c.courseID) + "/recording/preview/" + vod.StoryboardName
			view.Storyboard = &path
		}
		if found.Poster != "" {
			path := hlsPath(c.courseID, found.Poster)
			view.Poster = &path
		}
	}
	return writeJSON(w, http.StatusOK, view)
}

// joints are the moments of the timeline between which a recording can be cut: where segments begin, and where it stops.
func joints(segments lms.EditList) []int64 {
	list := make([]int64, 0, len(segments)+1)
	var end int64
	for _, p := range segments {
		if n := len(list); n > 0 && p.TimelineMS-end > hls.EditTolerance.Milliseconds() {
			list = append(list, end) // a hole ends a stretch, too
		}
		list, end = append(list, p.TimelineMS), p.TimelineMS+p.LengthMS
	}
	if len(segments) > 0 {
		list = append(list, end)
	}
	return list
}

// segments are those of a whole recording.
func (s *Server) segments(id lms.BroadcastID) (lms.EditList, error) {
	replay, err := s.replay(id, false)
	if err != nil {
		return nil, err
	}
	return pieces(replay.Cuts()), nil
}

func pieces(edits []hls.Edit) lms.EditList {
	list := make(lms.EditList, 0, len(edits))
	for _, edit := range edits {
		list = append(list, lms.Piece(edit))
	}
	return list
}

func editList(edits lms.EditList) []editView {
	list := make([]editView, 0, len(edits))
	for _, piece := range edits {
		list = append(list, editView(piece))
	}
	return list
}

// putCut takes stretches out of a recording, or puts them back.
func putCut(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Version int        `json:"version"`
		Removed [][2]int32 `json:"removed"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	change := postgres.RecordingCut{Version: body.Version}
	for _, span := range body.Removed {
		if span[0] < 0 || span[1] <= span[0] {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "removed", Message: "Each stretch must end after it begins."}
		}
		change.Removed = append(change.Removed, lms.Span{From: span[0], To: span[1]})
	}
	found, err := s.db.RecordingOf(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	if change.Segments, err = s.segments(found.Broadcast); err != nil {
		return err
	}
	if err := s.db.CutRecording(r.Context(), c.actor, c.courseID, change); err != nil {
		return err
	}
	s.works.Wake()
	return s.sendRecording(w, r, c)
}

// deleteRecording takes the recording of a course away, for good.
func deleteRecording(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Confirm string `json:"confirm"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if err := s.db.DeleteRecording(r.Context(), c.actor, c.courseID, body.Confirm); err != nil {
		return err
	}
	s.works.Wake()
	return s.sendRecording(w, r, c)
}

// putRetention sets for how long the recording of a course is kept, and putProgrammeRetention that of all courses that do not
// say themselves.
func putRetention(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.keepRecordings(r, c, c.scope()); err != nil {
		return err
	}
	return s.sendRecording(w, r, c)
}

func putProgrammeRetention(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.keepRecordings(r, c, lms.Scope{Programme: c.programme}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) keepRecordings(r *http.Request, c *call, scope lms.Scope) error {
	var body struct {
		Days *int `json:"days"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	return s.db.KeepRecordings(r.Context(), c.actor, scope, body.Days)
}

// getPreview serves everything that was recorded, to who cuts it.
func getPreview(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	found, err := s.db.RecordingOf(r.Context(), c.actor, c.courseID)
	if err == nil && !found.DeletedAt.IsZero() {
		err = lms.ErrNotFound
	}
	if err != nil {
		return err
	}
	replay, err := s.replay(found.Broadcast, false)
	if err != nil {
		return err
	}
	w.Header().Del("Cache-Control")
	replay.ServeHTTP(w, r)
	return nil
}

// orNil makes nothing of the zero time.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
