package web

import (
	"net/http"
	"strings"

	"lectern/lms"
	"lectern/media"
)

// layerRel names the address that chooses the layer, as the drafts of WHEP do.
const layerRel = "urn:ietf:params:whep:ext:core:layer"

// layerNames are the layers as clients name them.
var layerNames = map[string]media.Layer{
	"low": media.Low, "mid": media.Mid, "high": media.High, "audio": media.SoundOnly, "auto": media.Auto,
}

func nameOfLayer(l media.Layer) string {
	for name, named := range layerNames {
		if named == l {
			return name
		}
	}
	return ""
}

// layerState is what somebody who watches has chosen and what he gets.
type layerState struct {
	Wanted  string `json:"wanted"`
	Shown   string `json:"shown"`
	Limited bool   `json:"limited"` // the line is why it is not more
}

// linkLayer names the layer's address on the answer to an offer.
func linkLayer(w http.ResponseWriter, r *http.Request, session mediaSession) {
	w.Header().Add("Link", "<"+strings.TrimSuffix(r.URL.Path, "/")+"/"+session.ID()+`/layer>; rel="`+layerRel+`"`)
}

// getLayer tells what a session gets. A page asks when the picture ceases while the sound goes on.
func getLayer(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	allowElsewhere(w, c)
	session, err := s.session(r, c, false)
	if err != nil {
		return err
	}
	return writeLayer(w, session)
}

// postLayer chooses a layer by hand, or leaves the choice to the server again.
func postLayer(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	allowElsewhere(w, c)
	session, err := s.session(r, c, false)
	if err != nil {
		return err
	}
	var body struct {
		EncodingID string `json:"encodingId"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	layer, ok := layerNames[body.EncodingID]
	if !ok {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "encodingId", Message: "Choose auto, high, mid, low or audio."}
	}
	session.SetLayer(layer)
	return writeLayer(w, session)
}

func writeLayer(w http.ResponseWriter, session mediaSession) error {
	wanted, shown, limited := session.Layer()
	return writeJSON(w, http.StatusOK, layerState{nameOfLayer(wanted), nameOfLayer(shown), limited})
}
