package web

import (
	"context"
	"errors"
	"net/http"

	"lectern/lms"
	"lectern/media/hls"
	"lectern/storage/postgres"
)

// chapterView is a place of the timeline to jump to. Kind tells what it is; there may be others than question.
type chapterView struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	AtMS  int64  `json:"at_ms"`
	Title string `json:"title"`
}

// getChapters lists the chapters of a lecture, live and after.
func getChapters(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	views := []chapterView{}
	id, err := s.recordings.of(r.Context(), s, c)
	if err != nil && !errors.Is(err, lms.ErrNotFound) { // before its first time on air it has none
		return err
	}
	if err == nil {
		chapters, err := s.db.Chapters(r.Context(), id)
		if err != nil {
			return err
		}
		for _, chapter := range chapters {
			views = append(views, chapterView{ID: chapter.ID, Kind: "question", AtMS: chapter.AtMS, Title: chapter.Title})
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"chapters": views})
}

// Marks is for broadcast.Config: the chapters of a broadcast as its playlists carry them.
func Marks(db *postgres.DB) func(context.Context, string) ([]hls.Mark, error) {
	return func(ctx context.Context, broadcast string) ([]hls.Mark, error) {
		chapters, err := db.Chapters(ctx, lms.BroadcastID(broadcast))
		if err != nil {
			return nil, err
		}
		marks := make([]hls.Mark, len(chapters))
		for i, c := range chapters {
			marks[i] = hls.Mark{ID: "question-" + c.ID, Class: hls.MarkQuestion, TimelineMS: c.AtMS, Title: c.Title}
		}
		return marks, nil
	}
}

// chaptersChanged has the playlists of a lecture tell of a question that was turned to, or no longer is.
func (s *Server) chaptersChanged(ctx context.Context, c *call) {
	if id, err := s.recordings.of(ctx, s, c); err == nil {
		s.desk.MarksChanged(ctx, string(id))
	}
}
