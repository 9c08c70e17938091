package broadcast

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lectern/media/hls"
	"lectern/media/vod"
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
	replay    *vod.Replay
}

func newShelf() *shelf { return &shelf{items: map[string]*list.Element{}} }

// get returns a recording, opening it when it is not there. One that is pushed out stays usable for those
// who have it.
func (s *shelf) get(broadcast string, open func() (*vod.Replay, error)) (*vod.Replay, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.items[broadcast]; e != nil {
		s.order.MoveToFront(e)
		return e.Value.(shelved).replay, nil
	}
	replay, err := open()
	if err != nil {
		return nil, err
	}
	s.put(broadcast, replay)
	return replay, nil
}

// put keeps a recording. The shelf is locked.
func (s *shelf) put(broadcast string, replay *vod.Replay) {
	s.items[broadcast] = s.order.PushFront(shelved{broadcast, replay})
	if s.order.Len() > shelfSize {
		s.remove(s.order.Back())
	}
}

// add keeps a recording that was opened while the shelf was free, unless another one was faster. It returns the one
// that is kept.
func (s *shelf) add(broadcast string, replay *vod.Replay) *vod.Replay {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.items[broadcast]; e != nil {
		return e.Value.(shelved).replay
	}
	s.put(broadcast, replay)
	return replay
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
	if live := d.Live(broadcast); live != nil {
		return live, nil
	}
	return handler(d.Replay(broadcast))
}

// Live serves the recording of a broadcast that is on air here, as it grows; nil when none is.
func (d *Desk) Live(broadcast string) http.Handler {
	return d.live(broadcast, func(b *onAir) *hls.Origin { return b.origin })
}

// LiveSpeaker is Live for the camera beside a shared screen.
func (d *Desk) LiveSpeaker(broadcast string) http.Handler {
	return d.live(broadcast, func(b *onAir) *hls.Origin { return b.aside })
}

func (d *Desk) live(broadcast string, which func(*onAir) *hls.Origin) http.Handler {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.onAir {
		if b.Broadcast == broadcast && which(b) != nil {
			return which(b)
		}
	}
	return nil
}

// Speaker serves the recording of the camera beside a shared screen, which is there for those stretches of the
// timeline only, as Origin does. It has no sound; its dates are those of the stage.
func (d *Desk) Speaker(broadcast string) (http.Handler, error) {
	if live := d.LiveSpeaker(broadcast); live != nil {
		return live, nil
	}
	return handler(d.SpeakerReplay(broadcast))
}

// SpeakerEdits returns the stretches of the timeline for which Speaker has something to show: an empty list when
// there are none.
func (d *Desk) SpeakerEdits(broadcast string) []hls.Edit {
	if live, ok := d.LiveSpeaker(broadcast).(*hls.Origin); ok {
		return live.Recording().Edits
	}
	replay, err := d.SpeakerReplay(broadcast)
	if err != nil {
		return nil
	}
	return replay.Recording().Edits
}

// MarksChanged has the playlists of a broadcast show its chapters as they are now. It does nothing for one that
// has no recording.
func (d *Desk) MarksChanged(ctx context.Context, broadcast string) {
	if live, ok := d.Live(broadcast).(*hls.Origin); ok {
		d.mark(ctx, broadcast, live)
	} else if replay, err := d.Replay(broadcast); err == nil {
		d.mark(ctx, broadcast, replay)
	}
}

// markLimit is how long the chapters of a recording that is opened are waited for.
const markLimit = 2 * time.Second

// markOpened tells a recording that is being opened its chapters. The camera's has none.
func (d *Desk) markOpened(folder string, r *vod.Replay) {
	if !isName(folder) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), markLimit) // others wait for the shelf
	defer cancel()
	d.mark(ctx, folder, r)
}

// mark asks for the chapters of a broadcast, without which it can be watched as well.
func (d *Desk) mark(ctx context.Context, broadcast string, recording interface{ SetMarks([]hls.Mark) }) {
	if d.config.Marks == nil {
		return
	}
	marks, err := d.config.Marks(ctx, broadcast)
	if err != nil {
		d.config.Log.WarnContext(ctx, "chapters not known", "broadcast", broadcast, "err", err)
		return
	}
	recording.SetMarks(marks)
}

func handler(r *vod.Replay, err error) (http.Handler, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Replay returns the finished recording of a broadcast, or ErrNoRecording. Take it anew for every request.
func (d *Desk) Replay(broadcast string) (*vod.Replay, error) {
	if !isName(broadcast) {
		return nil, ErrNoRecording
	}
	return d.opened(broadcast)
}

// SpeakerReplay is Replay for the camera beside a shared screen.
func (d *Desk) SpeakerReplay(broadcast string) (*vod.Replay, error) {
	if !isName(broadcast) {
		return nil, ErrNoRecording
	}
	return d.opened(speakerName(broadcast))
}

// opened returns a finished recording by its folder.
func (d *Desk) opened(folder string) (*vod.Replay, error) {
	replay, err := d.archive.get(folder, func() (*vod.Replay, error) {
		r, err := vod.Open(d.folder(folder))
		if err == nil {
			if d.config.Store != nil {
				r.ReadThrough(d.config.Store, filepath.ToSlash(folder))
			}
			d.markOpened(folder, r)
		}
		return r, err
	})
	if errors.Is(err, fs.ErrNotExist) && d.config.Store != nil && d.nothingOf(folder) {
		replay, err = d.openCopy(folder)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoRecording
	}
	if err != nil {
		return nil, fmt.Errorf("recording of %s: %w", folder, err)
	}
	return replay, nil
}

// Folder is where a broadcast is recorded, for who works on it after the lecture. Changed says that they have.
func (d *Desk) Folder(broadcast string) (path string, err error) {
	if !isName(broadcast) {
		return "", ErrNoRecording
	}
	return d.folder(broadcast), nil
}

// Changed has the recording of a broadcast opened anew by the next who asks for it.
func (d *Desk) Changed(broadcast string) { d.archive.drop(broadcast) }

// Store is the second place of recordings, nil for none.
func (d *Desk) Store() hls.Uploader { return d.config.Store }

// Airing is how many broadcasts are on air here.
func (d *Desk) Airing() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.onAir)
}

// LayersRead is when a file that the polished renditions of a recording have replaced was last asked for: the zero time when
// nobody has since this process opened it.
func (d *Desk) LayersRead(broadcast string) time.Time {
	replay, err := d.Replay(broadcast)
	if err != nil {
		return time.Time{}
	}
	return replay.LayersRead()
}

// removeWithin bounds the removal of a copy: one of four hours has about 30,000 files.
const removeWithin = 10 * time.Minute

// Remove deletes all files of a broadcast that is not on air, here and in the store, and returns how many bytes those here had. There is no way back. It
// returns ErrBusy while it is on air. Removing what is gone removes nothing.
func (d *Desk) Remove(broadcast string) (bytes int64, err error) {
	if !isName(broadcast) {
		return 0, ErrNoRecording
	}
	if d.Live(broadcast) != nil {
		return 0, ErrBusy
	}
	// The copy goes first: were it left, it would be served in place of what is gone here. It may take minutes.
	if d.config.Mirror != nil {
		d.config.Mirror.Forget(broadcast)
	}
	if d.config.RemoveCopy != nil {
		ctx, cancel := context.WithTimeout(context.Background(), removeWithin)
		defer cancel()
		if err := d.config.RemoveCopy(ctx, hls.StorePrefix+broadcast+"/"); err != nil {
			return 0, fmt.Errorf("remove the copy of %s: %w", broadcast, err)
		}
	}
	d.turn.Lock() // nothing starts meanwhile
	defer d.turn.Unlock()
	if d.Live(broadcast) != nil {
		return 0, ErrBusy
	}
	d.archive.drop(broadcast)
	return vod.Remove(d.folder(broadcast))
}

// readThrough lets an origin find in the store what is no longer in its folder.
func (d *Desk) readThrough(o *hls.Origin, folder string) *hls.Origin {
	if o != nil && d.config.Store != nil && !o.Fleeting() {
		o.ReadThrough(d.config.Store, filepath.ToSlash(folder))
	}
	return o
}

// nothingOf says that a broadcast has no folder here. If it has, the store is not asked for what is not in it: a
// lecture without a shared screen has no speaker's recording anywhere.
func (d *Desk) nothingOf(folder string) bool {
	broadcast, _, _ := strings.Cut(filepath.ToSlash(folder), "/")
	_, err := os.Stat(d.folder(broadcast))
	return errors.Is(err, fs.ErrNotExist)
}

// openWithin bounds how long a viewer waits for the index of a recording that is only in the store.
const openWithin = 10 * time.Second

// openCopy opens a recording of which nothing is here. The shelf stays free meanwhile.
func (d *Desk) openCopy(folder string) (*vod.Replay, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	replay, err := vod.OpenCopy(ctx, d.config.Store, filepath.ToSlash(folder))
	if err != nil {
		return nil, err
	}
	return d.archive.add(folder, replay), nil
}
