package broadcast

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"

	"lectern/media/hls"
)

// shelfSize is how many finished recordings stay open: reading the index of four hours takes some tens of
// milliseconds and some megabytes.
const shelfSize = 32

// shelf keeps the finished recordings that were watched last.
type shelf struct {
	mu    sync.Mutex
	items map[string]*list.Element
	order list.List // of shelved, the latest in front
}

type shelved struct {
	broadcast string
	origin    *hls.Origin
}

func newShelf() *shelf { return &shelf{items: map[string]*list.Element{}} }

// get returns a recording, opening it when it is not there. One that is pushed out stays usable for those
// who have it.
func (s *shelf) get(broadcast string, open func() (*hls.Origin, error)) (*hls.Origin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.items[broadcast]; e != nil {
		s.order.MoveToFront(e)
		return e.Value.(shelved).origin, nil
	}
	origin, err := open()
	if err != nil {
		return nil, err
	}
	s.items[broadcast] = s.order.PushFront(shelved{broadcast, origin})
	if s.order.Len() > shelfSize {
		s.remove(s.order.Back())
	}
	return origin, nil
}

// drop forgets a recording that is about to grow.
func (s *shelf) drop(broadcast string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.items[broadcast]; e != nil {
		s.remove(e)
	}
}

func (s *shelf) remove(e *list.Element) {
	s.order.Remove(e)
	delete(s.items, e.Value.(shelved).broadcast)
}

// Origin serves the recording of a broadcast: while it is on air as it grows, and after as a whole. It
// looks at the last element of the path, so it may be mounted anywhere. It returns ErrNoRecording when
// there is none. Take it anew for every request.
func (d *Desk) Origin(broadcast string) (http.Handler, error) {
	return handler(d.origin(broadcast, broadcast, func(b *onAir) *hls.Origin { return b.origin }))
}

// Speaker serves the recording of the camera beside a shared screen, which is there for those stretches of the
// timeline only, as Origin does. It has no sound; its dates are those of the stage.
func (d *Desk) Speaker(broadcast string) (http.Handler, error) {
	return handler(d.speakerOrigin(broadcast))
}

// SpeakerEdits returns the stretches of the timeline for which Speaker has something to show: an empty list when
// there are none.
func (d *Desk) SpeakerEdits(broadcast string) []hls.Edit {
	origin, err := d.speakerOrigin(broadcast)
	if err != nil {
		return nil
	}
	return origin.Recording().Edits
}

func (d *Desk) speakerOrigin(broadcast string) (*hls.Origin, error) {
	return d.origin(broadcast, speakerName(broadcast), func(b *onAir) *hls.Origin { return b.aside })
}

func handler(o *hls.Origin, err error) (http.Handler, error) {
	if err != nil {
		return nil, err
	}
	return o, nil
}

// origin finds what serves a folder: live while its broadcast is on air, else from the shelf.
func (d *Desk) origin(broadcast, folder string, live func(*onAir) *hls.Origin) (*hls.Origin, error) {
	if !isName(broadcast) {
		return nil, ErrNoRecording
	}
	d.mu.Lock()
	for _, b := range d.onAir {
		if b.Broadcast == broadcast && live(b) != nil {
			defer d.mu.Unlock()
			return live(b), nil
		}
	}
	d.mu.Unlock()
	return d.opened(folder)
}

// opened returns a finished recording by its folder.
func (d *Desk) opened(folder string) (*hls.Origin, error) {
	origin, err := d.archive.get(folder, func() (*hls.Origin, error) { return hls.Open(d.folder(folder)) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoRecording
	}
	if err != nil {
		return nil, fmt.Errorf("recording of %s: %w", folder, err)
	}
	return origin, nil
}
