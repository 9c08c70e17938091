package object

import (
	"errors"
	"syscall"
)

// isNotFolder says that a key goes through a file: nothing is below that.
func isNotFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
