package hls

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// WriteSound writes the sound of the recording so far as one fragmented MP4: as it was recorded, nothing cut out, and
// without the holes of the timeline. Its times are those of Recording. It reads what is elsewhere, too.
func (o *Origin) WriteSound(ctx context.Context, w io.Writer) error {
	init := ""
	for _, s := range o.Segments(Audio) {
		if init == "" { // the encoder's settings never change, and a file has them once
			init = s.Init
			if err := o.writeFile(ctx, w, init); err != nil {
				return err
			}
		}
		if err := o.writeFile(ctx, w, s.Name); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a file, wherever it is.
func (o *Origin) writeFile(ctx context.Context, w io.Writer, name string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, name, http.NoBody)
	if err != nil {
		return fmt.Errorf("read the recording's sound: %w", err)
	}
	to := fileWriter{w: w, header: http.Header{}, status: http.StatusOK}
	o.ServeFile(&to, r, name)
	if to.err != nil {
		return to.err
	}
	if to.status != http.StatusOK {
		return fmt.Errorf("read the recording's sound: %s: status %d", name, to.status)
	}
	return nil
}

// fileWriter takes an answer as a file.
type fileWriter struct {
	w      io.Writer
	header http.Header
	status int
	err    error
}

func (f *fileWriter) Header() http.Header    { return f.header }
func (f *fileWriter) WriteHeader(status int) { f.status = status }
func (f *fileWriter) Write(b []byte) (int, error) {
	if f.status != http.StatusOK {
		return len(b), nil
	}
	n, err := f.w.Write(b)
	f.err = err
	return n, err
}
