package broadcast

import (
	"errors"
	"fmt"
	"os"
)

// Ready reports whether the desk can put something on air now: it runs, and its folder takes files. It writes and
// removes a small one, so it may be asked every few seconds.
func (d *Desk) Ready() error {
	select {
	case <-d.running:
	default:
		return errors.New("recordings have not been started yet")
	}
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return ErrClosed
	}
	f, err := os.CreateTemp(d.config.Dir, ".ready-*")
	if err != nil {
		return fmt.Errorf("the folder of recordings takes no files: %w", err)
	}
	_, err = f.Write(make([]byte, 4096)) // an empty file fits on a full disk
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("the folder of recordings takes no files: %w", err)
	}
	return nil
}
