//go:build !linux

package transcribe

import "os/exec"

func ownGroup(*exec.Cmd) {}

// limitMemory does nothing: only Linux bounds another process.
func limitMemory(int, int64) error { return nil }
