//go:build !linux

package document

import "os/exec"

// ownGroup does nothing: bubblewrap is of Linux alone, so nothing is run elsewhere.
func ownGroup(*exec.Cmd) {}
