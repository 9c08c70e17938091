package web

import (
	"net/http"
	"net/url"
	"strings"
)

// securityHeaders returns the headers that stand on every response, errors included (trust S-27). The pages
// need nothing inline and nothing from another host, so the policy has no exception; the socket's address is
// named because older browsers do not count it as 'self'.
func securityHeaders(public *url.URL, media *cdn) http.Header {
	socket := "ws://" + public.Host
	if public.Scheme == "https" {
		socket = "wss://" + public.Host
	}
	hosts := ""
	if media != nil {
		hosts = " " + strings.Join(media.hosts, " ")
	}
	h := http.Header{}
	h.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'self'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data: blob:",
		"media-src 'self' blob:" + hosts,
		"font-src 'self'",
		"connect-src 'self' " + socket + hosts,
		"worker-src 'self' blob:",
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// "no-referrer" would make browsers send "Origin: null" with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	if public.Scheme == "https" {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return h
}
