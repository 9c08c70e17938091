//go:build !linux

package egress

func plain(*socket) {}
