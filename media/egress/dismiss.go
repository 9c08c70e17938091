package egress

// Dismiss closes the sessions that are meant, such as those of somebody who has signed out or of a lecture that has
// ended.
func (s *Server) Dismiss(meant func(*Session) bool) {
	for _, a := range s.all() {
		if meant(a.session) {
			a.session.Close()
		}
	}
}
