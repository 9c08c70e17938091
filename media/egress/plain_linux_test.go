package egress

// plain makes a socket as it is on a kernel without UDP_SEGMENT.
func plain(s *socket) { s.gso.off.Store(true) }
