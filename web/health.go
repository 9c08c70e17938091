package web

import (
	"math"
	"net/http"
	"time"
)

// healthView is what the studio shows of the way its picture takes.
type healthView struct {
	Viewers   int           `json:"viewers"`
	Publisher publisherView `json:"publisher"`
	Recording recordingView `json:"recording"`
}

type publisherView struct {
	Connected bool        `json:"connected"`
	Since     *time.Time  `json:"since"`
	Layers    []layerView `json:"layers"` // the best first
	AudioKbps int         `json:"audio_kbps"`
	Policed   bool        `json:"policed"` // ten times too much came, and the rest of it was dropped
}

type layerView struct {
	RID    string  `json:"rid"`
	Kbps   int     `json:"kbps"`
	FPS    float64 `json:"fps"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	Loss   float64 `json:"loss"` // share of packets, 0 to 1
}

type recordingView struct {
	State     string  `json:"state"`
	LastError *string `json:"last_error"`
	// Renditions says what who watches by HLS can choose from: sent, made, one, sound, or "" when it is not known.
	Renditions string `json:"renditions"`
}

func getHealth(s *Server, w http.ResponseWriter, _ *http.Request, c *call) error {
	room := s.sfu.Room(string(c.courseID))
	stats := room.Stats()
	if person := string(c.actor.Person); room.Seated(person) { // what the caller sends, of all that is on air
		stats = room.Own(person)
	}
	view := healthView{
		Viewers: s.hub.Viewers(string(c.courseID)),
		Publisher: publisherView{
			Connected: stats.Publishing, Layers: make([]layerView, 0, len(stats.Layers)), AudioKbps: whole(stats.AudioKbps), Policed: stats.Policed,
		},
		Recording: s.recording(c.courseID),
	}
	if !stats.Since.IsZero() {
		since := stats.Since.UTC()
		view.Publisher.Since = &since
	}
	for _, l := range stats.Layers {
		view.Publisher.Layers = append(view.Publisher.Layers, layerView{
			RID: l.RID, Kbps: whole(l.Kbps), FPS: math.Round(l.FPS*10) / 10, Width: l.Width, Height: l.Height, Loss: l.Loss,
		})
	}
	return writeJSON(w, http.StatusOK, view)
}

func whole(kbps float64) int { return int(math.Round(kbps)) }
