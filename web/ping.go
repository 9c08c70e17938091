package web

import "net/http"

// getPing answers that this server can be reached, and nothing else: no session, no database, no body. Pages ask
// it several times a second while they have lost the server in the middle of a lecture (trust D-01), so it has to
// cost less than what they would try otherwise.
func getPing(_ *Server, w http.ResponseWriter, _ *http.Request, _ *call) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}
