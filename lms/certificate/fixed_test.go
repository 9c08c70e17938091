package certificate_test

import "crypto/rand"

// fixed is a source of keys for tests.
type fixed struct{}

func (fixed) Read(p []byte) (int, error) { return rand.Read(p) }
