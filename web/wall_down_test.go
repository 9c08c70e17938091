//go:build noauthz

package web

const firstWall = false
