//go:build !noauthz

package web

import "net/http"

// believe does nothing. Built with -tags noauthz it takes the first wall down, for the test of the second.
func (s *Server) believe(*http.Request, *call) {}
