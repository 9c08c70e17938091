package sfu

// Dismiss closes the sessions that are meant, such as those of somebody who has signed out. It returns at once;
// each session's Done tells when it is over.
func (s *Server) Dismiss(meant func(*Session) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		if meant(session) {
			session.Close()
		}
	}
}
