package web

import (
	"errors"
	"net/http"
	"path"

	"lectern/lms"
	"lectern/media/broadcast"
	"lectern/media/vod"
	"lectern/storage/postgres"
)

// serveReplay serves the version of a recording that the name of a playlist asks for, or a file of it.
func (s *Server) serveReplay(w http.ResponseWriter, r *http.Request, id lms.BroadcastID, speaker bool) error {
	replay, err := s.replay(id, speaker)
	if err != nil {
		return err
	}
	var view vod.View
	if _, version, listed := vod.ParseName(path.Base(r.URL.Path)); listed {
		shown, err := s.db.ReplayVersion(r.Context(), id, version)
		if err != nil {
			return err
		}
		view = vod.View{Version: shown.Version, Segments: shownSegments(shown.Segments)}
		if speaker {
			cut, err := cutSpeaker(replay, shown)
			if err != nil {
				return lms.ErrNotFound // nothing is left of it
			}
			view.Segments = shownSegments(cut.Segments)
		}
	}
	w.Header().Del("Cache-Control") // of pages; the recording sets its own
	replay.Serve(w, r, view)
	return nil
}

// replay returns a recording that has ended, or lms.ErrNotFound: of the lecture, or of the camera beside a shared screen.
func (s *Server) replay(id lms.BroadcastID, speaker bool) (*vod.Replay, error) {
	open := s.desk.Replay
	if speaker {
		open = s.desk.SpeakerReplay
	}
	replay, err := open(string(id))
	if errors.Is(err, broadcast.ErrNoRecording) {
		err = lms.ErrNotFound
	}
	return replay, err
}

// cutSpeaker takes out of the camera's recording what a version takes out of the lecture's. Its segments are others, so it may
// keep or lose a second more.
func cutSpeaker(replay *vod.Replay, shown postgres.ReplayVersion) (lms.Cut, error) {
	return lms.Recut(pieces(replay.Cuts()), shown.Removed)
}

// speakerEdits is where on the timeline the camera beside a shared screen has pictures, in a version of the recording.
func (s *Server) speakerEdits(id lms.BroadcastID, shown postgres.ReplayVersion) lms.EditList {
	replay, err := s.replay(id, true)
	if err != nil {
		return nil
	}
	cut, err := cutSpeaker(replay, shown)
	if err != nil {
		return nil
	}
	return cut.Edits
}

func shownSegments(segments lms.Spans) vod.Shown {
	if segments == nil {
		return nil
	}
	shown := make(vod.Shown, 0, len(segments))
	for _, s := range segments {
		shown = append(shown, vod.Range{From: int(s.From), To: int(s.To)})
	}
	return shown
}

// hlsPath is the address of a playlist or another file of a recording.
func hlsPath(course lms.CourseID, name string) string { return "/hls/" + string(course) + "/" + name }
