package hls

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
)

// Bounds of what is fetched from the store for viewers.
const (
	fetchWithin = 8 * time.Second
	fetchMost   = 64 << 20 // bytes of a file, or of an index
	fetchAtOnce = 16
)

// library is the store behind an Origin. Viewers who want the same file at the same time wait for one fetch.
type library struct {
	from      Uploader
	recording string
	flights   singleflight.Group
	places    chan struct{}
}

func newLibrary(from Uploader, recording string) *library {
	return &library{from: from, recording: recording, places: make(chan struct{}, fetchAtOnce)}
}

// ReadThrough lets the origin fetch what is no longer in its folder from the store of a Mirror, where it is under the
// recording's name. Call it before the first request.
func (o *Origin) ReadThrough(from Uploader, recording string) {
	o.library = newLibrary(from, recording)
}

// OpenCopy serves a recording of which nothing is here from the store of a Mirror. The error is an fs.ErrNotExist when
// it is not there either.
func OpenCopy(ctx context.Context, from Uploader, recording string) (*Origin, error) {
	l := newLibrary(from, recording)
	index, err := l.index(ctx)
	if err != nil {
		return nil, fmt.Errorf("open copy of recording: %w", err)
	}
	c, _, err := readIndex(bytes.NewReader(index))
	if err != nil {
		return nil, err
	}
	o := newOrigin(nil, newCatalog(c))
	o.library = l
	return o, nil
}

// index puts together what a Mirror has put there so far.
func (l *library) index(ctx context.Context) ([]byte, error) {
	all, err := l.read(ctx, indexName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for len(all) < fetchMost {
		chunk, err := l.read(ctx, chunkName(int64(len(all))))
		if errors.Is(err, fs.ErrNotExist) {
			if len(all) == 0 {
				return nil, err
			}
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if len(chunk) == 0 {
			return nil, fmt.Errorf("an empty chunk of %s", indexName)
		}
		all = append(all, chunk...)
	}
	return nil, fmt.Errorf("%s is too long", indexName)
}

// FetchCopy reads a file of the recording, or of what lies in its folder, from the store. It is nothing that the index proves.
// The error is an fs.ErrNotExist when it is not there.
func (o *Origin) FetchCopy(ctx context.Context, name string) ([]byte, error) {
	if o.library == nil {
		return nil, fs.ErrNotExist
	}
	b, err, _ := o.library.flights.Do(name, func() (any, error) {
		return o.library.read(context.WithoutCancel(ctx), name) // others may wait for it too
	})
	if err != nil {
		return nil, err
	}
	return b.([]byte), nil
}

func (l *library) read(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	body, err := l.from.Get(ctx, storeKey(l.recording, name), 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, fetchMost+1))
	if err == nil && len(b) > fetchMost {
		err = fmt.Errorf("%s is too long", name)
	}
	return b, err
}

// serveCopy serves a segment or an initialisation section from the store, after its content was checked.
func (o *Origin) serveCopy(w http.ResponseWriter, r *http.Request, name string, f feed) {
	got, err, _ := o.library.flights.Do(name, func() (any, error) {
		b, err := o.library.read(context.WithoutCancel(r.Context()), name) // others may wait for it too
		if err == nil && !o.catalog.proves(name, b) {
			err = fmt.Errorf("%s is damaged in the store", name)
		}
		return b, err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		missing(w)
	case err != nil:
		refuse(w, r, err)
	default:
		o.mediaHeader(w.Header(), name, f)
		serveBytes(w, r, got.([]byte))
	}
}

// proves says whether a file is what the index says of it. The name of an initialisation section is made of its
// content.
func (k *catalog) proves(name string, b []byte) bool {
	sum := sha256.Sum256(b)
	if base, is := strings.CutSuffix(name, ".mp4"); is {
		return hex.EncodeToString(sum[:16]) == base
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, rows := range k.contents.segments {
		for _, row := range rows {
			if row.Name == name {
				return row.Size == int64(len(b)) && row.SHA256 == hex.EncodeToString(sum[:])
			}
		}
	}
	return false
}
