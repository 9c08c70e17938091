package web

import (
	"net/http"

	"lectern/lms"
	"lectern/signaling/protocol"
)

// postPlaying says that a page begins to play. An attendee plays on one device at a time: this one from now on, and the others
// are told (trust S-08).
func postPlaying(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Player string `json:"player"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	report := protocol.Playing{Player: body.Player, Fence: 1}
	if err := report.Check(); err != nil {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "player", Message: err.Error()}
	}
	playing, err := s.db.StartPlaying(r.Context(), c.actor, c.courseID, body.Player)
	if err != nil {
		return err
	}
	if playing.Bound {
		s.hub.Playing(c.actor.Person, &protocol.Playing{Player: playing.Player, Fence: playing.Fence, Device: browserName(r.UserAgent())})
		if playing.Before != "" {
			s.dismiss(func(session mediaSession) bool { return session.Owner() == playing.Before && !session.Publishes() })
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"bound": playing.Bound, "fence": playing.Fence})
}
