package web

import (
	"fmt"
	"net/http"

	"lectern/media/relay"
)

// iceServer is an entry of RTCConfiguration.iceServers, as browsers take it.
type iceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// getICE gives a browser what it needs to reach us where UDP is blocked. ttl_s is how long it opens relays.
func getICE(s *Server, w http.ResponseWriter, _ *http.Request, c *call) error {
	servers := []iceServer{}
	if s.relay != nil {
		credentials := s.relay.Credentials(c.who(""))
		servers = append(servers, iceServer{[]string{s.relayURL}, credentials.Username, credentials.Password})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"ice_servers": servers, "ttl_s": int(relay.Life.Seconds())})
}

// linkRelay names the relay on the answer to an offer (RFC 9725 section 4.6), for clients that are not our pages. The
// values hold no character that a quoted string would have to escape.
func (s *Server) linkRelay(w http.ResponseWriter, c *call) {
	if s.relay == nil {
		return
	}
	credentials := s.relay.Credentials(c.who(""))
	w.Header().Add("Link", fmt.Sprintf(`<%s>; rel="ice-server"; username="%s"; credential="%s"; credential-type="password"`,
		s.relayURL, credentials.Username, credentials.Password))
}
